//! The audit trail, and all of it as a file.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use http_body_util::channel::{Channel, Sender};
use shroff_store::register::{AuditFilter, Register};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies::AuditPage;
use super::query::{RawQuery, Wanted};
use super::{Answer, json, refused, saw};
use crate::serve::actor::actor;
use crate::serve::api::{Asked, Instant};
use crate::serve::http::Shared;
use crate::serve::keys::Right;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(export))
}

/// What may be asked of the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it names what `list` reads")]
struct AuditQuery {
    /// a name
    #[param(max_length = 200)]
    actor: Option<String>,
    /// what was done
    #[param(max_length = 200, example = "alert.read")]
    action: Option<String>,
    /// to what
    #[param(max_length = 200)]
    object: Option<String>,
    /// an instant
    #[param(value_type = Option<Instant>)]
    since: Option<String>,
    /// an instant
    #[param(value_type = Option<Instant>)]
    until: Option<String>,
    /// 1 to 500
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// as `next_cursor` gave it
    #[param(max_length = 200)]
    cursor: Option<String>,
}

/// The audit trail, newest first.
#[utoipa::path(
    get,
    path = "/v1/audit",
    operation_id = "listAudit",
    tag = "audit",
    params(AuditQuery),
    responses((status = 200, description = "A page of it", body = AuditPage), Asked),
)]
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap, query: RawQuery) -> Answer {
    actor(&shared, &headers, Right::ReadAudit)?;
    let mut wanted = Wanted::read::<AuditQuery>(query)?;
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

/// All of the audit trail, an entry a line, oldest first.
#[utoipa::path(
    get,
    path = "/v1/audit/export",
    operation_id = "exportAudit",
    tag = "audit",
    responses((status = 200, description = "Lines of `AuditEntry`", body = String, content_type = "application/x-ndjson"), Asked),
)]
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
