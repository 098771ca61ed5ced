//! The rules: versions, checks as one types, and the way of a change into the service.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use shroff_store::register::{AuditEntry, Outcome};
use shroff_types::{Place, Span, Timestamp};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cases::{body, written};
use super::{Answer, json, refused, unknown};
use crate::library;
use crate::rules;
use crate::serve::actor::{Actor, actor};
use crate::serve::api::{
    Asked, BacktestSeen, Big, Findings, Found, Raced, RulesCommand, RulesFiles, RulesPage,
    RulesProposal, RulesTried, RulesVersion, RulesVersionHead, RulesVersionWhole, ShadowSeen,
    WantedBacktest, Wrong,
};
use crate::serve::changes::{Refused, Rules};
use crate::serve::compare::{Comparison, Counts};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::serve::trial::{self, Phase};
use crate::serve::versions::{self, Command, Pending, Version};
use crate::settings;

/// The most files of a set of rules, bytes of one, and letters of its name.
const MOST_FILES: usize = 64;
const MOST_FILE_BYTES: usize = 64 << 10;
const MOST_NAME_BYTES: usize = 64;
/// How long a reply waits for a version to become active.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list, propose))
        .routes(routes!(check))
        .routes(routes!(test))
        .routes(routes!(trial, try_out, cancel))
        .routes(routes!(one))
        .routes(routes!(command))
        .routes(routes!(shadow))
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    name: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    files: Vec<File>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    files: Vec<File>,
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    command: Command,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    version: Version,
    /// What may be done with it.
    allowed: Vec<&'static str>,
}

impl Shown {
    fn of(version: Version) -> Shown {
        Shown { allowed: version.state.allowed(), version }
    }
}

/// Names and texts of files, where they are names and texts of rules.
pub(super) fn pairs(files: Vec<File>) -> Result<Vec<(String, String)>, Problem> {
    let refuse = |what: &str| Problem::new(Kind::BadRequest, what).field("files", None);
    if files.is_empty() || files.len() > MOST_FILES {
        return Err(refuse(&format!("a set of rules has 1 to {MOST_FILES} files")));
    }
    let mut pairs: Vec<(String, String)> = Vec::with_capacity(files.len());
    for File { name, text } in files {
        let stem = name.strip_suffix(".toml").unwrap_or_default();
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if stem.is_empty() || name.len() > MOST_NAME_BYTES || !stem.bytes().all(is_plain) {
            return Err(refuse("a name is no name of rules")
                .hint("small letters, digits and -, and .toml, as in fan-in.toml"));
        }
        if text.len() > MOST_FILE_BYTES {
            return Err(refuse(&format!("a file has {MOST_FILE_BYTES} bytes at most")));
        }
        if pairs.iter().any(|(other, _)| *other == name) {
            return Err(refuse("two files have one name"));
        }
        pairs.push((name, text));
    }
    Ok(pairs)
}

fn broken(error: &anyhow::Error) -> Problem {
    tracing::error!(error = format_args!("{error:#}"), "rules could not be read or written");
    Problem::new(Kind::Internal, "the rules could not be read or written")
}

/// Does what takes a while where no request waits for it.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| broken(&error.into()))
}

/// Versions of the rules, and which is active.
#[utoipa::path(
    get,
    path = "/v1/rules",
    operation_id = "listRules",
    tag = "rules",
    responses((status = 200, description = "All of them", body = RulesPage), Asked),
)]
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let (active, versions, running, pending) = shared.rules.all();
    let versions: Vec<Shown> = versions.into_iter().map(Shown::of).collect();
    json(&value!({
        "active": active, "running": running, "pending": pending, "versions": versions,
    }))
}

fn version_of(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    let version = path.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    versions::number(&version).map(|_| version).ok_or_else(|| unknown("version"))
}

