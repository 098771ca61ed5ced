//! What is looked up when somebody reads the metrics, and how long each path takes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::http::{ROOM_KIB, Shared};
use super::problem::Problem;
use super::traces::{self, What};
use crate::settings;

/// How long the register is waited for: what else is measured is told without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Brings up to date what nobody counts meanwhile.
pub(crate) async fn look(shared: &Shared) -> Result<(), Problem> {
    let metrics = &shared.metrics;
    let (bytes, next) = shared.desk.ask(|core| (core.live.bytes(), core.live.next())).await?;
    metrics.window_bytes(bytes);
    metrics.waiting_alerts(shared.inbox.waiting());
    metrics.waiting_requests(shared.desk.waiting());
    metrics.body_bytes((ROOM_KIB - shared.room.available_permits()) << 10);
    metrics.ready(!shared.desk.is_stopped());
    if let Some(known) = shared.inbox.known() {
        metrics.register_behind(u64::from(next.0).saturating_sub(known));
    }
    let open = tokio::time::timeout(PATIENCE, shared.register.open_counts()).await;
    match open {
        Ok(Ok(open)) => metrics.open(open),
        Ok(Err(error)) => tracing::warn!(%error, "alerts, cases and holds were not counted"),
        Err(_) => tracing::warn!("alerts, cases and holds were not counted: the register is slow"),
    }
    if let Some(age) = snapshot_age(&shared.data) {
        metrics.snapshot_age(age);
    }
    if let Some(free) = free_bytes(&shared.data) {
        metrics.disk_free(free);
    }
    Ok(())
}

/// How long ago the newest snapshot was written; none where there is none.
fn snapshot_age(data: &Path) -> Option<Duration> {
    let files = std::fs::read_dir(data.join("snapshots")).ok()?;
    let newest = files.filter_map(|file| file.ok()?.metadata().ok()?.modified().ok()).max()?;
    // A clock that went back makes it new.
    Some(settings::since(newest))
}

/// Bytes that may still be written where the data lies.
#[cfg(unix)]
fn free_bytes(data: &Path) -> Option<u64> {
    let told = rustix::fs::statvfs(data).ok()?;
    Some(told.f_bavail.saturating_mul(told.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Times and traces an answer until its first byte, by the path as it is described: none has a
/// payment in it.
pub(crate) async fn timed(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let span = traces::of_request(request.headers());
    span.map(|span| request.extensions_mut().insert(span));
    let method = traces::method(request.method());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let begun = settings::now();
    let response = next.run(request).await;
    let (status, ended) = (response.status().as_u16(), settings::now());
    let name = path.as_ref().map_or("other", MatchedPath::as_str);
    shared.metrics.answered(name, status, ended - begun);
    if let Some(span) = span {
        span.note(What::Request { method, path, status }, (begun, ended));
    }
    response
}
