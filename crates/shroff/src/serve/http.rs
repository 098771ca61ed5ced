//! The paths of the service.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use shroff_store::register::Register;
use shroff_types::Span;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::actor::{actor, guard, still};
use super::api::{
    self, ArrowStream, Asked, Big, Found, NewPayments, Open, PaymentId, Raced, Status, Typed,
    Unprocessed, Verdict, Verdicts,
};
use super::changes::Rules;
use super::demo::Demo;
use super::desk::{Answers, Desk, Sent, stopped};
use super::events::Events;
use super::keys::{Right, Ring};
use super::metrics::Metrics;
use super::oidc::Oidc;
use super::people::People;
use super::problem::{Kind, Problem};
use super::pseudonyms::Pseudonyms;
use super::quarantine::Quarantine;
use super::recorder::Inbox;
use super::sealed::{Names, Vault};
use super::traces::Way;
use super::unmasked::Grants;
use super::webhooks::Webhooks;
use super::{assets, columns, gauges, messages, reply, routes, wire};
use crate::settings;

/// What the paths share.
pub(crate) struct Shared {
    pub(crate) desk: Desk,
    pub(crate) keys: Ring,
    pub(crate) metrics: Arc<Metrics>,
    /// KiB of bodies that may be in memory at once.
    pub(crate) room: Arc<Semaphore>,
    /// Streams of columns that may be under way at once.
    pub(crate) columns: Arc<Semaphore>,
    pub(crate) pseudonyms: Arc<Pseudonyms>,
    pub(crate) ahead: Span,
    pub(crate) quarantine: Quarantine,
    pub(crate) register: Register,
    /// The data folder.
    pub(crate) data: PathBuf,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) events: Arc<Events>,
    pub(crate) rules: Arc<Rules>,
    /// The made-up world that is loaded into it.
    pub(crate) demo: Demo,
    /// Whether a decision needs a second person.
    pub(crate) second_review: bool,
    pub(crate) people: People,
    /// Who vouches for people beside their passwords.
    pub(crate) oidc: Option<Arc<Oidc>>,
    /// Who may see which number of an account.
    pub(crate) grants: Grants,
    pub(crate) webhooks: Arc<Webhooks>,
    /// Where names are sealed; none where they are not read.
    pub(crate) vault: Option<Arc<Vault>>,
    /// Whether browsers reach it by TLS alone.
    pub(crate) is_secure: bool,
}

/// The largest body that is not a stream.
pub(crate) const MOST_BODY_BYTES: usize = 4 << 20;
/// The most payments that are answered together.
const MOST_PAYMENTS: usize = 50_000;
/// The longest line of a stream.
pub(super) const MOST_LINE_BYTES: usize = 64 << 10;
/// Lines of a stream that go to the engine together, at most.
pub(super) const MOST_LINES: usize = 500;
/// Batches of one stream that are under way at once.
pub(super) const MOST_UNDER_WAY: usize = 4;
/// KiB of bodies in memory at once: 64 MiB.
pub(crate) const ROOM_KIB: usize = 64 << 10;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Every path, and beside it what is told of it.
pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    let mut all = api::begun()
        .routes(routes!(payments))
        .routes(routes!(messages::messages))
        .routes(routes!(verdict))
        .merge(routes::router())
        .routes(routes!(metrics))
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(openapi));
    api::complete(all.get_openapi_mut());
    all
}

/// The service.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(assets::asset)
        .method_not_allowed_fallback(|| async {
            Problem::new(Kind::MethodNotAllowed, "the method is not one of the path")
        })
        .layer(DefaultBodyLimit::disable())
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&shared), guard))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&shared), gauges::timed))
        .with_state(shared)
}

pub(crate) type Answer = Result<Response, Problem>;

/// Whether a request may do something.
pub(crate) fn allow(shared: &Shared, request: &Request, right: Right) -> Result<(), Problem> {
    actor(shared, request.headers(), right).map(|_| ())
}

