//! The typologies of a run: those that are built in, or a folder of one's own.

use std::path::Path;

use anyhow::{Context, bail};
use shroff_detect::{RuleError, Typology};

use crate::inputs;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$((
            concat!("typologies/", $name, ".toml"),
            include_str!(concat!("../../../typologies/", $name, ".toml")),
        )),*]
    };
}

/// File names and texts, in the order in which reports list them.
const FILES: &[(&str, &str)] = built_in![
    "cycle",
    "scatter-gather",
    "gather-scatter",
    "fan-in",
    "fan-out",
    "stack",
    "bipartite",
    "round-trip",
    "layering-chain",
    "pass-through",
    "structuring",
    "alike-amounts",
    "dormant-account-wakes",
    "unlike-itself",
    "burst",
    "new-payee-large-share",
    "testing",
];

/// Typology files as they were read, and everything wrong in them.
#[derive(Debug, Default)]
pub(crate) struct Library {
    pub(crate) typologies: Vec<Typology>,
    pub(crate) errors: Vec<RuleError>,
}

/// Reads the typologies of a folder, or those that are built in, and checks them.
pub(crate) fn read(folder: Option<&Path>) -> anyhow::Result<Library> {
    Ok(read_texts(&files(folder)?))
}

/// Reads typologies from names and texts of files, and checks them.
pub(crate) fn read_texts(files: &[(String, String)]) -> Library {
    let mut library = Library::default();
    for (name, text) in files {
        match Typology::read(name, text) {
            Ok(typology) => library.typologies.push(typology),
            Err(errors) => library.errors.extend(errors),
        }
    }
    library.errors.extend(shroff_detect::check(&library.typologies));
    library.errors.sort_by(RuleError::by_place);
    library
}

/// Names and texts of the files of a folder, or of those that are built in.
pub(crate) fn files(folder: Option<&Path>) -> anyhow::Result<Vec<(String, String)>> {
    match folder {
        Some(folder) => files_of(folder),
        None => Ok(FILES.iter().map(|(n, text)| ((*n).to_owned(), (*text).to_owned())).collect()),
    }
}

fn files_of(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let shown = folder.display();
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!("cannot read the folder `{shown}`\nhint: --typologies names a folder of TOML files")
    })?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read the folder `{shown}`"))?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        bail!(
            "there is no .toml in `{shown}`\nhint: `shroff rules show ID` prints one to begin with"
        );
    }
    paths.sort();
    let read = paths.iter().map(|path| Ok((path.display().to_string(), inputs::text(path)?)));
    let mut files: Vec<_> = read.collect::<anyhow::Result<_>>()?;
    put_in_order(&mut files);
    Ok(files)
}

/// Puts names and texts of files in the order of the library, as far as they are named as its files are.
/// What fires at one payment is told in that order, so a copy of the library says what it says.
pub(crate) fn put_in_order(files: &mut [(String, String)]) {
    let place = |name: &str| {
        let name = Path::new(name).file_name();
        FILES.iter().position(|(file, _)| Path::new(file).file_name() == name)
    };
    files.sort_by_cached_key(|(name, _)| place(name).unwrap_or(FILES.len()));
}

/// The text of a built-in file, or of one of a folder, by the typology's id.
pub(crate) fn text_of(folder: Option<&Path>, typology: &Typology) -> anyhow::Result<String> {
    match folder {
        Some(_) => inputs::text(Path::new(&typology.file)),
        None => FILES
            .iter()
            .find(|(name, _)| *name == typology.file)
            .map(|(_, text)| (*text).to_owned())
            .context("a built-in typology has a built-in file"),
    }
}

/// The typologies of a run: all is right in them, and parameters are set as asked
/// (`ID.PARAMETER=NUMBER`).
pub(crate) fn for_run(folder: Option<&Path>, set: &[String]) -> anyhow::Result<Vec<Typology>> {
    for_run_of(&files(folder)?, set)
}

/// As [`for_run`], of names and texts of files.
pub(crate) fn for_run_of(
    files: &[(String, String)],
    set: &[String],
) -> anyhow::Result<Vec<Typology>> {
    let Library { mut typologies, errors } = read_texts(files);
    refuse(&errors)?;
    change(&mut typologies, set)?;
    Ok(typologies)
}

/// Sets parameters (`ID.PARAMETER=NUMBER`); all is right afterwards.
pub(crate) fn change(typologies: &mut [Typology], set: &[String]) -> anyhow::Result<()> {
    for setting in set {
        let (id, name, value) = setting
            .split_once('=')
            .and_then(|(place, value)| {
                let (id, name) = place.split_once('.')?;
                Some((id, name, value.trim().parse::<f64>().ok().filter(|v| v.is_finite())?))
            })
            .with_context(|| {
                format!("`{setting}` sets nothing\nhint: as in --set fan-in.least_payers=6")
            })?;
        let Some(typology) = typologies.iter_mut().find(|t| t.id == id) else {
            bail!("there is no typology `{id}`\nhint: `shroff rules list` names them");
        };
        typology.set(name, value).map_err(anyhow::Error::msg)?;
    }
    if !set.is_empty() {
        refuse(&shroff_detect::check(typologies))?;
    }
    Ok(())
}

fn refuse(errors: &[RuleError]) -> anyhow::Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    bail!("{}", text.join("\n"))
}
