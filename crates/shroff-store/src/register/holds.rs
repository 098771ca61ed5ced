//! Holds: a payment that waits a bounded time for somebody to look at it.

use shroff_types::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Register;
use super::audit::{AuditEntry, append};
use super::error::{Doing, RegisterError};
use super::events::EventKind;
use super::outbox::Outbox;
use super::sql::{Conditions, Insert, Page, Sql, column, page};

const DOING: &str = "write holds to the register";
/// Holds that end in one unit of work.
const MOST_AT_ONCE: i64 = 200;

/// A hold that is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    /// The place of the payment in the log.
    pub place: u32,
    /// The id of the payment.
    pub payment: String,
    /// The alert that it is in.
    pub alert: Option<String>,
    /// Since when it is held.
    pub opened_at: Timestamp,
    /// Until when somebody may decide.
    pub ends_at: Timestamp,
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldEnd {
    /// The payment goes on.
    Released,
    /// The payment goes back.
    Returned,
}

impl HoldEnd {
    /// As it is kept and told.
    pub fn name(self) -> &'static str {
        match self {
            HoldEnd::Released => "released",
            HoldEnd::Returned => "returned",
        }
    }
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// The place of the payment in the log.
    pub place: u64,
    /// The id of the payment.
    pub payment: String,
    /// The alert that it is in.
    pub alert: Option<String>,
    /// Since when it is held.
    pub opened_at: Timestamp,
    /// Until when somebody may decide.
    pub ends_at: Timestamp,
    /// `open`, `released` or `returned`.
    pub state: String,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Who ended it: a name, or `time`.
    pub ended_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Who ends a hold, and why.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// Who.
    pub by: &'a str,
    /// In which role.
    pub role: &'a str,
    /// Why.
    pub reason: &'a str,
    /// When.
    pub at: Timestamp,
}

/// What became of an attempt to end a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldAnswer {
    /// It has ended.
    Ended(HoldRow),
    /// It had ended before.
    Before(HoldRow),
    /// There is none.
    None,
}

impl Register {
    /// Holds, those that end first before others; `state` where one is wanted.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn holds(
        &self,
        state: Option<&str>,
        after: Option<(Timestamp, u64)>,
        most: u32,
    ) -> Result<Vec<HoldRow>, RegisterError> {
        let mut sql = Sql::new("SELECT * FROM holds");
        let mut all = Conditions::default();
        all.one_of(&mut sql, "state", state);
        let behind = after.map(|(ends, place)| [ends.0, i64::try_from(place).unwrap_or(i64::MAX)]);
        let first_to_end = Page { behind, ascending: true, most: i64::from(most) };
        page(&mut sql, &mut all, ["ends_at", "place"], first_to_end);
        let rows = sql.rows(&self.reader, "read holds from the register").await?;
        rows.iter().map(read).collect()
    }

    /// The holds on payments of a case's alerts.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn holds_of_case(&self, case: i64) -> Result<Vec<HoldRow>, RegisterError> {
        let mut sql = Sql::new(
            "SELECT * FROM holds WHERE alert IN (SELECT id FROM alerts WHERE case_number = ",
        );
        sql.value(case).text(") ORDER BY ends_at, place LIMIT ").value(i64::from(500));
        let rows = sql.rows(&self.reader, "read holds from the register").await?;
        rows.iter().map(read).collect()
    }

    /// When the next hold ends.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn next_hold_end(&self) -> Result<Option<Timestamp>, RegisterError> {
        let sql =
            Sql::new("SELECT ends_at FROM holds WHERE state = 'open' ORDER BY ends_at LIMIT 1");
        let row = sql.row(&self.reader, "read holds from the register").await?;
        row.map(|row| column(&row, "ends_at").map(Timestamp)).transpose()
    }

    /// Ends the newest hold on a payment, and notes who did.
    ///
    /// # Errors
    /// Where the database refuses; then nothing was changed.
    pub async fn end_hold(
        &self,
        payment: &str,
        end: HoldEnd,
        ending: Ending<'_>,
    ) -> Result<HoldAnswer, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql = Sql::new("SELECT * FROM holds WHERE payment = ");
        sql.value(payment.to_owned()).text(" ORDER BY place DESC LIMIT 1");
        let Some(row) = sql.row(&mut *work, DOING).await? else { return Ok(HoldAnswer::None) };
        let hold = read(&row)?;
        if hold.state != "open" {
            return Ok(HoldAnswer::Before(hold));
        }
        let ended = finish(&mut work, hold, end, ending).await?;
        let outbox = self.outbox(&mut work, ending.at).await?;
        tell(&mut work, &outbox, EventKind::HoldEnded, std::slice::from_ref(&ended)).await?;
        work.commit().await.doing(DOING)?;
        Ok(HoldAnswer::Ended(ended))
    }

    /// Ends the holds whose time is over, as the institution sets it, and notes each.
    ///
    /// # Errors
    /// Where the database refuses; then what was not ended is ended the next time.
    pub async fn end_due_holds(
        &self,
        now: Timestamp,
        end: HoldEnd,
    ) -> Result<Vec<HoldRow>, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql = Sql::new("SELECT * FROM holds WHERE state = 'open' AND ends_at <= ");
        sql.value(now.0).text(" ORDER BY ends_at, place LIMIT ").value(MOST_AT_ONCE);
        let rows = sql.rows(&mut *work, DOING).await?;
        let mut ended = Vec::with_capacity(rows.len());
        let ending =
            Ending { by: "time", role: "service", reason: "nobody decided in time", at: now };
        for row in &rows {
            ended.push(finish(&mut work, read(row)?, end, ending).await?);
        }
        let outbox = self.outbox(&mut work, now).await?;
        tell(&mut work, &outbox, EventKind::HoldEnded, &ended).await?;
        work.commit().await.doing(DOING)?;
        Ok(ended)
    }
}

