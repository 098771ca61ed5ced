//! ARCHITECTURE.md: its table of crates is the crates, and each invariant has a test that holds it.

use std::collections::BTreeMap;

use super::Violation;
use super::crates::may_use;
use super::manifest::Manifest;
use super::rust_source::RustSource;
use super::tree::{Tree, numbered};

const PATH: &str = "ARCHITECTURE.md";
const ROW: &str = "a row is | `shroff-graph` | its purpose | types | under a header \
    | crate | purpose | may use |; the last cell is short names, `all` or `-`";
const HELD_BY: &str = "under `## Invariants` each item (`1. ...` or `- ...`) ends with \
    Held by: `shroff-engine::module::name_of_test`, several separated by commas";

pub(super) fn check(
    tree: &Tree,
    manifests: &[Manifest<'_>],
    sources: &[RustSource<'_>],
) -> Vec<Violation> {
    let Some(text) = tree.text(PATH) else {
        let hint = "write it: the table of crates and the invariants";
        return vec![Violation::new((PATH, 1), "is missing", hint)];
    };
    [check_table(text, manifests), check_invariants(text, manifests, sources)].concat()
}

fn check_table(text: &str, manifests: &[Manifest<'_>]) -> Vec<Violation> {
    let rows: BTreeMap<&str, (usize, &str)> = numbered(text).filter_map(row).collect();
    let mut violations = Vec::new();
    for manifest in manifests.iter().filter(|m| !rows.contains_key(m.name.as_str())) {
        let what = format!("the table of crates lacks `{}`", manifest.name);
        violations.push(Violation::new((PATH, 1), what, ROW));
    }
    for (name, (line, uses)) in rows {
        if !manifests.iter().any(|manifest| manifest.name == name) {
            let what = format!("the crate `{name}` does not exist");
            violations.push(Violation::new((PATH, line), what, "delete the row"));
        } else if !says_what_it_may_use(name, uses) {
            let allowed = may_use(name).unwrap_or_default().join(", ");
            let what = format!("`{name}` may not use exactly `{uses}` but `{allowed}`");
            violations.push(Violation::new((PATH, line), what, ROW));
        }
    }
    violations
}

/// The crate named by a table's row, with the last of its cells.
fn row((line, content): (usize, &str)) -> Option<(&str, (usize, &str))> {
    let cells = content.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (first, rest) = cells.split_once('|')?;
    let name = first.trim().strip_prefix('`')?.strip_suffix('`')?;
    let is_crate = name == "shroff" || name == "xtask" || name.starts_with("shroff-");
    is_crate.then(|| (name, (line, rest.rsplit('|').next().unwrap_or(rest).trim())))
}

/// `cell` names crates in short (`types, graph`) or in full, or says all or none.
fn says_what_it_may_use(name: &str, cell: &str) -> bool {
    let Some(allowed) = may_use(name) else { return false };
    match cell {
        "all" => name == "shroff",
        "" | "-" | "\u{2013}" | "\u{2014}" | "none" | "nothing" => allowed.is_empty(),
        _ => {
            let short = |name: &str| name.trim().trim_matches('`').replace("shroff-", "");
            let mut said: Vec<String> = cell.split(',').map(short).collect();
            let mut meant: Vec<String> = allowed.iter().copied().map(short).collect();
            said.sort();
            meant.sort();
            said == meant
        }
    }
}

fn check_invariants(
    text: &str,
    manifests: &[Manifest<'_>],
    sources: &[RustSource<'_>],
) -> Vec<Violation> {
    let items = invariants(text);
    if items.is_empty() {
        return vec![Violation::new((PATH, 1), "has no invariants", HELD_BY)];
    }
    let mut violations = Vec::new();
    for (line, item) in items {
        let tests = item.split_once("Held by:").map(|(_, tests)| quoted(tests)).unwrap_or_default();
        if tests.is_empty() {
            violations.push(Violation::new((PATH, line), "no test holds it", HELD_BY));
        }
        for test in tests.iter().filter(|test| !test_exists(test, manifests, sources)) {
            let what = format!("there is no test `{test}`");
            violations.push(Violation::new((PATH, line), what, HELD_BY));
        }
    }
    violations
}

/// The items of the section `## Invariants`, each with the line it begins on.
fn invariants(text: &str) -> Vec<(usize, String)> {
    let section = numbered(text).skip_while(|(_, line)| line.trim_end() != "## Invariants").skip(1);
    let mut items: Vec<(usize, String)> = Vec::new();
    for (number, line) in section.take_while(|(_, line)| !line.starts_with("## ")) {
        let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_numbered = digits.len() < line.len() && digits.starts_with(". ");
        let is_bullet = line.starts_with("- ") && !line.starts_with("- Held by:");
        if is_numbered || is_bullet {
            items.push((number, line.to_owned()));
        } else if let Some((_, item)) = items.last_mut() {
            item.push('\n');
            item.push_str(line);
        }
    }
    items
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// `test` is the crate, then modules if one likes, then the function: `a::b::c` or `a: c`.
fn test_exists(test: &str, manifests: &[Manifest<'_>], sources: &[RustSource<'_>]) -> bool {
    let Some((name, path)) = test.split_once(':') else { return false };
    let function = path.rsplit(':').next().unwrap_or(path).trim();
    let name = name.replace('_', "-");
    let Some(manifest) = manifests.iter().find(|m| m.name == name) else { return false };
    let folder = format!("{}/", manifest.folder);
    sources
        .iter()
        .filter(|source| source.file.path.starts_with(&folder))
        .any(|source| source.has_test(function))
}