/// A version with its files.
#[utoipa::path(
    get,
    path = "/v1/rules/{version}",
    operation_id = "readRules",
    tag = "rules",
    params(("version" = RulesVersion, Path, description = "A version of the rules")),
    responses((status = 200, description = "The version", body = RulesVersionWhole), Asked, Found),
)]
async fn one(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let version = shared.rules.get(&version_of(path)?).ok_or_else(|| unknown("version"))?;
    let (rules, name) = (Arc::clone(&shared.rules), version.version.clone());
    let kept = aside(move || rules.kept(&name)).await?.map_err(|error| broken(&error))?;
    let files = kept.files().into_iter().map(|(name, text)| File { name, text });
    json(&value!({ "version": Shown::of(version), "files": files.collect::<Vec<File>>() }))
}

/// What is wrong in rules, and what is missing.
fn findings(files: &[(String, String)]) -> Vec<Value> {
    let library::Library { typologies, mut errors } = library::read_texts(files);
    if errors.is_empty() {
        errors = match shroff_detect::union(&typologies, Span::ZERO) {
            Ok(needed) => {
                shroff_detect::Rules::bind(&typologies, &needed).err().unwrap_or_default()
            }
            Err(errors) => errors,
        };
    }
    let mut findings = rules::as_json(&errors);
    for finding in &mut findings {
        finding["severity"] = "error".into();
    }
    for typology in rules::without_look_alike(&typologies) {
        findings.push(value!({
            "file": typology.file, "line": 1, "column": 1, "severity": "warning",
            "message": "there is no example of an innocent flow that looks alike",
            "hint": "add a [[test]] with `alerts = []`",
        }));
    }
    findings
}

fn has_errors(findings: &[Value]) -> bool {
    findings.iter().any(|finding| finding["severity"] == "error")
}

/// What is wrong in rules.
#[utoipa::path(
    post,
    path = "/v1/rules/check",
    operation_id = "checkRules",
    tag = "rules",
    request_body = RulesFiles,
    responses((status = 200, description = "What is", body = Findings), Asked, Big),
)]
async fn check(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    actor(&shared, request.headers(), Right::WriteRules)?;
    let Files { files } = body(request).await?;
    let files = pairs(files)?;
    let findings = aside(move || findings(&files)).await?;
    json(&value!({ "findings": findings }))
}

/// What is wrong in rules, and how their examples go where nothing is.
fn tried(files: &[(String, String)]) -> (Vec<Value>, Vec<Value>) {
    let findings = findings(files);
    if has_errors(&findings) {
        return (findings, Vec::new());
    }
    let tests = rules::tests_as_json(&library::read_texts(files).typologies);
    (findings, tests)
}

/// What is wrong in rules, and how their examples go.
#[utoipa::path(
    post,
    path = "/v1/rules/test",
    operation_id = "testRules",
    tag = "rules",
    request_body = RulesFiles,
    responses((status = 200, description = "What is", body = RulesTried), Asked, Big),
)]
async fn test(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    actor(&shared, request.headers(), Right::WriteRules)?;
    let Files { files } = body(request).await?;
    let files = pairs(files)?;
    let (findings, tests) = aside(move || tried(&files)).await?;
    json(&value!({ "findings": findings, "tests": tests }))
}

