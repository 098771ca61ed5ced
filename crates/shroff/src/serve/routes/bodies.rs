//! What is sent and answered, as plain values.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use shroff_store::register::{
    AlertRow, AuditRow, CaseRow, Decision as Decided, Evidence, HoldRow, LogRow, RevisionRow,
    WholeAlert, case_id,
};
use shroff_types::{Amount, Decimal, Timestamp};

/// An amount, written exactly.
pub(crate) type Exact = Box<RawValue>;

pub(crate) fn exact(amount: Decimal) -> Exact {
    // A decimal's text is a number of JSON.
    RawValue::from_string(amount.to_string()).unwrap_or_default()
}

pub(crate) fn exact_amount(amount: Amount) -> Exact {
    exact(Decimal { digits: amount.minor, decimals: amount.currency.decimals() })
}

/// A share of 1.
pub(crate) fn share(permille: u16) -> f64 {
    f64::from(permille) / 1_000.0
}

/// An alert in a list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AlertHead {
    pub(crate) id: String,
    pub(crate) typology: String,
    pub(crate) title: String,
    pub(crate) score: f64,
    pub(crate) action: String,
    pub(crate) first_time: String,
    pub(crate) last_time: String,
    pub(crate) raised_at: String,
    pub(crate) raised_by: String,
    pub(crate) amount: Exact,
    pub(crate) currency: String,
    pub(crate) accounts: Vec<String>,
    pub(crate) payment_count: u64,
    pub(crate) revision: u64,
    pub(crate) state: String,
    pub(crate) case: Option<String>,
    pub(crate) assignee: Option<String>,
    pub(crate) outcome: Option<String>,
}

impl AlertHead {
    pub(crate) fn of(row: &AlertRow) -> AlertHead {
        let row = row.clone();
        AlertHead {
            id: row.id,
            typology: row.typology,
            title: row.title,
            score: share(row.score_permille),
            action: row.action,
            first_time: row.first_time.to_string(),
            last_time: row.last_time.to_string(),
            raised_at: row.raised_at.to_string(),
            raised_by: row.raised_by,
            amount: exact(row.amount),
            currency: row.currency,
            accounts: row.accounts,
            payment_count: row.payment_count,
            revision: row.revision,
            state: row.state,
            case: row.case.map(case_id),
            assignee: row.assignee,
            outcome: row.outcome,
        }
    }

    pub(crate) fn all(rows: &[AlertRow]) -> Vec<AlertHead> {
        rows.iter().map(AlertHead::of).collect()
    }
}

/// A page of alerts.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AlertPage {
    pub(crate) alerts: Vec<AlertHead>,
    pub(crate) next_cursor: Option<String>,
    pub(crate) total: u64,
}

/// A rule that fired.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rule {
    pub(crate) typology: String,
    pub(crate) title: String,
    pub(crate) score: f64,
    pub(crate) share: f64,
    pub(crate) reason: String,
}

/// A payment; its accounts are tokens.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) time: String,
    pub(crate) debtor: String,
    pub(crate) creditor: String,
    pub(crate) amount: Exact,
    pub(crate) currency: String,
}

impl Payment {
    pub(crate) fn of(evidence: &Evidence) -> Payment {
        Payment {
            id: evidence.payment.clone(),
            time: evidence.time.to_string(),
            debtor: evidence.debtor.clone(),
            creditor: evidence.creditor.clone(),
            amount: exact_amount(evidence.amount),
            currency: evidence.amount.currency.code().to_owned(),
        }
    }
}

/// A payment of a picture.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FlowPayment {
    #[serde(flatten)]
    pub(crate) payment: Payment,
    pub(crate) in_evidence: bool,
}

/// How an alert stood after a payment.
#[expect(clippy::struct_field_names, reason = "named as the answer names it")]
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Revision {
    pub(crate) revision: u64,
    pub(crate) payment: String,
    pub(crate) time: String,
    pub(crate) score: f64,
    pub(crate) action: &'static str,
    pub(crate) payment_count: u64,
}

impl Revision {
    fn of(row: RevisionRow) -> Revision {
        Revision {
            revision: row.revision,
            payment: row.payment,
            time: row.time.to_string(),
            score: share(row.score_permille),
            action: row.action.name(),
            payment_count: row.payment_count,
        }
    }
}

/// An alert with everything.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Alert {
    #[serde(flatten)]
    pub(crate) head: AlertHead,
    pub(crate) reasons: Vec<String>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) payments: Vec<String>,
    pub(crate) evidence: Vec<Payment>,
    pub(crate) evidence_is_complete: bool,
    pub(crate) revisions: Vec<Revision>,
    pub(crate) earlier: Vec<AlertHead>,
}

impl Alert {
    pub(crate) fn of(whole: WholeAlert) -> Alert {
        let WholeAlert { row, evidence, revisions, earlier } = whole;
        let rules = row.rules.iter().map(|rule| Rule {
            typology: rule.typology.clone(),
            title: rule.title.clone(),
            score: share(rule.score_permille),
            share: share(rule.share_permille),
            reason: rule.reason.clone(),
        });
        Alert {
            head: AlertHead::of(&row),
            reasons: row.rules.iter().map(|rule| rule.reason.clone()).collect(),
            rules: rules.collect(),
            payments: evidence.iter().map(|payment| payment.payment.clone()).collect(),
            // Of a hit with more payments than half of what an alert holds, the newest are kept.
            evidence_is_complete: evidence.len() < shroff_engine::MOST_PAYMENTS / 2,
            evidence: evidence.iter().map(Payment::of).collect(),
            revisions: revisions.into_iter().map(Revision::of).collect(),
            earlier: AlertHead::all(&earlier),
        }
    }
}

