//! The crates: which may use which, what each says of itself.

use super::Violation;
use super::manifest::Manifest;
use super::tree::Tree;

/// Which of our crates each may be built from. A lower one cannot name an upper one.
const MAY_USE: &[(&str, &[&str])] = &[
    ("shroff-types", &[]),
    ("shroff-graph", &["shroff-types"]),
    ("shroff-detect", &["shroff-types", "shroff-graph"]),
    ("shroff-engine", &["shroff-types", "shroff-graph", "shroff-detect"]),
    ("shroff-ingest", &["shroff-types"]),
    ("shroff-store", &["shroff-types"]),
    ("shroff-sim", &["shroff-types"]),
    (
        "shroff",
        &[
            "shroff-types",
            "shroff-graph",
            "shroff-detect",
            "shroff-engine",
            "shroff-ingest",
            "shroff-store",
            "shroff-sim",
        ],
    ),
    ("shroff-python", &["shroff-engine", "shroff-ingest", "shroff-detect"]),
    ("xtask", &[]),
];

/// Below the outermost crates nothing speaks to a terminal, a network or a runtime of tasks, and a
/// failure has a type.
const CORE: &[&str] = &[
    "shroff-types",
    "shroff-graph",
    "shroff-detect",
    "shroff-engine",
    "shroff-ingest",
    "shroff-sim",
    "shroff-store",
];
const NOT_IN_THE_CORE: &[&str] = &[
    "anyhow",
    "async-std",
    "axum",
    "clap",
    "clap_complete",
    "comfy-table",
    "getrandom",
    "hyper",
    "indicatif",
    "miette",
    "rdkafka",
    "reqwest",
    "smol",
    "sqlx",
    "tokio",
    "tower",
    "tower-http",
    "tracing-subscriber",
    "ureq",
];

/// What one of them may use all the same: the register is in SQL, and its connections are handed in
/// by nobody else. Its tests run them.
const ALL_THE_SAME: &[(&str, &[&str])] = &[("shroff-store", &["sqlx", "tokio"])];

pub(super) fn check(tree: &Tree, manifests: &[Manifest<'_>]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for manifest in manifests {
        violations.extend(check_name(manifest));
        violations.extend(check_dependencies(manifest));
        violations.extend(check_lints(manifest));
        violations.extend(check_description(tree, manifest));
    }
    violations
}

/// The names of our crates that `name` may be built from; none where the table does not know it.
pub(super) fn may_use(name: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
}

fn check_name(manifest: &Manifest<'_>) -> Option<Violation> {
    let folder = manifest.folder.rsplit('/').next().unwrap_or(manifest.folder);
    (folder != manifest.name).then(|| {
        Violation::new(
            (&manifest.file.path, 1),
            format!("crate `{}` lies in the folder `{folder}`", manifest.name),
            "the folder is named as the crate",
        )
    })
}

fn check_dependencies(manifest: &Manifest<'_>) -> Vec<Violation> {
    let path = manifest.file.path.as_str();
    let name = manifest.name.as_str();
    let Some(allowed) = may_use(name) else {
        let what = format!("crate `{name}` is not in the table of directions");
        let hint = "a crate is an enforced rule of dependency: add it to MAY_USE in xtask";
        return vec![Violation::new((path, 1), what, hint)];
    };
    let mut violations = Vec::new();
    for dependency in &manifest.dependencies {
        let other = dependency.name.as_str();
        let place = (path, dependency.line);
        if may_use(other).is_some() && !allowed.contains(&other) {
            let hint = match allowed {
                [] => "it may use none of our crates".to_owned(),
                _ => format!("of our crates it may use: {}", allowed.join(", ")),
            };
            violations.push(Violation::new(place, format!("`{name}` uses `{other}`"), hint));
        }
        let is_allowed = ALL_THE_SAME.iter().any(|(of, what)| *of == name && what.contains(&other));
        if CORE.contains(&name) && NOT_IN_THE_CORE.contains(&other) && !is_allowed {
            let what = format!("the core crate `{name}` uses `{other}`");
            violations.push(Violation::new(place, what, "hand it in from crates/shroff"));
        }
    }
    violations
}

fn check_lints(manifest: &Manifest<'_>) -> Option<Violation> {
    (!manifest.has_workspace_lints).then(|| {
        Violation::new(
            (&manifest.file.path, 1),
            "the lints of the workspace are not taken",
            "add `[lints]` with `workspace = true`",
        )
    })
}

fn check_description(tree: &Tree, manifest: &Manifest<'_>) -> Option<Violation> {
    let source = manifest.root_source(tree);
    let first = tree.text(&source)?.lines().next()?.strip_prefix("//!")?.trim();
    (first != manifest.description).then(|| {
        Violation::new(
            (&manifest.file.path, 1),
            format!("the description `{}` is not `{first}`", manifest.description),
            format!("one sentence for both: copy the first line of {source}"),
        )
    })
}
