//! Cases: what people work on. Each command is one unit of work: the case, its log, its alerts and
//! the audit trail change together or not at all.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shroff_types::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Executor};

use super::Register;
use super::audit::{AuditEntry, append};
use super::error::{Doing, RegisterError};
use super::events::EventKind;
use super::life::{CaseState, CommandKind};
use super::sql::{Conditions, Page, Sql, column, page};

const DOING: &str = "write a case to the register";
const READING: &str = "read cases from the register";
/// The most alerts of one case: more than anybody looks through.
const MOST_ALERTS: i64 = 500;
/// Ids that an error names.
const MOST_NAMED: usize = 10;
/// Values of one statement.
const MOST_VALUES: usize = 500;
/// Cases that go on at once.
const MOST_RESUMED: i64 = 100;

/// How a case is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is reported.
    Report,
    /// It is not.
    NoReport,
}

impl Outcome {
    /// As it is kept and told.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Report => "report",
            Outcome::NoReport => "no_report",
        }
    }
}

/// What was on the screen when a case was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The payments, by their ids.
    pub evidence: Vec<String>,
    /// The alerts, as far as they are named.
    pub alerts: Vec<ShownAlert>,
}

/// An alert that was on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownAlert {
    /// Its id.
    pub id: String,
    /// The revision that it was at.
    pub revision: u64,
}

/// What is done with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// To give it to somebody.
    Assign(String),
    /// To take it from whoever has it.
    Unassign,
    /// To let it rest until a time, for a reason.
    Wait(Timestamp, String),
    /// To go on with it.
    Resume,
    /// To hand it to somebody with more to say.
    Escalate(String),
    /// To decide it, for a reason, with what was on the screen.
    Decide(Outcome, String, Shown),
    /// To agree with what another decided.
    Approve(String),
    /// To disagree with it.
    Reject(String),
    /// To begin again, on appeal.
    Reopen(String),
    /// To note something.
    Note(String),
    /// To name a case that belongs beside it.
    Link(i64),
    /// To name it no more.
    Unlink(i64),
    /// To say until when it must be decided.
    Due(Option<Timestamp>),
    /// To take alerts in.
    Join(Vec<String>),
    /// To take one out.
    Leave(String),
    /// To call it something else.
    Title(String),
}

impl Command {
    /// What it is, without what belongs to it.
    pub fn kind(&self) -> CommandKind {
        match self {
            Command::Assign(_) => CommandKind::Assign,
            Command::Unassign => CommandKind::Unassign,
            Command::Wait(..) => CommandKind::Wait,
            Command::Resume => CommandKind::Resume,
            Command::Escalate(_) => CommandKind::Escalate,
            Command::Decide(..) => CommandKind::Decide,
            Command::Approve(_) => CommandKind::Approve,
            Command::Reject(_) => CommandKind::Reject,
            Command::Reopen(_) => CommandKind::Reopen,
            Command::Note(_) => CommandKind::Note,
            Command::Link(_) => CommandKind::Link,
            Command::Unlink(_) => CommandKind::Unlink,
            Command::Due(_) => CommandKind::Due,
            Command::Join(_) => CommandKind::Join,
            Command::Leave(_) => CommandKind::Leave,
            Command::Title(_) => CommandKind::Title,
        }
    }

    /// What a person wrote, and the rest: as the log of the case keeps it.
    fn noted(&self) -> (&str, Value) {
        match self {
            Command::Assign(to) => ("", json!({ "to": to })),
            Command::Unassign | Command::Resume => ("", json!({})),
            Command::Wait(until, reason) => (reason, json!({ "until": until.to_string() })),
            Command::Decide(outcome, reason, Shown { evidence, alerts }) => {
                let outcome = outcome.name();
                (reason, json!({ "outcome": outcome, "evidence": evidence, "alerts": alerts }))
            }
            Command::Escalate(text)
            | Command::Approve(text)
            | Command::Reject(text)
            | Command::Reopen(text)
            | Command::Note(text)
            | Command::Title(text) => (text, json!({})),
            Command::Link(case) | Command::Unlink(case) => ("", json!({ "case": case_id(*case) })),
            Command::Due(at) => ("", json!({ "at": at.map(|at| at.to_string()) })),
            Command::Join(alerts) => ("", json!({ "alerts": alerts })),
            Command::Leave(alert) => ("", json!({ "alert": alert })),
        }
    }
}