async fn audit(
    shared: &Shared,
    (actor, action): (&Actor, &'static str),
    (object, detail): (&str, &Value),
) -> Result<(), Problem> {
    let entry = AuditEntry {
        at: settings::wall(),
        actor: &actor.name,
        role: actor.role.name(),
        action,
        object,
        detail,
    };
    shared.register.audit(entry).await.map(|_| ()).map_err(refused)
}

fn told(refused: Refused) -> Problem {
    match refused {
        Refused::NotFound => unknown("version"),
        Refused::NotAllowed(state) => {
            let what = format!("a version that is {} is not changed so", state.name());
            Problem::new(Kind::NotAllowed, what).state(state.name(), state.allowed())
        }
        Refused::SamePerson => {
            Problem::new(Kind::Forbidden, "another person approves what somebody proposed")
        }
        Refused::Failed(error) => broken(&error),
    }
}

/// Proposes a set of rules: kept where nothing is wrong in it and its examples go well.
#[utoipa::path(
    post,
    path = "/v1/rules",
    operation_id = "proposeRules",
    tag = "rules",
    request_body = RulesProposal,
    responses((status = 201, description = "The version", body = RulesVersionHead), Asked, Raced, Found, Big, Wrong),
)]
async fn propose(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let actor = actor(&shared, request.headers(), Right::WriteRules)?;
    actor.must_be_a_person()?;
    let Proposal { files, note } = body(request).await?;
    let note = written("note", &note)?;
    let files = pairs(files)?;
    let rules = Arc::clone(&shared.rules);
    let read = aside(move || {
        let (findings, tests) = tried(&files);
        let is_right = !has_errors(&findings) && tests.iter().all(|test| test["passed"] == true);
        if !is_right {
            return Ok(Err(value!({ "findings": findings, "tests": tests })));
        }
        rules.rulebook(&files).map(Ok)
    });
    let rulebook = match read.await?.map_err(|error| broken(&error))? {
        Ok(rulebook) => rulebook,
        Err(wrong) => return Ok(wrong_rules(wrong)),
    };
    let said = Pending {
        version: versions::written(rulebook.version()),
        // It stays where it is until somebody says more.
        command: Command::Stop,
        by: actor.name.clone(),
        at: settings::wall().to_string(),
        reason: note.clone(),
    };
    let version = said.version.clone();
    let rules = Arc::clone(&shared.rules);
    let kept = aside(move || rules.propose(&rulebook, &said)).await?.map_err(told)?;
    let detail = value!({ "note": note });
    audit(&shared, (&actor, "rules.propose"), (&version, &detail)).await?;
    let mut response = json(&Shown::of(kept))?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Rules are refused, with all that is wrong in them.
fn wrong_rules(wrong: Value) -> Response {
    let mut body = value!({
        "type": "urn:shroff:problem:wrong-rules", "title": "The rules are not right",
        "status": 422, "detail": "something is wrong in them, or an example fails",
    });
    if let (Some(body), Value::Object(wrong)) = (body.as_object_mut(), wrong) {
        body.extend(wrong);
    }
    let mut response = Response::new(body.to_string().into());
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Which right a command asks for, of two.
fn rights(command: Command) -> &'static [Right] {
    match command {
        Command::Shadow | Command::Stop => &[Right::WriteRules, Right::ApproveRules],
        Command::Approve | Command::Reject | Command::RollBack => &[Right::ApproveRules],
    }
}

/// A command to a version. Another person approves what somebody proposed.
#[utoipa::path(
    post,
    path = "/v1/rules/{version}/commands",
    operation_id = "commandRules",
    tag = "rules",
    params(("version" = RulesVersion, Path, description = "A version of the rules")),
    request_body = RulesCommand,
    responses((status = 200, description = "The version as it is now", body = RulesVersionHead), (status = 202, description = "It will be so; it is not yet", body = RulesVersionHead), Asked, Found, Raced, Big),
)]
async fn command(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let actor = actor(&shared, request.headers(), Right::ReadAlerts)?;
    if !actor.role.may(Right::WriteRules) {
        actor.must(Right::ApproveRules)?;
    }
    actor.must_be_a_person()?;
    let version = version_of(path)?;
    let Said { command, reason } = body(request).await?;
    if !rights(command).iter().any(|&right| actor.role.may(right)) {
        actor.must(Right::ApproveRules)?;
    }
    let reason = match command {
        Command::Shadow | Command::Stop => reason.unwrap_or_default(),
        Command::Approve | Command::Reject | Command::RollBack => {
            written("reason", &reason.unwrap_or_default())?
        }
    };
    let said = Pending {
        version: version.clone(),
        command,
        by: actor.name.clone(),
        at: settings::wall().to_string(),
        reason: reason.clone(),
    };
    // Noted before it is done: what is active was approved by somebody who is named.
    shared.rules.may(&said).map_err(told)?;
    let detail = value!({ "reason": reason });
    audit(&shared, (&actor, command.action()), (&version, &detail)).await?;
    let mut changes = shared.rules.changes();
    let rules = Arc::clone(&shared.rules);
    aside(move || rules.obey(said)).await?.map_err(told)?;
    let mut status = StatusCode::OK;
    if matches!(command, Command::Approve | Command::RollBack) {
        let rules = Arc::clone(&shared.rules);
        let is_noted = || rules.activated().iter().all(|it| it.version != version);
        let done = changes.wait_for(|_| !is_pending(&rules, &version) && is_noted());
        if !matches!(tokio::time::timeout(PATIENCE, done).await, Ok(Ok(_))) {
            status = StatusCode::ACCEPTED;
        }
    }
    let kept = shared.rules.get(&version).ok_or_else(|| unknown("version"))?;
    let mut response = json(&Shown::of(kept))?;
    *response.status_mut() = status;
    Ok(response)
}

