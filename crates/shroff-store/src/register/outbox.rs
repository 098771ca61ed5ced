//! What others are still to be told. It is written in the unit of work of the change itself, so that
//! a kill neither loses a message nor makes one up; whoever sends notes here what came of it.

use std::collections::BTreeSet;

use shroff_types::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Register;
use super::audit::{AuditEntry, append};
use super::cases::CaseRow;
use super::error::{Doing, RegisterError};
use super::events::EventKind;
use super::find::AlertRow;
use super::holds::HoldRow;
use super::sql::{Insert, Sql, column};

const DOING: &str = "write to the outbox of the register";
const READING: &str = "read the outbox of the register";
/// The name of the counter of messages in `meta`.
const COUNTER: &str = "webhook_messages";

/// How what changed is written: JSON, without account numbers and without what a person wrote.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// Of an alert.
    pub alert: fn(&AlertRow) -> String,
    /// Of a case.
    pub case: fn(&CaseRow) -> String,
    /// Of a hold.
    pub hold: fn(&HoldRow) -> String,
}

/// Who is to be told of what changes in a unit of work.
pub(super) struct Outbox<'a> {
    wording: Option<&'a Wording>,
    endpoints: Vec<(i64, BTreeSet<EventKind>)>,
    at: Timestamp,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be sent.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was tried for the last time.
    Dead,
}

impl DeliveryState {
    /// As it is kept and told.
    pub fn name(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<DeliveryState> {
        [DeliveryState::Waiting, DeliveryState::Delivered, DeliveryState::Dead]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// A message to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its number, in the order in which things happened.
    pub n: u64,
    /// The number of the endpoint.
    pub endpoint: i64,
    /// The name of the event.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// When it happened.
    pub at: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// When it was taken, or given up.
    pub done_at: Option<Timestamp>,
    /// The status that was answered last.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Attempted<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// The status that was answered.
    pub status: Option<u16>,
    /// What went wrong; none where it was taken.
    pub error: Option<&'a str>,
    /// When it is tried again; none where it is not.
    pub again: Option<Timestamp>,
    /// Whether all others wait with it.
    pub is_away: bool,
    /// Why the endpoint is told no more.
    pub ends: Option<&'a str>,
}

/// Which deliveries of an endpoint are wanted, newest first.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// With a lower number.
    pub before: Option<u64>,
    /// So many at most.
    pub most: u32,
}

/// What is kept of deliveries that are done, of each endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// Those that were taken, since then.
    pub delivered_since: Timestamp,
    /// Of them the newest.
    pub delivered: u32,
    /// Those that were given up, since then.
    pub dead_since: Timestamp,
    /// Of them the newest.
    pub dead: u32,
}

impl Outbox<'_> {
    /// Whether anybody is told of such events.
    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.endpoints.iter().any(|(_, kinds)| kinds.contains(&kind))
    }

    pub(super) fn alert(&self, row: &AlertRow) -> String {
        self.wording.map_or_else(String::new, |wording| (wording.alert)(row))
    }

    pub(super) fn case(&self, row: &CaseRow) -> String {
        self.wording.map_or_else(String::new, |wording| (wording.case)(row))
    }

    pub(super) fn hold(&self, row: &HoldRow) -> String {
        self.wording.map_or_else(String::new, |wording| (wording.hold)(row))
    }

    /// Lays what happened out for each endpoint that is told of it.
    pub(super) async fn tell(
        &self,
        work: &mut AnyConnection,
        told: Vec<(EventKind, String)>,
    ) -> Result<(), RegisterError> {
        let mut rows = Vec::new();
        for (kind, data) in told {
            let body = body(kind, self.at, &data);
            let of = self.endpoints.iter().filter(|(_, kinds)| kinds.contains(&kind));
            rows.extend(of.map(|(endpoint, _)| (*endpoint, kind, body.clone())));
        }
        lay_out(work, self.at, rows).await.map(|_| ())
    }
}

/// A message as it is sent: the form that Standard Webhooks recommends.
fn body(kind: EventKind, at: Timestamp, data: &str) -> String {
    format!("{{\"type\":\"{}\",\"timestamp\":\"{at}\",\"data\":{data}}}", kind.name())
}

