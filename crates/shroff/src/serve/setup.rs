//! The data directory: its lock, its secrets, the rules that verdicts were given under.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use shroff_detect::{Definitions, Thresholds, Typology};
use shroff_engine::{Live, LiveSettings};
use shroff_types::Span;

use super::disk::sync_folder;
use crate::cli::Serve;
use crate::tune::rewrite::rewritten;
use crate::zone::Zone;
use crate::{library, outputs, rules, settings};

/// There while a backup is restored: a folder with it in it is half of one.
pub(crate) const RESTORING: &str = "restoring";
/// Which key tokens are made with.
const KEY_ID: &str = "token.key.sha256";

/// Makes a folder that only its owner can look into.
pub(crate) fn make_private_folder(path: &Path) -> anyhow::Result<()> {
    let told = || format!("cannot make the folder `{}`", path.display());
    std::fs::create_dir_all(path).with_context(told)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .with_context(told)?;
    }
    Ok(())
}

/// Takes the data directory for this process alone, as long as what is returned lives.
pub(crate) fn lock(data: &Path) -> anyhow::Result<File> {
    if data.join(RESTORING).exists() {
        bail!(
            "`{}` is a backup that is being restored, or was not restored as a whole\nhint: remove it \
             and restore again",
            data.display()
        );
    }
    let path = data.join("lock");
    let file = outputs::create_private(&path)?;
    file.try_lock().map_err(|_| {
        anyhow::anyhow!(
            "`{}` is in use\nhint: another `shroff serve` runs on it; --data names another",
            data.display()
        )
    })?;
    Ok(file)
}

