//! Signing in and out, and who may.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, patch, post};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json as value};
use shroff_store::register::{AuditEntry, InvitationRow, SessionRow, UserRow};
use shroff_types::Timestamp;

use super::cases::body;
use super::{Answer, json, refused, unknown};
use crate::outputs;
use crate::serve::actor::{KEY, actor, session_of};
use crate::serve::http::Shared;
use crate::serve::keys::{RIGHTS, Right, Role};
use crate::serve::people::{INVITED_MICROS, MOST_SECONDS, Session, new_token};
use crate::serve::problem::{Kind, Problem};
use crate::settings;

/// The shortest password, in letters.
const LEAST_LETTERS: usize = 12;
/// The longest, in bytes.
const MOST_BYTES: usize = 1_000;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/setup", post(set_up))
        .route("/v1/session", get(session).post(sign_in).delete(sign_out))
        .route("/v1/users", get(users).post(invite))
        .route("/v1/users/{name}", patch(change))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetUp {
    token: String,
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    name: String,
    role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    role: Option<String>,
    disabled: Option<bool>,
}

pub(super) fn broken(error: anyhow::Error) -> Problem {
    tracing::error!(%error, "somebody could not be let in");
    Problem::new(Kind::Internal, "it could not be done")
}

fn named(name: &str) -> Result<(), Problem> {
    let is_good = (1..=64).contains(&name.chars().count())
        && name.trim() == name
        && !name.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    Err(Problem::new(Kind::BadRequest, "a name has 1 to 64 letters").field("name", None))
}

/// A name for a new person: none that the audit trail uses for something else.
pub(super) fn free(name: &str) -> Result<(), Problem> {
    named(name)?;
    let small = name.to_lowercase();
    if small.starts_with(KEY) || ["shroff", "time", "nobody"].contains(&small.as_str()) {
        let what = "`name` is what the audit trail calls a key, or the service itself";
        return Err(Problem::new(Kind::BadRequest, what).field("name", None));
    }
    Ok(())
}

fn role(text: &str) -> Result<Role, Problem> {
    let role = Role::from_str(text, false).ok().filter(|role| role.is_of_a_person());
    role.ok_or_else(|| {
        Problem::new(Kind::BadRequest, "there is no such role for a person")
            .field("role", Some(text))
            .hint("administrator, analyst, reviewer, rule-author or auditor")
    })
}

pub(super) fn entry<'a>(
    actor: (&'a str, &'a str),
    (action, object): (&'a str, &'a str),
    detail: &'a Value,
) -> AuditEntry<'a> {
    AuditEntry { at: settings::wall(), actor: actor.0, role: actor.1, action, object, detail }
}

fn told(session: &Session) -> Value {
    let rights = RIGHTS.into_iter().filter(|right| session.role.may(*right));
    value!({
        "user": { "name": session.name, "role": session.role.name() },
        "rights": rights.map(Right::name).collect::<Vec<_>>(),
        "csrf": session.csrf,
        "expires": session.expires.to_string(),
    })
}

fn cookie(shared: &Shared, token: &str, seconds: i64) -> Result<HeaderValue, Problem> {
    let secure = if shared.is_secure { "; Secure" } else { "" };
    let text = format!(
        "shroff_session={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}"
    );
    HeaderValue::from_str(&text).map_err(|error| broken(error.into()))
}

