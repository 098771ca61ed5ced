//! What lies around an alert, as accounts and the payments between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies::{FlowPayment, Payment, exact_amount, is_complete as is_complete_evidence};
use super::query::{RawQuery, Wanted};
use super::{Answer, json, refused, saw, unknown};
use crate::serve::actor::actor;
use crate::serve::api::{AccountToken, AlertId, Asked, Found};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::serve::window::{Seen, payments_of};

/// The most payments around an alert that are shown: the newest.
const MOST: usize = 2_000;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(graph))
}

/// What lies around an alert.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "accounts": [{ "token": "k3vq-81zt-xw0d", "in_evidence": true }], "payments": [],
    "is_complete": true
}))]
struct Graph {
    #[schema(max_items = 5000)]
    accounts: Vec<GraphAccount>,
    #[schema(max_items = 2300)]
    payments: Vec<FlowPayment>,
    is_complete: bool,
}

/// An account of a picture.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "token": "k3vq-81zt-xw0d", "in_evidence": true }))]
struct GraphAccount {
    #[schema(value_type = AccountToken)]
    token: String,
    in_evidence: bool,
}

/// A payment as others are shown it.
pub(super) fn shown(shared: &Shared, seen: &Seen) -> Payment {
    let [debtor, creditor] = &seen.names;
    Payment {
        id: seen.id.clone(),
        time: seen.time.to_string(),
        debtor: shared.pseudonyms.token(debtor),
        creditor: shared.pseudonyms.token(creditor),
        amount: exact_amount(seen.amount),
        currency: seen.amount.currency.code().to_owned(),
    }
}

/// What may be asked of a picture.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it names what `graph` reads")]
struct GraphQuery {
    /// 0 or 1
    #[param(minimum = 0, maximum = 1, default = 0)]
    hops: Option<u8>,
}

/// The evidence of an alert, and with `hops=1` what else its accounts did in the window.
#[utoipa::path(
    get,
    path = "/v1/alerts/{id}/graph",
    operation_id = "readAlertGraph",
    tag = "alerts",
    params(("id" = AlertId, Path, description = "The id of an alert"), GraphQuery),
    responses((status = 200, description = "Accounts, and the payments between them", body = Graph), Asked, Found),
)]
async fn graph(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    query: RawQuery,
) -> Answer {
    let actor = actor(&shared, &headers, Right::ReadAlerts)?;
    let id = id.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    let mut wanted = Wanted::read::<GraphQuery>(query)?;
    let hops = |text: &str| text.parse::<u8>().ok().filter(|hops| *hops <= 1);
    let hops = wanted.read_as("hops", hops)?.unwrap_or(0);
    wanted.end()?;
    shared.inbox.caught_up().await;
    let whole = shared.register.alert(&id).await.map_err(refused)?;
    let whole = whole.ok_or_else(|| unknown("alert"))?;
    saw(&shared, &actor, "alert.graph", &id).await?;
    let own: BTreeSet<String> = whole.row.accounts.iter().cloned().collect();
    let mut payments: Vec<FlowPayment> = Vec::new();
    let mut is_complete = is_complete_evidence(&whole.row);
    if hops == 1 {
        let names: Vec<Option<String>> =
            own.iter().map(|token| shared.pseudonyms.name_of(token)).collect();
        let accounts = shared.desk.ask(move |core| {
            let names = names.into_iter();
            names.filter_map(|name| core.live.find_account(&name?)).collect::<BTreeSet<_>>()
        });
        let accounts = accounts.await?;
        // Those of an alert long past are not known any more.
        is_complete &= accounts.len() == own.len();
        let (seen, is_all) = payments_of(&shared.desk, accounts, MOST).await?;
        is_complete &= is_all;
        let evidence: BTreeSet<u32> = whole.evidence.iter().map(|it| it.place).collect();
        let around = seen.iter().rev().filter(|seen| !evidence.contains(&seen.place.0));
        payments.extend(
            around.map(|seen| FlowPayment { payment: shown(&shared, seen), in_evidence: false }),
        );
    }
    payments.extend(
        whole.evidence.iter().map(|it| FlowPayment { payment: Payment::of(it), in_evidence: true }),
    );
    payments.sort_by(|a, b| a.payment.time.cmp(&b.payment.time));
    let mut accounts: BTreeMap<String, bool> = BTreeMap::new();
    for FlowPayment { payment, .. } in &payments {
        for token in [&payment.debtor, &payment.creditor] {
            accounts.insert(token.clone(), own.contains(token));
        }
    }
    let accounts = accounts
        .into_iter()
        .map(|(token, in_evidence)| GraphAccount { token, in_evidence })
        .collect();
    json(&Graph { accounts, payments, is_complete })
}
