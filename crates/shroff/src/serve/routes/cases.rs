//! Cases, and what is done with them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use shroff_store::register::{
    By, CaseError, CaseFilter, CaseRow, CaseState, Command, CommandKind, Shown, ShownAlert,
    case_id, case_number,
};
use shroff_types::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies::{
    AlertHead, Case, CaseCommand, CaseHead, CaseLook, CasePage, CaseVerb, Hold, LogEntry, NewCase,
};
use super::query::{RawQuery, Wanted, states};
use super::{Answer, json, refused, saw, unknown};
use crate::serve::actor::{Actor, actor};
use crate::serve::api::{Asked, Big, CaseId, Found, Raced, State as Name, Unprocessed};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::settings;

/// The largest body of a command.
const MOST_BYTES: usize = 512 << 10;
/// The most letters that a person writes at once.
const MOST_LETTERS: usize = 8_000;
/// The most payments that can have been on the screen.
const MOST_EVIDENCE: usize = 5_000;
/// The most alerts that are taken in at once.
const MOST_ALERTS: usize = 500;
/// The most people of whom is told that they looked at a case.
const MOST_LOOKS: u32 = 100;
/// What the audit trail says of whoever looked at a case.
const READ: &str = "case.read";

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list, open))
        .routes(routes!(one))
        .routes(routes!(command))
}

/// The body of a request, as what it is to be.
pub(super) async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let body = axum::body::to_bytes(request.into_body(), MOST_BYTES).await;
    let bytes: Bytes =
        body.map_err(|_| Problem::new(Kind::TooLarge, format!("{MOST_BYTES} bytes are the most")))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // Serde's own words may quote what they could not read.
        let place = format!("line {}, column {}", error.line(), error.column());
        Problem::new(Kind::BadRequest, format!("the body cannot be read: {place}"))
            .hint("it is a JSON object with the fields of the command, and nothing else")
    })
}

/// What a person wrote.
pub(super) fn written(field: &'static str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let letters = text.chars().count();
    if (1..=MOST_LETTERS).contains(&letters) {
        return Ok(text.to_owned());
    }
    let what = format!("`{field}` has {letters} letters, and 1 to {MOST_LETTERS} are wanted");
    Err(Problem::new(Kind::BadRequest, what).field(field, None))
}

fn number(id: Result<Path<String>, PathRejection>) -> Result<i64, Problem> {
    let id = id.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    case_number(&id).ok_or_else(|| unknown("case"))
}

async fn whole(shared: &Shared, row: &CaseRow) -> Result<Case, Problem> {
    let register = &shared.register;
    let number = row.number;
    let alerts = register.alerts_of_case(number).await.map_err(refused)?;
    let links = register.case_links(number).await.map_err(refused)?;
    let log = register.case_log(number).await.map_err(refused)?;
    let holds = register.holds_of_case(number).await.map_err(refused)?;
    let looks = register.doers((READ, &case_id(number)), MOST_LOOKS).await.map_err(refused)?;
    let look = |(by, last, times): (String, Timestamp, u64)| CaseLook {
        by,
        last: last.to_string(),
        times,
    };
    Ok(Case {
        head: CaseHead::of(row),
        alerts: AlertHead::all(&alerts),
        links: links.into_iter().map(case_id).collect(),
        log: log.into_iter().map(LogEntry::of).collect(),
        hold: holds.iter().map(Hold::of).collect(),
        seen: looks.into_iter().map(look).collect(),
        allowed: row.state.allowed().into_iter().map(CommandKind::name).collect(),
    })
}

/// What may be asked of the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it names what `list` reads")]
struct CaseQuery {
    /// one or several of open, assigned, waiting, escalated, proposed and decided
    #[param(style = Form, explode = false, max_items = 6, value_type = Option<Vec<Name>>)]
    state: Option<String>,
    /// the name of a person
    #[param(max_length = 200)]
    assignee: Option<String>,
    /// its id, or a part of its title
    #[param(max_length = 200)]
    q: Option<String>,
    /// 1 to 500
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// as `next_cursor` gave it
    #[param(max_length = 200)]
    cursor: Option<String>,
}