pub(crate) fn typed(kind: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Payments in, verdicts out.
///
/// `application/json`: one, or several, answered together. `application/x-ndjson`: a stream, a payment a
/// line, answered line by line while it still comes in, with a problem in the place of a verdict.
/// `application/vnd.apache.arrow.stream`: the same of columns, answered as NDJSON.
#[utoipa::path(
    post,
    path = "/v1/payments",
    operation_id = "sendPayments",
    tag = "payments",
    request_body(content(
        (NewPayments = "application/json"),
        (String = "application/x-ndjson"),
        (String = "application/jsonl"),
        (ArrowStream = "application/vnd.apache.arrow.stream"),
    )),
    responses(
        (
            status = 200,
            description = "What is said of each, durable; `Idempotent-Replayed` where all were sent before",
            content((Verdicts = "application/json"), (String = "application/x-ndjson")),
            headers(
                ("Idempotent-Replayed" = Option<bool>, description = "`true` where all were sent before"),
                ("Known-Payments" = Option<u64>, description = "How many were sent before; not of a stream"),
            ),
        ),
        Asked, Raced, Big, Typed, Unprocessed,
    ),
)]
async fn payments(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    allow(&shared, &request, Right::SendPayments)?;
    if shared.desk.is_stopped() {
        return Err(stopped());
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.map_or("", |kind| kind.split(';').next().unwrap_or_default().trim());
    match kind {
        "application/json" => together(&shared, request).await,
        "application/x-ndjson" | "application/jsonl" => stream(shared, request),
        columns::KIND => columns::stream(shared, request).await,
        _ => Err(Problem::new(Kind::UnsupportedMediaType, "the `Content-Type` is another one")
            .hint("application/json; application/x-ndjson or Arrow's for a stream")),
    }
}

/// Room for a body, or 429 before any of it is read.
pub(crate) fn room(shared: &Shared, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
    Arc::clone(&shared.room).try_acquire_many_owned(kib.max(1)).map_err(|_| {
        shared.metrics.turned_away.inc();
        Problem::new(Kind::Overloaded, "payments wait for those before them to be durable")
            .hint("send it again after the seconds of Retry-After; nothing of it was taken")
    })
}

pub(crate) fn too_large() -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("{MOST_BODY_BYTES} bytes are the most, and {MOST_PAYMENTS} payments"),
    )
    .hint("send fewer at once, or a stream of application/x-ndjson")
}

/// One payment, or an array of them.
async fn together(shared: &Shared, request: Request) -> Answer {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse().ok()).unwrap_or(MOST_BODY_BYTES);
    if length > MOST_BODY_BYTES {
        return Err(too_large());
    }
    let permit = room(shared, length)?;
    let way = Way::of(&request);
    let body = axum::body::to_bytes(request.into_body(), MOST_BODY_BYTES).await;
    let body = body.map_err(|_| too_large())?;
    let text = std::str::from_utf8(&body);
    let text = text.map_err(|_| Problem::new(Kind::BadRequest, "the body is no UTF-8"))?;
    let is_many = text.trim_start().starts_with('[');
    let mut sent = Sent { way, ..Sent::default() };
    let how = how(shared);
    if is_many {
        let records = wire::elements(text)?;
        if records.len() > MOST_PAYMENTS {
            return Err(too_large());
        }
        for record in records {
            read_into(&mut sent, record.get(), how);
        }
    } else {
        read_into(&mut sent, text, how);
    }
    let answers = shared.desk.send(sent, permit).await.map_err(|_| stopped())??;
    Ok(reply_to(answers, is_many))
}

/// Takes payments that nobody sent by HTTP, each as JSON: what is said of them is for nobody.
pub(crate) async fn take(shared: &Shared, payments: &[String]) -> Result<(), Problem> {
    let how = how(shared);
    let mut sent = Sent::default();
    for payment in payments {
        read_into(&mut sent, payment, how);
    }
    let kib = u32::try_from(sent.records.len() >> 10).unwrap_or(u32::MAX).max(1);
    let permit = Arc::clone(&shared.room).acquire_many_owned(kib).await.map_err(|_| stopped())?;
    shared.desk.send(sent, permit).await.map_err(|_| stopped())?.map(drop)
}

/// How a payment is read.
#[derive(Clone, Copy)]
struct How {
    latest: wire::Latest,
    /// Whether names are read too.
    has_names: bool,
}

fn how(shared: &Shared) -> How {
    let latest = wire::Latest { now: settings::wall(), ahead: shared.ahead };
    How { latest, has_names: shared.vault.is_some() }
}