/// Opens a session for somebody who has shown who they are.
pub(super) async fn begin(shared: &Shared, user: &UserRow, status: StatusCode) -> Answer {
    let now = settings::wall();
    let (token, hash) = new_token().map_err(broken)?;
    let (csrf, _) = new_token().map_err(broken)?;
    let expires = Timestamp(now.0 + MOST_SECONDS * 1_000_000);
    let row = SessionRow { hash, name: user.name.clone(), csrf, expires };
    let nothing = value!({});
    let said = entry((&user.name, &user.role), ("session.open", &user.name), &nothing);
    shared.register.open_session(&row, said).await.map_err(refused)?;
    shared.people.begin(row, now);
    let session = shared.people.session(&token, now);
    let session = session.ok_or_else(|| Problem::new(Kind::Unauthorized, "the user is gone"))?;
    let mut response = json(&told(&session))?;
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(SET_COOKIE, cookie(shared, &token, MOST_SECONDS)?);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Attempts are counted by name; whoever guesses waits.
fn pace(shared: &Shared, name: &str) -> Result<(), Problem> {
    shared.people.attempts.take(name, settings::wall()).map_err(|seconds| {
        Problem::new(Kind::Overloaded, "there were too many attempts")
            .retry_after(seconds)
            .hint("try again after the seconds of Retry-After")
    })
}

async fn set_up(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let SetUp { token, name, password } = body(request).await?;
    pace(&shared, "")?;
    free(&name)?;
    if password.chars().count() < LEAST_LETTERS || password.len() > MOST_BYTES {
        let what = format!("a password has {LEAST_LETTERS} letters or more");
        return Err(Problem::new(Kind::BadRequest, what).field("password", None));
    }
    let hash = outputs::sha256(token.as_bytes());
    let gone = || {
        Problem::new(Kind::Forbidden, "the link is not good, or was used, or is too old")
            .hint("an administrator invites anew; without a user, a restart shows another link")
    };
    let invitation = shared.register.invitation(&hash).await.map_err(refused)?.ok_or_else(gone)?;
    let is_named = invitation.name.is_empty() || invitation.name == name;
    let is_first = invitation.name.is_empty();
    if !is_named
        || invitation.expires <= settings::wall()
        || (is_first && !shared.people.is_empty())
    {
        return Err(gone());
    }
    let password = shared.people.hash(password).await.map_err(broken)?;
    // Whoever is there already keeps the role that they have now, and is not let in where they may not.
    let before = shared.people.user(&name);
    if before.as_ref().is_some_and(|user| user.is_disabled) {
        return Err(gone());
    }
    let role = before.map_or(invitation.role, |user| user.role);
    let user = UserRow { name, role, password, is_disabled: false };
    let nothing = value!({});
    let said = entry((&user.name, &user.role), ("user.create", &user.name), &nothing);
    if !shared.register.take_up(&hash, &user, said).await.map_err(refused)? {
        return Err(gone());
    }
    shared.people.put(user.clone());
    shared.people.attempts.forget("");
    begin(&shared, &user, StatusCode::CREATED).await
}

async fn sign_in(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let SignIn { name, password } = body(request).await?;
    named(&name)?;
    pace(&shared, &name)?;
    let is_right = password.len() <= MOST_BYTES
        && shared.people.knows(&name, password).await.map_err(broken)?;
    let user = shared.people.user(&name).filter(|_| is_right);
    let Some(user) = user else {
        let nothing = value!({});
        let said = entry((&name, "nobody"), ("session.refuse", &name), &nothing);
        shared.register.audit(said).await.map_err(refused)?;
        return Err(Problem::new(Kind::Unauthorized, "name and password are nobody's"));
    };
    shared.people.attempts.forget(&name);
    begin(&shared, &user, StatusCode::OK).await
}

async fn session(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    json(&told(&session_of(&shared, &headers)?))
}

async fn sign_out(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    let session = session_of(&shared, &headers)?;
    let nothing = value!({});
    let said =
        entry((&session.name, session.role.name()), ("session.end", &session.name), &nothing);
    let which = (session.name.as_str(), Some(session.hash.as_str()));
    shared.register.end_sessions(which, said).await.map_err(refused)?;
    shared.people.end(&session.hash);
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, cookie(&shared, "", 0)?);
    Ok(response)
}

fn shown(user: &UserRow) -> Value {
    value!({ "name": user.name, "role": user.role, "disabled": user.is_disabled })
}

async fn users(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    actor(&shared, &headers, Right::ManageUsers)?;
    let users: Vec<Value> = shared.people.users().iter().map(shown).collect();
    json(&value!({ "users": users, "next_cursor": null }))
}

async fn invite(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let actor = actor(&shared, request.headers(), Right::ManageUsers)?;
    let Invite { name, role: wanted } = body(request).await?;
    free(&name)?;
    let role = role(&wanted)?;
    if shared.people.user(&name).is_some_and(|user| user.role != role.name()) {
        let what = "there is a user of this name with another role";
        return Err(Problem::new(Kind::Conflict, what).hint("change their role first"));
    }
    let (token, hash) = new_token().map_err(broken)?;
    let expires = Timestamp(settings::wall().0 + INVITED_MICROS);
    let role = role.name().to_owned();
    let row = InvitationRow { hash, name: name.clone(), role: role.clone(), expires };
    let detail = value!({ "role": role });
    let said = entry((&actor.name, actor.role.name()), ("user.invite", &name), &detail);
    shared.register.invite(&row, said).await.map_err(refused)?;
    let mut response = json(&value!({ "token": token, "expires": expires.to_string() }))?;
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn change(
    State(shared): State<Arc<Shared>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let actor = actor(&shared, request.headers(), Right::ManageUsers)?;
    let name = name.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    let Change { role: wanted, disabled } = body(request).await?;
    let mut user = shared.people.user(&name).ok_or_else(|| unknown("user"))?;
    if let Some(wanted) = &wanted {
        role(wanted)?.name().clone_into(&mut user.role);
    }
    user.is_disabled = disabled.unwrap_or(user.is_disabled);
    let rules = |user: &UserRow| user.role == "administrator" && !user.is_disabled;
    let others = shared.people.users();
    if !rules(&user) && !others.iter().any(|other| other.name != name && rules(other)) {
        let what = "without them there is no administrator";
        return Err(Problem::new(Kind::NotAllowed, what));
    }
    let detail = value!({ "role": user.role, "disabled": user.is_disabled });
    let said = entry((&actor.name, actor.role.name()), ("user.change", &name), &detail);
    shared.register.change_user(&user, said).await.map_err(refused)?;
    let answer = json(&shown(&user));
    shared.people.put(user);
    answer
}
