//! Webhooks: who is told of what, and what came of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use shroff_store::register::{
    DeliveryFilter, DeliveryRow, DeliveryState, EventKind, Waiting, WebhookChanged, WebhookRow,
};
use shroff_types::Timestamp;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cases::body;
use super::people::{broken, entry};
use super::query::{RawQuery, Wanted};
use super::{Answer, json, refused, unknown};
use crate::outputs;
use crate::serve::actor::actor;
use crate::serve::api::{
    ActorName, Asked, Big, Cursor, DeliveryState as StateName, EventName, Found, Instant,
    MessageId, Raced, WebhookId,
};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::serve::webhooks::{MOST_ENDPOINTS, message_id, message_number};
use crate::settings;

/// The most letters of a name.
const MOST_LETTERS: usize = 64;
/// How long the former secret signs too.
const FORMER_MICROS: i64 = 24 * 3_600 * 1_000_000;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list, add))
        .routes(routes!(change, delete))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(retry))
}

/// Somebody to be told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "url": "https://hooks.bank.example/shroff", "name": "the queue of the branch",
    "events": ["alert.opened", "hold.opened", "hold.ended"]
}))]
struct NewWebhook {
    /// `https://`; what is allowed beside it is the service's to say.
    #[schema(min_length = 1, max_length = 2000)]
    url: String,
    /// For people.
    #[serde(default)]
    #[schema(required = false, max_length = 64)]
    name: String,
    #[schema(min_items = 1, max_items = 15, value_type = Vec<EventName>)]
    events: Vec<String>,
}

/// What is changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "disabled": false }))]
struct WebhookChange {
    #[schema(min_length = 1, max_length = 2000)]
    url: Option<String>,
    #[schema(max_length = 64)]
    name: Option<String>,
    #[schema(min_items = 1, max_items = 15, value_type = Option<Vec<EventName>>)]
    events: Option<Vec<String>>,
    /// Whether it is told nothing. What happens meanwhile it is not told later either.
    disabled: Option<bool>,
    /// The version that is changed: where somebody changed it since, nothing is done.
    version: Option<u64>,
}

/// Gives a new secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "at_once": false }))]
struct Rotate {
    /// Whether the former one signs no more; else it does for a day, beside the new one.
    at_once: bool,
}

/// Somebody who is told.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "webhook-1", "url": "https://hooks.bank.example/shroff", "name": "", "disabled": false,
    "events": ["alert.opened"], "disabled_because": null, "created_at": "2026-03-01T09:30:00Z",
    "created_by": "ada", "former_secret_until": null, "paused_until": null, "waiting": 0, "dead": 0,
    "version": 1
}))]
struct Webhook {
    #[schema(value_type = WebhookId)]
    id: String,
    #[schema(max_length = 2000)]
    url: String,
    #[schema(max_length = 64)]
    name: String,
    #[schema(max_items = 15, value_type = Vec<EventName>)]
    events: Vec<&'static str>,
    disabled: bool,
    #[schema(required = true, max_length = 256)]
    disabled_because: Option<String>,
    #[schema(value_type = Instant)]
    created_at: String,
    #[schema(value_type = ActorName)]
    created_by: String,
    /// Until when the former secret signs too.
    #[schema(required = true, value_type = Option<Instant>)]
    former_secret_until: Option<String>,
    /// Until when all wait, because nobody answered.
    #[schema(required = true, value_type = Option<Instant>)]
    paused_until: Option<String>,
    /// Messages that are to be sent.
    waiting: u64,
    /// Messages that were given up.
    dead: u64,
    /// Which change of it this is.
    version: u64,
}

/// Somebody who is told, and the secret that says who tells it: shown this once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "webhook-1", "url": "https://hooks.bank.example/shroff", "name": "", "disabled": false,
    "events": ["alert.opened"], "disabled_because": null, "created_at": "2026-03-01T09:30:00Z",
    "created_by": "ada", "former_secret_until": null, "paused_until": null, "waiting": 0, "dead": 0,
    "version": 1, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
}))]
struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: Webhook,
    #[schema(max_length = 64, pattern = "^whsec_[A-Za-z0-9+/=]+$")]
    secret: String,
}

