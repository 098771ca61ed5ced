//! Holds, and how they end.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use shroff_store::register::{Ending, HoldAnswer, HoldEnd};
use shroff_types::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies::{Hold, HoldCommand, HoldPage, HoldVerb};
use super::cases::{body, written};
use super::query::{RawQuery, Wanted};
use super::{Answer, json, refused, unknown};
use crate::serve::actor::actor;
use crate::serve::api::{Asked, Big, Found, HoldState, PaymentId, Raced};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::settings;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(command))
}

/// What may be asked of the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it names what `list` reads")]
struct HoldQuery {
    /// open, released or returned
    state: Option<HoldState>,
    /// 1 to 500
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// as `next_cursor` gave it
    #[param(max_length = 200)]
    cursor: Option<String>,
}

/// Holds, the one that ends first before the others.
#[utoipa::path(
    get,
    path = "/v1/holds",
    operation_id = "listHolds",
    tag = "holds",
    params(HoldQuery),
    responses((status = 200, description = "A page of them", body = HoldPage), Asked),
)]
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap, query: RawQuery) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let mut wanted = Wanted::read::<HoldQuery>(query)?;
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

/// Ends a hold. Only a person does.
#[utoipa::path(
    post,
    path = "/v1/holds/{payment}/commands",
    operation_id = "commandHold",
    tag = "holds",
    params(("payment" = PaymentId, Path, description = "The id of the payment that is held")),
    request_body = HoldCommand,
    responses((status = 200, description = "The hold as it ended", body = Hold), Asked, Found, Raced, Big),
)]
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