fn is_pending(rules: &Rules, version: &str) -> bool {
    rules.all().3.is_some_and(|pending| pending.version == version)
}

/// What a version that runs beside the active one says otherwise.
#[utoipa::path(
    get,
    path = "/v1/rules/{version}/shadow",
    operation_id = "readShadow",
    tag = "rules",
    params(("version" = RulesVersion, Path, description = "A version of the rules")),
    responses((status = 200, description = "What is seen", body = ShadowSeen), Asked, Found),
)]
async fn shadow(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let version = version_of(path)?;
    let (seen, waiting) = shared.rules.seen(&version).ok_or_else(|| {
        Problem::new(Kind::NotFound, "this version does not run beside the active one")
    })?;
    let mut shown = compared(&shared, &seen.comparison);
    shown["version"] = version.into();
    shown["phase"] = seen.phase.name().into();
    (shown["next_place"], shown["of"]) = (seen.next.into(), seen.of.into());
    shown["waiting"] = waiting.into();
    json(&shown)
}

/// A comparison as it is told.
fn compared(shared: &Shared, comparison: &Comparison) -> Value {
    let current = shared.rules.current();
    let title = |id: &String| current.titles.get(id).unwrap_or(id).clone();
    let typology = |(id, counts): (&String, &Counts)| value!({ "typology": id, "title": title(id), "counts": counts });
    let action = |(&(active, shadow), count): (&(&str, &str), &u64)| value!({ "active": active, "shadow": shadow, "payments": count });
    value!({
        "from_place": comparison.from, "payments": comparison.payments, "same": comparison.same,
        "typologies": comparison.by_typology.iter().map(typology).collect::<Vec<Value>>(),
        "actions": comparison.actions.iter().map(action).collect::<Vec<Value>>(),
        "examples": comparison.examples.iter().rev().collect::<Vec<_>>(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    files: Vec<File>,
    days: u32,
}

/// The most days that a backtest counts.
const MOST_DAYS: u32 = 366;

/// Begins a backtest: the recent history of the log under other rules, beside the active ones.
#[utoipa::path(
    post,
    path = "/v1/rules/backtest",
    operation_id = "beginBacktest",
    tag = "rules",
    request_body = WantedBacktest,
    responses((status = 202, description = "It is under way", body = BacktestSeen), Asked, Raced, Wrong, Big),
)]
async fn try_out(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    actor(&shared, request.headers(), Right::WriteRules)?;
    let Wanted { files, days } = body(request).await?;
    if !(1..=MOST_DAYS).contains(&days) {
        let what = format!("`days` is 1 to {MOST_DAYS}");
        return Err(Problem::new(Kind::BadRequest, what).field("days", None));
    }
    let files = pairs(files)?;
    let rules = Arc::clone(&shared.rules);
    let read = aside(move || {
        let findings = findings(&files);
        if has_errors(&findings) {
            return Ok(Err(value!({ "findings": findings, "tests": [] })));
        }
        rules.rulebook(&files).map(Ok)
    });
    let rulebook = match read.await?.map_err(|error| broken(&error))? {
        Ok(rulebook) => rulebook,
        Err(wrong) => return Ok(wrong_rules(wrong)),
    };
    let desk = shared.desk.clone();
    let to = aside(move || desk.next()).await?.unwrap_or(Place(0));
    // Counted back from the newest payment, not from the clock: a history may be an old one.
    let newest = shared.desk.ask(move |core| {
        let last = to.0.checked_sub(1).map(Place);
        last.and_then(|last| core.live.held(last)).map(|held| held.time)
    });
    let newest = newest.await?.unwrap_or_else(settings::wall);
    let asked = trial::Asked { since: newest.before(Span::DAY.times(days)), days, to };
    let rules = Arc::clone(&shared.rules);
    let begun = aside(move || rules.try_out(rulebook, asked)).await?;
    if !begun.map_err(|error| broken(&error))? {
        return Err(Problem::new(Kind::NotAllowed, "a backtest goes on")
            .hint("wait for it, or cancel it: DELETE /v1/rules/backtest"));
    }
    let mut response = shown_trial(&shared).await?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// How far the backtest is, and what it counted.
#[utoipa::path(
    get,
    path = "/v1/rules/backtest",
    operation_id = "readBacktest",
    tag = "rules",
    responses((status = 200, description = "How far it is, and what it counted", body = BacktestSeen), Asked, Found),
)]
async fn trial(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    actor(&shared, &headers, Right::WriteRules)?;
    shown_trial(&shared).await
}