/// Everybody who is told.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "webhooks": [], "next_cursor": null }))]
struct WebhookPage {
    #[schema(max_items = 32)]
    webhooks: Vec<Webhook>,
    #[schema(required = true, value_type = Option<Cursor>)]
    next_cursor: Option<String>,
}

/// A message, and what came of it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "msg_7_64c1b0e2f9a80", "event": "alert.opened", "at": "2026-03-01T09:30:00Z",
    "state": "waiting", "attempts": 1, "next_attempt": "2026-03-01T09:30:05Z", "ended_at": null,
    "last_status": 503, "last_error": "answered 503"
}))]
struct Delivery {
    #[schema(value_type = MessageId)]
    id: String,
    #[schema(max_length = 32)]
    event: String,
    #[schema(value_type = Instant)]
    at: String,
    #[schema(value_type = StateName)]
    state: &'static str,
    attempts: u32,
    #[schema(required = true, value_type = Option<Instant>)]
    next_attempt: Option<String>,
    /// When it was taken, or given up.
    #[schema(required = true, value_type = Option<Instant>)]
    ended_at: Option<String>,
    #[schema(required = true)]
    last_status: Option<u16>,
    #[schema(required = true, max_length = 256)]
    last_error: Option<String>,
}

/// A page of messages.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "deliveries": [], "next_cursor": null }))]
struct DeliveryPage {
    #[schema(max_items = 500)]
    deliveries: Vec<Delivery>,
    #[schema(required = true, value_type = Option<Cursor>)]
    next_cursor: Option<String>,
}

impl Webhook {
    fn of(row: &WebhookRow, held: Waiting) -> Webhook {
        let now = settings::wall();
        let coming = |at: Timestamp| (at > now).then(|| at.to_string());
        Webhook {
            id: row.id(),
            url: row.url.clone(),
            name: row.name.clone(),
            events: row.events.iter().map(|kind| kind.name()).collect(),
            disabled: row.disabled.is_some(),
            disabled_because: row.disabled.clone(),
            created_at: row.created_at.to_string(),
            created_by: row.created_by.clone(),
            former_secret_until: row.former.as_ref().and_then(|(_, until)| coming(*until)),
            paused_until: coming(row.paused_until),
            waiting: held.waiting,
            dead: held.dead,
            version: row.version,
        }
    }
}

impl Delivery {
    fn of(webhook: &WebhookRow, row: DeliveryRow) -> Delivery {
        let waits = row.state == DeliveryState::Waiting;
        Delivery {
            id: message_id(webhook, row.n),
            event: row.event,
            at: row.at.to_string(),
            state: row.state.name(),
            attempts: row.attempts,
            next_attempt: waits.then(|| row.next_at.max(webhook.paused_until).to_string()),
            ended_at: row.done_at.map(|at| at.to_string()),
            last_status: row.last_status,
            last_error: row.last_error,
        }
    }
}

type Id = Result<Path<String>, PathRejection>;

async fn known(shared: &Shared, id: &str) -> Result<WebhookRow, Problem> {
    let number = WebhookRow::number_of(id).ok_or_else(|| unknown("webhook"))?;
    let row = shared.register.webhook(number).await.map_err(refused)?;
    row.ok_or_else(|| unknown("webhook"))
}

async fn of_path(shared: &Shared, id: Id) -> Result<WebhookRow, Problem> {
    let id = id.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    known(shared, &id).await
}

async fn shown(shared: &Shared, row: &WebhookRow) -> Result<Webhook, Problem> {
    let held = shared.register.webhooks_waiting().await.map_err(refused)?;
    Ok(Webhook::of(row, held.get(&row.number).copied().unwrap_or_default()))
}

