//! Alerts: from the register, so that they outlive the window.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::get;
use shroff_store::register::{AlertFilter, AlertSort, Behind, CaseState, amount_rank};
use shroff_types::Decimal;

use super::bodies::{Alert, AlertHead, AlertPage};
use super::query::{RawQuery, Wanted, action, permille};
use super::{Answer, json, refused, saw, unknown};
use crate::serve::actor::actor;
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/v1/alerts", get(list)).route("/v1/alerts/{id}", get(one))
}

const KNOWN: &str = "typology, min_score (0 to 1), action (none, review, hold), state, assignee, since and until (instants), account (a token), min_amount, q, sort (score, time, amount), order (asc, desc), limit (1 to 500), cursor";

async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap, query: RawQuery) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let filter = filter(Wanted::read(query, KNOWN)?)?;
    shared.inbox.caught_up().await;
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
    let state = |text: &str| CaseState::from_name(text).map(|state| state.name().to_owned());
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
        typology: wanted.text("typology"),
        least_permille: wanted.read_as("min_score", permille)?,
        action: wanted.read_as("action", action)?,
        state: wanted.read_as("state", state)?,
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
