//! The few lines of a crate's `Cargo.toml` that the checks want.

use super::tree::{File, Tree, numbered};

/// What a crate says of itself.
#[derive(Debug)]
pub(super) struct Manifest<'t> {
    pub(super) file: &'t File,
    /// The folder that the manifest lies in.
    pub(super) folder: &'t str,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) has_workspace_lints: bool,
    /// What it is built from. What only its tests use is free.
    pub(super) dependencies: Vec<Dependency>,
}

/// A crate named under `[dependencies]` or `[build-dependencies]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) line: usize,
}

impl<'t> Manifest<'t> {
    /// The members of the workspace: `crates/*` and `xtask`.
    pub(super) fn all(tree: &'t Tree) -> Vec<Manifest<'t>> {
        tree.files().filter_map(Manifest::of_member).collect()
    }

    fn of_member(file: &'t File) -> Option<Manifest<'t>> {
        let folder = file.path.strip_suffix("/Cargo.toml")?;
        let is_member = match folder.split_once('/') {
            Some(("crates", name)) => !name.contains('/'),
            Some(_) => false,
            None => folder == "xtask",
        };
        let text = file.text.as_deref().filter(|_| is_member)?;
        Some(Manifest {
            file,
            folder,
            name: value(text, ("package", "name")).unwrap_or_default(),
            description: value(text, ("package", "description")).unwrap_or_default(),
            has_workspace_lints: value(text, ("lints", "workspace")).is_some_and(|v| v == "true"),
            dependencies: dependencies(text),
        })
    }

    /// The file that the crate's documentation is in.
    pub(super) fn root_source(&self, tree: &Tree) -> String {
        let library = format!("{}/src/lib.rs", self.folder);
        if tree.exists(&library) { library } else { format!("{}/src/main.rs", self.folder) }
    }
}

/// The value of the key of that `(section, name)`, without its quotes.
fn value(text: &str, key: (&str, &str)) -> Option<String> {
    let mut keys = keys(text);
    let found = keys.find(|found| (found.section, found.name) == key)?;
    Some(found.value.trim_matches('"').to_owned())
}

fn dependencies(text: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut push = |name: &str, line| {
        found.push(Dependency { name: name.to_owned(), line });
    };
    for key in keys(text) {
        let (kind, table) = match key.section.rsplit_once("dependencies.") {
            Some((before, table)) => (before, Some(table)),
            None if key.section.ends_with("dependencies") => {
                (key.section.trim_end_matches("dependencies"), None)
            }
            None => continue,
        };
        if kind.ends_with("dev-") {
            continue;
        }
        // `[dependencies.name]` is a table of its own; `package` is the real name of a renamed one.
        push(table.unwrap_or(key.name.split('.').next().unwrap_or(key.name)), key.line);
        if let Some((_, renamed)) = key.value.split_once("package = \"") {
            push(renamed.split('"').next().unwrap_or(renamed), key.line);
        }
        if key.name == "package" {
            push(key.value.trim_matches('"'), key.line);
        }
    }
    found.dedup_by(|a, b| a.name == b.name);
    found
}

struct Key<'a> {
    section: &'a str,
    name: &'a str,
    value: &'a str,
    line: usize,
}

/// Every `name = value` line with the section it stands in. Enough TOML for a manifest.
fn keys(text: &str) -> impl Iterator<Item = Key<'_>> {
    let mut section = "";
    numbered(text).filter_map(move |(line, content)| {
        if let Some(header) = content.strip_prefix('[') {
            section = header.trim_end().trim_end_matches(']');
            return None;
        }
        let (name, value) = content.split_once('=')?;
        Some(Key { section, name: name.trim(), value: value.trim(), line })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_found_in_every_way_of_writing_them() {
        let text = "\
[package]
name = \"a\"
[dependencies]
b.workspace = true
c = { path = \"../c\" }
d = { package = \"real-d\", version = \"1\" }
[dependencies.e]
version = \"1\"
features = [
  \"x\",
]
[target.'cfg(unix)'.dependencies]
f = \"1\"
[build-dependencies]
g = \"1\"
[dev-dependencies]
h = \"1\"
[dev-dependencies.i]
version = \"1\"
";
        let found = dependencies(text);
        let names: Vec<String> = found.iter().map(|d| format!("{} {}", d.line, d.name)).collect();
        assert_eq!(names, ["4 b", "5 c", "6 d", "6 real-d", "8 e", "13 f", "15 g"]);
    }
}
