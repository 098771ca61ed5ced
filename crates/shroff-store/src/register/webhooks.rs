//! Endpoints of webhooks: who is told of what. Each change is an entry of the audit trail.

use std::collections::{BTreeMap, BTreeSet};

use shroff_types::Timestamp;
use sqlx::any::AnyRow;

use super::Register;
use super::audit::{AuditEntry, append};
use super::error::{Doing, RegisterError};
use super::events::EventKind;
use super::sql::{Sql, column};

const DOING: &str = "keep webhooks";

/// Somebody who is told of what changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its number.
    pub number: i64,
    /// Where it is told.
    pub url: String,
    /// What people call it.
    pub name: String,
    /// Of what.
    pub events: BTreeSet<EventKind>,
    /// What its secret is made of, beside a key that is not here.
    pub salt: String,
    /// The beginning of the SHA-256 of the secret.
    pub mark: String,
    /// The salt before, and until when it is still signed with.
    pub former: Option<(String, Timestamp)>,
    /// Why nothing is sent; none where it is.
    pub disabled: Option<String>,
    /// Until when all wait, because nobody answered there.
    pub paused_until: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// How often it was changed, and one.
    pub version: u64,
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookChanged {
    /// It is done.
    Done,
    /// There is no such endpoint.
    Gone,
    /// It was changed since the version that was meant: this is its version now.
    Stale(u64),
}

/// How many messages of an endpoint stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// To be sent.
    pub waiting: u64,
    /// Given up.
    pub dead: u64,
}

/// The id of an endpoint, as it is told.
pub(super) fn webhook_id(number: i64) -> String {
    format!("webhook-{number}")
}

/// The kinds of events of a list. A kind that this program does not know is told by no program.
pub(super) fn kinds(text: &str) -> BTreeSet<EventKind> {
    text.split(',').filter_map(EventKind::from_name).collect()
}

fn names(kinds: &BTreeSet<EventKind>) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<&str>>().join(",")
}

impl WebhookRow {
    /// Its id, as it is told.
    pub fn id(&self) -> String {
        webhook_id(self.number)
    }

    /// The number of an id.
    pub fn number_of(id: &str) -> Option<i64> {
        let number = id.strip_prefix("webhook-")?.parse().ok()?;
        // A number has other spellings (`07`); an id has one.
        (webhook_id(number) == id).then_some(number)
    }
}