/// Cases, newest first.
#[utoipa::path(
    get,
    path = "/v1/cases",
    operation_id = "listCases",
    tag = "cases",
    params(CaseQuery),
    responses((status = 200, description = "A page of them", body = CasePage), Asked),
)]
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap, query: RawQuery) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let mut wanted = Wanted::read::<CaseQuery>(query)?;
    let most = wanted.limit()?;
    let filter = CaseFilter {
        states: wanted.words("state", &states(), CaseState::from_name)?,
        assignee: wanted.text("assignee"),
        text: wanted.text("q"),
        before: wanted.read_as("cursor", |text| text.parse().ok())?,
        // One more than is shown says whether there is another page.
        most: most + 1,
    };
    wanted.end()?;
    let mut cases = shared.register.cases(&filter).await.map_err(refused)?;
    let is_more = cases.len() > most as usize;
    cases.truncate(most as usize);
    let last = cases.last().filter(|_| is_more);
    json(&CasePage {
        next_cursor: last.map(|case| case.number.to_string()),
        cases: cases.iter().map(CaseHead::of).collect(),
    })
}

/// A case with its alerts, its log and its holds.
#[utoipa::path(
    get,
    path = "/v1/cases/{id}",
    operation_id = "readCase",
    tag = "cases",
    params(("id" = CaseId, Path, description = "The id of a case")),
    responses((status = 200, description = "The case", body = Case), Asked, Found),
)]
async fn one(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let actor = actor(&shared, &headers, Right::ReadAlerts)?;
    let number = number(id)?;
    let row = shared.register.case(number).await.map_err(refused)?;
    let row = row.ok_or_else(|| unknown("case"))?;
    saw(&shared, &actor, READ, &case_id(number)).await?;
    json(&whole(&shared, &row).await?)
}

/// Opens a case over alerts.
#[utoipa::path(
    post,
    path = "/v1/cases",
    operation_id = "openCase",
    tag = "cases",
    request_body = NewCase,
    responses((status = 201, description = "The case", body = Case), Asked, Raced, Big, Unprocessed),
)]
async fn open(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let actor = actor(&shared, request.headers(), Right::WorkOnCases)?;
    let NewCase { alerts, title } = body(request).await?;
    few("alerts", &alerts, MOST_ALERTS)?;
    let title = title.map(|title| written("title", &title)).transpose()?;
    shared.inbox.caught_up().await;
    let by = by(&shared, &actor);
    let opened = shared.register.open_case(&alerts, title.as_deref(), by).await;
    let row = opened.map_err(|error| failed(error, &actor))?;
    let case = whole(&shared, &row).await?;
    shared.events.case(&row);
    let mut response = json(&case)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// A command to a case, given on a version of it. Only a person settles one.
#[utoipa::path(
    post,
    path = "/v1/cases/{id}/commands",
    operation_id = "commandCase",
    tag = "cases",
    params(("id" = CaseId, Path, description = "The id of a case")),
    request_body = CaseCommand,
    responses((status = 200, description = "The case as it is now", body = Case), Asked, Found, Raced, Big, Unprocessed),
)]
async fn command(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let actor = actor(&shared, request.headers(), Right::WorkOnCases)?;
    let number = number(id)?;
    let CaseCommand { version, verb } = body(request).await?;
    let command = read(verb)?;
    if let Command::Assign(to) = &command
        && !shared.people.may(to, Right::WorkOnCases)
    {
        let problem = Problem::new(Kind::BadRequest, "`to` is nobody who works on cases");
        return Err(problem
            .field("to", None)
            .hint("an analyst, a reviewer or an administrator, by the name they sign in with"));
    }
    let kind = command.kind();
    if matches!(kind, CommandKind::Approve | CommandKind::Reject) {
        actor.must(Right::ReviewDecisions)?;
    }
    if kind.needs_a_person() {
        actor.must_be_a_person()?;
    }
    let by = by(&shared, &actor);
    let done = shared.register.command_case((number, version), &command, by).await;
    let row = done.map_err(|error| failed(error, &actor))?;
    let case = whole(&shared, &row).await?;
    shared.events.case(&row);
    json(&case)
}

pub(super) fn by<'a>(shared: &Shared, actor: &'a Actor) -> By<'a> {
    By {
        name: &actor.name,
        role: actor.role.name(),
        second_review: shared.second_review,
        at: settings::wall(),
    }
}