/// The key of tokens, made at the first start; only its owner can read the file.
pub(crate) fn token_key(path: &Path) -> anyhow::Result<[u8; 32]> {
    match std::fs::read(path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| anyhow::anyhow!("`{}` is no key: it has not 32 bytes", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = settings::random::<32>()?;
            outputs::write_private(path, |file| Ok(file.write_all(&key)?))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// What a key is known by, which says nothing of it: it is random.
pub(crate) fn fingerprint(key: &[u8; 32]) -> String {
    let mut text = b"shroff token key\n".to_vec();
    text.extend_from_slice(key);
    outputs::sha256(&text)
}

/// The key of tokens of a data folder. With another one than before, every account would have
/// another token, and what the register holds would be of nobody.
pub(crate) fn token_key_of(data: &Path, path: &Path) -> anyhow::Result<[u8; 32]> {
    let known = data.join(KEY_ID);
    let expected = if known.exists() { Some(crate::inputs::text(&known)?) } else { None };
    if expected.is_some() && !path.exists() {
        bail!(
            "there is no key of tokens `{}`, and `{}` was made with one\nhint: put it back, or name it \
             with --token-key; `{}` says which it is",
            path.display(),
            data.display(),
            known.display()
        );
    }
    let key = token_key(path)?;
    let now = fingerprint(&key);
    match expected {
        Some(expected) if expected.trim() != now => bail!(
            "`{}` is not the key that the tokens of `{}` were made with\nhint: name that one with \
             --token-key; or, to give every account another token from now on, remove `{}`",
            path.display(),
            data.display(),
            known.display()
        ),
        Some(_) => {}
        None => expect_key(data, &now)?,
    }
    Ok(key)
}

/// Notes which key the tokens of a data folder are made with.
pub(crate) fn expect_key(data: &Path, fingerprint: &str) -> anyhow::Result<()> {
    outputs::write_private(&data.join(KEY_ID), |file| Ok(writeln!(file, "{fingerprint}")?))
}

/// The key of tokens of a service that was started before.
pub(crate) fn token_key_that_is_there(path: &Path) -> anyhow::Result<[u8; 32]> {
    if !path.exists() {
        bail!(
            "there is no key of tokens `{}`\nhint: --token-key names the one of the service",
            path.display()
        );
    }
    token_key(path)
}

/// What verdicts depend on beside the payments, without the typologies' own texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Choices {
    set: Vec<String>,
    time_zone: Zone,
    hold_permille: u16,
    decimals: u8,
    lateness_micros: i64,
}

/// The rules of a service, and everything else that its verdicts depend on.
#[derive(Debug)]
pub(crate) struct Rulebook {
    typologies: Vec<Typology>,
    definitions: Definitions,
    /// File names and texts.
    texts: Vec<(String, String)>,
    choices: Choices,
    version: u64,
}

/// The typologies of every version that is kept, by position.
pub(crate) fn typologies_kept(data: &Path) -> anyhow::Result<Vec<(u64, Vec<String>)>> {
    let listed = |path: &Path| -> anyhow::Result<Vec<String>> {
        let entries =
            std::fs::read_dir(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            Ok(entry?.file_name().to_string_lossy().into_owned())
        };
        entries.map(name).collect()
    };
    let mut all = Vec::new();
    for version in listed(&data.join("rules"))? {
        let Some(number) = super::versions::number(&version) else { continue };
        // As `Rulebook::keep` names them.
        let mut names: Vec<(usize, String)> = listed(&folder_of(data, number).join("typologies"))?
            .iter()
            .filter_map(|file| {
                let (at, name) = file.strip_suffix(".toml")?.split_once('-')?;
                Some((at.parse().ok()?, name.to_owned()))
            })
            .collect();
        names.sort();
        all.push((number, names.into_iter().map(|(_, name)| name).collect()));
    }
    Ok(all)
}

impl Rulebook {
    /// What a command line asks for.
    pub(crate) fn of(arguments: &Serve) -> anyhow::Result<Rulebook> {
        let ruling = &arguments.ruling;
        let choices = Choices {
            set: ruling.set.clone(),
            time_zone: ruling.time_zone.clone(),
            hold_permille: ruling.hold_from,
            decimals: arguments.decimals,
            lateness_micros: arguments.lateness.micros(),
        };
        Rulebook::new(&library::files(ruling.typologies.as_deref())?, choices)
    }

    /// Rules of names and texts of files, with the other choices of these.
    pub(crate) fn with_files(&self, files: &[(String, String)]) -> anyhow::Result<Rulebook> {
        let mut files = files.to_vec();
        library::put_in_order(&mut files);
        Rulebook::new(&files, Choices { set: Vec::new(), ..self.choices.clone() })
    }

    /// The rules of a version that is kept, with the other choices of these: another version where
    /// those are not what they were.
    pub(crate) fn with_those_kept(&self, data: &Path, version: u64) -> anyhow::Result<Rulebook> {
        let folder = folder_of(data, version);
        let kept = library::files(Some(&folder.join("typologies")))?;
        let text = std::fs::read_to_string(folder.join("choices.json"))
            .with_context(|| format!("cannot read the rules of version {version:016x}"))?;
        let Choices { set, .. } = serde_json::from_str(&text)
            .with_context(|| format!("cannot read the rules of version {version:016x}"))?;
        Rulebook::new(&kept, Choices { set, ..self.choices.clone() })
    }

    /// Names and texts of its files, with the parameters in them that it was given.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let file = |(name, text): &(String, String)| {
            let now = rewritten(name, text, &self.typologies, &[]);
            (name.clone(), now.unwrap_or_else(|_| text.clone()))
        };
        self.texts.iter().map(file).collect()
    }

    fn new(files: &[(String, String)], choices: Choices) -> anyhow::Result<Rulebook> {
        let typologies = library::for_run_of(files, &choices.set)?;
        let definitions = rules::union(&typologies, Span::ZERO)?;
        let mut texts = Vec::new();
        for typology in &typologies {
            let file = files.iter().find(|(name, _)| *name == typology.file);
            let (_, text) = file.context("a typology is of a file")?;
            texts.push((format!("{}.toml", typology.id), text.clone()));
        }
        let mut all = format!("{}\n", env!("CARGO_PKG_VERSION"));
        all.push_str(&serde_json::to_string(&choices)?);
        all.push_str(&shroff_detect::written(&definitions));
        for (name, text) in &texts {
            all.extend(["\n", name, "\n", text]);
        }
        let version = outputs::sha256(all.as_bytes());
        let version = u64::from_str_radix(&version[..16], 16).context("a digest is hexadecimal")?;
        Ok(Rulebook { typologies, definitions, texts, choices, version })
    }

    /// The first 16 digits of a digest over all of it.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The typologies.
    pub(crate) fn typologies(&self) -> &[Typology] {
        &self.typologies
    }

    /// A core under these rules.
    pub(crate) fn live(&self) -> anyhow::Result<Live> {
        let &Choices { ref time_zone, hold_permille, decimals, lateness_micros, .. } =
            &self.choices;
        let settings = LiveSettings {
            exponent: decimals,
            clock: time_zone.clock(),
            thresholds: Thresholds { hold_permille, ..Thresholds::default() },
            lateness: Span::from_micros(lateness_micros).context("a lateness is not negative")?,
        };
        Ok(Live::new(&self.definitions, &self.typologies, settings)?)
    }

    /// Keeps it in the data directory, so that what was said can be computed anew later.
    pub(crate) fn keep(&self, data: &Path) -> anyhow::Result<()> {
        let folder = folder_of(data, self.version);
        let choices = folder.join("choices.json");
        if choices.is_file() {
            return Ok(());
        }
        for (number, (name, text)) in self.texts.iter().enumerate() {
            // Their order is a part of what verdicts depend on.
            let name = format!("{number:02}-{name}");
            outputs::write_private(&folder.join("typologies").join(name), |file| {
                Ok(file.write_all(text.as_bytes())?)
            })?;
        }
        sync_folder(&folder.join("typologies"))?;
        let text = serde_json::to_string_pretty(&self.choices)?;
        // Written last: where it is, all is.
        outputs::write_private(&choices, |file| Ok(writeln!(file, "{text}")?))?;
        sync_folder(&folder)?;
        sync_folder(&data.join("rules"))?;
        Ok(())
    }

    /// The rules that verdicts of a version were given under.
    pub(crate) fn kept(data: &Path, version: u64) -> anyhow::Result<Rulebook> {
        let folder = folder_of(data, version);
        let told = || format!("cannot read the rules of version {version:016x}");
        let text = std::fs::read_to_string(folder.join("choices.json")).with_context(told)?;
        let choices: Choices = serde_json::from_str(&text).with_context(told)?;
        let rulebook = Rulebook::new(&library::files(Some(&folder.join("typologies")))?, choices)?;
        if rulebook.version != version {
            bail!(
                "the rules of version {version:016x} were changed, or are of another version of \
                 Shroff\nhint: put `{}` back, or use the program that it was",
                folder.display()
            );
        }
        Ok(rulebook)
    }
}

pub(crate) fn folder_of(data: &Path, version: u64) -> PathBuf {
    data.join("rules").join(format!("{version:016x}"))
}