/// Who acts, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The name of the person.
    pub name: &'a str,
    /// In which role.
    pub role: &'a str,
    /// Whether a decision needs a second person.
    pub second_review: bool,
    /// When.
    pub at: Timestamp,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// There is no such case.
    #[error("there is no such case")]
    NotFound,
    /// Somebody else changed it first.
    #[error("the case was changed since: it is at version {0}")]
    Stale(u64),
    /// It may not be done in this state.
    #[error("a case that is {} takes no `{}`", state.name(), command.name())]
    NotAllowed {
        /// The state it is in.
        state: CaseState,
        /// What was asked for.
        command: CommandKind,
    },
    /// The second person is the first one.
    #[error("another person than the one who decided is needed")]
    SamePerson,
    /// There is no such alert, or it is not of the case.
    #[error("there is no such alert")]
    NoAlert(String),
    /// An alert is in another case.
    #[error("an alert is in another case")]
    InAnotherCase {
        /// The alert.
        alert: String,
        /// The number of that case.
        case: i64,
    },
    /// More than a case holds.
    #[error("a case has one alert at least and 500 at most")]
    TooMany,
    /// There is no such other case.
    #[error("there is no such case to name")]
    NoOther,
    /// Payments are in no alert of the case.
    #[error("payments are evidence of no alert of the case: {}", listed(.0))]
    NoEvidence(Vec<String>),
    /// Alerts are not of the case, or were never at that revision.
    #[error("alerts are not of the case, or never were at that revision: {}", listed(.0))]
    NotShown(Vec<String>),
    /// The register failed.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// The first few of some ids, and how many there are beside them.
fn listed(ids: &[String]) -> String {
    let few: Vec<String> = ids.iter().take(MOST_NAMED).map(|id| format!("`{id}`")).collect();
    match ids.len().saturating_sub(MOST_NAMED) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

/// A decision, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// How it was decided.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When, in microseconds.
    pub at: i64,
    /// The payments that were on the screen.
    pub evidence: Vec<String>,
    /// The alerts that were, each at the revision that it was at.
    #[serde(default)]
    pub alerts: Vec<ShownAlert>,
    /// The second person.
    pub approved_by: Option<String>,
    /// When that was, in microseconds.
    pub approved_at: Option<i64>,
}

/// A case as it stands in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// Its number.
    pub number: i64,
    /// How often it was changed.
    pub version: u64,
    /// Where it stands.
    pub state: CaseState,
    /// What it is called.
    pub title: String,
    /// Who has it.
    pub assignee: Option<String>,
    /// Until when it must be decided.
    pub due: Option<Timestamp>,
    /// Until when it rests.
    pub wait_until: Option<Timestamp>,
    /// Whether it was begun again, on appeal.
    pub reopened: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By whom.
    pub opened_by: String,
    /// The decision, where there is one.
    pub decision: Option<Decision>,
}

impl CaseRow {
    /// How it was decided, once it is.
    pub fn outcome(&self) -> Option<Outcome> {
        let decision = self.decision.as_ref().filter(|_| self.state == CaseState::Decided);
        decision.map(|decision| decision.outcome)
    }
}

/// A line of a case's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// Its number, from 1.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What was done.
    pub command: String,
    /// What the person wrote.
    pub text: String,
    /// The rest.
    pub detail: Value,
}

/// Which cases are wanted, newest first.
#[derive(Debug, Clone, Default)]
pub struct CaseFilter {
    /// In one of these states; in any where none is named.
    pub states: Vec<CaseState>,
    /// Of this person.
    pub assignee: Option<String>,
    /// With this number, or these words in the title.
    pub text: Option<String>,
    /// With a lower number.
    pub before: Option<i64>,
    /// So many at most.
    pub most: u32,
}

/// The id of a case, as it is told.
pub fn case_id(number: i64) -> String {
    format!("case-{number}")
}

/// The number of a case.
pub fn case_number(id: &str) -> Option<i64> {
    let number = id.strip_prefix("case-")?.parse().ok()?;
    // A number has other spellings (`07`); an id has one.
    (case_id(number) == id).then_some(number)
}

