//! Every check fires: a tidy tree in memory, and one thing changed in it.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

const MANIFEST_TYPES: &str = "\
[package]
name = \"shroff-types\"
description = \"Plain values.\"
[lints]
workspace = true
[dependencies]
serde.workspace = true
";
const MANIFEST_GRAPH: &str = "\
[package]
name = \"shroff-graph\"
description = \"The graph.\"
[lints]
workspace = true
[dependencies]
shroff-types.workspace = true
[dev-dependencies]
anyhow.workspace = true
shroff-detect.workspace = true
";
const ARCHITECTURE: &str = "\
# Architecture

| crate | purpose | may use |
|---|---|---|
| `shroff-types` | plain values | - |
| `shroff-graph` | the graph | types |
| `typologies/` | the rules | |

## Invariants
1. **As of.** Nothing later
   changes an answer.
   - Held by: `shroff-graph::tests::nothing_later_counts`,
     `shroff-types: money_is_exact`

## What comes
- Nothing checks this.
";
const README: &str = "\
# Shroff
See [how](ARCHITECTURE.md#invariants), [the book](docs/src) and [the web](https://example.org/x).

```sh
cargo run --release -- demo
cargo xtask test
```
";
const TYPOLOGY: &str = "\
id = \"cycle\"
title = \"Cycle\"
what = \"Money returns.\"
innocent = \"A savings circle \u{2013} and more.\"
sources = [\"...\"]
[[rule]]
innocent = \"\"
";

const TIDY: &[(&str, &str)] = &[
    (".ci/run", "set -e\ncargo xtask test\n"),
    ("ARCHITECTURE.md", ARCHITECTURE),
    ("README.md", README),
    ("crates/shroff-graph/Cargo.toml", MANIFEST_GRAPH),
    (
        "crates/shroff-graph/src/lib.rs",
        "//! The graph.\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn nothing_later_counts() {}\n}\n",
    ),
    ("crates/shroff-types/Cargo.toml", MANIFEST_TYPES),
    ("crates/shroff-types/src/lib.rs", "//! Plain values.\n//!\n//! More.\n"),
    ("crates/shroff-types/tests/money.rs", "//! Money.\n\n#[test]\nfn money_is_exact() {}\n"),
    ("docs/src/SUMMARY.md", "# Summary\n- [First scan](first.md)\n"),
    ("docs/src/first.md", "# First scan\nBack to [the README](../../README.md).\n"),
    ("typologies/cycle.toml", TYPOLOGY),
];

/// A source file in a core crate that nothing else depends on.
const SOURCE: &str = "crates/shroff-graph/src/line.rs";

/// Puts `text` at `path` into the tidy tree and expects these `path:line: what`, hints left out.
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    check_all(&[(path, Some(text))], expected);
}

/// The same with several files; none deletes.
#[track_caller]
fn check_all(changes: &[(&str, Option<&str>)], expected: &[&str]) {
    let mut files: BTreeMap<&str, &str> = TIDY.iter().copied().collect();
    for (path, text) in changes {
        match text {
            Some(text) => files.insert(path, text),
            None => files.remove(path),
        };
    }
    let found: Vec<String> = violations(&Tree::of(files)).iter().map(without_hint).collect();
    assert_eq!(found, expected);
}

fn without_hint(violation: &Violation) -> String {
    assert!(!violation.hint.is_empty(), "every violation says what to do: {violation}");
    format!("{}:{}: {}", violation.path, violation.line, violation.what)
}

/// `text` with `old`, which must stand in it, replaced.
#[track_caller]
fn changed(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old}");
    text.replace(old, new)
}

