//! Why the log cannot go on.

use std::io;

/// What went wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refused. Nothing that was acknowledged is lost.
    #[error("cannot {what} `{file}`: {source}\nhint: {hint}")]
    Disk {
        /// What was asked of it.
        what: &'static str,
        /// Of which file.
        file: String,
        /// What to do.
        hint: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// Bytes that were durable are not what was written.
    #[error(
        "the log is damaged: `{file}` at byte {offset}: {what}\nhint: nothing was changed; put the \
         file back from a copy, or move the folder away to begin a new log"
    )]
    Damaged {
        /// The file.
        file: String,
        /// Where in it.
        offset: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// A sync failed before: what the disk holds of the last payments is not known.
    #[error(
        "the log takes nothing more: {0}\nhint: see to the disk and start again; what was \
         acknowledged is kept"
    )]
    Poisoned(String),
    /// More than a frame holds.
    #[error("{bytes} bytes are more than a frame of the log holds\nhint: send fewer at once")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
}

impl StoreError {
    /// Whether the log goes on as if nothing had been asked of it.
    pub fn is_passing(&self) -> bool {
        matches!(self, StoreError::Disk { what: "write", .. } | StoreError::TooLarge { .. })
    }
}