fn read_into(sent: &mut Sent, text: &str, how: How) {
    let records = &mut sent.records;
    let named = if how.has_names { wire::names(text) } else { Ok(None) };
    let read = named.and_then(|named| {
        wire::read(text, how.latest, |payment| shroff_store::write_payment(payment, records))?;
        Ok(named)
    });
    taken(sent, read);
}

/// Counts a record of which the payment was written, with its names, or what is wrong with it.
pub(super) fn taken(sent: &mut Sent, read: Result<Option<Names>, Problem>) {
    let Sent { count, names, refused, before, .. } = sent;
    match read {
        Ok(named) => {
            names.extend(named.map(|named| (*count, named)));
            *count += 1;
        }
        Err(problem) => {
            let index = *count as u64 + refused.len() as u64;
            refused.push((index, problem.at(Some(*before + index))));
        }
    }
}

/// Says how many of the payments were sent before.
pub(super) fn note_known(response: &mut Response, known: u64) {
    let name = HeaderName::from_static("known-payments");
    response.headers_mut().insert(name, HeaderValue::from(known));
}

fn reply_to(answers: Answers, is_many: bool) -> Response {
    let Answers { mut lines, problem, is_repeat, known } = answers;
    // Each answer ends in a line's end, and has none in it.
    lines.pop();
    let mut response = match problem {
        Some(problem) if !is_many => {
            return problem.at(None).into_response();
        }
        _ if is_many => {
            lines.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b',');
            lines.insert(0, b'[');
            lines.push(b']');
            typed(JSON, lines)
        }
        _ => typed(JSON, lines),
    };
    note_known(&mut response, known);
    if is_repeat {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

pub(super) type Waiting = (oneshot::Receiver<Result<Answers, Problem>>, u64);

/// A stream of payments, a line each; the verdicts leave while it still comes in.
fn stream(shared: Arc<Shared>, request: Request) -> Answer {
    // Whoever comes while there is no room at all is told so; who is being served waits.
    drop(room(&shared, MOST_LINE_BYTES)?);
    let (out, body) = Channel::<Bytes, Infallible>::new(MOST_UNDER_WAY);
    let (order, waiting) = mpsc::channel(MOST_UNDER_WAY);
    tokio::spawn(write_answers(waiting, out));
    let (head, body_in) = request.into_parts();
    tokio::spawn(async move { read_lines(&shared, (head.headers, body_in), &order).await });
    Ok(typed(NDJSON, Body::new(body)))
}

pub(super) async fn write_answers(mut waiting: mpsc::Receiver<Waiting>, mut out: Sender<Bytes>) {
    while let Some((answer, before)) = waiting.recv().await {
        let answer = answer.await.unwrap_or_else(|_| Err(stopped()));
        let (lines, ends) = match answer {
            Ok(answers) => (answers.lines, false),
            Err(problem) => {
                let mut line = Vec::new();
                problem.at(Some(before)).write(&mut line);
                line.push(b'\n');
                (line, true)
            }
        };
        if out.send_data(lines.into()).await.is_err() || ends {
            return;
        }
    }
}

async fn read_lines(
    shared: &Shared,
    (headers, mut body): (HeaderMap, Body),
    order: &mpsc::Sender<Waiting>,
) {
    let mut buffer: Vec<u8> = Vec::new();
    let mut before = 0;
    loop {
        let frame = body.frame().await;
        let is_end = match &frame {
            // A stream that breaks off ends with its last whole line.
            Some(Err(_)) => return,
            Some(Ok(frame)) => {
                buffer.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                false
            }
            None => true,
        };
        let whole = match buffer.iter().rposition(|&byte| byte == b'\n') {
            _ if is_end => buffer.len(),
            Some(at) => at + 1,
            None => 0,
        };
        // A stream may go on for days: who was turned out since sends nothing more.
        if let Err(problem) = still(shared, &headers, Right::SendPayments) {
            end(problem, before, order).await;
            return;
        }
        let rest = buffer.split_off(whole);
        let lines = std::mem::replace(&mut buffer, rest);
        if send_lines(shared, &lines, &mut before, order).await.is_err() || is_end {
            return;
        }
        if buffer.len() > MOST_LINE_BYTES {
            let problem = Problem::new(Kind::TooLarge, "a line of the stream is too long");
            end(problem, before, order).await;
            return;
        }
    }
}

/// The last word of a stream.
pub(super) async fn end(problem: Problem, before: u64, order: &mpsc::Sender<Waiting>) {
    let (reply, answer) = oneshot::channel();
    // Where nobody listens any more, nobody is told.
    drop(reply.send(Err(problem)));
    drop(order.send((answer, before)).await);
}

/// The lines that have something on them.
fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    let lines = text.split(|&byte| byte == b'\n');
    lines.filter(|line| !line.trim_ascii().is_empty()).collect()
}

