//! The audit trail: who did what, saw what, decided what. Each entry's hash is over the one before
//! it, so that a change, a deletion or another order is seen by whoever computes them again.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shroff_types::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Register;
use super::error::{Doing, RegisterError};
use super::find::count;
use super::sql::{Conditions, Sql, column};

/// What stands where an entry has none before it.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Entries that are read at once.
const PAGE: u32 = 1_000;
/// The most faults that are told: one is reason enough to look.
const MOST_FAULTS: usize = 100;

/// What is to be noted.
#[derive(Debug, Clone, Copy)]
pub struct AuditEntry<'a> {
    /// When.
    pub at: Timestamp,
    /// The name of the person or of the key; of the service itself `shroff`.
    pub actor: &'a str,
    /// The role that it was done in.
    pub role: &'a str,
    /// What was done, such as `case.decide` or `alert.read`.
    pub action: &'a str,
    /// To what, such as the id of a case.
    pub object: &'a str,
    /// What else there is to say: no account number, and no fraction, whose text is not one.
    pub detail: &'a Value,
}

/// An entry as it is kept, listed and exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRow {
    /// Its number, from 1.
    pub n: u64,
    /// When, as RFC 3339 writes it.
    pub at: String,
    /// Who.
    pub actor: String,
    /// In which role.
    pub role: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// What else there is to say.
    pub detail: Value,
    /// The hash of the entry before.
    pub previous: String,
    /// SHA-256 over the hash before and the entry.
    pub hash: String,
}

/// The end of a trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// How many entries there are.
    pub n: u64,
    /// The hash of the last.
    pub hash: String,
}

/// Which entries are wanted: newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Of this object.
    pub object: Option<String>,
    /// Of this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// With a lower number.
    pub before: Option<u64>,
    /// So many at most.
    pub most: u32,
}

impl Register {
    /// Notes something.
    ///
    /// # Errors
    /// Where the database refuses; then nothing was noted.
    pub async fn audit(&self, entry: AuditEntry<'_>) -> Result<AuditHead, RegisterError> {
        let mut work = self.writer.begin().await.doing("write to the audit trail")?;
        let head = append(&mut work, entry).await?;
        work.commit().await.doing("write to the audit trail")?;
        Ok(head)
    }

    /// The entries that are wanted, newest first.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn audit_rows(&self, wanted: &AuditFilter) -> Result<Vec<AuditRow>, RegisterError> {
        let mut sql = Sql::new(SELECT);
        let mut all = Conditions::default();
        for (name, value) in
            [("actor", &wanted.actor), ("action", &wanted.action), ("object", &wanted.object)]
        {
            if let Some(value) = value {
                all.and(&mut sql).text(name).text(" = ").value(value.clone());
            }
        }
        if let Some(since) = wanted.since {
            all.and(&mut sql).text("at >= ").value(since.0);
        }
        if let Some(until) = wanted.until {
            all.and(&mut sql).text("at < ").value(until.0);
        }
        if let Some(before) = wanted.before {
            all.and(&mut sql).text("n < ").value(i64::try_from(before).unwrap_or(i64::MAX));
        }
        sql.text(" ORDER BY n DESC LIMIT ").value(i64::from(wanted.most));
        let rows = sql.rows(&self.reader, "read the audit trail").await?;
        rows.iter().map(read).collect()
    }

    /// Who did something to an object, when last and how often: the latest first, so many at most.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn doers(
        &self,
        (action, object): (&str, &str),
        most: u32,
    ) -> Result<Vec<(String, Timestamp, u64)>, RegisterError> {
        let mut sql =
            Sql::new("SELECT actor, MAX(at) AS last, COUNT(*) AS times FROM audit WHERE object = ");
        sql.value(object.to_owned()).text(" AND action = ").value(action.to_owned());
        sql.text(" GROUP BY actor ORDER BY last DESC, actor LIMIT ").value(i64::from(most));
        let rows = sql.rows(&self.reader, "read the audit trail").await?;
        let doer = |row: &AnyRow| -> Result<(String, Timestamp, u64), RegisterError> {
            Ok((column(row, "actor")?, Timestamp(column(row, "last")?), count(row, "times")?))
        };
        rows.iter().map(doer).collect()
    }

    /// The entries after a number, oldest first: what an export is made of, page by page.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn audit_after(&self, n: u64) -> Result<Vec<AuditRow>, RegisterError> {
        let mut sql = Sql::new(SELECT);
        sql.text(" WHERE n > ").value(i64::try_from(n).unwrap_or(i64::MAX));
        sql.text(" ORDER BY n LIMIT ").value(i64::from(PAGE));
        let rows = sql.rows(&self.reader, "read the audit trail").await?;
        rows.iter().map(read).collect()
    }

    /// Computes the whole trail anew: its end, and what is wrong with it.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn verify_audit(&self) -> Result<(AuditHead, Vec<AuditFault>), RegisterError> {
        let mut chain = Chain::default();
        let mut after = 0;
        loop {
            let rows = self.audit_after(after).await?;
            let Some(last) = rows.last() else { break };
            after = last.n;
            for row in &rows {
                chain.check(row);
            }
        }
        // The number of the last entry is noted beside the trail: without it, nothing would tell
        // that the end was cut off.
        let mut sql = Sql::new("SELECT value FROM meta WHERE name = ");
        sql.value("audit_entries");
        let noted = sql.row(&self.reader, "read the audit trail").await?;
        let noted: Option<String> = noted.map(|row| column(&row, "value")).transpose()?;
        let noted = noted.map_or(Some(0), |text| text.parse().ok());
        chain.must_reach(noted.ok_or(RegisterError::Kept { what: "number of audit entries" })?);
        Ok(chain.finish())
    }
}

