//! What is told of an alert, a case and a hold: what `/v1/events` says, without what a person wrote.

use serde::Serialize;
use shroff_store::register::{AlertRow, CaseRow, HoldRow, Outcome, Wording, case_id};
use shroff_types::Timestamp;

use crate::serve::routes::bodies::AlertHead;

/// How the register words it.
pub(crate) fn wording() -> Wording {
    Wording { alert, case, hold }
}

/// A case, without its title and its reasons.
#[derive(Serialize)]
struct CaseTold<'a> {
    id: String,
    version: u64,
    state: &'static str,
    assignee: Option<&'a str>,
    due: Option<String>,
    waits_until: Option<String>,
    reopened: bool,
    opened_at: String,
    opened_by: &'a str,
    outcome: Option<&'static str>,
    decided_by: Option<&'a str>,
    decided_at: Option<String>,
    approved_by: Option<&'a str>,
}

/// A hold, without its reason.
#[derive(Serialize)]
struct HoldTold<'a> {
    payment: &'a str,
    alert: Option<&'a str>,
    opened_at: String,
    ends_at: String,
    state: &'a str,
    ended_at: Option<String>,
    ended_by: Option<&'a str>,
}

/// Texts and numbers: there is nothing that JSON has no form for.
fn json(told: &impl Serialize) -> String {
    serde_json::to_string(told).unwrap_or_else(|_| "{}".to_owned())
}

fn alert(row: &AlertRow) -> String {
    json(&AlertHead::of(row))
}

fn case(row: &CaseRow) -> String {
    let decision = row.decision.as_ref();
    json(&CaseTold {
        id: case_id(row.number),
        version: row.version,
        state: row.state.name(),
        assignee: row.assignee.as_deref(),
        due: row.due.map(|at| at.to_string()),
        waits_until: row.wait_until.map(|at| at.to_string()),
        reopened: row.reopened,
        opened_at: row.opened_at.to_string(),
        opened_by: &row.opened_by,
        outcome: row.outcome().map(Outcome::name),
        decided_by: decision.map(|it| it.by.as_str()),
        decided_at: decision.map(|it| Timestamp(it.at).to_string()),
        approved_by: decision.and_then(|it| it.approved_by.as_deref()),
    })
}

fn hold(row: &HoldRow) -> String {
    json(&HoldTold {
        payment: &row.payment,
        alert: row.alert.as_deref(),
        opened_at: row.opened_at.to_string(),
        ends_at: row.ends_at.to_string(),
        state: &row.state,
        ended_at: row.ended_at.map(|at| at.to_string()),
        ended_by: row.ended_by.as_deref(),
    })
}
