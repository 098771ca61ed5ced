//! What is counted: how much there is to do, and what it costs the innocent.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use serde::Serialize;
use shroff_store::register::{Counted, TypologyCount};
use shroff_types::{Span, Timestamp};

use super::query::{RawQuery, Wanted};
use super::{Answer, json, refused};
use crate::serve::actor::actor;
use crate::serve::http::Shared;
use crate::serve::keys::Right;
use crate::settings;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/v1/overview", get(overview))
}

#[derive(Debug, Clone, Serialize)]
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
    oldest_open_time: Option<String>,
    per_day: Vec<Day>,
    per_typology: Vec<PerTypology>,
    burden: Burden,
    time_to_decision_hours: Option<Hours>,
}

#[expect(clippy::struct_field_names, reason = "named as the answer names it")]
#[derive(Debug, Clone, Serialize)]
struct Day {
    day: String,
    alerts: u64,
    decided: u64,
}

#[derive(Debug, Clone, Serialize)]
struct PerTypology {
    typology: String,
    title: String,
    alerts: u64,
    decided: u64,
    reports: u64,
    precision: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
struct Burden {
    accounts_alerted: u64,
    accounts_alerted_again: u64,
    innocent_accounts: u64,
    hold_hours_innocent: f64,
}

#[derive(Debug, Clone, Serialize)]
struct Hours {
    p50: f64,
    p90: f64,
}

async fn overview(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    query: RawQuery,
) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let mut wanted = Wanted::read(query, "days (1 to 3660)")?;
    let days = |text: &str| text.parse::<u32>().ok().filter(|days| (1..=3_660).contains(days));
    let days = wanted.read_as("days", days)?.unwrap_or(30);
    wanted.end()?;
    shared.inbox.caught_up().await;
    let now = settings::wall();
    let since = now.before(Span::DAY.times(days));
    let counted = shared.register.counted(since, now).await.map_err(refused)?;
    let payments = shared.desk.ask(|core| u64::from(core.live.next().0)).await?;
    json(&told(counted, payments, &shared.rules.current().titles))
}

fn told(counted: Counted, payments_total: u64, titles: &BTreeMap<String, String>) -> Overview {
    let of = |state: &str| {
        counted.states.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count)
    };
    let per_typology = |count: &TypologyCount| PerTypology {
        typology: count.typology.clone(),
        title: titles.get(&count.typology).unwrap_or(&count.typology).clone(),
        alerts: count.alerts,
        decided: count.decided,
        reports: count.reports,
        precision: ratio(count.reports, count.decided),
    };
    let day = |&(day, alerts, decided): &(i64, u64, u64)| {
        let midnight = Timestamp(day.saturating_mul(Span::DAY.micros())).to_string();
        Day { day: midnight.split('T').next().unwrap_or_default().to_owned(), alerts, decided }
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
        per_day: counted.days.iter().map(day).collect(),
        per_typology: counted.typologies.iter().map(per_typology).collect(),
        burden: Burden {
            accounts_alerted: counted.accounts_alerted,
            accounts_alerted_again: counted.accounts_alerted_again,
            innocent_accounts: counted.innocent_accounts,
            hold_hours_innocent: hours(counted.held_innocent),
        },
        time_to_decision_hours: quantiles(&counted.decisions),
    }
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
