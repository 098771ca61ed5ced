//! The files that a command reads: names and patterns resolved, standard input copied, digests.
#![expect(clippy::disallowed_methods, reason = "the binary is where files are opened")]

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use shroff_ingest::{ReadSeek, ReadWriteSeek, Source, Spill};

use crate::{outputs, terminal};

/// A file, or standard input copied to a temporary one, so that it can be read twice.
#[derive(Debug)]
pub(crate) struct Input {
    name: String,
    place: Place,
    size: u64,
}

#[derive(Debug)]
enum Place {
    Path(PathBuf),
    Copy(File),
}

impl Input {
    fn file(&self) -> io::Result<File> {
        match &self.place {
            Place::Path(path) => File::open(path),
            Place::Copy(file) => {
                let mut copy = file.try_clone()?;
                copy.seek(SeekFrom::Start(0))?;
                Ok(copy)
            }
        }
    }
}

impl Source for Input {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.file()?))
    }

    fn seekable(&self) -> io::Result<Option<Box<dyn ReadSeek>>> {
        Ok(Some(Box::new(self.file()?)))
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }
}

/// Temporary files that are gone when they are closed, however the program ends.
#[derive(Debug)]
pub(crate) struct TemporaryFiles;

impl Spill for TemporaryFiles {
    fn create(&mut self) -> io::Result<Box<dyn ReadWriteSeek>> {
        Ok(Box::new(tempfile::tempfile()?))
    }
}

/// Opens what the words of a command line mean: files, patterns, `-` for standard input.
///
/// An AMLSim file of payments brings the `nodes.csv` beside it along: its labels are there.
pub(crate) fn open(words: &[String]) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    let mut paths = Vec::new();
    for word in words {
        if word == "-" {
            inputs.push(standard_input()?);
            continue;
        }
        for path in resolve(word)? {
            inputs.push(file_input(&path)?);
            paths.push(path);
        }
    }
    for path in &paths {
        let labels = path.with_file_name("nodes.csv");
        if is_amlsim(path) && labels.is_file() && !paths.contains(&labels) {
            terminal::note(format_args!("labels of accounts are in {}", labels.display()));
            inputs.push(file_input(&labels)?);
        }
    }
    Ok(inputs)
}

/// Whether a file begins as AMLSim's files of payments do.
fn is_amlsim(path: &Path) -> bool {
    const HEADER: &[u8] = b"sourceNodeId,targetNodeId,value,time";
    let mut head = [0; HEADER.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *HEADER
}

fn resolve(word: &str) -> anyhow::Result<Vec<PathBuf>> {
    let path = PathBuf::from(word);
    if path.exists() || !word.contains(['*', '?', '[']) {
        return Ok(vec![path]);
    }
    let found = glob::glob(word).with_context(|| format!("`{word}` is no pattern"))?;
    // Sorted by name, as glob gives them: the order is part of the result.
    let paths = found.collect::<Result<Vec<_>, _>>()?;
    if paths.is_empty() {
        bail!(
            "no file matches `{word}`\nhint: the shell's quotes keep a pattern as it is; is the folder right?"
        );
    }
    Ok(paths)
}

fn file_input(path: &Path) -> anyhow::Result<Input> {
    let name = path.display().to_string();
    let facts = match std::fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("there is no file `{name}`\nhint: {}", near(path));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot look at `{name}`")),
    };
    if facts.is_dir() {
        bail!("`{name}` is a folder\nhint: name its files, as in '{name}/*.csv'");
    }
    File::open(path).with_context(|| format!("cannot read `{name}`"))?;
    Ok(Input { name, place: Place::Path(path.to_owned()), size: facts.len() })
}

/// The folders in a folder, by name; none where it is not there.
pub(crate) fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// What there is instead of a file that is missing.
fn near(path: &Path) -> String {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("there is no folder `{}` either", folder.display());
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.truncate(8);
    if names.is_empty() {
        return format!("the folder `{}` has no files", folder.display());
    }
    format!("the folder `{}` has {}", folder.display(), names.join(", "))
}

fn standard_input() -> anyhow::Result<Input> {
    let mut copy = tempfile::tempfile().context("cannot make a temporary file")?;
    let size = io::copy(&mut io::stdin().lock(), &mut copy)
        .context("cannot copy standard input to a temporary file")?;
    copy.flush()?;
    Ok(Input { name: "standard input".to_owned(), place: Place::Copy(copy), size })
}

/// What the bytes of all inputs come to.
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    /// SHA-256 of each input, in hexadecimal, as `sha256sum` prints it.
    pub(crate) inputs: Vec<String>,
    /// A secret that only who has all the bytes can compute; it is written nowhere.
    pub(crate) secret: [u8; 32],
}

/// Reads all inputs once for their digests.
pub(crate) fn digests(inputs: &[Input]) -> anyhow::Result<Digests> {
    let mut secret = Hmac::<Sha256>::new_from_slice(b"shroff: account tokens, version 1")
        .expect("HMAC takes a key of any length");
    let mut buffer = vec![0; 1 << 18];
    let mut found = Vec::new();
    for input in inputs {
        let mut digest = Sha256::new();
        let mut file = input.file().with_context(|| format!("cannot read `{}`", input.name))?;
        loop {
            let count =
                file.read(&mut buffer).with_context(|| format!("cannot read `{}`", input.name))?;
            if count == 0 {
                break;
            }
            digest.update(&buffer[..count]);
            secret.update(&buffer[..count]);
        }
        found.push(outputs::hexadecimal(&digest.finalize()));
    }
    Ok(Digests { inputs: found, secret: secret.finalize().into_bytes().into() })
}

/// Opens a file of our own.
pub(crate) fn file(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// The text of a settings file.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            anyhow!("there is no file `{}`\nhint: {}", path.display(), near(path))
        }
        _ => anyhow!("cannot read `{}`: {error}", path.display()),
    })
}
