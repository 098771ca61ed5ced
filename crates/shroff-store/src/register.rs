//! The register: alerts, cases, holds and the audit trail, in SQLite or PostgreSQL.
//!
//! One type for both: what is asked of them is SQL that both mean the same by. There is one
//! connection that writes, so that writes are one after the other and the audit trail is one chain;
//! others read beside it. No clock is read here: whoever asks says what time it is.

mod alerts;
mod audit;
mod cases;
mod copy;
mod error;
mod events;
mod find;
mod holds;
mod life;
mod migrations;
mod money;
mod outbox;
mod overview;
mod sql;
mod users;
mod webhooks;

use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Executor};

pub use self::alerts::{AlertChange, Evidence, RevisionRow, RuleShare, Sum, Watermark};
pub use self::audit::{AuditEntry, AuditFault, AuditFilter, AuditHead, AuditRow, Chain};
pub use self::cases::{
    By, CaseError, CaseFilter, CaseRow, Command, Decision, LogRow, Outcome, Shown, ShownAlert,
    case_id, case_number,
};
pub use self::copy::Copied;
pub use self::error::RegisterError;
pub use self::events::EventKind;
pub use self::find::{AlertFilter, AlertPage, AlertRow, AlertSort, Behind, WholeAlert};
pub use self::holds::{Ending, HoldAnswer, HoldEnd, HoldRow, NewHold};
pub use self::life::{CaseState, CommandKind};
pub use self::outbox::{Attempted, DeliveryFilter, DeliveryRow, DeliveryState, Kept, Wording};
pub use self::overview::{Burden, Counted, OpenCounts, TypologyCount};
pub use self::users::{InvitationRow, SessionRow, UserRow};
pub use self::webhooks::{Waiting, WebhookChanged, WebhookRow};

use self::error::Doing;

/// Connections that read.
const READERS: u32 = 4;
/// How long somebody waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a service on PostgreSQL takes for itself as long as it is connected: one service writes.
/// It waits a little for one that has just ended.
const TAKE: [&str; 3] = [
    "SET lock_timeout = '5s'",
    "SELECT pg_advisory_lock(1936224870, hashtext(current_schema()))::text AS held",
    "RESET lock_timeout",
];
/// What PostgreSQL says where another one has it.
const NOT_AVAILABLE: &str = "55P03";

/// The register. A copy is another handle to the same one.
#[derive(Debug, Clone)]
pub struct Register {
    writer: AnyPool,
    reader: AnyPool,
    /// How others are told of what changes; none where nobody is.
    wording: Option<Wording>,
}

impl Register {
    /// Opens the SQLite file at a path, and makes it where there is none.
    ///
    /// # Errors
    /// Where it cannot be opened, or is of a newer version of the program.
    pub async fn sqlite(path: &Path) -> Result<Register, RegisterError> {
        Register::open(&sqlite_url(path, "rwc")?).await
    }

    /// Opens what a URL names to write to it: `postgres://...`, or `sqlite://...`.
    ///
    /// # Errors
    /// Where it cannot be opened, is of a newer version of the program, or is a PostgreSQL that
    /// another service writes to.
    pub async fn open(url: &str) -> Result<Register, RegisterError> {
        if !url.starts_with("sqlite:") {
            must_be_free(url).await?;
        }
        let register = Register::connect_to(url, true).await?;
        migrations::run(&register.writer).await?;
        Ok(register)
    }

    /// Opens the SQLite file at a path to read it, and changes nothing: of a register that a service
    /// may be using.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn look_at(path: &Path) -> Result<Register, RegisterError> {
        Register::connect(&sqlite_url(path, "ro")?).await
    }

    /// Opens the SQLite file at a path without making tables, so that a copy can make its own.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub async fn blank(path: &Path) -> Result<Register, RegisterError> {
        Register::connect(&sqlite_url(path, "rwc")?).await
    }

    /// The same without migrations, to look at one that a service may be using.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub async fn connect(url: &str) -> Result<Register, RegisterError> {
        Register::connect_to(url, false).await
    }

    async fn connect_to(url: &str, is_taken: bool) -> Result<Register, RegisterError> {
        sqlx::any::install_default_drivers();
        let options: AnyConnectOptions = url.parse().doing("read the URL of the register")?;
        // The program writes its own log, and values have no place in it.
        let options = options.disable_statement_logging();
        // A decision that was answered is on the disk.
        let first: &'static [&'static str] = match url {
            _ if !url.starts_with("sqlite:") || url.contains("mode=ro") => &[],
            _ => &["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"],
        };
        // Each connection that writes takes the register, also the one after a connection that broke.
        let taking: &'static [&'static str] =
            if is_taken && !url.starts_with("sqlite:") { &TAKE } else { first };
        let pool = |most: u32, first: &'static [&'static str]| {
            let options = AnyPoolOptions::new().max_connections(most).acquire_timeout(PATIENCE);
            options.after_connect(move |connection, _| Box::pin(prepare(connection, first)))
        };
        let writer =
            pool(1, taking).connect_with(options.clone()).await.doing("open the register")?;
        let reader = pool(READERS, first).connect_with(options).await.doing("open the register")?;
        Ok(Register { writer, reader, wording: None })
    }

    /// The same register, which tells its webhooks of what changes, in these words.
    #[must_use]
    pub fn telling(self, wording: Wording) -> Register {
        Register { wording: Some(wording), ..self }
    }

    /// Lets all connections go, once what is under way is done.
    pub async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
    }
}

/// Says clearly where another service writes to a PostgreSQL.
async fn must_be_free(url: &str) -> Result<(), RegisterError> {
    const DOING: &str = "open the register";
    sqlx::any::install_default_drivers();
    let options: AnyConnectOptions = url.parse().doing("read the URL of the register")?;
    let options = options.disable_statement_logging();
    let mut connection = AnyConnection::connect_with(&options).await.doing(DOING)?;
    let taken = prepare(&mut connection, &TAKE).await;
    // What it took ends with it.
    connection.close().await.doing(DOING)?;
    match taken {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NOT_AVAILABLE) => {
            Err(RegisterError::InUse)
        }
        taken => taken.doing(DOING),
    }
}

async fn prepare(
    connection: &mut AnyConnection,
    first: &[&'static str],
) -> Result<(), sqlx::Error> {
    for statement in first {
        connection.execute(*statement).await?;
    }
    Ok(())
}

/// What amounts of all currencies are sorted and chosen by: ten-thousandths of a whole unit, rounded
/// down; the largest there is where it would be larger.
pub fn amount_rank(amount: shroff_types::Decimal) -> i64 {
    money::rank(amount)
}

fn sqlite_url(path: &Path, mode: &str) -> Result<String, RegisterError> {
    let text = path.to_str().ok_or(RegisterError::Path)?;
    // What means something in a URL.
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '%' => escaped.push_str("%25"),
            '?' => escaped.push_str("%3F"),
            '#' => escaped.push_str("%23"),
            ' ' => escaped.push_str("%20"),
            other => escaped.push(other),
        }
    }
    Ok(format!("sqlite://{escaped}?mode={mode}"))
}
