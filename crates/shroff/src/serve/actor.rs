//! Who asks. The one place that says so, whatever they show.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, STRICT_TRANSPORT_SECURITY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use shroff_types::Timestamp;

use super::http::Shared;
use super::keys::{Entry, Right, Role};
use super::people::{Session, is_same};
use super::problem::{Kind, Problem};
use crate::settings;

/// What acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActorKind {
    /// A person, by name.
    User,
    /// A machine.
    Key,
}

/// What the name of a key begins with in the audit trail, and that of no person.
pub(crate) const KEY: &str = "key:";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    /// Of a key `key:NAME`, which no person is called.
    pub(crate) name: String,
    pub(crate) kind: ActorKind,
    pub(crate) role: Role,
}

impl Actor {
    /// Refuses what the role does not go so far as to do, and a machine what people alone do.
    pub(crate) fn must(&self, right: Right) -> Result<(), Problem> {
        if !self.role.may(right) {
            return Err(Problem::new(Kind::Forbidden, "the role does not go so far"));
        }
        if right.needs_a_person() { self.must_be_a_person() } else { Ok(()) }
    }

    /// Refuses a machine: whatever its role, it decides nothing.
    pub(crate) fn must_be_a_person(&self) -> Result<(), Problem> {
        match self.kind {
            ActorKind::User => Ok(()),
            ActorKind::Key => Err(Problem::new(
                Kind::Forbidden,
                "only a person does this, and a key is that of a machine",
            )
            .hint("sign in: POST /v1/session with name and password")),
        }
    }
}

/// Who asks, if they may do something: by the key in `Authorization`, or by the session of a cookie.
pub(crate) fn actor(shared: &Shared, headers: &HeaderMap, right: Right) -> Result<Actor, Problem> {
    let actor = who(shared, headers)?;
    actor.must(right)?;
    Ok(actor)
}

fn who(shared: &Shared, headers: &HeaderMap) -> Result<Actor, Problem> {
    if !headers.contains_key(AUTHORIZATION) {
        return session_of(shared, headers).map(|session| session.actor());
    }
    let now = settings::wall();
    let entry = entry_of(shared, headers, now)?;
    if let Some(pace) = entry.pace() {
        shared.keys.asked.take_at(pace, &entry.name, now).map_err(|seconds| {
            shared.metrics.turned_away.inc();
            Problem::new(Kind::Overloaded, "the key asks more often than it may")
                .retry_after(seconds)
                .hint("send it again after the seconds of Retry-After; nothing of it was taken")
        })?;
    }
    Ok(Actor { name: format!("{KEY}{}", entry.name), kind: ActorKind::Key, role: entry.role })
}

/// What is known of the key in `Authorization`.
fn entry_of(shared: &Shared, headers: &HeaderMap, now: Timestamp) -> Result<Entry, Problem> {
    let header = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let Some(key) = header.and_then(|text| text.strip_prefix("Bearer ")) else {
        return Err(Problem::new(Kind::Unauthorized, "`Authorization` is no `Bearer` with a key"));
    };
    let keys = shared.keys.keys(now);
    let Some(entry) = keys.who(key) else {
        return Err(Problem::new(Kind::Unauthorized, "the key is none of the service's"));
    };
    if entry.has_ended(now) {
        return Err(Problem::new(Kind::Unauthorized, "the key has ended")
            .hint("an administrator makes another: `shroff keys add`"));
    }
    Ok(entry.clone())
}

/// Refuses whoever came in once and would not be let in now: of what goes on for long. It is no
/// request of its own, so that it neither counts for a pace nor keeps a session from ending.
pub(crate) fn still(shared: &Shared, headers: &HeaderMap, right: Right) -> Result<(), Problem> {
    let now = settings::wall();
    let role = if headers.contains_key(AUTHORIZATION) {
        entry_of(shared, headers, now)?.role
    } else {
        let session = cookie(headers).and_then(|token| shared.people.look(token, now));
        session.ok_or_else(ended)?.role
    };
    if role.may(right) {
        return Ok(());
    }
    Err(Problem::new(Kind::Forbidden, "the role does not go so far any more"))
}

fn ended() -> Problem {
    Problem::new(Kind::Unauthorized, "the session has ended").hint("sign in again")
}

/// The session of the cookie.
pub(crate) fn session_of(shared: &Shared, headers: &HeaderMap) -> Result<Session, Problem> {
    let token = cookie(headers).ok_or_else(|| {
        Problem::new(Kind::Unauthorized, "there is neither a key nor a session")
            .hint("send `Authorization: Bearer` with a key, or sign in")
    })?;
    let session = shared.people.session(token, settings::wall());
    session.ok_or_else(ended)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix("shroff_session="))
}

/// What stands before every path: a change by a cookie must carry what no other site knows, and
/// every answer tells the browser to trust nothing but the service itself.
pub(crate) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match checked(&shared, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if shared.is_secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'self'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

fn checked(shared: &Shared, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let signs_in = request.method() == Method::POST
        && matches!(request.uri().path(), "/v1/session" | "/v1/setup");
    if is_safe || signs_in || headers.contains_key(AUTHORIZATION) {
        return Ok(());
    }
    // Without a session the path itself says so.
    let Ok(session) = session_of(shared, headers) else { return Ok(()) };
    let sent = headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
    if sent.is_some_and(|sent| is_same(sent, &session.csrf)) {
        return Ok(());
    }
    Err(Problem::new(Kind::Forbidden, "`X-CSRF-Token` is not that of the session")
        .hint("send the `csrf` that GET /v1/session tells"))
}
