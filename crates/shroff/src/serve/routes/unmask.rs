//! The number behind a token: for a person, within a case, for a reason, for a while, and noted.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use shroff_store::register::{AuditEntry, case_id, case_number};
use shroff_types::{Place, Timestamp};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cases::{body, by, failed, written};
use super::{Answer, json, refused, unknown};
use crate::serve::actor::{Actor, actor};
use crate::serve::api::{AccountToken, Asked, Big, CaseId, Found, Instant, Written};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::serve::sealed::Names;
use crate::serve::unmasked::Grant;
use crate::settings;

/// The longest token that is looked for.
const MOST_TOKEN_BYTES: usize = 64;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(unmask)).routes(routes!(again))
}

/// Which account, within which case, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account": "k3vq-81zt-xw0d", "case": "case-1", "reason": "The bank of the customer asks."
}))]
struct Unmask {
    #[schema(value_type = AccountToken)]
    account: String,
    #[schema(value_type = CaseId)]
    case: String,
    #[schema(value_type = Written)]
    reason: String,
}

/// What is told, and written nowhere.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "account": "A", "expires": "2026-03-01T10:30:00Z" }))]
struct Unmasked {
    /// As it was sent.
    #[schema(max_length = 128)]
    account: String,
    #[schema(value_type = Instant)]
    expires: String,
    /// What it was called in payments of the case, and what for; where names are sealed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10_000)]
    names: Vec<CalledBy>,
}

/// What a payment says of the account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "payment": "p1", "name": "A. Example", "remittance": "rent" }))]
struct CalledBy {
    /// Its id.
    #[schema(max_length = 256)]
    payment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 640)]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096)]
    remittance: Option<String>,
    /// Why it cannot be read, where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 512)]
    problem: Option<String>,
}

/// The number behind a token: for a person, within a case, for a reason, for a while, and noted.
#[utoipa::path(
    post,
    path = "/v1/unmask",
    operation_id = "unmask",
    tag = "accounts",
    request_body = Unmask,
    responses((status = 200, description = "The number", body = Unmasked), Asked, Found, Big),
)]
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
    let places: Vec<Place> = places.into_iter().map(Place).collect();
    let (place, account) = number(&shared, places.clone(), &token).await?.ok_or_else(gone)?;
    // Noted before it leaves, where those who work on the case see it too.
    let noted = shared.register.note_unmasked(case, (&token, &reason), by(&shared, &actor)).await;
    let row = noted.map_err(|error| failed(error, &actor))?;
    shared.events.case(&row);
    let now = settings::wall();
    let grant = Grant { place, case, expires: shared.grants.until(now) };
    shared.grants.note((&actor.name, &token), grant, now);
    let names = names(&shared, places, &account).await?;
    told(account, names, grant.expires)
}

/// The same again, as long as it was granted for.
#[utoipa::path(
    get,
    path = "/v1/unmask/{token}",
    operation_id = "readUnmasked",
    tag = "accounts",
    params(("token" = AccountToken, Path, description = "The token of an account")),
    responses((status = 200, description = "The number", body = Unmasked), Asked, Found),
)]
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
    let places = shared.register.places_of(grant.case, &token).await.map_err(refused)?;
    let names = names(&shared, places.into_iter().map(Place).collect(), &account).await?;
    told(account, names, grant.expires)
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

/// What the account was called in some payments, where names are sealed.
async fn names(
    shared: &Shared,
    places: Vec<Place>,
    account: &str,
) -> Result<Vec<CalledBy>, Problem> {
    let Some(vault) = shared.vault.clone() else { return Ok(Vec::new()) };
    let account = account.to_owned();
    let found = shared.desk.ask(move |core| {
        let of = |place: Place| {
            let read = core.payment(place, |sent| {
                let is_debtor = sent.debtor == account;
                (is_debtor || sent.creditor == account)
                    .then(|| (place, sent.id.to_owned(), is_debtor))
            });
            // One that cannot be read was told of in the log of the program.
            read.ok().flatten()
        };
        places.into_iter().filter_map(of).collect::<Vec<_>>()
    });
    let found = found.await?;
    let reading = tokio::task::spawn_blocking(move || {
        let called = |(place, id, is_debtor): (Place, String, bool)| {
            let said = |text: String| Some(text).filter(|text| !text.is_empty());
            match vault.names(place, &id) {
                Ok(None) => None,
                Ok(Some(Names { debtor, creditor, remittance })) => Some(CalledBy {
                    payment: id,
                    name: said(if is_debtor { debtor } else { creditor }),
                    remittance: said(remittance),
                    problem: None,
                }),
                Err(error) => {
                    let problem = Some(error.to_string());
                    Some(CalledBy { payment: id, name: None, remittance: None, problem })
                }
            }
        };
        found.into_iter().filter_map(called).collect()
    });
    reading.await.map_err(|_| Problem::new(Kind::Internal, "names could not be read"))
}

fn gone() -> Problem {
    Problem::new(Kind::NotFound, "the log has no account of this token").hint(
        "the log must hold the payments of the alert, and `token.key` must be the one that its \
         tokens were made with",
    )
}

fn told(account: String, names: Vec<CalledBy>, expires: Timestamp) -> Answer {
    let mut response = json(&Unmasked { account, expires: expires.to_string(), names })?;
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