/// What reads cases.
impl Register {
    /// A case; none where there is none.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn case(&self, number: i64) -> Result<Option<CaseRow>, RegisterError> {
        find_case(&self.reader, number, READING).await
    }

    /// The log of a case.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn case_log(&self, number: i64) -> Result<Vec<LogRow>, RegisterError> {
        let mut sql = Sql::new("SELECT * FROM case_log WHERE case_number = ");
        sql.value(number).text(" ORDER BY n");
        let rows = sql.rows(&self.reader, READING).await?;
        let line = |row: &AnyRow| {
            let detail: String = column(row, "detail")?;
            Ok(LogRow {
                n: super::find::count(row, "n")?,
                at: Timestamp(column(row, "at")?),
                by: column(row, "actor")?,
                command: column(row, "command")?,
                text: column(row, "text")?,
                detail: serde_json::from_str(&detail)
                    .map_err(|_| RegisterError::Kept { what: "detail" })?,
            })
        };
        rows.iter().map(line).collect()
    }

    /// The numbers of the cases that are named beside a case.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn case_links(&self, number: i64) -> Result<Vec<i64>, RegisterError> {
        let mut sql = Sql::new("SELECT other FROM case_links WHERE one = ");
        sql.value(number).text(" ORDER BY other");
        let rows = sql.rows(&self.reader, READING).await?;
        rows.iter().map(|row| column(row, "other")).collect()
    }

    /// The cases that are wanted.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn cases(&self, wanted: &CaseFilter) -> Result<Vec<CaseRow>, RegisterError> {
        let mut sql = Sql::new("SELECT * FROM cases");
        let mut all = Conditions::default();
        all.one_of(&mut sql, "state", wanted.states.iter().map(|state| state.name()));
        all.one_of(&mut sql, "assignee", &wanted.assignee);
        if let Some(text) = &wanted.text {
            let number = case_number(text).or_else(|| text.parse().ok()).unwrap_or(-1);
            // No letter of it means anything to LIKE.
            let mut like = String::from("%");
            for letter in text.to_lowercase().chars() {
                if matches!(letter, '%' | '_' | '!') {
                    like.push('!');
                }
                like.push(letter);
            }
            like.push('%');
            all.and(&mut sql).text("(number = ").value(number);
            sql.text(" OR lower(title) LIKE ").value(like).text(" ESCAPE '!')");
        }
        let behind = wanted.before.map(|number| [number]);
        let newest_first = Page { behind, ascending: false, most: i64::from(wanted.most) };
        page(&mut sql, &mut all, ["number"], newest_first);
        let rows = sql.rows(&self.reader, READING).await?;
        rows.iter().map(read).collect()
    }
}

/// What changes cases.
impl Register {
    /// Opens a case over alerts that are in none.
    ///
    /// # Errors
    /// Where an alert is unknown or in another case, or the database refuses; then nothing was
    /// changed.
    pub async fn open_case(
        &self,
        alerts: &[String],
        title: Option<&str>,
        by: By<'_>,
    ) -> Result<CaseRow, CaseError> {
        if alerts.is_empty() {
            return Err(CaseError::TooMany);
        }
        let mut work = self.writer.begin().await.doing(DOING)?;
        let sql = Sql::new("SELECT COALESCE(MAX(number), 0) AS last FROM cases");
        let last = sql.row(&mut *work, DOING).await?.map_or(Ok(0), |row| column(&row, "last"))?;
        let number: i64 = last + 1;
        let title = match title {
            Some(title) => title.to_owned(),
            None => title_of(&mut work, &alerts[0]).await?,
        };
        let case = CaseRow {
            number,
            version: 1,
            state: CaseState::Open,
            title: title.clone(),
            assignee: None,
            due: None,
            wait_until: None,
            reopened: false,
            opened_at: by.at,
            opened_by: by.name.to_owned(),
            decision: None,
        };
        let mut sql = Sql::new(
            "INSERT INTO cases (number, version, state, title, reopened, opened_at, opened_by) \
             VALUES (",
        );
        sql.values([number, 1]).text(", 'open', ").value(title).text(", 0, ");
        sql.value(by.at.0).text(", ").value(by.name.to_owned()).text(")");
        sql.run(&mut *work, DOING).await?;
        take_in(&mut work, number, alerts).await?;
        let detail = json!({ "alerts": alerts });
        log(&mut work, &case, ("open", "", &detail), by).await?;
        write_alerts(&mut work, &case).await?;
        self.tell_case(&mut work, EventKind::CaseOpened, &case, by.at).await?;
        work.commit().await.doing(DOING)?;
        Ok(case)
    }