/// A hold.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Hold {
    pub(crate) payment: String,
    pub(crate) alert: Option<String>,
    pub(crate) opened_at: String,
    pub(crate) ends_at: String,
    pub(crate) state: String,
    pub(crate) ended_at: Option<String>,
    pub(crate) ended_by: Option<String>,
    pub(crate) reason: Option<String>,
}

impl Hold {
    pub(crate) fn of(row: &HoldRow) -> Hold {
        Hold {
            payment: row.payment.clone(),
            alert: row.alert.clone(),
            opened_at: row.opened_at.to_string(),
            ends_at: row.ends_at.to_string(),
            state: row.state.clone(),
            ended_at: row.ended_at.map(|at| at.to_string()),
            ended_by: row.ended_by.clone(),
            reason: row.reason.clone(),
        }
    }
}

/// A page of holds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HoldPage {
    pub(crate) holds: Vec<Hold>,
    pub(crate) next_cursor: Option<String>,
}

/// What ends a hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldCommand {
    pub(crate) command: HoldVerb,
    pub(crate) reason: String,
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HoldVerb {
    Release,
    Return,
}

/// A decision.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Decision {
    pub(crate) outcome: &'static str,
    pub(crate) reason: String,
    pub(crate) by: String,
    pub(crate) at: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) approved_by: Option<String>,
    pub(crate) approved_at: Option<String>,
}

impl Decision {
    fn of(decided: &Decided) -> Decision {
        Decision {
            outcome: decided.outcome.name(),
            reason: decided.reason.clone(),
            by: decided.by.clone(),
            at: Timestamp(decided.at).to_string(),
            evidence: decided.evidence.clone(),
            approved_by: decided.approved_by.clone(),
            approved_at: decided.approved_at.map(|at| Timestamp(at).to_string()),
        }
    }
}

/// A line of a case's log.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogEntry {
    pub(crate) n: u64,
    pub(crate) at: String,
    pub(crate) by: String,
    pub(crate) command: String,
    pub(crate) text: String,
    pub(crate) detail: Value,
}

/// A case in a list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CaseHead {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) state: &'static str,
    pub(crate) title: String,
    pub(crate) assignee: Option<String>,
    pub(crate) due: Option<String>,
    pub(crate) waits_until: Option<String>,
    pub(crate) reopened: bool,
    pub(crate) opened_at: String,
    pub(crate) opened_by: String,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) decision: Option<Decision>,
}

impl CaseHead {
    pub(crate) fn of(row: &CaseRow) -> CaseHead {
        CaseHead {
            id: case_id(row.number),
            version: row.version,
            state: row.state.name(),
            title: row.title.clone(),
            assignee: row.assignee.clone(),
            due: row.due.map(|at| at.to_string()),
            waits_until: row.wait_until.map(|at| at.to_string()),
            reopened: row.reopened,
            opened_at: row.opened_at.to_string(),
            opened_by: row.opened_by.clone(),
            outcome: row.outcome().map(shroff_store::register::Outcome::name),
            decision: row.decision.as_ref().map(Decision::of),
        }
    }
}

/// A page of cases.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CasePage {
    pub(crate) cases: Vec<CaseHead>,
    pub(crate) next_cursor: Option<String>,
}

/// A case with everything.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Case {
    #[serde(flatten)]
    pub(crate) head: CaseHead,
    pub(crate) alerts: Vec<AlertHead>,
    pub(crate) links: Vec<String>,
    pub(crate) log: Vec<LogEntry>,
    pub(crate) hold: Vec<Hold>,
    /// What may be done in the state it is in, by whoever's role goes so far.
    pub(crate) allowed: Vec<&'static str>,
}

impl LogEntry {
    pub(crate) fn of(row: LogRow) -> LogEntry {
        LogEntry {
            n: row.n,
            at: row.at.to_string(),
            by: row.by,
            command: row.command,
            text: row.text,
            detail: row.detail,
        }
    }
}

/// What opens a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCase {
    pub(crate) alerts: Vec<String>,
    #[serde(default)]
    pub(crate) title: Option<String>,
}

/// A command to a case, and the version of the case that it is given on.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CaseCommand {
    pub(crate) version: u64,
    #[serde(flatten)]
    pub(crate) verb: CaseVerb,
}

/// A command to a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum CaseVerb {
    Assign { to: String },
    Unassign,
    Wait { until: String, reason: String },
    Resume,
    Escalate { reason: String },
    Decide { outcome: shroff_store::register::Outcome, reason: String, evidence: Vec<String> },
    Approve { reason: String },
    Reject { reason: String },
    Reopen { reason: String },
    Note { text: String },
    Link { case: String },
    Unlink { case: String },
    Due { at: Option<String> },
    Join { alerts: Vec<String> },
    Leave { alert: String },
    Title { text: String },
}

/// A page of the audit trail.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AuditPage {
    pub(crate) entries: Vec<AuditRow>,
    pub(crate) next_cursor: Option<String>,
}