/// Adds messages; the number of the first.
async fn lay_out(
    work: &mut AnyConnection,
    at: Timestamp,
    rows: Vec<(i64, EventKind, String)>,
) -> Result<i64, RegisterError> {
    let mut sql = Sql::new("SELECT value FROM meta WHERE name = ");
    sql.value(COUNTER);
    let last = sql.row(&mut *work, DOING).await?;
    let last = last.map(|row| column::<String>(&row, "value")).transpose()?;
    let last: i64 = last
        .map_or(Ok(0), |text| text.parse())
        .map_err(|_| RegisterError::Kept { what: "number of webhook messages" })?;
    if rows.is_empty() {
        return Ok(last + 1);
    }
    let numbered: Vec<_> = (last + 1..).zip(rows).collect();
    let newest = numbered.last().map_or(last, |(n, _)| *n);
    let insert = Insert {
        begin: "INSERT INTO webhook_deliveries (n, endpoint, event, body, at, state, attempts, \
                next_at) VALUES",
        end: "",
        doing: DOING,
    };
    let row = |sql: &mut Sql, (n, (endpoint, kind, body)): &(i64, (i64, EventKind, String))| {
        sql.values([*n, *endpoint]).text(", ");
        sql.values([kind.name().to_owned(), body.clone()]).text(", ").value(at.0);
        sql.text(", 'waiting', 0, ").value(at.0);
    };
    insert.rows(work, &numbered, row).await?;
    let mut sql = Sql::new("INSERT INTO meta (name, value) VALUES (");
    sql.values([COUNTER.to_owned(), newest.to_string()]);
    sql.text(") ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    sql.run(&mut *work, DOING).await?;
    Ok(last + 1)
}

/// What is written in a unit of work that changes something.
impl Register {
    /// Who is told of what changes.
    pub(super) async fn outbox(
        &self,
        work: &mut AnyConnection,
        at: Timestamp,
    ) -> Result<Outbox<'_>, RegisterError> {
        let mut outbox = Outbox { wording: self.wording.as_ref(), endpoints: Vec::new(), at };
        if outbox.wording.is_none() {
            return Ok(outbox);
        }
        let sql =
            Sql::new("SELECT number, events FROM webhooks WHERE disabled IS NULL ORDER BY number");
        for row in sql.rows(&mut *work, DOING).await? {
            let kinds = super::webhooks::kinds(&column::<String>(&row, "events")?);
            outbox.endpoints.push((column(&row, "number")?, kinds));
        }
        Ok(outbox)
    }
}

/// What whoever sends asks and notes.
impl Register {
    /// The endpoints that have something to be sent now, and whether anything waits at all.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn webhooks_due(&self, now: Timestamp) -> Result<(Vec<i64>, bool), RegisterError> {
        let mut sql = Sql::new(
            "SELECT number, paused_until, (SELECT MIN(next_at) FROM webhook_deliveries WHERE \
             endpoint = number AND state = 'waiting') AS next FROM webhooks WHERE disabled IS NULL",
        );
        sql.text(" ORDER BY number");
        let (mut due, mut waits) = (Vec::new(), false);
        for row in sql.rows(&self.reader, READING).await? {
            let Some(next) = column::<Option<i64>>(&row, "next")? else { continue };
            waits = true;
            if next.max(column(&row, "paused_until")?) <= now.0 {
                due.push(column(&row, "number")?);
            }
        }
        Ok((due, waits))
    }

    /// What is to be sent to an endpoint now, oldest first.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn deliveries_due(
        &self,
        endpoint: i64,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<DeliveryRow>, RegisterError> {
        let mut sql = Sql::new("SELECT * FROM webhook_deliveries WHERE endpoint = ");
        sql.value(endpoint).text(" AND state = 'waiting' AND next_at <= ").value(now.0);
        sql.text(" ORDER BY n LIMIT ").value(i64::from(most));
        sql.rows(&self.reader, READING).await?.iter().map(read).collect()
    }

    /// Notes what came of an attempt.
    ///
    /// # Errors
    /// Where the database refuses; then it is sent again.
    pub async fn attempted(
        &self,
        delivery: &DeliveryRow,
        attempted: Attempted<'_>,
    ) -> Result<(), RegisterError> {
        let Attempted { at, status, error, again, is_away, ends } = attempted;
        let mut work = self.writer.begin().await.doing(DOING)?;
        let state = match (error, again) {
            (None, _) => DeliveryState::Delivered,
            (Some(_), Some(_)) => DeliveryState::Waiting,
            (Some(_), None) => DeliveryState::Dead,
        };
        let mut sql = Sql::new("UPDATE webhook_deliveries SET attempts = attempts + 1, state = ");
        sql.value(state.name()).text(", next_at = ").value(again.unwrap_or(at).0);
        sql.text(", done_at = ");
        sql.value((state != DeliveryState::Waiting).then_some(at.0)).text(", last_status = ");
        sql.value(status.map(i64::from)).text(", last_error = ").value(error.map(str::to_owned));
        // Where somebody changed it meanwhile, what they want stays.
        sql.text(" WHERE n = ").value(number(delivery.n)).text(" AND state = 'waiting'");
        sql.run(&mut *work, DOING).await?;
        if let Some(until) = again.filter(|_| is_away) {
            let mut sql = Sql::new("UPDATE webhooks SET paused_until = ");
            sql.value(until.0).text(" WHERE number = ").value(delivery.endpoint);
            sql.run(&mut *work, DOING).await?;
        }
        if let Some(reason) = ends {
            disable(&mut work, delivery.endpoint, reason, at).await?;
        }
        work.commit().await.doing(DOING)
    }

    /// Tells an endpoint no more, for a reason, and notes it.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn disable_webhook(
        &self,
        endpoint: i64,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        disable(&mut work, endpoint, reason, at).await?;
        work.commit().await.doing(DOING)
    }

    /// Lets go what is done and not kept; how many messages were given up and are now gone.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn prune_deliveries(&self, endpoint: i64, kept: Kept) -> Result<u64, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut dead = 0;
        for (state, since, newest) in [
            (DeliveryState::Delivered, kept.delivered_since, kept.delivered),
            (DeliveryState::Dead, kept.dead_since, kept.dead),
        ] {
            let mut sql = Sql::new("DELETE FROM webhook_deliveries WHERE endpoint = ");
            sql.value(endpoint).text(" AND state = ").value(state.name());
            sql.text(" AND (done_at < ").value(since.0).text(" OR n <= COALESCE((SELECT n FROM ");
            sql.text("webhook_deliveries WHERE endpoint = ").value(endpoint);
            sql.text(" AND state = ").value(state.name()).text(" ORDER BY n DESC LIMIT 1 OFFSET ");
            sql.value(i64::from(newest)).text("), -1))");
            dead = sql.run(&mut *work, DOING).await?;
        }
        work.commit().await.doing(DOING)?;
        Ok(dead)
    }
}

