//! Alerts as they are kept: the newest known state of each, which outlives the window.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shroff_types::{Action, Amount, Decimal, Timestamp};
use sqlx::{Any, AnyConnection, Executor};

use super::Register;
use super::error::{Doing, RegisterError};
use super::events::EventKind;
use super::find;
use super::holds::{self, NewHold};
use super::money::{rank, split};
use super::outbox::Outbox;
use super::sql::{Insert, Sql, column, parts};

const DOING: &str = "write alerts to the register";

/// An alert that is new or has grown, as it stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertChange {
    /// Its id.
    pub id: String,
    /// The id of its typology.
    pub typology: String,
    /// The title of its typology.
    pub title: String,
    /// How strong it is, 0 to 1000.
    pub score_permille: u16,
    /// What is suggested.
    pub action: Action,
    /// The time of the earliest payment of its evidence.
    pub first_time: Timestamp,
    /// The time of the latest.
    pub last_time: Timestamp,
    /// The time of the payment that raised it.
    pub raised_at: Timestamp,
    /// The id of that payment.
    pub raised_by: String,
    /// The sum of its evidence.
    pub sum: Sum,
    /// How many payments its evidence has.
    pub payment_count: u64,
    /// Whether its evidence is all that its rules rest on.
    pub evidence_is_complete: bool,
    /// How often it has changed.
    pub revision: u64,
    /// Why, strongest first.
    pub rules: Vec<RuleShare>,
    /// Its evidence: what is new of it, or all of it.
    pub evidence: Vec<Evidence>,
    /// How it grew: what is new of it, or all of it.
    pub revisions: Vec<RevisionRow>,
    /// Whether evidence and revisions are all there are, and take the place of what was there.
    pub is_whole: bool,
}

/// A sum of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// How much.
    pub amount: Decimal,
    /// The code of its currency.
    pub currency: &'static str,
}

/// A rule that fired, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleShare {
    /// The id of its typology.
    pub typology: String,
    /// The title of its typology.
    pub title: String,
    /// How strongly it fired, 0 to 1000.
    pub score_permille: u16,
    /// Its share in the score, 0 to 1000.
    pub share_permille: u16,
    /// The sentence.
    pub reason: String,
}

/// A payment of the evidence. Accounts are tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its place in the log.
    pub place: u32,
    /// Its id.
    pub payment: String,
    /// When.
    pub time: Timestamp,
    /// Who pays.
    pub debtor: String,
    /// Who is paid.
    pub creditor: String,
    /// How much.
    pub amount: Amount,
}

/// How an alert stood after a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    /// Its number, from 1.
    pub revision: u64,
    /// The id of the payment.
    pub payment: String,
    /// The time of the payment.
    pub time: Timestamp,
    /// The score then.
    pub score_permille: u16,
    /// What was suggested then.
    pub action: Action,
    /// How many payments the evidence had.
    pub payment_count: u64,
}

/// Up to where the register knows the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// The place of the first payment that it does not know.
    pub next: u64,
    /// The version of the rules that alerts were computed under.
    pub version: u64,
}

/// What a row keeps as JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Rest {
    pub(super) title: String,
    pub(super) rules: Vec<RuleShare>,
    /// None in rows that are older than it.
    pub(super) evidence_is_complete: Option<bool>,
}

impl AlertChange {
    /// Takes a later state of the same alert in.
    pub fn merge(&mut self, later: AlertChange) {
        let AlertChange { mut evidence, mut revisions, is_whole, .. } = later;
        if !is_whole {
            let mut before = std::mem::take(&mut self.evidence);
            before.append(&mut evidence);
            evidence = before;
            let mut before = std::mem::take(&mut self.revisions);
            before.append(&mut revisions);
            revisions = before;
        }
        let is_whole = is_whole || self.is_whole;
        *self = AlertChange { evidence, revisions, is_whole, ..later };
    }
}

