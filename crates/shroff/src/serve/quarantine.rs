//! Messages that could not be read, with their bytes and the reason: for whoever sent them to look at.
//!
//! The folder is its owner's alone, and bounded: beyond its bound nothing more is kept, and nothing
//! that is kept is lost.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::{Digest, Sha256};
use shroff_types::Timestamp;

/// The most messages that are kept.
const MOST_MESSAGES: usize = 1_000;
/// The most bytes of them all.
const MOST_BYTES: u64 = 256 << 20;

/// The folder.
#[derive(Debug)]
pub(crate) struct Quarantine {
    folder: PathBuf,
    /// One at a time, so that the bound holds.
    turn: Mutex<()>,
}

impl Quarantine {
    pub(crate) fn at(folder: PathBuf) -> Quarantine {
        Quarantine { folder, turn: Mutex::new(()) }
    }

    /// Keeps a message; the name that it is kept under, or none where there is no room.
    pub(crate) fn keep(
        &self,
        bytes: &[u8],
        reason: &str,
        received: Timestamp,
    ) -> std::io::Result<Option<String>> {
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let digest = Sha256::digest(bytes);
        let name = digest[..16].iter().fold(String::new(), |mut name, byte| {
            // Writing to a text cannot fail.
            write!(name, "{byte:02x}").unwrap_or_default();
            name
        });
        private_folder(&self.folder)?;
        let message = self.folder.join(format!("{name}.message"));
        if message.exists() {
            return Ok(Some(name));
        }
        let (mut count, mut total) = (0, 0);
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            count += usize::from(entry.path().extension().is_some_and(|e| e == "message"));
            total += entry.metadata()?.len();
        }
        if count >= MOST_MESSAGES || total + bytes.len() as u64 > MOST_BYTES {
            return Ok(None);
        }
        let why = serde_json::json!({ "reason": reason, "received": received.to_string() });
        write_private(&self.folder.join(format!("{name}.json")), why.to_string().as_bytes())?;
        write_private(&message, bytes)?;
        Ok(Some(name))
    }
}

fn private_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(bytes)
}
