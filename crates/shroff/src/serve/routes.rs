//! The paths of the desk: alerts, accounts, cases, holds, the audit trail.

mod accounts;
mod alerts;
mod audit;
pub(crate) mod bodies;
mod cases;
mod demo;
mod events;
mod graph;
mod holds;
mod oidc;
mod overview;
mod people;
mod query;
mod rules;
mod typologies;
mod unmask;
mod webhooks;

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shroff_store::register::{AuditEntry, RegisterError};
use utoipa_axum::router::OpenApiRouter;

use super::actor::Actor;
use super::http::Shared;
use super::problem::{Kind, Problem};
use crate::settings;

#[cfg(test)]
pub(crate) use self::query::ACTIONS;
pub(crate) use self::typologies::typologies_text;

/// All of them.
pub(crate) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .merge(alerts::router())
        .merge(accounts::router())
        .merge(graph::router())
        .merge(cases::router())
        .merge(holds::router())
        .merge(audit::router())
        .merge(overview::router())
        .merge(typologies::router())
        .merge(events::router())
        .merge(people::router())
        .merge(oidc::router())
        .merge(unmask::router())
        .merge(rules::router())
        .merge(webhooks::router())
        .merge(demo::router())
}

type Answer = Result<Response, Problem>;

/// A body as JSON.
fn json(body: &impl Serialize) -> Answer {
    let text = serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::new(Kind::Internal, "it could not be written")
    })?;
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// What is told where the register refuses: the rest is for the log of the service.
fn refused(error: RegisterError) -> Problem {
    tracing::error!(%error, "the register refused");
    Problem::new(Kind::Unavailable, "the register cannot be asked").hint("try again in a moment")
}

fn unknown(what: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no such {what}"))
}

/// Notes that somebody saw something.
async fn saw(
    shared: &Shared,
    actor: &Actor,
    action: &'static str,
    object: &str,
) -> Result<(), Problem> {
    let entry = AuditEntry {
        at: settings::wall(),
        actor: &actor.name,
        role: actor.role.name(),
        action,
        object,
        detail: &serde_json::json!({}),
    };
    shared.register.audit(entry).await.map(|_| ()).map_err(refused)
}