impl Register {
    /// Up to where the register knows the log; none where it knows nothing.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn watermark(&self) -> Result<Option<Watermark>, RegisterError> {
        watermark(&self.reader).await
    }

    /// Writes alerts as they stand now and holds that are new, what there is to tell of them, and up
    /// to where the register then knows the log: all of it or nothing.
    ///
    /// # Errors
    /// Where the database refuses; then nothing was written.
    pub async fn write_alerts(
        &self,
        changes: &[AlertChange],
        holds: &[NewHold],
        upto: Option<Watermark>,
        at: Timestamp,
    ) -> Result<(), RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let outbox = self.outbox(&mut work, at).await?;
        holds::open(&mut work, holds, &outbox).await?;
        let (changes, news) = number(&mut work, changes).await?;
        write_heads(&mut work, &changes).await?;
        clear_whole(&mut work, &changes).await?;
        write_evidence(&mut work, &changes).await?;
        write_revisions(&mut work, &changes).await?;
        tell(&mut work, &outbox, news).await?;
        if let Some(Watermark { next, version }) = upto {
            let mut sql = Sql::new("INSERT INTO meta (name, value) VALUES (");
            sql.values(["watermark".to_owned(), format!("{next} {version:016x}")]);
            sql.text(") ON CONFLICT (name) DO UPDATE SET value = excluded.value");
            sql.run(&mut *work, DOING).await?;
        }
        work.commit().await.doing(DOING)
    }
}

/// The same on a connection or of a pool.
pub(super) async fn watermark<'c>(
    on: impl Executor<'c, Database = Any>,
) -> Result<Option<Watermark>, RegisterError> {
    let mut sql = Sql::new("SELECT value FROM meta WHERE name = ");
    sql.value("watermark");
    let Some(row) = sql.row(on, "read the register").await? else { return Ok(None) };
    let text: String = column(&row, "value")?;
    let read = || {
        let (next, version) = text.split_once(' ')?;
        let version = u64::from_str_radix(version, 16).ok()?;
        Some(Watermark { next: next.parse().ok()?, version })
    };
    read().map(Some).ok_or(RegisterError::Kept { what: "watermark" })
}

/// What is new of alerts, by number.
type News = BTreeMap<i64, EventKind>;

/// What the register says of an alert that it knows.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    typology: String,
    raised_at: i64,
    raised_by: String,
    score_permille: i64,
    action: String,
    revision: i64,
    payment_count: i64,
}

/// A change, and where it goes.
struct Numbered<'a> {
    change: &'a AlertChange,
    /// Of the alert in the register: the one it has, or the next one.
    number: i64,
    /// Whether what it says that the register knew stands as it did: it has more evidence.
    has_grown: bool,
}

/// Finds where each change goes, and what is new.
async fn number<'a>(
    work: &mut AnyConnection,
    changes: &'a [AlertChange],
) -> Result<(Vec<Numbered<'a>>, News), RegisterError> {
    let mut known = BTreeMap::new();
    for changes in parts(work, changes) {
        let mut sql = Sql::new(
            "SELECT id, number, typology, raised_at, raised_by, score_permille, action, revision, \
             payment_count FROM alerts WHERE id IN (",
        );
        sql.values(changes.iter().map(|change| change.id.clone())).text(")");
        for row in sql.rows(&mut *work, DOING).await? {
            let said = Said {
                typology: column(&row, "typology")?,
                raised_at: column(&row, "raised_at")?,
                raised_by: column(&row, "raised_by")?,
                score_permille: column(&row, "score_permille")?,
                action: column(&row, "action")?,
                revision: column(&row, "revision")?,
                payment_count: column(&row, "payment_count")?,
            };
            known.insert(column::<String>(&row, "id")?, (column(&row, "number")?, Some(said)));
        }
    }
    let sql = Sql::new("SELECT COALESCE(MAX(number), 0) AS last FROM alerts");
    let last = sql.row(&mut *work, DOING).await?.map_or(Ok(0), |row| column(&row, "last"));
    let mut next: i64 = last? + 1;
    let mut news = News::new();
    let numbered = changes.iter().map(|change| {
        let (number, said) = known.entry(change.id.clone()).or_insert_with(|| {
            next += 1;
            (next - 1, None)
        });
        let says = says(change);
        // A start hands over again what it does not know to be written: that is no news.
        let kind = match said {
            None => Some(EventKind::AlertOpened),
            Some(said) => (*said != says).then_some(EventKind::AlertRevised),
        };
        news.extend(kind.map(|kind| (*number, kind)));
        let has_grown = said.clone().is_some_and(|said| {
            let Said { revision, payment_count, .. } = says;
            says == Said { revision, payment_count, ..said }
        });
        Numbered { change, number: *number, has_grown }
    });
    Ok((numbered.collect(), news))
}

