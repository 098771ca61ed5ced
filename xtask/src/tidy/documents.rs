//! The documents: their commands, their table of contents and their links.

use super::Violation;
use super::rust_source::is_test_path;
use super::tree::{File, Tree, numbered};

/// What the README gives to copy, and what each is recognised by.
const COMMANDS: &[(&str, &[&str])] =
    &[("the main job", &["cargo run", "demo"]), ("the tests", &[TEST_COMMAND])];
const TEST_COMMAND: &str = "cargo xtask test";

const SUMMARY: &str = "docs/src/SUMMARY.md";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let links = tree
        .files()
        .filter(|file| file.ending() == "md" && !is_test_path(&file.path))
        .flat_map(|file| check_links(tree, file));
    links.chain(check_commands(tree)).chain(check_summary(tree)).collect()
}

fn check_commands(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    match tree.text("README.md") {
        None => {
            let hint = "write it: what Shroff is, and two commands";
            violations.push(Violation::new(("README.md", 1), "is missing", hint));
        }
        Some(text) => {
            let blocks: Vec<&str> = code_lines(text).collect();
            let is_given =
                |words: &[&str]| blocks.iter().any(|line| words.iter().all(|w| line.contains(w)));
            for (job, words) in COMMANDS.iter().filter(|(_, words)| !is_given(words)) {
                let what = format!("no command for {job}");
                let hint = format!("a line with `{}` in a block of code", words.join(" ... "));
                violations.push(Violation::new(("README.md", 1), what, hint));
            }
        }
    }
    let run = tree.text(".ci/run").unwrap_or_default();
    if !run.lines().any(|line| line.trim() == TEST_COMMAND) {
        let what = "does not call the test command of the README";
        let hint = format!("a line of its own: `{TEST_COMMAND}`");
        violations.push(Violation::new((".ci/run", 1), what, hint));
    }
    violations
}

/// Every page is in the table of contents; that every entry has its page is a matter of links.
fn check_summary(tree: &Tree) -> Vec<Violation> {
    let Some(text) = tree.text(SUMMARY) else {
        let hint = "write it: the table of contents of the book";
        return vec![Violation::new((SUMMARY, 1), "is missing", hint)];
    };
    let listed: Vec<String> =
        links(text).iter().filter_map(|(_, target)| resolved(SUMMARY, target)).collect();
    let pages = tree.files().filter(|file| {
        file.path.starts_with("docs/src/") && file.ending() == "md" && file.path != SUMMARY
    });
    pages
        .filter(|file| !listed.contains(&file.path))
        .map(|file| {
            let page = file.path.trim_start_matches("docs/src/");
            let hint = format!("list it in {SUMMARY}: `- [Title]({page})`");
            Violation::new((&file.path, 1), "is not in the table of contents", hint)
        })
        .collect()
}

fn check_links(tree: &Tree, file: &File) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (line, target) in links(file.text.as_deref().unwrap_or_default()) {
        let path = target.split('#').next().unwrap_or(target);
        if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
            continue;
        }
        let place = (file.path.as_str(), line);
        match resolved(&file.path, path) {
            Some(resolved) if tree.exists(&resolved) => {}
            Some(resolved) => {
                let what = format!("`{target}` leads nowhere");
                let hint = format!("there is no `{resolved}`");
                violations.push(Violation::new(place, what, hint));
            }
            None => {
                let what = format!("`{target}` leads out of the checkout");
                violations.push(Violation::new(place, what, "link to what is in it"));
            }
        }
    }
    violations
}

/// The targets of `[text](target)` and `src="target"` outside code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (line, content) in prose_lines(text) {
        // Every second piece between backticks is code.
        for prose in content.split('`').step_by(2) {
            for (opening, closing) in [("](", ')'), ("src=\"", '"')] {
                for piece in prose.split(opening).skip(1) {
                    // A title may follow the target: `[text](target "title")`.
                    let target = piece.split([closing, ' ']).next().unwrap_or(piece);
                    links.push((line, target));
                }
            }
        }
    }
    links
}

/// `target` as seen from the folder of `from`; none where it leaves the checkout.
fn resolved(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    fenced(text).filter(|(is_code, _, _)| *is_code).map(|(_, _, line)| line)
}

fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    fenced(text).filter(|(is_code, _, _)| !*is_code).map(|(_, number, line)| (number, line))
}

/// Every line, and whether it stands in a fenced block of code.
fn fenced(text: &str) -> impl Iterator<Item = (bool, usize, &str)> {
    let mut is_code = false;
    numbered(text).map(move |(number, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (is_code || is_fence, number, line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_are_not_links() {
        let text =
            "[a](b.md) and ![c](d.png \"t\")\n```\n[e](f.md)\n```\n`[g](h.md)` [i](j.md#k)\n";
        assert_eq!(links(text), [(1, "b.md"), (1, "d.png"), (5, "j.md#k")]);
    }

    #[test]
    fn a_target_is_seen_from_its_own_folder() {
        assert_eq!(resolved("docs/src/a.md", "b/c.md").as_deref(), Some("docs/src/b/c.md"));
        assert_eq!(resolved("docs/src/a.md", "../../README.md").as_deref(), Some("README.md"));
        assert_eq!(resolved("README.md", "../other"), None);
    }
}
