//! What is in a backup: its files with their digests, and of which log and register they are.

use std::io::Write;
use std::path::{Component, Path};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{inputs, outputs};

/// Its name in the folder of a backup.
pub(super) const FILE: &str = "manifest.json";
/// The form of a backup.
const FORM: u32 = 1;
/// More than a manifest of 2^32 payments has.
const MOST_BYTES: u64 = 256 << 20;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Its name in the data folder.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// When the original was changed last, and how long it was then: of a segment that is full,
    /// so that it is not read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) full: Option<Full>,
}

/// By what a full segment is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Full {
    /// Nanoseconds since 1970, as text: a number of JSON has not room for them everywhere.
    pub(super) modified: String,
    /// The number of the record after its last.
    pub(super) next: u64,
}

/// How far a log goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reached {
    /// The salt of the log: which log it is.
    pub(super) log: String,
    /// Payments in it.
    pub(super) payments: u64,
    /// Those of which the verdict is in it; of the others it is computed by the next start.
    pub(super) verdicts: u64,
}

/// The register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registered {
    /// Payments that it knows.
    pub(super) payments: u64,
    pub(super) rows: u64,
    /// Entries of the audit trail, and the hash of the last.
    pub(super) audit_entries: u64,
    pub(super) audit_hash: Option<String>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) form: u32,
    /// The version of the program that made it.
    pub(super) program: String,
    pub(super) made: String,
    pub(super) reached: Reached,
    pub(super) register: Registered,
    /// What the key of tokens is known by.
    pub(super) token_key: Option<String>,
    /// Whether the secret keys are in it.
    pub(super) has_keys: bool,
    pub(super) files: Vec<Entry>,
}

/// A manifest with its own digest, so that a change of it is seen.
#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: String,
    manifest: Box<RawValue>,
}

impl Entry {
    /// Where it lies in the backup. A name is written once and its bytes never change, so that a run
    /// that is interrupted spoils nothing of the backup before.
    pub(super) fn stored(&self) -> String {
        format!("{}.{}", self.path, self.sha256.get(..16).unwrap_or_default())
    }

    /// Whether its name leads nowhere but into the folder, and its digest is one.
    fn is_sound(&self) -> bool {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let path = Path::new(&self.path);
        !self.path.is_empty()
            && !self.path.contains('\\')
            && path.components().all(|part| matches!(part, Component::Normal(_)))
            && self.sha256.len() == 64
            && self.sha256.bytes().all(is_hex)
    }
}

impl Manifest {
    pub(super) fn new(reached: Reached, register: Registered, files: Vec<Entry>) -> Manifest {
        Manifest {
            form: FORM,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made: crate::settings::wall().to_string(),
            reached,
            register,
            token_key: None,
            has_keys: false,
            files,
        }
    }

    /// That of a folder.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Manifest> {
        let path = folder.join(FILE);
        let shown = path.display();
        if !path.is_file() {
            bail!("`{}` is no backup\nhint: there is no `{FILE}` in it", folder.display());
        }
        let told = || format!("cannot read `{shown}`");
        if std::fs::metadata(&path).with_context(told)?.len() > MOST_BYTES {
            bail!("`{shown}` is too large to be a manifest");
        }
        let sealed: Sealed = serde_json::from_str(&inputs::text(&path)?)
            .with_context(|| format!("`{shown}` is no manifest of a backup"))?;
        let text = sealed.manifest.get();
        if outputs::sha256(text.as_bytes()) != sealed.sha256 {
            bail!("`{shown}` is damaged: it is not what was written\nhint: use another backup");
        }
        let form: Form = serde_json::from_str(text)
            .with_context(|| format!("`{shown}` is no manifest of a backup"))?;
        if form.form != FORM {
            bail!(
                "`{shown}` is of a newer version of Shroff\nhint: use that version, or a later one"
            );
        }
        let manifest: Manifest = serde_json::from_str(text)
            .with_context(|| format!("`{shown}` is no manifest of a backup"))?;
        if let Some(entry) = manifest.files.iter().find(|entry| !entry.is_sound()) {
            bail!(
                "`{shown}` names a file that is none of a backup: `{}`",
                entry.path.escape_debug()
            );
        }
        Ok(manifest)
    }

    /// Puts it into the place of the one before, once all that it names is durable.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string(self)?;
        let sha256 = outputs::sha256(text.as_bytes());
        let sealed = Sealed { sha256, manifest: RawValue::from_string(text)? };
        outputs::write_private(&folder.join(FILE), |file| {
            Ok(writeln!(file, "{}", serde_json::to_string(&sealed)?)?)
        })?;
        super::sync_folder(folder)?;
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }

    pub(super) fn entry(&self, path: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.path == path)
    }
}

#[derive(Deserialize)]
struct Form {
    form: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str) -> Manifest {
        let reached = Reached { log: "1".to_owned(), payments: 5, verdicts: 4 };
        let register = Registered { payments: 3, rows: 2, audit_entries: 1, audit_hash: None };
        let sha256 = outputs::sha256(b"");
        let file = Entry { path: path.to_owned(), bytes: 0, sha256, full: None };
        Manifest::new(reached, register, vec![file])
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_any_change_of_it_is_seen() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let kept = manifest("payments/00000000000000000000.log");
        kept.write(folder.path()).expect("it is written");
        assert_eq!(Manifest::read(folder.path()).expect("it is whole"), kept);
        let path = folder.path().join(FILE);
        let text = inputs::text(&path).expect("it is there");
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            outputs::write_private(&path, |file| Ok(file.write_all(&bytes)?)).expect("a file");
            if let Ok(read) = Manifest::read(folder.path()) {
                // What is around it may be written in several ways.
                assert_eq!(read, kept, "byte {at}");
            }
        }
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().expect("a folder of our own");
        for path in ["../x", "/etc/x", "a/../../x", "", "./x", "a\\..\\x"] {
            manifest(path).write(folder.path()).expect("it is written");
            let refused = Manifest::read(folder.path()).expect_err(path).to_string();
            assert!(refused.contains("none of a backup"), "{path}: {refused}");
        }
    }
}