/// What a change says of its alert.
fn says(change: &AlertChange) -> Said {
    Said {
        typology: change.typology.clone(),
        raised_at: change.raised_at.0,
        raised_by: change.raised_by.clone(),
        score_permille: change.score_permille.into(),
        action: change.action.name().to_owned(),
        revision: whole(change.revision),
        payment_count: whole(change.payment_count),
    }
}

/// Tells of alerts that are new or have changed.
async fn tell(
    work: &mut AnyConnection,
    outbox: &Outbox<'_>,
    mut news: News,
) -> Result<(), RegisterError> {
    news.retain(|_, kind| outbox.wants(*kind));
    let numbers: Vec<i64> = news.keys().copied().collect();
    let rows = find::numbered(work, &numbers).await?;
    let told = rows.iter().filter_map(|row| {
        let kind = *news.get(&row.number)?;
        Some((kind, outbox.alert(row)))
    });
    outbox.tell(work, told.collect()).await
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The columns of a row of an alert that nothing changes once it is there.
const FIXED: [&str; 3] = ["number", "state", "id"];
/// Those that change with what an alert says.
const SAID: [&str; 5] = ["typology", "score_permille", "action", "raised_at", "raised_by"];
/// Those that change with each payment.
const GROWING: [&str; 10] = [
    "first_time",
    "last_time",
    "amount_high",
    "amount_low",
    "amount_decimals",
    "amount_rank",
    "currency",
    "payment_count",
    "revision",
    "rest",
];

async fn write_heads(
    work: &mut AnyConnection,
    changes: &[Numbered<'_>],
) -> Result<(), RegisterError> {
    let names = [&FIXED[..], &SAID, &GROWING].concat().join(", ");
    let begin = format!("INSERT INTO alerts ({names}) VALUES");
    // A column that is not set leaves its indexes alone.
    for has_grown in [false, true] {
        let set = if has_grown { GROWING.to_vec() } else { [&SAID[..], &GROWING].concat() };
        let set: Vec<String> = set.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        let end = format!(" ON CONFLICT (number) DO UPDATE SET {}", set.join(", "));
        let heads: Vec<&Numbered<'_>> =
            changes.iter().filter(|it| it.has_grown == has_grown).collect();
        Insert { begin: &begin, end: &end, doing: DOING }
            .rows(work, &heads, |sql, it| head(sql, it))
            .await?;
    }
    Ok(())
}

/// The values of an alert's row, in the order of the columns.
fn head(sql: &mut Sql, &Numbered { change, number, .. }: &Numbered<'_>) {
    let rest = Rest {
        title: change.title.clone(),
        rules: change.rules.clone(),
        evidence_is_complete: Some(change.evidence_is_complete),
    };
    // Texts and small numbers: there is nothing that JSON has no form for.
    let rest = serde_json::to_string(&rest).unwrap_or_default();
    let (high, low) = split(change.sum.amount.digits);
    sql.value(number).text(", 'open', ").value(change.id.clone()).text(", ");
    sql.value(change.typology.clone()).text(", ");
    sql.value(i64::from(change.score_permille)).text(", ");
    sql.value(change.action.name()).text(", ");
    sql.value(change.raised_at.0).text(", ").value(change.raised_by.clone()).text(", ");
    sql.values([change.first_time.0, change.last_time.0]).text(", ");
    let decimals = i64::from(change.sum.amount.decimals);
    sql.values([high, low, decimals, rank(change.sum.amount)]).text(", ");
    sql.value(change.sum.currency).text(", ");
    sql.values([whole(change.payment_count), whole(change.revision)]).text(", ").value(rest);
}

/// Takes away what is to be replaced as a whole.
async fn clear_whole(
    work: &mut AnyConnection,
    changes: &[Numbered<'_>],
) -> Result<(), RegisterError> {
    let whole: Vec<i64> =
        changes.iter().filter(|it| it.change.is_whole).map(|it| it.number).collect();
    for numbers in parts(work, &whole) {
        for table in ["alert_accounts", "alert_payments", "alert_revisions"] {
            let mut sql = Sql::new(&format!("DELETE FROM {table} WHERE alert IN ("));
            sql.values(numbers.iter().copied()).text(")");
            sql.run(&mut *work, DOING).await?;
        }
    }
    Ok(())
}

async fn write_evidence(
    work: &mut AnyConnection,
    changes: &[Numbered<'_>],
) -> Result<(), RegisterError> {
    // Each once: the same row twice in one statement would be a conflict with itself.
    let mut payments: BTreeMap<(i64, u32), &Evidence> = BTreeMap::new();
    let mut accounts: BTreeMap<(i64, &str), (i64, i64)> = BTreeMap::new();
    for &Numbered { change, number, .. } in changes {
        for evidence in &change.evidence {
            payments.insert((number, evidence.place), evidence);
            let position = i64::from(evidence.place) * 2;
            for (account, at) in [(&evidence.debtor, position), (&evidence.creditor, position + 1)]
            {
                let (least, _) =
                    accounts.entry((number, account)).or_insert((at, change.raised_at.0));
                *least = at.min(*least);
            }
        }
    }
    let payments: Vec<_> = payments.into_iter().collect();
    let insert = Insert {
        begin: "INSERT INTO alert_payments (alert, place, payment, time, debtor, creditor, \
                amount_high, amount_low, currency) VALUES",
        end: " ON CONFLICT (alert, place) DO NOTHING",
        doing: DOING,
    };
    let row = |sql: &mut Sql, ((number, place), evidence): &((i64, u32), &Evidence)| {
        let (high, low) = split(evidence.amount.minor);
        sql.values([*number, i64::from(*place)]).text(", ");
        sql.value(evidence.payment.clone()).text(", ").value(evidence.time.0).text(", ");
        sql.values([evidence.debtor.clone(), evidence.creditor.clone()]).text(", ");
        sql.values([high, low]).text(", ").value(evidence.amount.currency.code());
    };
    insert.rows(work, &payments, row).await?;
    let accounts: Vec<_> = accounts.into_iter().collect();
    let insert = Insert {
        begin: "INSERT INTO alert_accounts (alert, account, position, raised_at) VALUES",
        // Accounts are told in the order in which the payments name them.
        end: " ON CONFLICT (alert, account) DO UPDATE SET position = excluded.position WHERE \
              excluded.position < alert_accounts.position",
        doing: DOING,
    };
    let row = |sql: &mut Sql,
               ((number, account), (position, raised)): &((i64, &str), (i64, i64))| {
        sql.value(*number).text(", ").value((*account).to_owned()).text(", ");
        sql.values([*position, *raised]);
    };
    insert.rows(work, &accounts, row).await
}

async fn write_revisions(
    work: &mut AnyConnection,
    changes: &[Numbered<'_>],
) -> Result<(), RegisterError> {
    let mut revisions: BTreeMap<(i64, u64), &RevisionRow> = BTreeMap::new();
    for &Numbered { change, number, .. } in changes {
        revisions.extend(change.revisions.iter().map(|row| ((number, row.revision), row)));
    }
    let revisions: Vec<_> = revisions.into_iter().collect();
    let insert = Insert {
        begin: "INSERT INTO alert_revisions (alert, revision, payment, time, score_permille, \
                action, payment_count) VALUES",
        end: " ON CONFLICT (alert, revision) DO NOTHING",
        doing: DOING,
    };
    let row = |sql: &mut Sql, ((number, revision), row): &((i64, u64), &RevisionRow)| {
        sql.values([*number, whole(*revision)]).text(", ");
        sql.value(row.payment.clone()).text(", ");
        sql.values([row.time.0, i64::from(row.score_permille)]).text(", ");
        sql.value(row.action.name()).text(", ").value(whole(row.payment_count));
    };
    insert.rows(work, &revisions, row).await
}
