//! The checkout as a map from path to file, so that every check also runs on a tree in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The files of the checkout without those that `.gitignore` names, by path with `/`.
#[derive(Debug)]
pub(super) struct Tree {
    files: BTreeMap<String, File>,
}

/// A file and, unless it is binary, its text.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) bytes: usize,
    pub(super) text: Option<String>,
}

impl Tree {
    /// Reads everything below `root`.
    pub(super) fn read(root: &Path) -> io::Result<Tree> {
        let ignored = match std::fs::read_to_string(root.join(".gitignore")) {
            Ok(text) => Ignored::parse(&text),
            Err(_) => Ignored::parse(""),
        };
        let mut tree = Tree { files: BTreeMap::new() };
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let kind = entry.file_type()?;
                if ignored.matches(&path) {
                    continue;
                }
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    tree.insert(path, std::fs::read(entry.path())?);
                }
            }
        }
        Ok(tree)
    }

    /// A tree in memory.
    #[cfg(test)]
    pub(super) fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tree {
        let mut tree = Tree { files: BTreeMap::new() };
        for (path, text) in files {
            tree.insert(path.to_owned(), text.as_bytes().to_vec());
        }
        tree
    }

    fn insert(&mut self, path: String, content: Vec<u8>) {
        let bytes = content.len();
        let text = String::from_utf8(content).ok().filter(|text| !text.contains('\0'));
        self.files.insert(path.clone(), File { path, bytes, text });
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// The text of the file at `path`; none where it is absent or binary.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text.as_deref()
    }

    /// True where a file or a folder lies at `path`.
    pub(super) fn exists(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(p, _)| p.starts_with(&folder))
    }
}

impl File {
    /// What follows the last dot of the path, or the name where there is none.
    pub(super) fn ending(&self) -> &str {
        self.path.rsplit(['.', '/']).next().unwrap_or(&self.path)
    }

    /// Numbered from 1; none where the file is binary.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(self.text.as_deref().unwrap_or(""))
    }
}

/// The lines of `text`, numbered from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').enumerate().map(|(index, line)| (index + 1, line))
}

/// As much of `.gitignore` as ours uses: names at any depth, paths from the root, `*.end`.
struct Ignored {
    patterns: Vec<String>,
}

impl Ignored {
    fn parse(gitignore: &str) -> Ignored {
        let lines = gitignore.lines().map(str::trim);
        let patterns = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let patterns = patterns.map(|pattern| pattern.trim_end_matches('/').to_owned());
        Ignored { patterns: std::iter::once(".git".to_owned()).chain(patterns).collect() }
    }

    fn matches(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.patterns.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(end) => name.ends_with(end),
            None if pattern.contains('/') => pattern.trim_start_matches('/') == path,
            None => pattern == name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_ignores_is_not_read() {
        let ignored = Ignored::parse("/target\n/fuzz/corpus\n# caches\n__pycache__/\n*.profraw\n");
        for path in [".git", "target", "fuzz/corpus", "a/b/__pycache__", "a/default.profraw"] {
            assert!(ignored.matches(path), "{path}");
        }
        for path in ["crates/target", "fuzz", "corpus", "src/profraw.rs", ".gitignore"] {
            assert!(!ignored.matches(path), "{path}");
        }
    }

    #[test]
    fn a_folder_exists_when_a_file_lies_in_it() {
        let tree = Tree::of([("docs/src/SUMMARY.md", ""), ("docs-old.md", "")]);
        assert!(tree.exists("docs/src") && tree.exists("docs/") && tree.exists("docs-old.md"));
        assert!(!tree.exists("doc") && !tree.exists("docs/src/SUMMARY"));
    }
}
