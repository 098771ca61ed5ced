//! What is counted: how much there is to do, and what it costs the innocent.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use shroff_store::register::{self, Counted, TypologyCount};
use shroff_types::{Span, Timestamp};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::{RawQuery, Wanted};
use super::{Answer, json, refused};
use crate::serve::actor::actor;
use crate::serve::api::{Asked, Date, Instant, Share, TypologyId};
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::serve::window::payments_by_day;
use crate::settings;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(overview))
}

/// What is counted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "payments_total": 3, "alerts_total": 1, "open": 1, "assigned": 0, "waiting": 0,
    "escalated": 0, "decided": 0, "reports": 0, "holds_open": 0,
    "oldest_open_time": "2026-03-01T09:30:00Z", "per_day": [], "per_typology": [],
    "burden": {
        "accounts_alerted": 3, "accounts_alerted_again": 0, "innocent_accounts": 0,
        "hold_hours_innocent": 0
    },
    "time_to_decision_hours": null
}))]
struct Overview {
    payments_total: u64,
    alerts_total: u64,
    open: u64,
    assigned: u64,
    waiting: u64,
    escalated: u64,
    decided: u64,
    reports: u64,
    holds_open: u64,
    #[schema(required = true, value_type = Option<Instant>)]
    oldest_open_time: Option<String>,
    #[schema(max_items = 3661)]
    per_day: Vec<OverviewDay>,
    #[schema(max_items = 1000)]
    per_typology: Vec<TypologyCounts>,
    burden: Burden,
    #[schema(required = true)]
    time_to_decision_hours: Option<Hours>,
}

/// A day.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "day": "2026-03-01", "payments": 3, "alerts": 1, "decided": 0 }))]
struct OverviewDay {
    #[schema(value_type = Date)]
    day: String,
    /// Those of the window.
    payments: u64,
    alerts: u64,
    decided: u64,
}

/// What is counted of a typology.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "typology": "cycle", "title": "Money in a circle", "alerts": 1, "decided": 0, "reports": 0,
    "precision": null
}))]
struct TypologyCounts {
    #[schema(value_type = TypologyId)]
    typology: String,
    #[schema(max_length = 512)]
    title: String,
    alerts: u64,
    decided: u64,
    reports: u64,
    /// Reports of decided, where any is.
    #[schema(required = true, value_type = Option<Share>)]
    precision: Option<f64>,
}

/// What it costs the innocent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "accounts_alerted": 3, "accounts_alerted_again": 0, "innocent_accounts": 0,
    "hold_hours_innocent": 0
}))]
struct Burden {
    accounts_alerted: u64,
    accounts_alerted_again: u64,
    innocent_accounts: u64,
    #[schema(minimum = 0)]
    hold_hours_innocent: f64,
}

/// Hours: half of them are not longer, and nine of ten.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "p50": 2.5, "p90": 20.0 }))]
struct Hours {
    #[schema(minimum = 0)]
    p50: f64,
    #[schema(minimum = 0)]
    p90: f64,
}

/// What may be asked of it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it names what `overview` reads")]
struct OverviewQuery {
    /// 1 to 3660
    #[param(minimum = 1, maximum = 3660, default = 30)]
    days: Option<u32>,
}

/// What is counted: how much there is to do, and what it costs the innocent.
#[utoipa::path(
    get,
    path = "/v1/overview",
    operation_id = "readOverview",
    tag = "overview",
    params(OverviewQuery),
    responses((status = 200, description = "What is counted", body = Overview), Asked),
)]
async fn overview(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    query: RawQuery,
) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let mut wanted = Wanted::read::<OverviewQuery>(query)?;
    let days = |text: &str| text.parse::<u32>().ok().filter(|days| (1..=3_660).contains(days));
    let days = wanted.read_as("days", days)?.unwrap_or(30);
    wanted.end()?;
    shared.inbox.caught_up().await;
    let now = settings::wall();
    let since = now.before(Span::DAY.times(days));
    let register = &shared.register;
    let both = tokio::try_join!(register.counted(since), register.burden(since, now));
    let (counted, burden) = both.map_err(refused)?;
    let payments = shared.desk.ask(|core| u64::from(core.live.next().0)).await?;
    let paid = payments_by_day(&shared.desk, since).await?;
    json(&told((counted, burden), (payments, &paid), &shared.rules.current().titles))
}

fn told(
    (counted, burden): (Counted, register::Burden),
    (payments_total, paid): (u64, &BTreeMap<i64, u64>),
    titles: &BTreeMap<String, String>,
) -> Overview {
    let of = |state: &str| {
        counted.states.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count)
    };
    let per_typology = |count: &TypologyCount| TypologyCounts {
        typology: count.typology.clone(),
        title: titles.get(&count.typology).unwrap_or(&count.typology).clone(),
        alerts: count.alerts,
        decided: count.decided,
        reports: count.reports,
        precision: ratio(count.reports, count.decided),
    };
    Overview {
        payments_total,
        alerts_total: counted.states.iter().map(|(_, count)| count).sum(),
        open: of("open"),
        assigned: of("assigned"),
        waiting: of("waiting"),
        escalated: of("escalated"),
        decided: of("decided"),
        reports: counted.reports,
        holds_open: counted.holds_open,
        oldest_open_time: counted.oldest_open.map(|time| time.to_string()),
        per_day: days(&counted.days, paid),
        per_typology: counted.typologies.iter().map(per_typology).collect(),
        burden: Burden {
            accounts_alerted: burden.accounts_alerted,
            accounts_alerted_again: burden.accounts_alerted_again,
            innocent_accounts: burden.innocent_accounts,
            hold_hours_innocent: hours(burden.held_innocent),
        },
        time_to_decision_hours: quantiles(&counted.decisions),
    }
}

/// Each day of which anything is counted.
fn days(counted: &[(i64, u64, u64)], paid: &BTreeMap<i64, u64>) -> Vec<OverviewDay> {
    let mut days: BTreeMap<i64, [u64; 3]> =
        paid.iter().map(|(day, payments)| (*day, [*payments, 0, 0])).collect();
    for (day, alerts, decided) in counted {
        let its = days.entry(*day).or_default();
        (its[1], its[2]) = (*alerts, *decided);
    }
    let told = |(day, [payments, alerts, decided]): (i64, [u64; 3])| {
        let midnight = Timestamp(day.saturating_mul(Span::DAY.micros())).to_string();
        let day = midnight.split('T').next().unwrap_or_default().to_owned();
        OverviewDay { day, payments, alerts, decided }
    };
    days.into_iter().map(told).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Hours with two decimals.
#[expect(clippy::cast_precision_loss, reason = "rounded to hundredths of an hour")]
fn hours(span: Span) -> f64 {
    (span.micros() as f64 / 36_000_000.0).round() / 100.0
}

/// Of spans that ascend: the one that so many tenths are not longer than.
fn quantiles(spans: &[Span]) -> Option<Hours> {
    let at = |tenths: usize| spans.get((spans.len() * tenths).div_ceil(10).max(1) - 1).copied();
    Some(Hours { p50: hours(at(5)?), p90: hours(at(9)?) })
}
