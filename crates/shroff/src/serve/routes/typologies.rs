//! The typologies of the service, each with its example drawn from its own file.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;
use shroff_detect::{Input, Typology};
use shroff_engine::ExampleLedger;
use shroff_types::{Amount, Currency};

use super::Answer;
use super::bodies::{FlowPayment, Payment, exact_amount};
use crate::serve::actor::actor;
use crate::serve::http::Shared;
use crate::serve::keys::Right;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/v1/typologies", get(list))
}

#[derive(Debug, Clone, Serialize)]
struct Page {
    id: String,
    title: String,
    version: String,
    action: &'static str,
    what: String,
    why: String,
    innocent: String,
    sources: Vec<String>,
    when: Vec<String>,
    score: Vec<String>,
    reason: Vec<String>,
    parameters: Vec<Parameter>,
    example: Vec<FlowPayment>,
}

#[derive(Debug, Clone, Serialize)]
struct Parameter {
    name: String,
    value: f64,
    unit: String,
    low: f64,
    high: f64,
    what: String,
}

async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    actor(&shared, &headers, Right::ReadAlerts)?;
    let mut response = shared.rules.current().typologies.clone().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// All of them as JSON, under a version of the rules.
pub(crate) fn typologies_text(typologies: &[Typology], version: u64) -> anyhow::Result<String> {
    let page = |typology: &Typology| {
        let of = |pick: fn(&shroff_detect::Case) -> &str| {
            typology.cases.iter().map(|case| pick(case).trim().to_owned()).collect()
        };
        let parameters = typology.parameters.iter().map(|(name, it)| Parameter {
            name: name.clone(),
            value: it.value,
            unit: it.unit.clone(),
            low: it.range.0,
            high: it.range.1,
            what: it.what.clone(),
        });
        Page {
            id: typology.id.clone(),
            title: typology.title.clone(),
            version: format!("{version:016x}"),
            action: typology.action.name(),
            what: typology.what.clone(),
            why: typology.why.clone(),
            innocent: typology.innocent.clone(),
            sources: typology.sources.clone(),
            when: of(|case| &case.when.text),
            score: of(|case| &case.score.text),
            reason: of(|case| &case.reason.text),
            parameters: parameters.collect(),
            example: example(typology),
        }
    };
    Ok(serde_json::to_string(&typologies.iter().map(page).collect::<Vec<_>>())?)
}

/// The payments of the first example that gives an alert; names are those of the example.
fn example(typology: &Typology) -> Vec<FlowPayment> {
    let Some(example) = typology.examples.iter().find(|example| !example.alerts.is_empty()) else {
        return Vec::new();
    };
    let Ok(ledger) = ExampleLedger::read(&example.ledger.text) else { return Vec::new() };
    // As in `1-4 7`: positions from 1.
    let marked = |position: usize| {
        let parts = example.alerts.iter().flat_map(|alert| alert.split_whitespace());
        parts
            .filter_map(|part| {
                let (first, last) = part.split_once('-').unwrap_or((part, part));
                Some(first.parse::<usize>().ok()?..=last.parse().ok()?)
            })
            .any(|range| range.contains(&position))
    };
    let payment = |(position, payment): (usize, &Input)| {
        // Examples count in hundredths.
        let amount = Amount { minor: payment.minor, currency: Currency::EUR };
        FlowPayment {
            in_evidence: marked(position),
            payment: Payment {
                id: position.to_string(),
                time: payment.time.to_string(),
                debtor: ledger.accounts.text(payment.debtor.0).to_owned(),
                creditor: ledger.accounts.text(payment.creditor.0).to_owned(),
                amount: exact_amount(amount),
                currency: payment.currency.code().to_owned(),
            },
        }
    };
    (1..).zip(&ledger.payments).map(payment).collect()
}
