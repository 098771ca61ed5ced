//! What the compiler cannot check: the direction of dependencies, documents, and the text itself.

mod architecture;
mod crates;
mod documents;
mod manifest;
mod rust_source;
mod text;
mod tree;
mod typologies;

use std::fmt::{Display, Formatter, Result};
use std::path::Path;

use self::manifest::Manifest;
use self::rust_source::RustSource;
use self::tree::Tree;

/// One thing that is not tidy, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    /// From 1; also 1 where a whole file is meant, or its absence.
    line: usize,
    what: String,
    hint: String,
}

impl Violation {
    fn new(place: (&str, usize), what: impl Into<String>, hint: impl Into<String>) -> Violation {
        let (path, line) = place;
        Violation { path: path.to_owned(), line, what: what.into(), hint: hint.into() }
    }
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}:{}: {}, hint: {}", self.path, self.line, self.what, self.hint)
    }
}

/// Prints every violation in the checkout at `root`; true where there is none.
pub(crate) fn run(root: &Path) -> bool {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("error: `{}` cannot be read: {error}", root.display());
            return false;
        }
    };
    let violations = violations(&tree);
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => eprintln!("tidy: {} files, nothing to say", tree.files().count()),
        count => eprintln!("tidy: {count} violations"),
    }
    violations.is_empty()
}

fn violations(tree: &Tree) -> Vec<Violation> {
    let manifests = Manifest::all(tree);
    let sources = RustSource::all(tree);
    let mut violations = [
        crates::check(tree, &manifests),
        architecture::check(tree, &manifests, &sources),
        text::check(tree, &sources),
        typologies::check(tree),
        documents::check(tree),
    ]
    .concat();
    violations.sort();
    violations
}

#[cfg(test)]
mod tests;
