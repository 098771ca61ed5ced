//! The typologies of the service, each with its example drawn from its own file.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse;
use serde::Serialize;
use shroff_detect::{Input, Typology};
use shroff_engine::ExampleLedger;
use shroff_types::{Amount, Currency};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::bodies::{FlowPayment, Payment, exact_amount};
use crate::serve::actor::actor;
use crate::serve::api::{Action, Asked, RulesVersion, Text, TypologyId};
use crate::serve::http::Shared;
use crate::serve::keys::Right;

pub(super) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(list))
}

/// A typology: a documented kind of flow and the rules that find it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "cycle", "title": "Money in a circle", "version": "1f5c3a9be0724d68",
    "action": "review", "what": "Money comes back.", "why": "It hides where it is from.",
    "innocent": "A refund.", "sources": [], "when": [], "score": [], "reason": [],
    "parameters": [], "example": []
}))]
struct TypologyPage {
    #[schema(value_type = TypologyId)]
    id: String,
    #[schema(max_length = 512)]
    title: String,
    #[schema(value_type = RulesVersion)]
    version: String,
    #[schema(value_type = Action)]
    action: &'static str,
    #[schema(value_type = Text)]
    what: String,
    #[schema(value_type = Text)]
    why: String,
    #[schema(value_type = Text)]
    innocent: String,
    #[schema(max_items = 1000, value_type = Vec<Text>)]
    sources: Vec<String>,
    #[schema(max_items = 1000, value_type = Vec<Text>)]
    when: Vec<String>,
    #[schema(max_items = 1000, value_type = Vec<Text>)]
    score: Vec<String>,
    #[schema(max_items = 1000, value_type = Vec<Text>)]
    reason: Vec<String>,
    #[schema(max_items = 1000)]
    parameters: Vec<TypologyParameter>,
    #[schema(max_items = 10000)]
    example: Vec<FlowPayment>,
}

/// A number of a typology that may be set.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "least", "value": 3.0, "unit": "payments", "low": 2.0, "high": 10.0,
    "what": "From how many payments on."
}))]
struct TypologyParameter {
    #[schema(max_length = 128)]
    name: String,
    value: f64,
    #[schema(max_length = 64)]
    unit: String,
    low: f64,
    high: f64,
    #[schema(value_type = Text)]
    what: String,
}

/// What is looked for, each with an example.
#[utoipa::path(
    get,
    path = "/v1/typologies",
    operation_id = "listTypologies",
    tag = "typologies",
    responses((status = 200, description = "All of them", body = Vec<TypologyPage>), Asked),
)]
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
        let parameters = typology.parameters.iter().map(|(name, it)| TypologyParameter {
            name: name.clone(),
            value: it.value,
            unit: it.unit.clone(),
            low: it.range.0,
            high: it.range.1,
            what: it.what.clone(),
        });
        TypologyPage {
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
