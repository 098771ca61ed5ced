//! The number behind a token: for a person, within a case, for a reason, for a while, and noted.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use shroff_store::register::{AuditEntry, case_id, case_number};
use shroff_types::{Place, Timestamp};

use super::cases::{body, written};
use super::{Answer, json, refused, unknown};
use crate::serve::actor::{Actor, actor};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::serve::unmasked::Grant;
use crate::settings;

/// The longest token that is looked for.
const MOST_TOKEN_BYTES: usize = 64;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/v1/unmask", post(unmask)).route("/v1/unmask/{token}", get(again))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unmask {
    account: String,
    case: String,
    reason: String,
}

/// What is told, and written nowhere.
#[derive(Serialize)]
struct Unmasked {
    account: String,
    expires: String,
}

async fn unmask(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let actor = actor(&shared, request.headers(), Right::Unmask)?;
    let Unmask { account: token, case, reason } = body(request).await?;
    let case = case_number(&case).ok_or_else(|| unknown("case"))?;
    let reason = written("reason", &reason)?;
    if token.len() > MOST_TOKEN_BYTES {
        return Err(unknown("account"));
    }
    if shared.register.case(case).await.map_err(refused)?.is_none() {
        return Err(unknown("case"));
    }
    let detail = value!({ "case": case_id(case), "reason": reason });
    shared.inbox.caught_up().await;
    let places = shared.register.places_of(case, &token).await.map_err(refused)?;
    if places.is_empty() {
        note(&shared, &actor, ("unmask.refuse", &token), &detail).await?;
        let what = "the case has no alert with this account";
        return Err(Problem::new(Kind::Forbidden, what).hint("open a case over an alert of it"));
    }
    let places = places.into_iter().map(Place).collect();
    let (place, account) = number(&shared, places, &token).await?.ok_or_else(gone)?;
    // Noted before it leaves.
    note(&shared, &actor, ("unmask", &token), &detail).await?;
    let now = settings::wall();
    let grant = Grant { place, expires: shared.grants.until(now) };
    shared.grants.note((&actor.name, &token), grant, now);
    told(account, grant.expires)
}

/// The same again, as long as it was granted for.
async fn again(
    State(shared): State<Arc<Shared>>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let actor = actor(&shared, &headers, Right::Unmask)?;
    let token = token.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    let grant = shared.grants.of((&actor.name, &token), settings::wall()).ok_or_else(|| {
        Problem::new(Kind::NotFound, "this account is not unmasked for you, or not any more")
            .hint("POST /v1/unmask with the account, a case and a reason")
    })?;
    let (_, account) = number(&shared, vec![grant.place], &token).await?.ok_or_else(gone)?;
    note(&shared, &actor, ("unmask.read", &token), &value!({})).await?;
    told(account, grant.expires)
}

/// The account of a token, from the payments of some places: the register knows where they are, so
/// that nothing is searched. They are read from the window or from the log.
async fn number(
    shared: &Shared,
    places: Vec<Place>,
    token: &str,
) -> Result<Option<(Place, String)>, Problem> {
    let pseudonyms = Arc::clone(&shared.pseudonyms);
    let token = token.to_owned();
    let found = shared.desk.ask(move |core| {
        places.into_iter().find_map(|place| {
            let read = core.payment(place, |sent| {
                let names = [sent.debtor, sent.creditor];
                names.into_iter().find(|name| pseudonyms.is_of(&token, name)).map(str::to_owned)
            });
            let account = read.unwrap_or_else(|error| {
                tracing::warn!(%error, place = place.0, "a payment of a case could not be read");
                None
            })?;
            Some((place, account))
        })
    });
    found.await
}

fn gone() -> Problem {
    Problem::new(Kind::NotFound, "the log has no account of this token").hint(
        "the log must hold the payments of the alert, and `token.key` must be the one that its \
         tokens were made with",
    )
}

fn told(account: String, expires: Timestamp) -> Answer {
    let mut response = json(&Unmasked { account, expires: expires.to_string() })?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn note(
    shared: &Shared,
    actor: &Actor,
    (action, object): (&'static str, &str),
    detail: &Value,
) -> Result<(), Problem> {
    let role = actor.role.name();
    let at = settings::wall();
    let entry = AuditEntry { at, actor: &actor.name, role, action, object, detail };
    shared.register.audit(entry).await.map(|_| ()).map_err(refused)
}
