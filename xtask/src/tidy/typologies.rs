//! The rule library: every file says what it is for and what innocent thing looks the same.

use super::Violation;
use super::tree::{File, Tree};

/// What stands in the head of a typology, before its first table.
const HEAD: &[&str] = &["id", "title", "what", "innocent", "sources"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    tree.files().filter(|file| id(file).is_some()).flat_map(check_head).collect()
}

/// The file name without its ending, for files directly below `typologies/`.
fn id(file: &File) -> Option<&str> {
    let name = file.path.strip_prefix("typologies/")?.strip_suffix(".toml")?;
    (!name.contains('/')).then_some(name)
}

fn check_head(file: &File) -> Vec<Violation> {
    let head = file.lines().take_while(|(_, line)| !line.starts_with('['));
    let keys: Vec<(usize, &str, &str)> = head
        .filter_map(|(line, content)| {
            let (key, value) = content.split_once('=')?;
            Some((line, key.trim(), value.trim()))
        })
        .collect();
    let mut violations = Vec::new();
    for wanted in HEAD {
        match keys.iter().find(|(_, key, _)| key == wanted) {
            None => violations.push(Violation::new(
                (&file.path, 1),
                format!("`{wanted}` is missing"),
                format!("the head of a typology has {}", HEAD.join(", ")),
            )),
            Some((line, _, "\"\"" | "[]")) => violations.push(Violation::new(
                (&file.path, *line),
                format!("`{wanted}` is empty"),
                "say it: an analyst will read it beside the alert",
            )),
            Some((line, "id", value)) if Some(value.trim_matches('"')) != id(file) => {
                let what = format!("id {value} is not the name of the file");
                violations.push(Violation::new((&file.path, *line), what, "make them equal"));
            }
            Some(_) => {}
        }
    }
    violations
}