/// What people ask of deliveries.
impl Register {
    /// The deliveries of an endpoint that are wanted.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn deliveries(
        &self,
        endpoint: i64,
        wanted: &DeliveryFilter,
    ) -> Result<Vec<DeliveryRow>, RegisterError> {
        let mut sql = Sql::new("SELECT * FROM webhook_deliveries WHERE endpoint = ");
        sql.value(endpoint);
        if let Some(state) = wanted.state {
            sql.text(" AND state = ").value(state.name());
        }
        if let Some(before) = wanted.before {
            sql.text(" AND n < ").value(number(before));
        }
        sql.text(" ORDER BY n DESC LIMIT ").value(i64::from(wanted.most));
        sql.rows(&self.reader, READING).await?.iter().map(read).collect()
    }

    /// Sends a message again, as if it never had been; none where there is none of this number.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn send_again(
        &self,
        (endpoint, n): (i64, u64),
        entry: AuditEntry<'_>,
    ) -> Result<Option<DeliveryRow>, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql =
            Sql::new("UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, next_at = ");
        sql.value(entry.at.0).text(", done_at = NULL WHERE n = ").value(number(n));
        sql.text(" AND endpoint = ").value(endpoint).text(" RETURNING *");
        let Some(row) = sql.row(&mut *work, DOING).await? else { return Ok(None) };
        let mut sql = Sql::new("UPDATE webhooks SET paused_until = 0 WHERE number = ");
        sql.value(endpoint);
        sql.run(&mut *work, DOING).await?;
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)?;
        read(&row).map(Some)
    }

    /// Lays a message out that says nothing, to try whether it arrives.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn send_test(
        &self,
        endpoint: i64,
        entry: AuditEntry<'_>,
    ) -> Result<DeliveryRow, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let (kind, at) = (EventKind::WebhookTest, entry.at);
        let rows = vec![(endpoint, kind, body(kind, at, "{}"))];
        let n = lay_out(&mut work, at, rows).await?;
        append(&mut work, entry).await?;
        let mut sql = Sql::new("SELECT * FROM webhook_deliveries WHERE n = ");
        sql.value(n);
        let row = sql.row(&mut *work, DOING).await?;
        work.commit().await.doing(DOING)?;
        read(&row.ok_or(RegisterError::Kept { what: "message" })?)
    }
}

async fn disable(
    work: &mut AnyConnection,
    endpoint: i64,
    reason: &str,
    at: Timestamp,
) -> Result<(), RegisterError> {
    let mut sql = Sql::new("UPDATE webhooks SET version = version + 1, disabled = ");
    sql.value(reason.to_owned()).text(" WHERE disabled IS NULL AND number = ").value(endpoint);
    if sql.run(&mut *work, DOING).await? == 0 {
        return Ok(());
    }
    let object = super::webhooks::webhook_id(endpoint);
    let detail = serde_json::json!({ "reason": reason });
    let (actor, role, action) = ("shroff", "service", "webhook.disable");
    let object = object.as_str();
    append(work, AuditEntry { at, actor, role, action, object, detail: &detail }).await.map(|_| ())
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn read(row: &AnyRow) -> Result<DeliveryRow, RegisterError> {
    let state: String = column(row, "state")?;
    let small = |name: &'static str| {
        u32::try_from(column::<i64>(row, name)?).map_err(|_| RegisterError::Kept { what: name })
    };
    let status = column::<Option<i64>>(row, "last_status")?.map(u16::try_from).transpose();
    Ok(DeliveryRow {
        n: super::find::count(row, "n")?,
        endpoint: column(row, "endpoint")?,
        event: column(row, "event")?,
        body: column(row, "body")?,
        at: Timestamp(column(row, "at")?),
        state: DeliveryState::from_name(&state).ok_or(RegisterError::Kept { what: "state" })?,
        attempts: small("attempts")?,
        next_at: Timestamp(column(row, "next_at")?),
        done_at: column::<Option<i64>>(row, "done_at")?.map(Timestamp),
        last_status: status.map_err(|_| RegisterError::Kept { what: "last_status" })?,
        last_error: column(row, "last_error")?,
    })
}
