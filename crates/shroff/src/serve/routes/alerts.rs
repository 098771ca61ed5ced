//! Alerts: from the register, so that they outlive the window.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use shroff_store::register::{AlertFilter, AlertSort, Behind, CaseState, amount_rank};
use shroff_types::Decimal;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies::{Alert, AlertHead, AlertPage};
use super::query::{ACTIONS, RawQuery, Wanted, action, permille, states, unknown_word};
use super::{Answer, json, refused, saw, unknown};
use crate::serve::actor::actor;
use crate::serve::api::{
    Action, AlertId, AlertOrder, Asked, Found, Instant, Order, State as Name, TypologyId,
};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(one))
}

/// What may be asked of the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it names what `filter` reads")]
struct AlertQuery {
    /// the id of one or several
    #[param(
        style = Form, explode = false, max_items = 100, value_type = Option<Vec<TypologyId>>,
        example = json!(["cycle"])
    )]
    typology: Option<String>,
    /// 0 to 1
    #[param(minimum = 0, maximum = 1, example = json!(0.5))]
    min_score: Option<f64>,
    /// one or several of none, review and hold
    #[param(style = Form, explode = false, max_items = 3, value_type = Option<Vec<Action>>)]
    action: Option<String>,
    /// one or several of open, assigned, waiting, escalated, proposed and decided
    #[param(style = Form, explode = false, max_items = 6, value_type = Option<Vec<Name>>)]
    state: Option<String>,
    /// the name of a person
    #[param(max_length = 200)]
    assignee: Option<String>,
    /// an instant: its payments reach to it or beyond
    #[param(value_type = Option<Instant>)]
    since: Option<String>,
    /// an instant: its payments begin before it
    #[param(value_type = Option<Instant>)]
    until: Option<String>,
    /// a token
    #[param(max_length = 200)]
    account: Option<String>,
    /// a decimal number
    #[param(minimum = 0, maximum = 1_000_000_000_000_i64)]
    min_amount: Option<f64>,
    /// its id or the beginning of it, or the id of a payment
    #[param(max_length = 200)]
    q: Option<String>,
    /// score, time or amount
    sort: Option<AlertOrder>,
    /// asc or desc
    order: Option<Order>,
    /// 1 to 500
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// as `next_cursor` gave it
    #[param(max_length = 200)]
    cursor: Option<String>,
}

/// Alerts, newest or highest first.
#[utoipa::path(
    get,
    path = "/v1/alerts",
    operation_id = "listAlerts",
    tag = "alerts",
    params(AlertQuery),
    responses((status = 200, description = "A page of them", body = AlertPage), Asked),
)]
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap, query: RawQuery) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let filter = filter(Wanted::read::<AlertQuery>(query)?)?;
    shared.inbox.caught_up().await;
    known(&shared, &filter.typologies).await?;
    let page = shared.register.alerts(&filter).await.map_err(refused)?;
    let cursor = |behind: Behind| {
        format!("{}{}.{}", letter(filter.sort, filter.ascending), behind.key, behind.number)
    };
    json(&AlertPage {
        alerts: AlertHead::all(&page.alerts),
        next_cursor: page.next.map(cursor),
        total: page.total,
    })
}

/// Refuses a typology that is neither looked for nor was ever found.
async fn known(shared: &Shared, typologies: &[String]) -> Result<(), Problem> {
    let current = shared.rules.current();
    for typology in typologies.iter().filter(|it| !current.titles.contains_key(*it)) {
        if !shared.register.has_typology(typology).await.map_err(refused)? {
            let known: Vec<&str> = current.titles.keys().map(String::as_str).collect();
            return Err(unknown_word("typology", typology, &known));
        }
    }
    Ok(())
}

fn filter(mut wanted: Wanted) -> Result<AlertFilter, Problem> {
    let sort = |text: &str| match text {
        "score" => Some(AlertSort::Score),
        "time" => Some(AlertSort::Time),
        "amount" => Some(AlertSort::Amount),
        _ => None,
    };
    let order = |text: &str| match text {
        "asc" => Some(true),
        "desc" => Some(false),
        _ => None,
    };
    let amount = |text: &str| {
        let amount: Decimal = Decimal::parse(text, '.').ok()?;
        Some(amount_rank(amount))
    };
    let sort = wanted.read_as("sort", sort)?.unwrap_or_default();
    let ascending = wanted.read_as("order", order)?.unwrap_or(false);
    // A cursor belongs to one way of sorting.
    let behind = |text: &str| {
        let (key, number) = text.strip_prefix(letter(sort, ascending))?.split_once('.')?;
        Some(Behind { key: key.parse().ok()?, number: number.parse().ok()? })
    };
    let filter = AlertFilter {
        typologies: wanted.words("typology", &[], |id| Some(id.to_owned()))?,
        least_permille: wanted.read_as("min_score", permille)?,
        actions: wanted.words("action", &ACTIONS.map(shroff_types::Action::name), action)?,
        states: wanted.words("state", &states(), CaseState::from_name)?,
        assignee: wanted.text("assignee"),
        since: wanted.time("since")?,
        until: wanted.time("until")?,
        account: wanted.text("account"),
        least_amount: wanted.read_as("min_amount", amount)?,
        text: wanted.text("q"),
        sort,
        ascending,
        behind: wanted.read_as("cursor", behind)?,
        most: wanted.limit()?,
    };
    wanted.end()?;
    Ok(filter)
}

fn letter(sort: AlertSort, ascending: bool) -> char {
    match (sort, ascending) {
        (AlertSort::Time, false) => 't',
        (AlertSort::Time, true) => 'T',
        (AlertSort::Score, false) => 's',
        (AlertSort::Score, true) => 'S',
        (AlertSort::Amount, false) => 'a',
        (AlertSort::Amount, true) => 'A',
    }
}

/// An alert with its evidence, its revisions, and earlier alerts of its accounts.
#[utoipa::path(
    get,
    path = "/v1/alerts/{id}",
    operation_id = "readAlert",
    tag = "alerts",
    params(("id" = AlertId, Path, description = "The id of an alert")),
    responses((status = 200, description = "The alert", body = Alert), Asked, Found),
)]
async fn one(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let actor = actor(&shared, &headers, Right::ReadAlerts)?;
    let id = id.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    shared.inbox.caught_up().await;
    let whole = shared.register.alert(&id).await.map_err(refused)?;
    let whole = whole.ok_or_else(|| unknown("alert"))?;
    saw(&shared, &actor, "alert.read", &id).await?;
    json(&Alert::of(whole))
}