    /// Does something with a case, if it is still at `version`.
    ///
    /// # Errors
    /// Where it may not be done, or the database refuses; then nothing was changed.
    pub async fn command_case(
        &self,
        (number, version): (i64, u64),
        command: &Command,
        by: By<'_>,
    ) -> Result<CaseRow, CaseError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let case = find_case(&mut *work, number, DOING).await?;
        let mut case = case.ok_or(CaseError::NotFound)?;
        if case.version != version {
            return Err(CaseError::Stale(case.version));
        }
        let kind = command.kind();
        let after = case.state.after(kind, by.second_review);
        let refused = CaseError::NotAllowed { state: case.state, command: kind };
        let after = after.ok_or(refused)?;
        if let Command::Decide(_, _, shown) = command {
            was_there(&mut work, number, shown).await?;
        }
        apply(&mut case, command, by)?;
        case.state = after;
        case.version += 1;
        write_case(&mut work, &case).await?;
        beside(&mut work, number, command).await?;
        let (text, detail) = command.noted();
        log(&mut work, &case, (kind.name(), text, &detail), by).await?;
        write_alerts(&mut work, &case).await?;
        self.tell_case(&mut work, EventKind::of_case(kind, after), &case, by.at).await?;
        work.commit().await.doing(DOING)?;
        Ok(case)
    }

    /// Notes, in the log of a case and in the audit trail at once, that somebody is told the number
    /// behind a token. The state stays as it is; the version does not, as each line of the log is
    /// one.
    ///
    /// # Errors
    /// Where there is no such case, or the database refuses; then nothing was noted, and nothing
    /// may be told.
    pub async fn note_unmasked(
        &self,
        number: i64,
        (token, reason): (&str, &str),
        by: By<'_>,
    ) -> Result<CaseRow, CaseError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let case = find_case(&mut *work, number, DOING).await?;
        let mut case = case.ok_or(CaseError::NotFound)?;
        case.version += 1;
        write_case(&mut work, &case).await?;
        let (action, detail) = ("unmask", json!({ "account": token }));
        write_line(&mut work, &case, (action, reason, &detail), by).await?;
        let (at, actor, role) = (by.at, by.name, by.role);
        let detail = &json!({ "case": case_id(number), "reason": reason });
        append(&mut work, AuditEntry { at, actor, role, action, object: token, detail }).await?;
        work.commit().await.doing(DOING)?;
        Ok(case)
    }

    async fn tell_case(
        &self,
        work: &mut AnyConnection,
        kind: EventKind,
        case: &CaseRow,
        at: Timestamp,
    ) -> Result<(), RegisterError> {
        let outbox = self.outbox(work, at).await?;
        if !outbox.wants(kind) {
            return Ok(());
        }
        outbox.tell(work, vec![(kind, outbox.case(case))]).await
    }
}

/// What time does.
impl Register {
    /// When the next case goes on that rests until a time.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn next_resume(&self) -> Result<Option<Timestamp>, RegisterError> {
        let sql = Sql::new(
            "SELECT wait_until FROM cases WHERE state = 'waiting' AND wait_until IS NOT NULL ORDER \
             BY wait_until LIMIT 1",
        );
        let row = sql.row(&self.reader, READING).await?;
        row.map(|row| column(&row, "wait_until").map(Timestamp)).transpose()
    }

    /// Goes on with the cases that rested until now: as a command that nobody gave but time.
    ///
    /// # Errors
    /// Where the database refuses; then what was not gone on with is the next time.
    pub async fn resume_due_cases(&self, now: Timestamp) -> Result<Vec<CaseRow>, RegisterError> {
        let mut sql = Sql::new("SELECT * FROM cases WHERE state = 'waiting' AND wait_until <= ");
        sql.value(now.0).text(" ORDER BY wait_until, number LIMIT ").value(MOST_RESUMED);
        let rows = sql.rows(&self.reader, READING).await?;
        let by = By { name: "time", role: "service", second_review: false, at: now };
        let mut resumed = Vec::with_capacity(rows.len());
        for row in &rows {
            let case = read(row)?;
            let which = (case.number, case.version);
            match self.command_case(which, &Command::Resume, by).await {
                Ok(case) => resumed.push(case),
                Err(CaseError::Register(error)) => return Err(error),
                // Somebody was faster: what they want stays, and it is looked at anew.
                Err(_) => {}
            }
        }
        Ok(resumed)
    }
}