fn few(field: &'static str, ids: &[String], most: usize) -> Result<(), Problem> {
    let is_short = |id: &String| (1..=128).contains(&id.len());
    if ids.len() <= most && ids.iter().all(is_short) {
        return Ok(());
    }
    let what = format!("`{field}` has {most} ids at most, of 128 bytes each");
    Err(Problem::new(Kind::BadRequest, what).field(field, None))
}

fn time(field: &'static str, text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text).ok_or_else(|| {
        Problem::new(Kind::BadRequest, format!("`{field}` is no instant"))
            .field(field, None)
            .hint("RFC 3339, such as 2026-03-01T09:30:00Z")
    })
}

/// A command, with what belongs to it checked.
fn read(verb: CaseVerb) -> Result<Command, Problem> {
    let case = |id: &str| case_number(id).ok_or_else(|| unknown("case"));
    Ok(match verb {
        CaseVerb::Assign { to } => {
            few("to", std::slice::from_ref(&to), 1)?;
            Command::Assign(written("to", &to)?)
        }
        CaseVerb::Unassign => Command::Unassign,
        CaseVerb::Wait { until, reason } => {
            Command::Wait(time("until", &until)?, written("reason", &reason)?)
        }
        CaseVerb::Resume => Command::Resume,
        CaseVerb::Escalate { reason } => Command::Escalate(written("reason", &reason)?),
        CaseVerb::Decide { outcome, reason, evidence, alerts } => {
            few("evidence", &evidence, MOST_EVIDENCE)?;
            let ids: Vec<String> = alerts.iter().map(|alert| alert.id.clone()).collect();
            few("alerts", &ids, MOST_ALERTS)?;
            let alerts = alerts.into_iter();
            let alerts = alerts.map(|it| ShownAlert { id: it.id, revision: it.revision }).collect();
            Command::Decide(outcome, written("reason", &reason)?, Shown { evidence, alerts })
        }
        CaseVerb::Approve { reason } => Command::Approve(written("reason", &reason)?),
        CaseVerb::Reject { reason } => Command::Reject(written("reason", &reason)?),
        CaseVerb::Reopen { reason } => Command::Reopen(written("reason", &reason)?),
        CaseVerb::Note { text } => Command::Note(written("text", &text)?),
        CaseVerb::Link { case: id } => Command::Link(case(&id)?),
        CaseVerb::Unlink { case: id } => Command::Unlink(case(&id)?),
        CaseVerb::Due { at } => Command::Due(at.map(|at| time("at", &at)).transpose()?),
        CaseVerb::Join { alerts } => {
            few("alerts", &alerts, MOST_ALERTS)?;
            Command::Join(alerts)
        }
        CaseVerb::Leave { alert } => Command::Leave(alert),
        CaseVerb::Title { text } => Command::Title(written("text", &text)?),
    })
}

pub(super) fn failed(error: CaseError, actor: &Actor) -> Problem {
    let text = error.to_string();
    match error {
        CaseError::NotFound => unknown("case"),
        CaseError::Stale(current) => Problem::new(Kind::Stale, text)
            .version(current)
            .hint("read it again, and give the command on what it is now"),
        CaseError::NotAllowed { state, .. } => {
            let allowed = state.allowed();
            let allowed: Vec<&'static str> = allowed.into_iter().map(CommandKind::name).collect();
            Problem::new(Kind::NotAllowed, text).state(state.name(), allowed)
        }
        CaseError::SamePerson => {
            Problem::new(Kind::Forbidden, text).hint(&format!("`{}` decided it first", actor.name))
        }
        CaseError::NoAlert(_) => Problem::new(Kind::BadRequest, text).field("alerts", None),
        CaseError::InAnotherCase { case, .. } => Problem::new(Kind::NotAllowed, text)
            .hint(&format!("it is in {}: link the cases", case_id(case))),
        CaseError::TooMany => Problem::new(Kind::BadRequest, text).field("alerts", None),
        CaseError::NoEvidence(_) => Problem::new(Kind::NotShown, text)
            .field("evidence", None)
            .hint("read the alerts of the case again, and decide on what they are now"),
        CaseError::NotShown(_) => Problem::new(Kind::NotShown, text)
            .field("alerts", None)
            .hint("read the alerts of the case again, and decide on what they are now"),
        CaseError::NoOther => Problem::new(Kind::BadRequest, text).field("case", None),
        CaseError::Register(error) => refused(error),
    }
}