/// The answer that a secret is in.
fn secret(shared: &Shared, webhook: Webhook, salt: &str) -> Answer {
    let secret = shared.webhooks.secrets.shown(salt);
    let mut response = json(&WebhookWithSecret { webhook, secret })?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn events(names: &[String]) -> Result<BTreeSet<EventKind>, Problem> {
    let bad = |what: String| {
        let all: Vec<&str> = EventKind::ALL.into_iter().map(EventKind::name).collect();
        Problem::new(Kind::BadRequest, what).field("events", None).hint(&all.join(", "))
    };
    if names.is_empty() {
        return Err(bad("`events` names nothing to tell of".to_owned()));
    }
    let kind = |name: &String| {
        let short: String = name.chars().take(40).collect();
        EventKind::from_name(name).ok_or_else(|| bad(format!("there is no event `{short}`")))
    };
    names.iter().map(kind).collect()
}

fn name(text: &str) -> Result<String, Problem> {
    let is_good = text.chars().count() <= MOST_LETTERS && !text.chars().any(char::is_control);
    if is_good {
        return Ok(text.trim().to_owned());
    }
    let what = format!("`name` has {MOST_LETTERS} letters at most");
    Err(Problem::new(Kind::BadRequest, what).field("name", None))
}

fn address(shared: &Shared, url: String) -> Result<String, Problem> {
    match shared.webhooks.reach.check(&url) {
        Ok(()) => Ok(url),
        Err(why) => Err(Problem::new(Kind::BadRequest, format!("`url` cannot be used: {why}"))
            .field("url", None)
            .hint("as in https://hooks.bank.example/shroff")),
    }
}

/// Says where a change was not made.
fn done(changed: WebhookChanged) -> Result<(), Problem> {
    match changed {
        WebhookChanged::Done => Ok(()),
        WebhookChanged::Gone => Err(unknown("webhook")),
        WebhookChanged::Stale(version) => {
            Err(Problem::new(Kind::Stale, "the webhook was changed since")
                .version(version)
                .hint("read it again, and change what it is now"))
        }
    }
}

/// What the trail says of an endpoint: what stands behind a `?` may be a secret of the receiver.
fn noted(row: &WebhookRow) -> Value {
    value!({
        "url": row.url.split('?').next(),
        "name": row.name,
        "events": row.events.iter().map(|kind| kind.name()).collect::<Vec<&str>>(),
        "disabled": row.disabled.is_some(),
    })
}

/// Who is told of what.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    operation_id = "listWebhooks",
    tag = "webhooks",
    responses((status = 200, description = "All of them", body = WebhookPage), Asked),
)]
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    actor(&shared, &headers, Right::ReadWebhooks)?;
    let rows = shared.register.webhooks().await.map_err(refused)?;
    let held = shared.register.webhooks_waiting().await.map_err(refused)?;
    let one =
        |row: &WebhookRow| Webhook::of(row, held.get(&row.number).copied().unwrap_or_default());
    json(&WebhookPage { webhooks: rows.iter().map(one).collect(), next_cursor: None })
}

