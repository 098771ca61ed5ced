//! What changes, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use http_body_util::channel::{Channel, Sender};
use tokio::sync::broadcast::error::RecvError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::serve::actor::{actor, still};
use crate::serve::api::Asked;
use crate::serve::events::Heard;
use crate::serve::http::Shared;
use crate::serve::keys::Right;

/// How long a stream is silent at most: proxies close what says nothing.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(listen))
}

/// What changes, as server-sent events: `alert`, `case`, `hold`; `restart` where `Last-Event-ID` is not known any more.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "listen",
    tag = "events",
    params(("Last-Event-ID" = Option<String>, Header, max_length = 64, description = "The id of the last event that was heard")),
    responses((status = 200, description = "Events, as long as anybody listens", body = String, content_type = "text/event-stream"), Asked),
)]
async fn listen(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let heard = shared.events.listen(last);
    let (out, body) = Channel::<Bytes, Infallible>::new(16);
    tokio::spawn(write(shared, headers, heard, out));
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn write(
    shared: Arc<Shared>,
    headers: HeaderMap,
    (missed, mut live): Heard,
    mut out: Sender<Bytes>,
) {
    // Something is said at once, so that whoever listens knows that it is heard.
    let first = std::iter::once(Bytes::from_static(b": shroff\n\n"));
    for bytes in first.chain(missed) {
        if out.send_data(bytes).await.is_err() {
            return;
        }
    }
    loop {
        let next = tokio::select! {
            next = live.recv() => next,
            () = tokio::time::sleep(SILENCE) => Ok(Bytes::from_static(b": still here\n\n")),
            () = shared.events.closed() => return,
        };
        let bytes = match next {
            Ok(bytes) => bytes,
            // It listens too slowly: what it missed is not kept for it, and all that it shows is to
            // be read anew.
            Err(RecvError::Lagged(_)) => {
                let (restart, now) = shared.events.listen_anew();
                live = now;
                restart
            }
            Err(RecvError::Closed) => return,
        };
        // Whoever was let in once may have been turned out since.
        let goes_on = still(&shared, &headers, Right::ReadAlerts).is_ok();
        if !goes_on || out.send_data(bytes).await.is_err() {
            return;
        }
    }
}
