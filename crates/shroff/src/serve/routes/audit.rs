//! The audit trail, and all of it as a file.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use http_body_util::channel::{Channel, Sender};
use shroff_store::register::{AuditFilter, Register};

use super::bodies::AuditPage;
use super::query::{RawQuery, Wanted};
use super::{Answer, json, refused, saw};
use crate::serve::actor::actor;
use crate::serve::http::Shared;
use crate::serve::keys::Right;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/v1/audit", get(list)).route("/v1/audit/export", get(export))
}

async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap, query: RawQuery) -> Answer {
    const KNOWN: &str =
        "actor, action, object, since and until (instants), limit (1 to 500), cursor";
    actor(&shared, &headers, Right::ReadAudit)?;
    let mut wanted = Wanted::read(query, KNOWN)?;
    let most = wanted.limit()?;
    let filter = AuditFilter {
        actor: wanted.text("actor"),
        action: wanted.text("action"),
        object: wanted.text("object"),
        since: wanted.time("since")?,
        until: wanted.time("until")?,
        before: wanted.read_as("cursor", |text| text.parse().ok())?,
        most: most + 1,
    };
    wanted.end()?;
    let mut entries = shared.register.audit_rows(&filter).await.map_err(refused)?;
    let is_more = entries.len() > most as usize;
    entries.truncate(most as usize);
    let last = entries.last().filter(|_| is_more);
    json(&AuditPage { next_cursor: last.map(|row| row.n.to_string()), entries })
}

async fn export(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    let actor = actor(&shared, &headers, Right::ReadAudit)?;
    saw(&shared, &actor, "audit.export", "audit").await?;
    let (out, body) = Channel::<Bytes, io::Error>::new(2);
    tokio::spawn(write(shared.register.clone(), out));
    let mut response = Response::new(Body::new(body));
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

async fn write(register: Register, mut out: Sender<Bytes, io::Error>) {
    let mut after = 0;
    loop {
        let rows = match register.audit_after(after).await {
            Ok(rows) => rows,
            Err(error) => {
                // The connection breaks off: a file that ends early is not taken for all there is.
                tracing::error!(%error, "an export of the audit trail broke off");
                return out.abort(io::Error::other("the register refused"));
            }
        };
        let Some(last) = rows.last() else { return };
        after = last.n;
        let mut lines = Vec::new();
        for row in &rows {
            lines.extend(serde_json::to_vec(row).unwrap_or_default());
            lines.push(b'\n');
        }
        if out.send_data(lines.into()).await.is_err() {
            return;
        }
    }
}
