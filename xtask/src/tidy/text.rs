//! The text of every file: what it opens and ends with, and what must not stand in it.

use super::Violation;
use super::rust_source::{RustSource, is_test_path};
use super::tree::{File, Tree, numbered};

/// A reader's download, and git's memory, are not the place for more.
const MAX_BYTES: usize = 1 << 20;

/// What people write by hand. Data may end as its format wants.
const WRITTEN: &[&str] = &[
    "rs", "toml", "md", "html", "css", "js", "ts", "tsx", "py", "sh", "yml", "yaml", "LICENSE",
    "run",
];
/// What is ASCII, outside tests and the library of typologies, which quotes.
const ASCII: &[&str] = &["rs", "toml", "py", "sh", "yml", "yaml", "run"];

/// Code that is never right here, and what is. Comments and literals do not count.
const NOT_IN_CODE: &[(&str, &str)] = &[
    ("#[ignore", "assert what it does, wrong as it may be, and say so"),
    ("thread::sleep", "wait for the event, or hand the time in"),
    ("todo!", "return an error, or leave it out"),
    ("unimplemented!", "return an error, or leave it out"),
    ("#[allow(", "#[expect(lint, reason = \"...\")]"),
    ("#![allow(", "#![expect(lint, reason = \"...\")]"),
];

/// What belongs to one machine and not to the project. Built from pieces, or this file would be
/// the first to break the rule.
const SURROUNDINGS: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!(".lib", "rary/"),
];
/// Lies beside the checkout on some machines, so only what can skip it may name it.
const BESIDE: &str = concat!("../sha", "red");

const FIX_ME: &str = concat!("FIX", "ME");

pub(super) fn check(tree: &Tree, sources: &[RustSource<'_>]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files() {
        violations.extend(check_size(file));
        violations.extend(check_written(file));
        violations.extend(check_surroundings(file));
        let source = sources.iter().find(|source| source.file.path == file.path);
        violations.extend(check_characters(file, source));
        violations.extend(check_beside(file, source));
        violations.extend(source.map(check_rust).unwrap_or_default());
    }
    violations
}

fn check_size(file: &File) -> Option<Violation> {
    (file.bytes > MAX_BYTES).then(|| {
        let what = format!("{} bytes, more than {MAX_BYTES}", file.bytes);
        Violation::new((&file.path, 1), what, "make it in the test, or fetch it")
    })
}

fn check_written(file: &File) -> Vec<Violation> {
    let text = file.text.as_deref().unwrap_or_default();
    let is_food = is_test_path(&file.path) && file.ending() != "rs";
    if text.is_empty() || is_food || !WRITTEN.contains(&file.ending()) {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for (line, content) in file.lines() {
        if content.ends_with([' ', '\t', '\r']) {
            let hint = "delete what follows the last word";
            violations.push(Violation::new((&file.path, line), "trailing space", hint));
        }
        if content.contains(FIX_ME) {
            let hint = "fix it, or open an issue and write TODO with its number";
            violations.push(Violation::new((&file.path, line), FIX_ME, hint));
        }
    }
    if !text.ends_with('\n') {
        let last = (file.path.as_str(), text.lines().count());
        violations.push(Violation::new(last, "no newline at the end", "add one"));
    }
    violations
}

fn check_characters(file: &File, source: Option<&RustSource<'_>>) -> Vec<Violation> {
    let is_exempt = is_test_path(&file.path) || file.path.starts_with("typologies/");
    if is_exempt || !ASCII.contains(&file.ending()) {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for (line, content) in file.lines() {
        let is_test = source.is_some_and(|source| source.is_test(line));
        if let Some(character) = content.chars().find(|c| !c.is_ascii()).filter(|_| !is_test) {
            let what = format!("`{character}` is not ASCII");
            let hint = format!("write it in ASCII or as `\\u{{{:X}}}`", u32::from(character));
            violations.push(Violation::new((&file.path, line), what, hint));
        }
    }
    violations
}

fn check_surroundings(file: &File) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (line, content) in file.lines() {
        for pattern in SURROUNDINGS.iter().filter(|pattern| names_path(content, pattern)) {
            let what = format!("`{pattern}` is a path of one machine");
            let hint = "make it relative to the checkout, or an argument";
            violations.push(Violation::new((&file.path, line), what, hint));
        }
    }
    violations
}

/// True where `pattern` stands in `line` as the start of a path, not in the middle of an address.
fn names_path(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let is_inside = |c: char| c.is_ascii_alphanumeric() || "-_~}".contains(c);
        !before.is_some_and(is_inside)
    })
}

fn check_beside(file: &File, source: Option<&RustSource<'_>>) -> Vec<Violation> {
    let may_name_it = is_test_path(&file.path)
        || file.path.starts_with("xtask/")
        || file.path.starts_with(".ci/")
        || file.path == "CONTRIBUTING.md";
    let lines = file.lines().filter(|(_, content)| !may_name_it && content.contains(BESIDE));
    lines
        .filter(|(line, _)| !source.is_some_and(|source| source.is_test(*line)))
        .map(|(line, _)| {
            let what = format!("`{BESIDE}` outside tests, xtask, .ci and CONTRIBUTING.md");
            Violation::new((&file.path, line), what, "move what is needed into the checkout")
        })
        .collect()
}

fn check_rust(source: &RustSource<'_>) -> Vec<Violation> {
    let path = source.file.path.as_str();
    let mut violations = Vec::new();
    if !source.file.lines().next().is_some_and(|(_, first)| first.starts_with("//!")) {
        let hint = "say in its first line what the module is for";
        violations.push(Violation::new((path, 1), "does not open with `//!`", hint));
    }
    for (line, content) in source.file.lines() {
        if content.contains('\t') {
            // In a literal as well: what a reader cannot see, he cannot check.
            violations.push(Violation::new((path, line), "tab", "indent by spaces, write `\\t`"));
        }
    }
    for (line, code) in numbered(&source.code) {
        for (pattern, hint) in NOT_IN_CODE.iter().filter(|(pattern, _)| code.contains(pattern)) {
            violations.push(Violation::new((path, line), format!("`{pattern}`"), *hint));
        }
    }
    violations
}
