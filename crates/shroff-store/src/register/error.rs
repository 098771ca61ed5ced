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