/// Cancels the backtest.
#[utoipa::path(
    delete,
    path = "/v1/rules/backtest",
    operation_id = "cancelBacktest",
    tag = "rules",
    responses((status = 200, description = "What it had counted", body = BacktestSeen), Asked, Found),
)]
async fn cancel(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    actor(&shared, &headers, Right::WriteRules)?;
    shared.rules.cancel_trial();
    shown_trial(&shared).await
}

async fn shown_trial(shared: &Shared) -> Answer {
    let trial = shared.rules.trial().ok_or_else(|| unknown("backtest"))?;
    let seen = trial.seen();
    let mut shown = compared(shared, &seen.comparison);
    shown["phase"] = seen.phase.name().into();
    shown["since"] = trial.asked.since.to_string().into();
    shown["days_asked"] = trial.asked.days.into();
    (shown["next_place"], shown["of"]) = (seen.next.into(), trial.asked.to.0.into());
    let day = |((day, typology), [active, other]): (&(i64, String), &[u64; 2])| {
        let midnight = Timestamp(day.saturating_mul(Span::DAY.micros())).to_string();
        let day = midnight.split('T').next().unwrap_or_default();
        value!({ "day": day, "typology": typology, "active": active, "candidate": other })
    };
    shown["days"] = seen.days.iter().map(day).collect();
    if seen.phase == Phase::Done {
        let [active, other] = &seen.alerts;
        let (active, other) = (decided(shared, active).await?, decided(shared, other).await?);
        shown["decided"] = value!({ "active": active, "candidate": other });
    }
    json(&shown)
}

/// What was decided of alerts, where the register knows them, by typology.
async fn decided(shared: &Shared, alerts: &VecDeque<(String, String)>) -> Result<Value, Problem> {
    let ids: Vec<String> = alerts.iter().map(|(id, _)| id.clone()).collect();
    let rows = shared.register.alerts_of(&ids).await.map_err(refused)?;
    let mut counted: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (row, outcome) in rows.iter().filter_map(|row| Some((row, row.outcome.as_deref()?))) {
        let [decided, reports] = counted.entry(&row.typology).or_default();
        *decided += 1;
        *reports += u64::from(outcome == Outcome::Report.name());
    }
    let one = |(typology, [decided, reports]): (&str, [u64; 2])| value!({ "typology": typology, "decided": decided, "reports": reports });
    Ok(counted.into_iter().map(one).collect())
}
