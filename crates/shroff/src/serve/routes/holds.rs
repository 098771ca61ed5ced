//! Holds, and how they end.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use shroff_store::register::{Ending, HoldAnswer, HoldEnd};
use shroff_types::Timestamp;

use super::bodies::{Hold, HoldCommand, HoldPage, HoldVerb};
use super::cases::{body, written};
use super::query::{RawQuery, Wanted};
use super::{Answer, json, refused, unknown};
use crate::serve::actor::actor;
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::settings;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/v1/holds", get(list)).route("/v1/holds/{payment}/commands", post(command))
}

async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap, query: RawQuery) -> Answer {
    const KNOWN: &str = "state (open, released, returned), limit (1 to 500), cursor";
    actor(&shared, &headers, Right::ReadAlerts)?;
    let mut wanted = Wanted::read(query, KNOWN)?;
    let known =
        |text: &str| ["open", "released", "returned"].contains(&text).then(|| text.to_owned());
    let state = wanted.read_as("state", known)?;
    let after = wanted.read_as("cursor", |text| {
        let (ends, place) = text.split_once('.')?;
        Some((Timestamp(ends.parse().ok()?), place.parse().ok()?))
    })?;
    let most = wanted.limit()?;
    wanted.end()?;
    shared.inbox.caught_up().await;
    let mut rows =
        shared.register.holds(state.as_deref(), after, most + 1).await.map_err(refused)?;
    let is_more = rows.len() > most as usize;
    rows.truncate(most as usize);
    let last = rows.last().filter(|_| is_more);
    json(&HoldPage {
        next_cursor: last.map(|row| format!("{}.{}", row.ends_at.0, row.place)),
        holds: rows.iter().map(Hold::of).collect(),
    })
}

async fn command(
    State(shared): State<Arc<Shared>>,
    payment: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let actor = actor(&shared, request.headers(), Right::EndHolds)?;
    let payment = payment.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    let HoldCommand { command, reason } = body(request).await?;
    let reason = written("reason", &reason)?;
    let end = match command {
        HoldVerb::Release => HoldEnd::Released,
        HoldVerb::Return => HoldEnd::Returned,
    };
    shared.inbox.caught_up().await;
    let ending =
        Ending { by: &actor.name, role: actor.role.name(), reason: &reason, at: settings::wall() };
    let answer = shared.register.end_hold(&payment, end, ending).await.map_err(refused)?;
    match answer {
        HoldAnswer::Ended(row) => {
            shared.events.hold(&row);
            json(&Hold::of(&row))
        }
        HoldAnswer::Before(row) => {
            let state = if row.state == "released" { "released" } else { "returned" };
            Err(Problem::new(Kind::NotAllowed, "the hold has ended").state(state, Vec::new()))
        }
        HoldAnswer::None => Err(unknown("hold")),
    }
}
