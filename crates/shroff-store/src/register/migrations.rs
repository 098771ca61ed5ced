//! The tables, as a list of files that each run once, in order.
//!
//! A file that was released is never changed: what comes later is another file, at the end.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, SqlSafeStr};

use super::error::{Doing, RegisterError};
use super::sql::{Sql, column};

const ALL: &[(i64, &str, &str)] = &[
    (1, "register", include_str!("migrations/0001_register.sql")),
    (10, "users", include_str!("migrations/0010_users.sql")),
    (20, "webhooks", include_str!("migrations/0020_webhooks.sql")),
    (40, "lists", include_str!("migrations/0040_lists.sql")),
    (60, "overview", include_str!("migrations/0060_overview.sql")),
    (70, "webhook versions", include_str!("migrations/0070_webhook_versions.sql")),
    (80, "choose", include_str!("migrations/0080_choose.sql")),
];

/// Brings the tables up to date.
///
/// Who may not make tables can still work with those that are there.
pub(super) async fn run(writer: &AnyPool) -> Result<(), RegisterError> {
    let mut connection = writer.acquire().await.doing("open the register")?;
    // Where there are no tables yet, this is refused.
    let done = done(&mut connection).await.unwrap_or_default();
    drop(connection);
    if done.iter().copied().eq(ALL.iter().map(|(number, ..)| *number)) {
        return Ok(());
    }
    Ok(migrator(|_| true).run(writer).await?)
}

/// Makes the tables as some migrations left them.
pub(super) async fn run_those(writer: &AnyPool, numbers: &[i64]) -> Result<(), RegisterError> {
    must_be_known(numbers)?;
    Ok(migrator(|number| numbers.contains(&number)).run(writer).await?)
}

/// The same on one connection.
pub(super) async fn run_those_on(
    connection: &mut AnyConnection,
    numbers: &[i64],
) -> Result<(), RegisterError> {
    must_be_known(numbers)?;
    Ok(migrator(|number| numbers.contains(&number)).run(connection).await?)
}

/// Those that a register has had.
pub(super) async fn done(on: &mut AnyConnection) -> Result<Vec<i64>, RegisterError> {
    let sql = Sql::new("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version");
    let rows = sql.rows(on, "find out which tables there are").await?;
    rows.iter().map(|row| column(row, "version")).collect()
}

fn must_be_known(numbers: &[i64]) -> Result<(), RegisterError> {
    match numbers.iter().find(|&&number| ALL.iter().all(|(known, ..)| *known != number)) {
        Some(&number) => Err(RegisterError::Newer { number }),
        None => Ok(()),
    }
}

fn migrator(is_wanted: impl Fn(i64) -> bool) -> Migrator {
    let migration = |&(number, name, sql): &(i64, &'static str, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(number, Cow::Borrowed(name), kind, sql.into_sql_str(), false)
    };
    let wanted = ALL.iter().filter(|(number, ..)| is_wanted(*number));
    Migrator::with_migrations(wanted.map(migration).collect())
}
