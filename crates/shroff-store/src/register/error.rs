//! What can go wrong with the register.

/// Why the register did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The database refused, or cannot be reached.
    #[error("cannot {doing}: {source}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The tables are not what this version of the program needs.
    #[error("cannot bring the tables of the register up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Another service writes to it.
    #[error("another service writes to the register")]
    InUse,
    /// What is kept there cannot be read.
    #[error("the register holds a {what} that cannot be read")]
    Kept {
        /// Which column or value.
        what: &'static str,
    },
    /// The tables have had a migration that this program does not know.
    #[error(
        "the register is of a newer version of Shroff: this one does not know migration {number}\n\
         hint: use that version, or a later one"
    )]
    Newer {
        /// Its number.
        number: i64,
    },
    /// A register that is to be filled has something in it.
    #[error(
        "the register is not empty: its table `{table}` has rows\nhint: name another database, or \
         another schema of it; nothing was changed"
    )]
    NotEmpty {
        /// The table.
        table: String,
    },
    /// Lines that are no copy of a register.
    #[error("the copy of the register cannot be read: line {line}: {what}")]
    NoCopy {
        /// Which line.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A copy cannot be written or read.
    #[error("the copy of the register cannot be written or read: {0}")]
    Copying(std::io::Error),
    /// The path is no text.
    #[error("the path of the register is no UTF-8")]
    Path,
}

/// Says what was being done when the database refused.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, RegisterError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, RegisterError> {
        self.map_err(|source| RegisterError::Sql { doing, source })
    }
}
