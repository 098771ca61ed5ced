//! What an account did in the window: its own history, and no score of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Serialize;
use shroff_store::register::AlertFilter;
use shroff_types::{AccountId, Decimal, Span, Timestamp};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies::{AlertHead, Exact, Payment, exact};
use super::graph::shown;
use super::{Answer, json, refused, saw, unknown};
use crate::serve::actor::actor;
use crate::serve::api::{AccountToken, Asked, Date, Found, Instant, Money};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::problem::{Kind, Problem};
use crate::serve::window::{Seen, account_of, payments_of};

/// The payments that are counted, from the newest back: a hub has more than anybody looks at.
const MOST: usize = 500_000;
/// The payments that are listed.
const MOST_LISTED: usize = 200;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(account))
}

/// What an account did in the window.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "token": "k3vq-81zt-xw0d", "first_time": "2026-03-01T09:30:00Z",
    "last_time": "2026-03-01T09:30:00Z",
    "sent": { "count": 1, "amount": 900.0, "counterparties": 1 },
    "received": { "count": 0, "amount": 0, "counterparties": 0 },
    "days": [], "payments": [], "alerts": [], "is_complete": true
}))]
struct Account {
    #[schema(value_type = AccountToken)]
    token: String,
    #[schema(required = true, value_type = Option<Instant>)]
    first_time: Option<String>,
    #[schema(required = true, value_type = Option<Instant>)]
    last_time: Option<String>,
    sent: AccountSide,
    received: AccountSide,
    /// Those with a payment.
    #[schema(max_items = 4000)]
    days: Vec<AccountDay>,
    /// The newest.
    #[schema(max_items = 200)]
    payments: Vec<Payment>,
    #[schema(max_items = 100)]
    alerts: Vec<AlertHead>,
    /// Whether all of its payments in the window were counted.
    is_complete: bool,
}

/// One side of an account, in the units that the service counts in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "count": 1, "amount": 900.0, "counterparties": 1 }))]
struct AccountSide {
    count: u64,
    #[schema(value_type = Money)]
    amount: Exact,
    counterparties: usize,
}

/// A day of an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "day": "2026-03-01", "sent_count": 1, "sent_amount": 900.0, "received_count": 0,
    "received_amount": 0
}))]
struct AccountDay {
    #[schema(value_type = Date)]
    day: String,
    sent_count: u64,
    #[schema(value_type = Money)]
    sent_amount: Exact,
    received_count: u64,
    #[schema(value_type = Money)]
    received_amount: Exact,
}

#[derive(Debug, Default)]
struct Side {
    count: u64,
    minor: i128,
    others: BTreeSet<AccountId>,
}

impl Side {
    fn add(&mut self, minor: i128, other: AccountId) {
        self.count += 1;
        self.minor += minor;
        self.others.insert(other);
    }
}

/// What an account did in the window: its own history, and no score of it.
#[utoipa::path(
    get,
    path = "/v1/accounts/{token}",
    operation_id = "readAccount",
    tag = "accounts",
    params(("token" = AccountToken, Path, description = "The token of an account")),
    responses((status = 200, description = "What it did", body = Account), Asked, Found),
)]
async fn account(
    State(shared): State<Arc<Shared>>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let actor = actor(&shared, &headers, Right::ReadAlerts)?;
    let token = token.map_err(|_| Problem::new(Kind::BadRequest, "the path cannot be read"))?.0;
    if token.len() > 64 {
        return Err(unknown("account"));
    }
    shared.inbox.caught_up().await;
    let wanted = AlertFilter { account: Some(token.clone()), most: 100, ..AlertFilter::default() };
    let alerts = shared.register.alerts(&wanted).await.map_err(refused)?.alerts;
    let account = account_of(&shared.desk, &shared.pseudonyms, &token).await?;
    if account.is_none() && alerts.is_empty() {
        return Err(unknown("account"));
    }
    saw(&shared, &actor, "account.read", &token).await?;
    let (seen, is_complete) = match account {
        Some(account) => payments_of(&shared.desk, BTreeSet::from([account]), MOST).await?,
        // Out of sight, and in alerts alone.
        None => (Vec::new(), true),
    };
    let exponent = shared.desk.ask(|core| core.live.exponent()).await?;
    let (sent, received, days) = summed(&seen, account.unwrap_or_default());
    let amount = |minor: i128| exact(short(minor, exponent));
    let side = |side: Side| AccountSide {
        count: side.count,
        amount: amount(side.minor),
        counterparties: side.others.len(),
    };
    let times = seen.iter().map(|seen| seen.time);
    json(&Account {
        token,
        first_time: times.clone().min().map(|time| time.to_string()),
        last_time: times.max().map(|time| time.to_string()),
        sent: side(sent),
        received: side(received),
        days: days
            .into_iter()
            .map(|(day, [sent, received])| AccountDay {
                day: date(day),
                sent_count: sent.count,
                sent_amount: amount(sent.minor),
                received_count: received.count,
                received_amount: amount(received.minor),
            })
            .collect(),
        payments: seen.iter().take(MOST_LISTED).map(|seen| shown(&shared, seen)).collect(),
        alerts: AlertHead::all(&alerts),
        is_complete,
    })
}

type Days = BTreeMap<i64, [Side; 2]>;

fn summed(seen: &[Seen], account: AccountId) -> (Side, Side, Days) {
    let (mut sent, mut received, mut days) = (Side::default(), Side::default(), Days::new());
    for payment in seen {
        let day = payment.time.0.div_euclid(Span::DAY.micros());
        let [day_sent, day_received] = days.entry(day).or_default();
        if payment.debtor == account {
            sent.add(payment.minor, payment.creditor);
            day_sent.add(payment.minor, payment.creditor);
        }
        if payment.creditor == account {
            received.add(payment.minor, payment.debtor);
            day_received.add(payment.minor, payment.debtor);
        }
    }
    (sent, received, days)
}

/// An amount with two decimals where it needs no more.
fn short(digits: i128, decimals: u8) -> Decimal {
    let exact = Decimal { digits, decimals };
    exact.units(2).map_or(exact, |digits| Decimal { digits, decimals: 2 })
}

fn date(day: i64) -> String {
    let midnight = Timestamp(day.saturating_mul(Span::DAY.micros())).to_string();
    midnight.split('T').next().unwrap_or_default().to_owned()
}