impl Register {
    /// All endpoints.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn webhooks(&self) -> Result<Vec<WebhookRow>, RegisterError> {
        let sql = Sql::new("SELECT * FROM webhooks ORDER BY number");
        sql.rows(&self.reader, DOING).await?.iter().map(read).collect()
    }

    /// An endpoint; none where there is none.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn webhook(&self, number: i64) -> Result<Option<WebhookRow>, RegisterError> {
        let mut sql = Sql::new("SELECT * FROM webhooks WHERE number = ");
        sql.value(number);
        sql.row(&self.reader, DOING).await?.map(|row| read(&row)).transpose()
    }

    /// How many messages of each endpoint wait, and how many were given up.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn webhooks_waiting(&self) -> Result<BTreeMap<i64, Waiting>, RegisterError> {
        let sql = Sql::new(
            "SELECT endpoint, state, COUNT(*) AS held FROM webhook_deliveries WHERE state <> \
             'delivered' GROUP BY endpoint, state",
        );
        let mut all: BTreeMap<i64, Waiting> = BTreeMap::new();
        for row in sql.rows(&self.reader, DOING).await? {
            let one = all.entry(column(&row, "endpoint")?).or_default();
            let held = super::find::count(&row, "held")?;
            match column::<String>(&row, "state")?.as_str() {
                "waiting" => one.waiting = held,
                _ => one.dead = held,
            }
        }
        Ok(all)
    }

    /// Adds an endpoint, whose number is the next one; none where there are `most`.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn add_webhook(
        &self,
        webhook: &WebhookRow,
        most: i64,
        entry: AuditEntry<'_>,
    ) -> Result<Option<WebhookRow>, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let sql = Sql::new("SELECT COUNT(*) AS held FROM webhooks");
        let held = sql.row(&mut *work, DOING).await?.map_or(Ok(0), |row| column(&row, "held"))?;
        if most <= held {
            return Ok(None);
        }
        // A number is of one endpoint for ever: the trail speaks of those that are gone.
        let mut sql = Sql::new("SELECT value FROM meta WHERE name = ");
        sql.value("webhooks");
        let last = sql.row(&mut *work, DOING).await?;
        let last = last.map(|row| column::<String>(&row, "value")).transpose()?;
        let last: i64 = last
            .map_or(Ok(0), |text| text.parse())
            .map_err(|_| RegisterError::Kept { what: "number of webhooks" })?;
        let webhook = WebhookRow { number: last + 1, ..webhook.clone() };
        let mut sql = Sql::new("INSERT INTO meta (name, value) VALUES (");
        sql.values(["webhooks".to_owned(), webhook.number.to_string()]);
        sql.text(") ON CONFLICT (name) DO UPDATE SET value = excluded.value");
        sql.run(&mut *work, DOING).await?;
        let mut sql = Sql::new(
            "INSERT INTO webhooks (number, url, name, events, salt, mark, paused_until, created_at, \
             created_by) VALUES (",
        );
        sql.value(webhook.number).text(", ");
        let WebhookRow { url, name, salt, mark, .. } = &webhook;
        sql.values([url, name, &names(&webhook.events), salt, mark].map(String::clone));
        sql.text(", 0, ").value(webhook.created_at.0).text(", ");
        sql.value(webhook.created_by.clone()).text(")");
        sql.run(&mut *work, DOING).await?;
        append(&mut work, AuditEntry { object: &webhook.id(), ..entry }).await?;
        work.commit().await.doing(DOING)?;
        Ok(Some(webhook))
    }

    /// Changes an endpoint, whose version is that of what was read.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn change_webhook(
        &self,
        webhook: &WebhookRow,
        entry: AuditEntry<'_>,
    ) -> Result<WebhookChanged, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let version = i64::try_from(webhook.version).unwrap_or(i64::MAX);
        let WebhookRow { url, name, salt, mark, former, disabled, .. } = webhook;
        let mut sql = Sql::new("UPDATE webhooks SET url = ");
        sql.value(url.clone()).text(", name = ").value(name.clone()).text(", events = ");
        sql.value(names(&webhook.events)).text(", salt = ").value(salt.clone());
        sql.text(", mark = ").value(mark.clone()).text(", former_salt = ");
        sql.value(former.as_ref().map(|(salt, _)| salt.clone())).text(", former_until = ");
        sql.value(former.as_ref().map(|(_, until)| until.0)).text(", disabled = ");
        sql.value(disabled.clone());
        sql.text(", paused_until = 0, version = version + 1 WHERE number = ");
        sql.value(webhook.number).text(" AND version = ").value(version);
        if sql.run(&mut *work, DOING).await? == 0 {
            let mut sql = Sql::new("SELECT version FROM webhooks WHERE number = ");
            sql.value(webhook.number);
            let held = sql.row(&mut *work, DOING).await?;
            return held.map_or(Ok(WebhookChanged::Gone), |row| {
                Ok(WebhookChanged::Stale(super::find::count(&row, "version")?))
            });
        }
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)?;
        Ok(WebhookChanged::Done)
    }

    /// Takes an endpoint away, with what it was to be told; false where it is gone.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn delete_webhook(
        &self,
        number: i64,
        entry: AuditEntry<'_>,
    ) -> Result<bool, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        for (statement, is_it) in [
            ("DELETE FROM webhook_deliveries WHERE endpoint = ", false),
            ("DELETE FROM webhooks WHERE number = ", true),
        ] {
            let mut sql = Sql::new(statement);
            sql.value(number);
            if sql.run(&mut *work, DOING).await? == 0 && is_it {
                return Ok(false);
            }
        }
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)?;
        Ok(true)
    }
}

fn read(row: &AnyRow) -> Result<WebhookRow, RegisterError> {
    let salt: Option<String> = column(row, "former_salt")?;
    let until: Option<i64> = column(row, "former_until")?;
    Ok(WebhookRow {
        number: column(row, "number")?,
        url: column(row, "url")?,
        name: column(row, "name")?,
        events: kinds(&column::<String>(row, "events")?),
        salt: column(row, "salt")?,
        mark: column(row, "mark")?,
        former: salt.zip(until.map(Timestamp)),
        disabled: column(row, "disabled")?,
        paused_until: Timestamp(column(row, "paused_until")?),
        created_at: Timestamp(column(row, "created_at")?),
        created_by: column(row, "created_by")?,
        version: super::find::count(row, "version")?,
    })
}