/// Opens holds that are not there yet.
pub(super) async fn open(
    work: &mut AnyConnection,
    holds: &[NewHold],
    outbox: &Outbox<'_>,
) -> Result<(), RegisterError> {
    let insert = Insert {
        begin: "INSERT INTO holds (place, payment, alert, opened_at, ends_at, state) VALUES",
        // What is returned is what was not there: a start hands some over again.
        end: " ON CONFLICT (place) DO NOTHING RETURNING *",
        doing: DOING,
    };
    let row = |sql: &mut Sql, hold: &NewHold| {
        sql.value(i64::from(hold.place)).text(", ").value(hold.payment.clone()).text(", ");
        sql.value(hold.alert.clone()).text(", ");
        sql.values([hold.opened_at.0, hold.ends_at.0]).text(", 'open'");
    };
    let rows = insert.returning(work, holds, row).await?;
    let opened = rows.iter().map(read).collect::<Result<Vec<HoldRow>, _>>()?;
    tell(work, outbox, EventKind::HoldOpened, &opened).await
}

async fn tell(
    work: &mut AnyConnection,
    outbox: &Outbox<'_>,
    kind: EventKind,
    holds: &[HoldRow],
) -> Result<(), RegisterError> {
    if !outbox.wants(kind) {
        return Ok(());
    }
    outbox.tell(work, holds.iter().map(|hold| (kind, outbox.hold(hold))).collect()).await
}

async fn finish(
    work: &mut AnyConnection,
    hold: HoldRow,
    end: HoldEnd,
    ending: Ending<'_>,
) -> Result<HoldRow, RegisterError> {
    let Ending { by, role, reason, at } = ending;
    let mut sql = Sql::new("UPDATE holds SET state = ");
    sql.value(end.name()).text(", ended_at = ").value(at.0).text(", ended_by = ");
    sql.value(by.to_owned()).text(", reason = ").value(reason.to_owned());
    sql.text(" WHERE place = ").value(i64::try_from(hold.place).unwrap_or(i64::MAX));
    sql.run(&mut *work, DOING).await?;
    let detail = serde_json::json!({
        "alert": hold.alert,
        "ends_at": hold.ends_at.to_string(),
        "reason": reason,
    });
    let action = match end {
        HoldEnd::Released => "hold.release",
        HoldEnd::Returned => "hold.return",
    };
    let object = hold.payment.as_str();
    append(work, AuditEntry { at, actor: by, role, action, object, detail: &detail }).await?;
    Ok(HoldRow {
        state: end.name().to_owned(),
        ended_at: Some(at),
        ended_by: Some(by.to_owned()),
        reason: Some(reason.to_owned()),
        ..hold
    })
}

fn read(row: &AnyRow) -> Result<HoldRow, RegisterError> {
    Ok(HoldRow {
        place: super::find::count(row, "place")?,
        payment: column(row, "payment")?,
        alert: column(row, "alert")?,
        opened_at: Timestamp(column(row, "opened_at")?),
        ends_at: Timestamp(column(row, "ends_at")?),
        state: column(row, "state")?,
        ended_at: column::<Option<i64>>(row, "ended_at")?.map(Timestamp),
        ended_by: column(row, "ended_by")?,
        reason: column(row, "reason")?,
    })
}