const SELECT: &str = "SELECT n, at, actor, role, action, object, detail, previous, hash FROM audit";

/// Notes something within a unit of work: it is there if and only if the rest is.
pub(super) async fn append(
    work: &mut AnyConnection,
    entry: AuditEntry<'_>,
) -> Result<AuditHead, RegisterError> {
    const DOING: &str = "write to the audit trail";
    let last = head(work).await?.unwrap_or(AuditHead { n: 0, hash: NOTHING.to_owned() });
    let AuditHead { n: before, hash: previous } = last;
    let number = before + 1;
    let n = i64::try_from(number).map_err(|_| RegisterError::Kept { what: "n" })?;
    let detail = canonical(entry.detail);
    let hash = hash(
        &previous,
        number,
        [&entry.at.to_string(), entry.actor, entry.role, entry.action, entry.object],
        &detail,
    );
    let mut sql = Sql::new(
        "INSERT INTO audit (n, at, actor, role, action, object, detail, previous, hash) VALUES (",
    );
    sql.value(n).text(", ").value(entry.at.0).text(", ");
    sql.values([entry.actor, entry.role, entry.action, entry.object].map(str::to_owned));
    sql.text(", ").values([detail, previous, hash.clone()]).text(")");
    sql.run(&mut *work, DOING).await?;
    let mut noted = Sql::new("INSERT INTO meta (name, value) VALUES (");
    noted.values(["audit_entries".to_owned(), n.to_string()]);
    noted.text(") ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    noted.run(&mut *work, DOING).await?;
    Ok(AuditHead { n: number, hash })
}

/// The end of the trail; none where nothing was noted.
pub(super) async fn head(on: &mut AnyConnection) -> Result<Option<AuditHead>, RegisterError> {
    let last = Sql::new("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1");
    let Some(row) = last.row(on, "read the audit trail").await? else { return Ok(None) };
    let n = column::<i64>(&row, "n")?;
    let n = u64::try_from(n).map_err(|_| RegisterError::Kept { what: "n" })?;
    Ok(Some(AuditHead { n, hash: column(&row, "hash")? }))
}

fn read(row: &AnyRow) -> Result<AuditRow, RegisterError> {
    let detail: String = column(row, "detail")?;
    Ok(AuditRow {
        n: u64::try_from(column::<i64>(row, "n")?)
            .map_err(|_| RegisterError::Kept { what: "n" })?,
        at: Timestamp(column(row, "at")?).to_string(),
        actor: column(row, "actor")?,
        role: column(row, "role")?,
        action: column(row, "action")?,
        object: column(row, "object")?,
        // What is no JSON any more was changed, and is shown as what it is.
        detail: serde_json::from_str(&detail).unwrap_or(Value::String(detail)),
        previous: column(row, "previous")?,
        hash: column(row, "hash")?,
    })
}

/// The hash of an entry: over the text of the hash before, and the entry as JSON with its names in
/// this order.
fn hash(previous: &str, n: u64, texts: [&str; 5], detail: &str) -> String {
    let [at, actor, role, action, object] = texts.map(|text| Value::from(text).to_string());
    let entry = format!(
        "{{\"n\":{n},\"at\":{at},\"actor\":{actor},\"role\":{role},\"action\":{action},\
         \"object\":{object},\"detail\":{detail}}}"
    );
    let mut sha = Sha256::new();
    sha.update(previous.as_bytes());
    sha.update(entry.as_bytes());
    let digest = sha.finalize();
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("four bits");
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A value as JSON in the one way: names ascending, no blanks.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members = members.into_iter().map(|(name, value)| {
                format!("{}:{}", Value::from(name.as_str()), canonical(value))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// What is wrong with a trail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// An entry is not what it was when it was hashed.
    #[error("entry {0} was changed")]
    Changed(u64),
    /// Entries are not there.
    #[error("entries {from} to {to} were deleted")]
    Deleted {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// An entry stands behind one that came after it.
    #[error("entry {0} is not in its place: the order was changed")]
    Moved(u64),
    /// An entry stands there more than once.
    #[error("entry {0} is there more than once")]
    Repeated(u64),
}

/// Checks a trail, entry by entry in the order in which they stand.
#[derive(Debug)]
pub struct Chain {
    last: AuditHead,
    /// Numbers that were passed over: they may still come, at the wrong place.
    missing: Vec<(u64, u64)>,
    faults: Vec<AuditFault>,
}

impl Default for Chain {
    fn default() -> Chain {
        let last = AuditHead { n: 0, hash: NOTHING.to_owned() };
        Chain { last, missing: Vec::new(), faults: Vec::new() }
    }
}

impl Chain {
    /// Checks the next entry.
    pub fn check(&mut self, row: &AuditRow) {
        let detail = canonical(&row.detail);
        let texts = [&row.at, &row.actor, &row.role, &row.action, &row.object].map(String::as_str);
        if hash(&row.previous, row.n, texts, &detail) != row.hash {
            self.fault(AuditFault::Changed(row.n));
        }
        let next = self.last.n + 1;
        if row.n < next {
            let gap = self.missing.iter().position(|&(from, to)| (from..=to).contains(&row.n));
            let Some(gap) = gap else { return self.fault(AuditFault::Repeated(row.n)) };
            let (from, to) = self.missing.swap_remove(gap);
            self.missing
                .extend([(from, row.n - 1), (row.n + 1, to)].iter().filter(|(a, b)| a <= b));
            return self.fault(AuditFault::Moved(row.n));
        }
        if row.n > next {
            self.missing.push((next, row.n - 1));
        } else if row.previous != self.last.hash {
            // It was changed and hashed anew, and what follows says so.
            let changed = if self.last.n == 0 { row.n } else { self.last.n };
            self.fault(AuditFault::Changed(changed));
        }
        self.last = AuditHead { n: row.n, hash: row.hash.clone() };
    }

    /// Says how many entries there must be.
    pub fn must_reach(&mut self, n: u64) {
        if n > self.last.n {
            self.missing.push((self.last.n + 1, n));
        }
    }

    /// The end of the trail, and what is wrong with it.
    pub fn finish(mut self) -> (AuditHead, Vec<AuditFault>) {
        self.missing.sort_unstable();
        for (from, to) in std::mem::take(&mut self.missing) {
            self.fault(AuditFault::Deleted { from, to });
        }
        (self.last, self.faults)
    }

    fn fault(&mut self, fault: AuditFault) {
        if self.faults.len() < MOST_FAULTS && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}