/// Sends lines on, some hundred at once; fails where nobody waits for the answers any more.
async fn send_lines(
    shared: &Shared,
    lines: &[u8],
    before: &mut u64,
    order: &mpsc::Sender<Waiting>,
) -> Result<(), ()> {
    for lines in lines_of(lines).chunks(MOST_LINES) {
        let how = how(shared);
        let mut sent = Sent { before: *before, way: Way::of_piece(), ..Sent::default() };
        let mut bytes = 0;
        for line in lines {
            bytes += line.len();
            // What is no UTF-8 is no JSON either, and is told as that.
            read_into(&mut sent, std::str::from_utf8(line).unwrap_or("\u{fffd}"), how);
        }
        let count = (sent.count + sent.refused.len()) as u64;
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX).max(1);
        let permit = Arc::clone(&shared.room).acquire_many_owned(kib).await.map_err(|_| ())?;
        let answer = shared.desk.send(sent, permit);
        order.send((answer, *before)).await.map_err(|_| ())?;
        *before += count;
    }
    Ok(())
}

fn broken(error: &anyhow::Error) -> Problem {
    tracing::error!(%error, "what was asked for could not be read");
    Problem::new(Kind::Internal, "it could not be read")
}

/// What was said of a payment in the window.
#[utoipa::path(
    get,
    path = "/v1/payments/{id}/verdict",
    operation_id = "readVerdict",
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The id of a payment")),
    responses((status = 200, description = "The verdict", body = Verdict), Asked, Found),
)]
async fn verdict(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    allow(&shared, &request, Right::ReadVerdicts)?;
    let id = id.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    let told = shared.desk.ask(move |core| {
        let Some(place) = core.live.find(&id) else { return Ok(None) };
        let Some((version, told)) = core.told(place)? else { return Ok(None) };
        let mut out = Vec::new();
        reply::verdict(&mut out, core, (version, &told))?;
        Ok(Some(out))
    });
    match told.await?.map_err(|error| broken(&error))? {
        Some(body) => Ok(typed(JSON, body)),
        None => Err(Problem::new(Kind::NotFound, "there is no payment with this id in the window")),
    }
}

/// What is measured, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "readMetrics",
    tag = "operation",
    responses(
        (status = 200, description = "Samples", body = String, content_type = "application/openmetrics-text"),
        Asked,
    ),
)]
async fn metrics(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    allow(&shared, &request, Right::ReadMetrics)?;
    gauges::look(&shared).await?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(typed(HeaderValue::from_static(kind), shared.metrics.text()))
}

/// Whether it runs.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "readHealth",
    tag = "operation",
    security(()),
    responses((status = 200, description = "It does", body = Status), Open),
)]
async fn health() -> Response {
    typed(JSON, "{\"status\":\"up\"}")
}

/// Whether payments can be made durable.
#[utoipa::path(
    get,
    path = "/ready",
    operation_id = "readReady",
    tag = "operation",
    security(()),
    responses((status = 200, description = "They can", body = Status), Open),
)]
async fn ready(State(shared): State<Arc<Shared>>) -> Answer {
    if shared.desk.is_stopped() {
        return Err(stopped());
    }
    Ok(typed(JSON, "{\"status\":\"ready\"}"))
}

/// This description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "readOpenapi",
    tag = "operation",
    security(()),
    responses(
        (status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"),
        Open,
    ),
)]
async fn openapi() -> Answer {
    // Made once, when it is first asked for.
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    if let Some(text) = TEXT.get() {
        return Ok(typed(JSON, text.clone()));
    }
    let text = Bytes::from(api::text().map_err(|error| broken(&error))?);
    Ok(typed(JSON, TEXT.get_or_init(|| text).clone()))
}