/// What a command changes in the case itself.
fn apply(case: &mut CaseRow, command: &Command, by: By<'_>) -> Result<(), CaseError> {
    match command {
        Command::Assign(to) => case.assignee = Some(to.clone()),
        Command::Unassign => {
            case.assignee = None;
            case.wait_until = None;
        }
        Command::Wait(until, _) => case.wait_until = Some(*until),
        Command::Resume | Command::Escalate(_) => case.wait_until = None,
        Command::Decide(outcome, reason, Shown { evidence, alerts }) => {
            case.decision = Some(Decision {
                outcome: *outcome,
                reason: reason.clone(),
                by: by.name.to_owned(),
                at: by.at.0,
                evidence: evidence.clone(),
                alerts: alerts.clone(),
                approved_by: None,
                approved_at: None,
            });
        }
        Command::Approve(_) | Command::Reject(_) => {
            let decision = case.decision.as_mut();
            let decision = decision.ok_or(RegisterError::Kept { what: "decision" })?;
            if decision.by == by.name {
                return Err(CaseError::SamePerson);
            }
            if command.kind() == CommandKind::Approve {
                decision.approved_by = Some(by.name.to_owned());
                decision.approved_at = Some(by.at.0);
            } else {
                // What was proposed stays in the log.
                case.decision = None;
            }
        }
        Command::Reopen(_) => {
            case.decision = None;
            case.assignee = None;
            case.reopened = true;
        }
        Command::Due(at) => case.due = *at,
        Command::Title(title) => case.title.clone_from(title),
        Command::Note(_)
        | Command::Link(_)
        | Command::Unlink(_)
        | Command::Join(_)
        | Command::Leave(_) => {}
    }
    Ok(())
}

/// What a command changes beside the case.
async fn beside(work: &mut AnyConnection, number: i64, command: &Command) -> Result<(), CaseError> {
    match command {
        Command::Join(alerts) => take_in(work, number, alerts).await,
        Command::Leave(alert) => {
            let mut sql = Sql::new(
                "UPDATE alerts SET case_number = NULL, state = 'open', assignee = NULL, outcome = \
                 NULL, decided_at = NULL WHERE case_number = ",
            );
            sql.value(number).text(" AND id = ").value(alert.clone());
            if sql.run(&mut *work, DOING).await? == 0 {
                return Err(CaseError::NoAlert(alert.clone()));
            }
            let mut sql = Sql::new("SELECT id FROM alerts WHERE case_number = ");
            sql.value(number).text(" LIMIT 1");
            sql.row(&mut *work, DOING).await?.map(|_| ()).ok_or(CaseError::TooMany)
        }
        Command::Link(other) => {
            let mut sql = Sql::new("SELECT number FROM cases WHERE number = ");
            sql.value(*other);
            if *other == number || sql.row(&mut *work, DOING).await?.is_none() {
                return Err(CaseError::NoOther);
            }
            let mut sql = Sql::new("INSERT INTO case_links (one, other) VALUES (");
            sql.values([number, *other]).text("), (").values([*other, number]);
            sql.text(") ON CONFLICT (one, other) DO NOTHING");
            sql.run(&mut *work, DOING).await?;
            Ok(())
        }
        Command::Unlink(other) => {
            let mut sql = Sql::new("DELETE FROM case_links WHERE (one = ");
            sql.value(number).text(" AND other = ").value(*other).text(") OR (one = ");
            sql.value(*other).text(" AND other = ").value(number).text(")");
            let gone = sql.run(&mut *work, DOING).await?;
            if gone == 0 { Err(CaseError::NoOther) } else { Ok(()) }
        }
        Command::Assign(_)
        | Command::Unassign
        | Command::Wait(..)
        | Command::Resume
        | Command::Escalate(_)
        | Command::Decide(..)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Reopen(_)
        | Command::Note(_)
        | Command::Due(_)
        | Command::Title(_) => Ok(()),
    }
}