/// Tells somebody of what changes from now on. The secret is in the answer, and in no other.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    operation_id = "addWebhook",
    tag = "webhooks",
    request_body = NewWebhook,
    responses((status = 201, description = "Who is told, and the secret", body = WebhookWithSecret), Asked, Raced, Big),
)]
async fn add(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let actor = actor(&shared, request.headers(), Right::ManageWebhooks)?;
    let NewWebhook { url, name: called, events: wanted } = body(request).await?;
    let salt = outputs::hexadecimal(&settings::random::<16>().map_err(broken)?);
    let row = WebhookRow {
        number: 0,
        url: address(&shared, url)?,
        name: name(&called)?,
        events: events(&wanted)?,
        mark: shared.webhooks.secrets.mark(&salt),
        salt,
        former: None,
        disabled: None,
        paused_until: Timestamp(0),
        created_at: settings::wall(),
        created_by: actor.name.clone(),
        version: 1,
    };
    let detail = noted(&row);
    let said = entry((&actor.name, actor.role.name()), ("webhook.create", ""), &detail);
    let added = shared.register.add_webhook(&row, MOST_ENDPOINTS, said).await.map_err(refused)?;
    let Some(row) = added else {
        let what = format!("there are {MOST_ENDPOINTS} webhooks, which are the most");
        return Err(Problem::new(Kind::NotAllowed, what).hint("delete one that is used no more"));
    };
    let mut response = secret(&shared, Webhook::of(&row, Waiting::default()), &row.salt)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Changes who is told of what, or tells it nothing.
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{id}",
    operation_id = "changeWebhook",
    tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The id of a webhook")),
    request_body = WebhookChange,
    responses((status = 200, description = "As it is now", body = Webhook), Asked, Found, Raced, Big),
)]
async fn change(State(shared): State<Arc<Shared>>, id: Id, request: Request) -> Answer {
    let actor = actor(&shared, request.headers(), Right::ManageWebhooks)?;
    let mut row = of_path(&shared, id).await?;
    let WebhookChange { url, name: called, events: wanted, disabled, version } =
        body(request).await?;
    row.version = version.unwrap_or(row.version);
    if let Some(url) = url {
        row.url = address(&shared, url)?;
    }
    if let Some(called) = &called {
        row.name = name(called)?;
    }
    if let Some(wanted) = &wanted {
        row.events = events(wanted)?;
    }
    match disabled {
        Some(false) => row.disabled = None,
        Some(true) => row.disabled = Some(format!("`{}` disabled it", actor.name)),
        None => {}
    }
    let detail = noted(&row);
    let id = row.id();
    let said = entry((&actor.name, actor.role.name()), ("webhook.change", &id), &detail);
    done(shared.register.change_webhook(&row, said).await.map_err(refused)?)?;
    row.version += 1;
    shared.events.outbox.notify_one();
    row.paused_until = Timestamp(0);
    json(&shown(&shared, &row).await?)
}

/// Tells somebody no more. What waits for them, and what is known of it, is gone.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The id of a webhook")),
    responses((status = 204, description = "It is gone"), Asked, Found),
)]
async fn delete(State(shared): State<Arc<Shared>>, id: Id, headers: HeaderMap) -> Answer {
    let actor = actor(&shared, &headers, Right::ManageWebhooks)?;
    let row = of_path(&shared, id).await?;
    let held = shared.register.webhooks_waiting().await.map_err(refused)?;
    let Waiting { waiting, dead } = held.get(&row.number).copied().unwrap_or_default();
    let detail = value!({ "url": row.url.split('?').next(), "waiting": waiting, "dead": dead });
    let id = row.id();
    let said = entry((&actor.name, actor.role.name()), ("webhook.delete", &id), &detail);
    if !shared.register.delete_webhook(row.number, said).await.map_err(refused)? {
        return Err(unknown("webhook"));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Gives a new secret, in the answer and in no other. The former one signs too for a day.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/rotate",
    operation_id = "rotateWebhook",
    tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The id of a webhook")),
    request_body = Rotate,
    responses((status = 200, description = "The webhook, and the new secret", body = WebhookWithSecret), Asked, Found, Raced, Big),
)]
async fn rotate(State(shared): State<Arc<Shared>>, id: Id, request: Request) -> Answer {
    let actor = actor(&shared, request.headers(), Right::ManageWebhooks)?;
    let mut row = of_path(&shared, id).await?;
    let Rotate { at_once } = body(request).await?;
    let salt = outputs::hexadecimal(&settings::random::<16>().map_err(broken)?);
    // One that the key does not make any more signs nothing.
    let is_ours = shared.webhooks.secrets.mark(&row.salt) == row.mark;
    let former = std::mem::replace(&mut row.salt, salt);
    let until = Timestamp(settings::wall().0 + FORMER_MICROS);
    row.former = (is_ours && !at_once).then_some((former, until));
    row.mark = shared.webhooks.secrets.mark(&row.salt);
    let detail = value!({ "at_once": at_once });
    let id = row.id();
    let said = entry((&actor.name, actor.role.name()), ("webhook.rotate", &id), &detail);
    done(shared.register.change_webhook(&row, said).await.map_err(refused)?)?;
    row.version += 1;
    shared.events.outbox.notify_one();
    let webhook = shown(&shared, &row).await?;
    secret(&shared, webhook, &row.salt)
}

