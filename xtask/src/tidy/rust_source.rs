//! Rust source as the checks want it: what is code and not text, and which lines are tests.

use std::collections::BTreeSet;

use super::tree::{File, Tree};

/// A `.rs` file with its comments and literals blanked.
#[derive(Debug)]
pub(super) struct RustSource<'t> {
    pub(super) file: &'t File,
    /// The source, comments and literals replaced by spaces: the same lines, other columns.
    pub(super) code: String,
    test_lines: Vec<bool>,
}

impl<'t> RustSource<'t> {
    /// Every `.rs` file of the tree.
    pub(super) fn all(tree: &'t Tree) -> Vec<RustSource<'t>> {
        let mut sources = Vec::new();
        let mut test_paths = BTreeSet::new();
        for file in tree.files().filter(|file| file.ending() == "rs") {
            let Some(text) = &file.text else { continue };
            let code = code_only(text);
            test_paths.extend(test_modules_declared(&file.path, &code));
            sources.push(RustSource { file, test_lines: test_lines(&code), code });
        }
        for source in &mut sources {
            if test_paths.contains(&source.file.path) || is_test_path(&source.file.path) {
                source.test_lines.fill(true);
            }
        }
        sources
    }

    /// True where line `line`, from 1, belongs to a test module or a test file.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.test_lines.get(line - 1).copied().unwrap_or(false)
    }

    /// True where a function of this name follows `#[test]`.
    pub(super) fn has_test(&self, name: &str) -> bool {
        let head = format!("fn {name}(");
        let lines: Vec<&str> = self.code.lines().collect();
        lines.iter().enumerate().any(|(index, line)| {
            // The attributes of one function; six is more than any has.
            let above = &lines[index.saturating_sub(6)..index];
            let attributes = above.iter().rev().take_while(|line| !line.contains('}'));
            line.contains(&head) && attributes.into_iter().any(|line| line.contains("#[test]"))
        })
    }
}

/// True for files that are tests, or food for tests, by where they lie.
pub(super) fn is_test_path(path: &str) -> bool {
    let mut parts = path.split('/').rev();
    parts.next() == Some("tests.rs") || parts.any(|part| part == "tests")
}

/// `#[cfg(test)] mod name;` makes a test file of the one it names.
fn test_modules_declared(path: &str, code: &str) -> Vec<String> {
    let folder = match path.rsplit_once('/') {
        Some((folder, "lib.rs" | "main.rs")) => folder,
        _ => path.trim_end_matches(".rs"),
    };
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let names = pairs.filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'));
    names.map(|name| format!("{folder}/{name}.rs")).collect()
}

/// Marks `#[cfg(test)] mod name { ... }`; rustfmt leaves its last brace alone on the first column.
fn test_lines(code: &str) -> Vec<bool> {
    let mut is_inside = false;
    let mut previous = "";
    let mut marks = Vec::new();
    for line in code.split('\n') {
        is_inside |= previous == "#[cfg(test)]" && line.starts_with("mod ") && line.ends_with('{');
        marks.push(is_inside);
        is_inside &= line != "}";
        previous = line.trim_end();
    }
    marks
}

/// `source` with every character of a comment or a literal replaced by a space; lines stay.
pub(super) fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    let mut is_after_word = false;
    while let Some(next) = rest.chars().next() {
        let length = opaque_length(rest, is_after_word);
        let (token, after) = rest.split_at(length.unwrap_or(next.len_utf8()));
        if length.is_some() {
            code.extend(token.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            code.push(next);
        }
        is_after_word = length.is_none() && (next.is_alphanumeric() || next == '_');
        rest = after;
    }
    code
}

/// The length in bytes of the comment or literal that `rest` opens with, if it does.
fn opaque_length(rest: &str, is_after_word: bool) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted_length(rest));
    }
    if rest.starts_with('\'') {
        return char_length(rest);
    }
    let is_raw = !is_after_word && ["r\"", "r#", "br\"", "br#"].iter().any(|r| rest.starts_with(r));
    if is_raw { raw_string_length(rest) } else { None }
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while let Some(found) = rest[at..].find(['/', '*']) {
        at += found;
        let (step, change) = match rest.get(at..at + 2) {
            Some("/*") => (2, 1),
            Some("*/") => (2, -1),
            _ => (1, 0),
        };
        at += step;
        depth += change;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    rest.len()
}

/// None for a lifetime.
fn char_length(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first != '\\' {
        let (at, second) = chars.next()?;
        return (second == '\'').then_some(at + 1);
    }
    // What is escaped may itself be a quote.
    chars.next()?;
    chars.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}

/// None for a raw identifier such as `r#type`.
fn raw_string_length(rest: &str) -> Option<usize> {
    let prefix = rest.find('r')? + 1;
    let hashes = rest[prefix..].bytes().take_while(|byte| *byte == b'#').count();
    let open = prefix + hashes;
    if !rest[open..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let end = rest[open + 1..].find(&close);
    Some(end.map_or(rest.len(), |end| open + 1 + end + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        for (source, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("a\"b", c)"#, "f(      , c)"),
            ("f(r#\"a\"b\"#, c)", "f(        , c)"),
            ("f(br\"a\\\", c)", "f(      , c)"),
            (r"f('a', '\'', '\u{1F}', b)", "f(   ,     ,         , b)"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("let r#type = bar\"\";", "let r#type = bar  ;"),
            ("\"a\nb\" c", "  \n   c"),
        ] {
            assert_eq!(code_only(source), code, "{source}");
        }
    }

    #[test]
    fn a_test_module_reaches_to_its_closing_brace() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n    x\n}\nfn b() {}\n";
        assert_eq!(test_lines(code), [false, false, true, true, true, false, false]);
    }

    #[test]
    fn a_module_declared_for_tests_makes_its_file_a_test() {
        let declaration = "#[cfg(test)]\nmod slow_twin;\nmod fast;\n";
        for (path, file) in [
            ("crates/a/src/lib.rs", "crates/a/src/slow_twin.rs"),
            ("crates/a/src/graph.rs", "crates/a/src/graph/slow_twin.rs"),
        ] {
            assert_eq!(test_modules_declared(path, declaration), [file]);
        }
    }

    #[test]
    fn a_test_is_a_function_under_the_attribute() {
        let text = "//! A.\nfn helper() {}\n\n#[test]\n// Why.\nfn a_claim() {}\n\nfn after() {}\n";
        let tree = Tree::of([("a.rs", text)]);
        let source = &RustSource::all(&tree)[0];
        assert!(source.has_test("a_claim"));
        assert!(!source.has_test("helper") && !source.has_test("after"));
        assert!(!source.has_test("a_clai"));
    }
}
