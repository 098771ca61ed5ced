//! The tables, as a list of files that each run once, in order.
//!
//! A file that was released is never changed: what comes later is another file, at the end.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, SqlSafeStr};

use super::error::RegisterError;

const ALL: &[(i64, &str, &str)] = &[
    (1, "register", include_str!("migrations/0001_register.sql")),
    (10, "users", include_str!("migrations/0010_users.sql")),
    (20, "webhooks", include_str!("migrations/0020_webhooks.sql")),
];

/// Brings the tables up to date.
pub(super) async fn run(writer: &AnyPool) -> Result<(), RegisterError> {
    let migration = |&(number, name, sql): &(i64, &'static str, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(number, Cow::Borrowed(name), kind, sql.into_sql_str(), false)
    };
    let migrator = Migrator::with_migrations(ALL.iter().map(migration).collect());
    Ok(migrator.run(writer).await?)
}