/// Sends a message of the type `webhook.test`, which says nothing; its delivery tells what came of it.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/test",
    operation_id = "testWebhook",
    tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The id of a webhook")),
    responses((status = 202, description = "The message", body = Delivery), Asked, Found, Raced),
)]
async fn test(State(shared): State<Arc<Shared>>, id: Id, headers: HeaderMap) -> Answer {
    let actor = actor(&shared, &headers, Right::ManageWebhooks)?;
    let row = of_path(&shared, id).await?;
    must_be_told(&row)?;
    let nothing = value!({});
    let id = row.id();
    let said = entry((&actor.name, actor.role.name()), ("webhook.test", &id), &nothing);
    let delivery = shared.register.send_test(row.number, said).await.map_err(refused)?;
    shared.events.outbox.notify_one();
    taken_up(&row, delivery)
}

fn must_be_told(row: &WebhookRow) -> Result<(), Problem> {
    match &row.disabled {
        None => Ok(()),
        Some(why) => Err(Problem::new(Kind::NotAllowed, format!("it is told nothing: {why}"))
            .hint("PATCH it with `disabled` false first")),
    }
}

fn taken_up(webhook: &WebhookRow, delivery: DeliveryRow) -> Result<Response, Problem> {
    let mut response = json(&Delivery::of(webhook, delivery))?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// What may be asked of the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it names what `deliveries` reads")]
struct DeliveryQuery {
    /// waiting, delivered or dead
    state: Option<StateName>,
    /// 1 to 500
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// as `next_cursor` gave it
    #[param(max_length = 200)]
    cursor: Option<String>,
}

/// What was sent and is to be sent, newest first. With `state=dead`, what was given up.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/deliveries",
    operation_id = "listDeliveries",
    tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The id of a webhook"), DeliveryQuery),
    responses((status = 200, description = "A page of them", body = DeliveryPage), Asked, Found),
)]
async fn deliveries(
    State(shared): State<Arc<Shared>>,
    id: Id,
    headers: HeaderMap,
    query: RawQuery,
) -> Answer {
    actor(&shared, &headers, Right::ReadWebhooks)?;
    let mut wanted = Wanted::read::<DeliveryQuery>(query)?;
    let most = wanted.limit()?;
    let filter = DeliveryFilter {
        state: wanted.read_as("state", DeliveryState::from_name)?,
        before: wanted.read_as("cursor", |text| text.parse().ok())?,
        most: most + 1,
    };
    wanted.end()?;
    let webhook = of_path(&shared, id).await?;
    let rows = shared.register.deliveries(webhook.number, &filter).await;
    let mut rows = rows.map_err(refused)?;
    let is_more = rows.len() > most as usize;
    rows.truncate(most as usize);
    let last = rows.last().filter(|_| is_more);
    json(&DeliveryPage {
        next_cursor: last.map(|row| row.n.to_string()),
        deliveries: rows.into_iter().map(|row| Delivery::of(&webhook, row)).collect(),
    })
}

/// Sends a message again, whatever came of it, as if it never had been.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/deliveries/{message}/retry",
    operation_id = "retryDelivery",
    tag = "webhooks",
    params(
        ("id" = WebhookId, Path, description = "The id of a webhook"),
        ("message" = MessageId, Path, description = "The id of a message"),
    ),
    responses((status = 202, description = "The message", body = Delivery), Asked, Found, Raced),
)]
async fn retry(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let actor = actor(&shared, &headers, Right::ManageWebhooks)?;
    let path = path.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?;
    let (id, message) = path.0;
    let mut row = known(&shared, &id).await?;
    let n = message_number(&row, &message).ok_or_else(|| unknown("message"))?;
    must_be_told(&row)?;
    let detail = value!({ "message": message });
    let id = row.id();
    let said = entry((&actor.name, actor.role.name()), ("webhook.retry", &id), &detail);
    let again = shared.register.send_again((row.number, n), said).await.map_err(refused)?;
    let delivery = again.ok_or_else(|| unknown("message"))?;
    shared.events.outbox.notify_one();
    row.paused_until = Timestamp(0);
    taken_up(&row, delivery)
}
