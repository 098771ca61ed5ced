//! The folder of a backup while it is written: each file once, under a name that has its digest.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use super::manifest::{self, Entry, Full, Manifest};
use super::sync_folder;
use crate::outputs;
use crate::progress::Bar;
use crate::serve::setup;

/// Says that a folder is one of backups, before there is a whole one in it; nobody else writes to it
/// while it is locked.
const LOCK: &str = "backup.lock";

/// A folder that a backup is written to.
pub(super) struct Store {
    folder: PathBuf,
    before: Option<Manifest>,
    pub(super) files: Vec<Entry>,
    /// Bytes that were written, of those of the files.
    pub(super) written: u64,
    done: u64,
    bar: Bar,
    _lock: File,
}

impl Store {
    /// A folder that is new, empty, or has a backup in it.
    pub(super) fn open(folder: &Path, total: u64) -> anyhow::Result<Store> {
        let shown = folder.display();
        let lock = folder.join(LOCK);
        if folder.exists() && !lock.exists() {
            let mut entries =
                std::fs::read_dir(folder).with_context(|| format!("cannot read `{shown}`"))?;
            if entries.next().is_some() {
                bail!("`{shown}` is not empty, and no backup\nhint: name a folder of its own");
            }
        }
        setup::make_private_folder(folder)?;
        let file = outputs::create_private(&lock)?;
        if file.try_lock().is_err() {
            bail!("another backup is being written to `{shown}`\nhint: wait for it");
        }
        let has_one = folder.join(manifest::FILE).exists();
        let before = if has_one { Some(Manifest::read(folder)?) } else { None };
        let bar = Bar::of_bytes("backup", Some(total));
        let folder = folder.to_owned();
        Ok(Store { folder, before, files: Vec::new(), written: 0, done: 0, bar, _lock: file })
    }

    /// The backup that was there before.
    pub(super) fn before(&self) -> Option<&Manifest> {
        self.before.as_ref()
    }

    /// Begins anew: what was written stays, and is not written again.
    pub(super) fn again(&mut self) {
        self.files.clear();
        self.done = 0;
    }

    fn has(&self, entry: &Entry) -> bool {
        let stored = std::fs::metadata(self.folder.join(entry.stored()));
        stored.is_ok_and(|stored| stored.len() == entry.bytes)
    }

    fn take(&mut self, entry: Entry) {
        self.done += entry.bytes;
        self.bar.at(self.done);
        self.files.push(entry);
    }

    /// Takes a full segment over from the backup before, where it is as it was.
    pub(super) fn take_over(&mut self, path: &str, bytes: u64, modified: &str) -> Option<u64> {
        let entry = self.before.as_ref()?.entry(path)?.clone();
        let next = entry.full.as_ref().filter(|full| full.modified == modified)?.next;
        if entry.bytes != bytes || !self.has(&entry) {
            return None;
        }
        self.take(entry);
        Some(next)
    }

    /// Keeps some bytes.
    pub(super) fn keep(
        &mut self,
        path: &str,
        bytes: &[u8],
        full: Option<Full>,
    ) -> anyhow::Result<()> {
        let (path, length) = (path.to_owned(), bytes.len() as u64);
        let entry = Entry { path, bytes: length, sha256: outputs::sha256(bytes), full };
        if !self.has(&entry) {
            let to = self.folder.join(entry.stored());
            outputs::write_private(&to, |file| Ok(file.write_all(bytes)?))?;
            self.written += length;
        }
        self.take(entry);
        Ok(())
    }

    /// Keeps a file that is written line by line.
    pub(super) fn writer(&self, path: &str) -> anyhow::Result<Written> {
        let partial = self.folder.join(format!("{path}.partial"));
        let out = BufWriter::new(outputs::create_private(&partial)?);
        Ok(Written { path: path.to_owned(), partial, out, sha: Sha256::new(), bytes: 0 })
    }

    /// Keeps what was written.
    pub(super) fn keep_written(&mut self, written: Written) -> anyhow::Result<()> {
        let Written { path, partial, out, sha, bytes } = written;
        let told = || format!("cannot write `{}`", partial.display());
        let file = out.into_inner().map_err(io::IntoInnerError::into_error).with_context(told)?;
        file.sync_all().with_context(told)?;
        let sha256 = outputs::hexadecimal(&sha.finalize());
        let entry = Entry { path, bytes, sha256, full: None };
        if !self.has(&entry) {
            self.written += bytes;
        }
        std::fs::rename(&partial, self.folder.join(entry.stored())).with_context(told)?;
        self.take(entry);
        Ok(())
    }

    /// Puts the new backup into the place of the one before, and removes what only that one had.
    pub(super) fn finish(self, manifest: &Manifest) -> anyhow::Result<()> {
        let stored: BTreeSet<PathBuf> =
            manifest.files.iter().map(|entry| self.folder.join(entry.stored())).collect();
        let folders: BTreeSet<&Path> = stored.iter().filter_map(|path| path.parent()).collect();
        for folder in folders {
            for above in folder.ancestors().take_while(|above| above.starts_with(&self.folder)) {
                sync_folder(above)?;
            }
        }
        manifest.write(&self.folder)?;
        remove_others(&self.folder, &stored)?;
        self.bar.done();
        Ok(())
    }
}

/// Removes the files of backups before, known by their names.
fn remove_others(folder: &Path, stored: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
    let told = || format!("cannot read `{}`", folder.display());
    for entry in std::fs::read_dir(folder).with_context(told)? {
        let path = entry.with_context(told)?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_others(&path, stored)?;
            // One that is empty now is of no use; any other stays.
            std::fs::remove_dir(&path).unwrap_or_default();
        } else if !stored.contains(&path) && is_ours(&path) {
            outputs::remove_if_there(&path)?;
        }
    }
    Ok(())
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digest = name.rsplit_once('.').map_or("", |(_, digest)| digest);
    digest == "partial" || (digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A file that is being written, and its digest.
pub(super) struct Written {
    path: String,
    partial: PathBuf,
    out: BufWriter<File>,
    sha: Sha256,
    bytes: u64,
}

impl Written {
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        for bytes in [line.as_bytes(), b"\n"] {
            self.sha.update(bytes);
            self.out.write_all(bytes)?;
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }
}

/// Reads a stored file through, and says whether it is what was written; `each` gets its bytes.
pub(super) fn read_through(
    folder: &Path,
    entry: &Entry,
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> anyhow::Result<()> {
    let path = folder.join(entry.stored());
    let shown = path.display();
    let told = || format!("cannot read `{shown}`");
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("the backup is damaged: `{shown}` is not there\nhint: {ANOTHER}")
        }
        opened => opened.with_context(told)?,
    };
    let (mut sha, mut bytes, mut length) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let count = match file.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).with_context(told),
        };
        length += count as u64;
        if length > entry.bytes {
            break;
        }
        sha.update(&bytes[..count]);
        each(&bytes[..count])?;
    }
    if length != entry.bytes || outputs::hexadecimal(&sha.finalize()) != entry.sha256 {
        bail!("the backup is damaged: `{shown}` is not what was written\nhint: {ANOTHER}");
    }
    Ok(())
}

const ANOTHER: &str =
    "remove that file and make the backup again while the service is there; else use another";