#[test]
fn the_workspace_is_tidy() {
    let root = crate::workspace_root();
    assert!(root.join("Cargo.toml").is_file(), "{} is the workspace", root.display());
    let tree = Tree::read(Path::new(&root)).expect("the checkout can be read");
    let found: Vec<String> = violations(&tree).iter().map(Violation::to_string).collect();
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_tidy_tree_has_no_violations() {
    check_all(&[], &[]);
}

#[test]
fn a_lower_crate_cannot_name_an_upper_one() {
    let path = "crates/shroff-types/Cargo.toml";
    check(
        path,
        &changed(MANIFEST_TYPES, "serde", "shroff-graph"),
        &["crates/shroff-types/Cargo.toml:7: `shroff-types` uses `shroff-graph`"],
    );
    check(
        path,
        &changed(MANIFEST_TYPES, "serde.workspace = true", "x = { package = \"shroff-graph\" }"),
        &["crates/shroff-types/Cargo.toml:7: `shroff-types` uses `shroff-graph`"],
    );
}

#[test]
fn the_core_speaks_to_no_terminal_and_no_network() {
    check(
        "crates/shroff-types/Cargo.toml",
        &changed(MANIFEST_TYPES, "serde.workspace = true", "tokio = \"1\"\nclap = \"4\""),
        &[
            "crates/shroff-types/Cargo.toml:7: the core crate `shroff-types` uses `tokio`",
            "crates/shroff-types/Cargo.toml:8: the core crate `shroff-types` uses `clap`",
        ],
    );
}

#[test]
fn a_crate_has_its_place_in_the_table_of_directions() {
    let manifest = "[package]\nname = \"shroff-new\"\n[lints]\nworkspace = true\n";
    check(
        "crates/shroff-new/Cargo.toml",
        manifest,
        &[
            "ARCHITECTURE.md:1: the table of crates lacks `shroff-new`",
            "crates/shroff-new/Cargo.toml:1: crate `shroff-new` is not in the table of directions",
        ],
    );
}

#[test]
fn a_crate_takes_the_lints_and_is_described_once() {
    check(
        "crates/shroff-types/Cargo.toml",
        &changed(MANIFEST_TYPES, "[lints]\nworkspace = true\n", ""),
        &["crates/shroff-types/Cargo.toml:1: the lints of the workspace are not taken"],
    );
    check(
        "crates/shroff-types/src/lib.rs",
        "//! Values.\n",
        &["crates/shroff-types/Cargo.toml:1: the description `Plain values.` is not `Values.`"],
    );
}

#[test]
fn the_table_of_crates_is_the_crates() {
    let row = "| `shroff-types` | plain values | - |\n";
    check(
        "ARCHITECTURE.md",
        &changed(ARCHITECTURE, row, ""),
        &["ARCHITECTURE.md:1: the table of crates lacks `shroff-types`"],
    );
    check(
        "ARCHITECTURE.md",
        &changed(ARCHITECTURE, row, &format!("{row}| `shroff-store` | the log | types |\n")),
        &["ARCHITECTURE.md:6: the crate `shroff-store` does not exist"],
    );
    check(
        "ARCHITECTURE.md",
        &changed(ARCHITECTURE, "| the graph | types |", "| the graph | types, engine |"),
        &[
            "ARCHITECTURE.md:6: `shroff-graph` may not use exactly `types, engine` but `shroff-types`",
        ],
    );
}

#[test]
fn an_invariant_names_a_test_that_exists() {
    check(
        "ARCHITECTURE.md",
        &changed(ARCHITECTURE, "nothing_later_counts", "nothing_counts"),
        &["ARCHITECTURE.md:10: there is no test `shroff-graph::tests::nothing_counts`"],
    );
    check(
        "ARCHITECTURE.md",
        &changed(ARCHITECTURE, "shroff-types: money", "shroff-graph: money"),
        &["ARCHITECTURE.md:10: there is no test `shroff-graph: money_is_exact`"],
    );
    check(
        "ARCHITECTURE.md",
        &changed(ARCHITECTURE, "\n\n## What", "\n2. **Exact.** No float.\n\n## What"),
        &["ARCHITECTURE.md:14: no test holds it"],
    );
    check(
        "ARCHITECTURE.md",
        &changed(ARCHITECTURE, "## Invariants", "## Rules"),
        &["ARCHITECTURE.md:1: has no invariants"],
    );
}

#[test]
fn the_documents_are_there() {
    check_all(
        &[
            ("ARCHITECTURE.md", None),
            ("README.md", None),
            ("docs/src/SUMMARY.md", None),
            ("docs/src/first.md", None),
        ],
        &[
            "ARCHITECTURE.md:1: is missing",
            "README.md:1: is missing",
            "docs/src/SUMMARY.md:1: is missing",
        ],
    );
}

#[test]
fn the_readme_gives_two_commands_and_ci_runs_the_second() {
    check(
        "README.md",
        &changed(README, "cargo xtask test", "cargo test"),
        &["README.md:1: no command for the tests"],
    );
    check(
        "README.md",
        &changed(README, "cargo run --release -- demo", "shroff demo"),
        &["README.md:1: no command for the main job"],
    );
    check(
        ".ci/run",
        "# cargo xtask test\ncargo test\n",
        &[".ci/run:1: does not call the test command of the README"],
    );
}

#[test]
fn every_page_is_in_the_table_of_contents_and_every_link_resolves() {
    check(
        "docs/src/second.md",
        "# Second\n",
        &["docs/src/second.md:1: is not in the table of contents"],
    );
    check(
        "docs/src/first.md",
        "# First scan\n[a](missing.md) [b](../../../other.md)\n",
        &[
            "docs/src/first.md:2: `../../../other.md` leads out of the checkout",
            "docs/src/first.md:2: `missing.md` leads nowhere",
        ],
    );
}

#[test]
fn a_typology_says_what_it_is_and_what_innocent_thing_looks_the_same() {
    let path = "typologies/cycle.toml";
    check(
        path,
        &changed(TYPOLOGY, "title = \"Cycle\"\n", ""),
        &["typologies/cycle.toml:1: `title` is missing"],
    );
    check(
        path,
        &changed(TYPOLOGY, "\"cycle\"", "\"ring\""),
        &["typologies/cycle.toml:1: id \"ring\" is not the name of the file"],
    );
    check(
        path,
        &changed(TYPOLOGY, "[\"...\"]", "[]"),
        &["typologies/cycle.toml:5: `sources` is empty"],
    );
}

#[test]
fn a_source_file_opens_with_a_sentence_and_ends_with_a_newline() {
    check(
        SOURCE,
        "use std::fmt;",
        &[
            "crates/shroff-graph/src/line.rs:1: does not open with `//!`",
            "crates/shroff-graph/src/line.rs:1: no newline at the end",
        ],
    );
}

#[test]
fn text_has_no_trailing_space_no_tab_and_no_note_to_oneself() {
    let text = format!("//! A.\nlet a; \n\tlet b; // {}\n", concat!("FIX", "ME"));
    check(
        SOURCE,
        &text,
        &[
            "crates/shroff-graph/src/line.rs:2: trailing space",
            concat!("crates/shroff-graph/src/line.rs:3: FIX", "ME"),
            "crates/shroff-graph/src/line.rs:3: tab",
        ],
    );
    check("docs/src/first.md", "a\r\n", &["docs/src/first.md:1: trailing space"]);
    check("crates/shroff-types/tests/ledger.md", "a \r\n", &[]);
}

#[test]
fn source_is_ascii_outside_tests() {
    let text =
        "//! A.\nconst A: &str = \"\u{2192}\";\n#[cfg(test)]\nmod tests {\n    // \u{2192}\n}\n";
    check(SOURCE, text, &["crates/shroff-graph/src/line.rs:2: `\u{2192}` is not ASCII"]);
    check("crates/shroff-types/tests/arrows.rs", "//! \u{2192}\n", &[]);
    check("docs/src/first.md", "\u{2192}\n", &[]);
}

#[test]
fn a_file_is_at_most_a_mebibyte() {
    check(
        "crates/shroff-types/tests/ledger.csv",
        &"0".repeat((1 << 20) + 1),
        &["crates/shroff-types/tests/ledger.csv:1: 1048577 bytes, more than 1048576"],
    );
}

#[test]
fn code_that_is_never_right_is_found_and_mentions_of_it_are_not() {
    check(
        SOURCE,
        "//! A.\n#[ignore = \"slow\"]\n#[allow(dead_code)]\nthread::sleep(d);\ntodo!()\n",
        &[
            "crates/shroff-graph/src/line.rs:2: `#[ignore`",
            "crates/shroff-graph/src/line.rs:3: `#[allow(`",
            "crates/shroff-graph/src/line.rs:4: `thread::sleep`",
            "crates/shroff-graph/src/line.rs:5: `todo!`",
        ],
    );
    check(SOURCE, "//! Not todo!, not #[allow(x)].\nconst A: &str = \"thread::sleep\";\n", &[]);
}

#[test]
fn nothing_of_one_machine_is_in_the_checkout() {
    let path = concat!("/ho", "me/");
    check(
        "docs/src/first.md",
        &format!("`cd {path}ann/shroff`\nhttps://example.org{path} and ${{HOME}}{path}\n"),
        &[concat!("docs/src/first.md:1: `/ho", "me/` is a path of one machine")],
    );
}

#[test]
fn what_lies_beside_the_checkout_is_named_by_tests_only() {
    let beside = concat!("../sha", "red");
    let text = format!("//! A.\n// {beside}\n#[cfg(test)]\nmod tests {{\n    // {beside}\n}}\n");
    let what = format!("{SOURCE}:2: `{beside}` outside tests, xtask, .ci and CONTRIBUTING.md");
    check(SOURCE, &text, &[&what]);
    check("crates/shroff-types/tests/layouts.rs", &format!("//! {beside}\n"), &[]);
    check("CONTRIBUTING.md", &format!("{beside}\n"), &[]);
}
