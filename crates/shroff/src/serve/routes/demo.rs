//! The first visit: a made-up world in place of an empty desk.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::json as value;
use shroff_store::register::AuditEntry;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, json, refused};
use crate::serve::actor::{Actor, actor};
use crate::serve::api::{Asked, Raced};
use crate::serve::demo::{Refused, Seen};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::settings;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(read, load, cancel))
}

/// How far a made-up world is loaded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "phase": "running", "taken": 500, "of": 40000, "may_begin": false }))]
struct DemoSeen {
    /// `none`, `running`, `done`, `cancelled` or `failed`.
    #[schema(max_length = 32)]
    phase: &'static str,
    /// Its payments that were taken.
    taken: u64,
    /// Its payments; 0 before it is made.
    of: u64,
    /// Whether one may be loaded: the log is empty, or has a part of it alone.
    may_begin: bool,
}

/// How many payments the log has.
async fn payments(shared: &Shared) -> Result<u64, Problem> {
    shared.desk.ask(|core| u64::from(core.live.next().0)).await
}

async fn shown(shared: &Shared) -> Answer {
    let payments = payments(shared).await?;
    let Seen { phase, taken, of } = shared.demo.seen();
    let may_begin = shared.demo.may_begin(payments).is_ok();
    let phase = phase.map_or("none", |phase| phase.name());
    json(&DemoSeen { phase, taken, of, may_begin })
}

fn told(refused: Refused) -> Problem {
    match refused {
        Refused::Running => {
            Problem::new(Kind::NotAllowed, "a made-up world is being loaded already")
        }
        Refused::NotEmpty => Problem::new(Kind::NotAllowed, "the log has payments")
            .hint("a made-up world goes into an empty one: start with another --data"),
    }
}

async fn note(shared: &Shared, actor: &Actor, action: &'static str) -> Result<(), Problem> {
    let seen = shared.demo.seen();
    let entry = AuditEntry {
        at: settings::wall(),
        actor: &actor.name,
        role: actor.role.name(),
        action,
        object: "demo",
        detail: &value!({ "taken": seen.taken }),
    };
    shared.register.audit(entry).await.map(|_| ()).map_err(refused)
}

/// How far a made-up world is loaded.
#[utoipa::path(
    get,
    path = "/v1/demo",
    operation_id = "readDemo",
    tag = "operation",
    responses((status = 200, description = "How far it is", body = DemoSeen), Asked),
)]
async fn read(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    actor(&shared, &headers, Right::LoadDemo)?;
    shown(&shared).await
}

/// Loads a made-up world into a log that is empty, by the door of all payments. It stays there.
#[utoipa::path(
    post,
    path = "/v1/demo",
    operation_id = "loadDemo",
    tag = "operation",
    responses((status = 202, description = "It is under way", body = DemoSeen), Asked, Raced),
)]
async fn load(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    let actor = actor(&shared, &headers, Right::LoadDemo)?;
    let payments = payments(&shared).await?;
    let loading = shared.demo.begin(payments, settings::wall()).map_err(told)?;
    // Noted before any of it is taken.
    note(&shared, &actor, "demo.load").await.inspect_err(|_| loading.fail())?;
    tokio::spawn(loading.load(Arc::clone(&shared)));
    let mut response = shown(&shared).await?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// Stops loading a made-up world. What was taken stays.
#[utoipa::path(
    delete,
    path = "/v1/demo",
    operation_id = "cancelDemo",
    tag = "operation",
    responses((status = 200, description = "How far it came", body = DemoSeen), Asked),
)]
async fn cancel(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    let actor = actor(&shared, &headers, Right::LoadDemo)?;
    shared.demo.cancel();
    note(&shared, &actor, "demo.cancel").await?;
    shown(&shared).await
}