/// Refuses what cannot have been on the screen: evidence of an alert only ever grows, so what was
/// there at any revision is there now.
async fn was_there(work: &mut AnyConnection, number: i64, shown: &Shown) -> Result<(), CaseError> {
    let mut sql = Sql::new("SELECT id, revision FROM alerts WHERE case_number = ");
    sql.value(number);
    let mut alerts: BTreeMap<String, u64> = BTreeMap::new();
    for row in sql.rows(&mut *work, DOING).await? {
        alerts.insert(column(&row, "id")?, super::find::count(&row, "revision")?);
    }
    let is_of_case = |alert: &ShownAlert| {
        alerts.get(&alert.id).is_some_and(|&now| (1..=now).contains(&alert.revision))
    };
    let strangers = shown.alerts.iter().filter(|alert| !is_of_case(alert));
    let strangers: Vec<String> =
        strangers.map(|alert| format!("{} at {}", alert.id, alert.revision)).collect();
    if !strangers.is_empty() {
        return Err(CaseError::NotShown(strangers));
    }
    let mut missing: BTreeSet<&str> = shown.evidence.iter().map(String::as_str).collect();
    for payments in shown.evidence.chunks(MOST_VALUES) {
        let mut sql = Sql::new(
            "SELECT DISTINCT one.payment AS payment FROM alerts JOIN alert_payments AS one ON \
             one.alert = alerts.number WHERE alerts.case_number = ",
        );
        sql.value(number).text(" AND one.payment IN (");
        sql.values(payments.iter().cloned()).text(")");
        for row in sql.rows(&mut *work, DOING).await? {
            missing.remove(column::<String>(&row, "payment")?.as_str());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(CaseError::NoEvidence(missing.into_iter().map(str::to_owned).collect()))
}

async fn title_of(work: &mut AnyConnection, alert: &str) -> Result<String, CaseError> {
    let mut sql = Sql::new("SELECT rest FROM alerts WHERE id = ");
    sql.value(alert.to_owned());
    let row = sql.row(&mut *work, DOING).await?;
    let rest: String = column(&row.ok_or_else(|| CaseError::NoAlert(alert.to_owned()))?, "rest")?;
    let rest: super::alerts::Rest =
        serde_json::from_str(&rest).map_err(|_| RegisterError::Kept { what: "rest" })?;
    Ok(rest.title)
}

/// Takes alerts into a case, each of which must be in no other.
async fn take_in(
    work: &mut AnyConnection,
    number: i64,
    alerts: &[String],
) -> Result<(), CaseError> {
    for alert in alerts {
        let mut sql = Sql::new("SELECT number, case_number FROM alerts WHERE id = ");
        sql.value(alert.clone());
        let row = sql.row(&mut *work, DOING).await?;
        let row = row.ok_or_else(|| CaseError::NoAlert(alert.clone()))?;
        if let Some(case) = column::<Option<i64>>(&row, "case_number")?.filter(|&it| it != number) {
            return Err(CaseError::InAnotherCase { alert: alert.clone(), case });
        }
        let mut sql = Sql::new("UPDATE alerts SET case_number = ");
        sql.value(number).text(" WHERE number = ").value(column::<i64>(&row, "number")?);
        sql.run(&mut *work, DOING).await?;
    }
    let mut sql = Sql::new("SELECT COUNT(*) AS held FROM alerts WHERE case_number = ");
    sql.value(number);
    let held =
        sql.row(&mut *work, DOING).await?.map_or(Ok(0), |row| column::<i64>(&row, "held"))?;
    if held > MOST_ALERTS { Err(CaseError::TooMany) } else { Ok(()) }
}

async fn write_case(work: &mut AnyConnection, case: &CaseRow) -> Result<(), RegisterError> {
    let mut sql = Sql::new("UPDATE cases SET version = ");
    sql.value(i64::try_from(case.version).unwrap_or(i64::MAX)).text(", state = ");
    sql.value(case.state.name()).text(", title = ").value(case.title.clone());
    sql.text(", assignee = ").value(case.assignee.clone()).text(", due = ");
    sql.value(case.due.map(|at| at.0)).text(", wait_until = ");
    sql.value(case.wait_until.map(|at| at.0)).text(", reopened = ");
    sql.value(i64::from(case.reopened)).text(", outcome = ");
    sql.value(case.outcome().map(|outcome| outcome.name().to_owned())).text(", decided_by = ");
    let decision = case.decision.as_ref();
    sql.value(decision.map(|it| it.by.clone())).text(", decided_at = ");
    sql.value(decision.map(|it| it.at)).text(", decision = ");
    let text = decision.map(serde_json::to_string).transpose();
    sql.value(text.map_err(|_| RegisterError::Kept { what: "decision" })?);
    sql.text(" WHERE number = ").value(case.number);
    sql.run(&mut *work, DOING).await.map(|_| ())
}

async fn find_case<'c>(
    on: impl Executor<'c, Database = Any>,
    number: i64,
    doing: &'static str,
) -> Result<Option<CaseRow>, RegisterError> {
    let mut sql = Sql::new("SELECT * FROM cases WHERE number = ");
    sql.value(number);
    sql.row(on, doing).await?.map(|row| read(&row)).transpose()
}

/// Says at the alerts of a case what the case says.
async fn write_alerts(work: &mut AnyConnection, case: &CaseRow) -> Result<(), RegisterError> {
    let outcome = case.outcome();
    let decided = case.decision.as_ref().filter(|_| outcome.is_some());
    let mut sql = Sql::new("UPDATE alerts SET state = ");
    sql.value(case.state.of_alerts()).text(", assignee = ").value(case.assignee.clone());
    sql.text(", outcome = ").value(outcome.map(|outcome| outcome.name().to_owned()));
    sql.text(", decided_at = ").value(decided.map(|it| it.approved_at.unwrap_or(it.at)));
    sql.text(" WHERE case_number = ").value(case.number);
    sql.run(&mut *work, DOING).await.map(|_| ())
}

/// Adds a line to the log of a case.
async fn write_line(
    work: &mut AnyConnection,
    case: &CaseRow,
    (command, text, detail): (&str, &str, &Value),
    by: By<'_>,
) -> Result<(), RegisterError> {
    let mut sql = Sql::new(
        "INSERT INTO case_log (case_number, n, at, actor, command, text, detail) VALUES (",
    );
    // Each command is one version.
    let version = i64::try_from(case.version).unwrap_or(i64::MAX);
    sql.values([case.number, version, by.at.0]).text(", ");
    let texts = [by.name.to_owned(), command.to_owned(), text.to_owned(), detail.to_string()];
    sql.values(texts).text(")");
    sql.run(&mut *work, DOING).await.map(|_| ())
}

/// Adds to the log of a case and to the audit trail.
async fn log(
    work: &mut AnyConnection,
    case: &CaseRow,
    (command, text, detail): (&str, &str, &Value),
    by: By<'_>,
) -> Result<(), RegisterError> {
    write_line(work, case, (command, text, detail), by).await?;
    let mut whole = detail.clone();
    if let Value::Object(members) = &mut whole {
        if !text.is_empty() {
            members.insert("text".to_owned(), text.into());
        }
        members.insert("version".to_owned(), case.version.into());
        members.insert("state".to_owned(), case.state.name().into());
    }
    let action = format!("case.{command}");
    let (object, role) = (case_id(case.number), by.role);
    let (at, actor) = (by.at, by.name);
    let entry = AuditEntry { at, actor, role, action: &action, object: &object, detail: &whole };
    append(work, entry).await.map(|_| ())
}

fn read(row: &AnyRow) -> Result<CaseRow, RegisterError> {
    let state: String = column(row, "state")?;
    let decision: Option<String> = column(row, "decision")?;
    let decision = decision.map(|text| serde_json::from_str(&text)).transpose();
    Ok(CaseRow {
        number: column(row, "number")?,
        version: super::find::count(row, "version")?,
        state: CaseState::from_name(&state).ok_or(RegisterError::Kept { what: "state" })?,
        title: column(row, "title")?,
        assignee: column(row, "assignee")?,
        due: column::<Option<i64>>(row, "due")?.map(Timestamp),
        wait_until: column::<Option<i64>>(row, "wait_until")?.map(Timestamp),
        reopened: column::<i64>(row, "reopened")? != 0,
        opened_at: Timestamp(column(row, "opened_at")?),
        opened_by: column(row, "opened_by")?,
        decision: decision.map_err(|_| RegisterError::Kept { what: "decision" })?,
    })
}
