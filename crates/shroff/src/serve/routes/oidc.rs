//! Signing in by a provider: there and back again.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json as value;
use shroff_store::register::UserRow;

use super::people::{begin, broken, entry, free};
use super::query::RawQuery;
use super::{Answer, refused, unknown};
use crate::serve::http::Shared;
use crate::serve::oidc::{CALLBACK, Oidc, PATIENCE_SECONDS, Vouched};
use crate::serve::people::is_same;
use crate::serve::problem::{Kind, Problem};
use crate::settings;

/// The path that the cookie of an attempt is sent to, and what it is called.
const PATH: &str = "/v1/session/oidc";
const NAME: &str = "shroff_attempt";
/// The longest code and state that are looked at.
const MOST_BYTES: usize = 4_096;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route(PATH, get(there)).route(CALLBACK, get(back))
}

fn provider(shared: &Shared) -> Result<Arc<Oidc>, Problem> {
    let oidc = shared.oidc.as_ref().ok_or_else(|| unknown("provider to sign in by"))?;
    Ok(Arc::clone(oidc))
}

/// The cookie that binds an attempt to the browser that began it. `Lax`, because it is the provider
/// that sends the browser back.
fn attempt(shared: &Shared, state: &str, seconds: i64) -> Result<HeaderValue, Problem> {
    let secure = if shared.is_secure { "; Secure" } else { "" };
    let rest = format!("HttpOnly; SameSite=Lax; Path={PATH}; Max-Age={seconds}{secure}");
    let text = format!("{NAME}={state}; {rest}");
    HeaderValue::from_str(&text).map_err(|error| broken(error.into()))
}

fn unreachable(error: &anyhow::Error) -> Problem {
    tracing::warn!("the provider to sign in by could not be asked: {error:#}");
    Problem::new(Kind::Unavailable, "the provider to sign in by cannot be asked")
        .hint("try again in a moment; the log of the service says why")
}

async fn there(State(shared): State<Arc<Shared>>) -> Answer {
    let oidc = provider(&shared)?;
    let begun = tokio::task::spawn_blocking(move || oidc.begin(settings::wall())).await;
    let begun =
        begun.map_err(|error| broken(error.into()))?.map_err(|error| unreachable(&error))?;
    let begun = begun.ok_or_else(|| {
        Problem::new(Kind::Overloaded, "too many people are signing in").retry_after(60)
    })?;
    let mut response = see(&begun.address)?;
    let cookie = attempt(&shared, &begun.state, PATIENCE_SECONDS)?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

fn see(address: &str) -> Answer {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let address = HeaderValue::from_str(address).map_err(|error| broken(error.into()))?;
    response.headers_mut().insert(LOCATION, address);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn not_let_in(why: &str) -> Problem {
    Problem::new(Kind::Unauthorized, format!("the provider did not let you in: {why}"))
        .hint("begin again at /v1/session/oidc")
}

async fn back(
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let oidc = provider(&shared)?;
    let mut query = query.map_err(|_| not_let_in("what it says cannot be read"))?.0;
    let mut text = |name: &str| query.remove(name).filter(|text| text.len() <= MOST_BYTES);
    let state = text("state").ok_or_else(|| not_let_in("it sends no state"))?;
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    let own = pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='));
    if !own.is_some_and(|own| is_same(own, &state)) {
        return Err(not_let_in("another browser began this"));
    }
    let now = settings::wall();
    let pending = oidc.take(&state, now).ok_or_else(|| not_let_in("it took too long"))?;
    if text("error").is_some() {
        return Err(not_let_in("it refused"));
    }
    let code = text("code").ok_or_else(|| not_let_in("it sends no code"))?;
    let finished = tokio::task::spawn_blocking(move || oidc.finish(code, pending, now)).await;
    let vouched = finished.map_err(|error| broken(error.into()))?.map_err(|error| {
        tracing::warn!("somebody was not let in by the provider: {error:#}");
        not_let_in("what it says is not enough; the log of the service says why")
    })?;
    let user = admit(&shared, vouched).await?;
    let mut response = begin(&shared, &user, StatusCode::SEE_OTHER).await?;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    response.headers_mut().append(SET_COOKIE, attempt(&shared, "", 0)?);
    Ok(response)
}

/// The user whom the provider vouches for: made where there is none of the name, in the role that the
/// provider says now. Whoever has the name and signs in otherwise stays who they are.
async fn admit(shared: &Shared, vouched: Vouched) -> Result<UserRow, Problem> {
    let Vouched { name, role, mark } = vouched;
    free(&name)?;
    let taken = || {
        Problem::new(Kind::Forbidden, "somebody else has your name here")
            .hint("an administrator disables them, or the provider gives you another name")
    };
    let detail = value!({ "role": role.name(), "by": "oidc" });
    let role = role.name().to_owned();
    let Some(before) = shared.people.user(&name) else {
        let user = UserRow { name, role, password: mark, is_disabled: false };
        let said = entry((&user.name, &user.role), ("user.create", &user.name), &detail);
        if !shared.register.vouch_for(&user, said).await.map_err(refused)? {
            return Err(taken());
        }
        shared.people.put(user.clone());
        return Ok(user);
    };
    if !is_same(&before.password, &mark) {
        return Err(taken());
    }
    if before.is_disabled {
        return Err(Problem::new(Kind::Forbidden, "you are not let in here any more")
            .hint("an administrator knows why"));
    }
    if before.role == role {
        return Ok(before);
    }
    let user = UserRow { role, ..before };
    let said = entry((&user.name, &user.role), ("user.change", &user.name), &detail);
    shared.register.change_user(&user, said).await.map_err(refused)?;
    shared.people.put(user.clone());
    Ok(user)
}
