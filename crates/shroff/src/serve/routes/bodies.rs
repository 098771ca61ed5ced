//! What is sent and answered, as plain values.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use shroff_store::register::{
    AlertRow, AuditRow, CaseRow, Decision as Decided, Evidence, HoldRow, LogRow, RevisionRow,
    WholeAlert, case_id,
};
use shroff_types::{Amount, Decimal, Timestamp};
use utoipa::ToSchema;

use crate::serve::api::{
    AccountToken, Action, ActorName, AlertId, AuditEntry, CaseId, CommandName, CurrencyCode,
    Cursor, HoldState, Instant, Money, Name, Outcome, PaymentId, Share, State, Text, TypologyId,
    Written,
};

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
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "cycle-2", "typology": "cycle", "title": "Money in a circle", "score": 0.85,
    "action": "review", "first_time": "2026-03-01T09:30:00Z",
    "last_time": "2026-03-01T10:30:00Z", "raised_at": "2026-03-01T10:30:00Z",
    "raised_by": "p3", "amount": 2670.0, "currency": "EUR", "accounts": ["k3vq-81zt-xw0d"],
    "payment_count": 3, "revision": 1, "state": "open", "case": null, "assignee": null,
    "outcome": null
}))]
pub(crate) struct AlertHead {
    #[schema(value_type = AlertId)]
    pub(crate) id: String,
    #[schema(value_type = TypologyId)]
    pub(crate) typology: String,
    #[schema(max_length = 512)]
    pub(crate) title: String,
    #[schema(value_type = Share)]
    pub(crate) score: f64,
    #[schema(value_type = Action)]
    pub(crate) action: String,
    #[schema(value_type = Instant)]
    pub(crate) first_time: String,
    #[schema(value_type = Instant)]
    pub(crate) last_time: String,
    #[schema(value_type = Instant)]
    pub(crate) raised_at: String,
    #[schema(value_type = PaymentId)]
    pub(crate) raised_by: String,
    #[schema(value_type = Money)]
    pub(crate) amount: Exact,
    #[schema(value_type = CurrencyCode)]
    pub(crate) currency: String,
    #[schema(max_items = 1000, value_type = Vec<AccountToken>)]
    pub(crate) accounts: Vec<String>,
    pub(crate) payment_count: u64,
    pub(crate) revision: u64,
    #[schema(value_type = State)]
    pub(crate) state: String,
    #[schema(required = true, value_type = Option<CaseId>)]
    pub(crate) case: Option<String>,
    #[schema(required = true, value_type = Option<Name>)]
    pub(crate) assignee: Option<String>,
    #[schema(required = true, value_type = Option<Outcome>)]
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
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "alerts": [], "next_cursor": null, "total": 0 }))]
pub(crate) struct AlertPage {
    #[schema(max_items = 500)]
    pub(crate) alerts: Vec<AlertHead>,
    #[schema(required = true, value_type = Option<Cursor>)]
    pub(crate) next_cursor: Option<String>,
    pub(crate) total: u64,
}

/// A rule that fired.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "typology": "cycle", "title": "Money in a circle", "score": 0.85, "share": 1,
    "reason": "The money is back."
}))]
pub(crate) struct Rule {
    #[schema(value_type = TypologyId)]
    pub(crate) typology: String,
    #[schema(max_length = 512)]
    pub(crate) title: String,
    #[schema(value_type = Share)]
    pub(crate) score: f64,
    #[schema(value_type = Share)]
    pub(crate) share: f64,
    #[schema(value_type = Text)]
    pub(crate) reason: String,
}

/// A payment; its accounts are tokens.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "p3", "time": "2026-03-01T10:30:00Z", "debtor": "k3vq-81zt-xw0d",
    "creditor": "9m2c-5ett-a1rp", "amount": 880.0, "currency": "EUR"
}))]
pub(crate) struct Payment {
    #[schema(value_type = PaymentId)]
    pub(crate) id: String,
    #[schema(value_type = Instant)]
    pub(crate) time: String,
    #[schema(value_type = AccountToken)]
    pub(crate) debtor: String,
    #[schema(value_type = AccountToken)]
    pub(crate) creditor: String,
    #[schema(value_type = Money)]
    pub(crate) amount: Exact,
    #[schema(value_type = CurrencyCode)]
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
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "p3", "time": "2026-03-01T10:30:00Z", "debtor": "k3vq-81zt-xw0d",
    "creditor": "9m2c-5ett-a1rp", "amount": 880.0, "currency": "EUR", "in_evidence": true
}))]
pub(crate) struct FlowPayment {
    #[serde(flatten)]
    pub(crate) payment: Payment,
    pub(crate) in_evidence: bool,
}

/// How an alert stood after a payment.
#[expect(clippy::struct_field_names, reason = "named as the answer names it")]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "revision": 1, "payment": "p3", "time": "2026-03-01T10:30:00Z", "score": 0.85,
    "action": "review", "payment_count": 3
}))]
pub(crate) struct Revision {
    pub(crate) revision: u64,
    #[schema(value_type = PaymentId)]
    pub(crate) payment: String,
    #[schema(value_type = Instant)]
    pub(crate) time: String,
    #[schema(value_type = Share)]
    pub(crate) score: f64,
    #[schema(value_type = Action)]
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
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "cycle-2", "typology": "cycle", "title": "Money in a circle", "score": 0.85,
    "action": "review", "first_time": "2026-03-01T09:30:00Z",
    "last_time": "2026-03-01T10:30:00Z", "raised_at": "2026-03-01T10:30:00Z",
    "raised_by": "p3", "amount": 2670.0, "currency": "EUR", "accounts": ["k3vq-81zt-xw0d"],
    "payment_count": 3, "revision": 1, "state": "open", "case": null, "assignee": null,
    "outcome": null, "reasons": ["The money is back."], "rules": [], "payments": ["p3"],
    "evidence": [], "evidence_is_complete": true, "revisions": [], "earlier": []
}))]
pub(crate) struct Alert {
    #[serde(flatten)]
    pub(crate) head: AlertHead,
    #[schema(max_items = 1000, value_type = Vec<Text>)]
    pub(crate) reasons: Vec<String>,
    #[schema(max_items = 1000)]
    pub(crate) rules: Vec<Rule>,
    #[schema(max_items = 1000, value_type = Vec<PaymentId>)]
    pub(crate) payments: Vec<String>,
    #[schema(max_items = 1000)]
    pub(crate) evidence: Vec<Payment>,
    pub(crate) evidence_is_complete: bool,
    #[schema(max_items = 100_000)]
    pub(crate) revisions: Vec<Revision>,
    #[schema(max_items = 20)]
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
            evidence_is_complete: is_complete(&row),
            evidence: evidence.iter().map(Payment::of).collect(),
            revisions: revisions.into_iter().map(Revision::of).collect(),
            earlier: AlertHead::all(&earlier),
        }
    }
}

/// Whether the evidence of an alert is all that its rules rest on. Of a hit with more payments than
/// half of what an alert holds, the newest are kept.
pub(crate) fn is_complete(row: &AlertRow) -> bool {
    let was_noted = row.evidence_is_complete;
    was_noted.unwrap_or(row.payment_count < shroff_engine::MOST_PAYMENTS as u64 / 2)
}

/// A hold.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "payment": "p3", "alert": "cycle-2", "opened_at": "2026-03-01T10:30:00Z",
    "ends_at": "2026-03-02T10:30:00Z", "state": "open", "ended_at": null, "ended_by": null,
    "reason": null
}))]
pub(crate) struct Hold {
    #[schema(value_type = PaymentId)]
    pub(crate) payment: String,
    #[schema(required = true, value_type = Option<AlertId>)]
    pub(crate) alert: Option<String>,
    #[schema(value_type = Instant)]
    pub(crate) opened_at: String,
    #[schema(value_type = Instant)]
    pub(crate) ends_at: String,
    #[schema(value_type = HoldState)]
    pub(crate) state: String,
    #[schema(required = true, value_type = Option<Instant>)]
    pub(crate) ended_at: Option<String>,
    #[schema(required = true, value_type = Option<ActorName>)]
    pub(crate) ended_by: Option<String>,
    #[schema(required = true, value_type = Option<Text>)]
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
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "holds": [], "next_cursor": null }))]
pub(crate) struct HoldPage {
    #[schema(max_items = 500)]
    pub(crate) holds: Vec<Hold>,
    #[schema(required = true, value_type = Option<Cursor>)]
    pub(crate) next_cursor: Option<String>,
}

/// What ends a hold.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "command": "release", "reason": "The customer was reached." }))]
pub(crate) struct HoldCommand {
    pub(crate) command: HoldVerb,
    #[schema(value_type = Written)]
    pub(crate) reason: String,
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = json!("release"))]
pub(crate) enum HoldVerb {
    Release,
    Return,
}

/// An alert that was on the screen when a case was decided.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "id": "cycle-2", "revision": 1 }))]
pub(crate) struct ShownAlert {
    #[schema(value_type = AlertId)]
    pub(crate) id: String,
    #[schema(minimum = 1)]
    pub(crate) revision: u64,
}

impl ShownAlert {
    fn of(shown: &shroff_store::register::ShownAlert) -> ShownAlert {
        ShownAlert { id: shown.id.clone(), revision: shown.revision }
    }
}

/// A decision.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "outcome": "no_report", "reason": "A refund.", "by": "ada", "at": "2026-03-01T12:00:00Z",
    "evidence": ["p3"], "alerts": [{ "id": "cycle-2", "revision": 1 }], "approved_by": null, "approved_at": null
}))]
pub(crate) struct Decision {
    #[schema(value_type = Outcome)]
    pub(crate) outcome: &'static str,
    #[schema(value_type = Text)]
    pub(crate) reason: String,
    #[schema(value_type = ActorName)]
    pub(crate) by: String,
    #[schema(value_type = Instant)]
    pub(crate) at: String,
    #[schema(max_items = 5000, value_type = Vec<PaymentId>)]
    pub(crate) evidence: Vec<String>,
    #[schema(max_items = 500)]
    pub(crate) alerts: Vec<ShownAlert>,
    #[schema(required = true, value_type = Option<ActorName>)]
    pub(crate) approved_by: Option<String>,
    #[schema(required = true, value_type = Option<Instant>)]
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
            alerts: decided.alerts.iter().map(ShownAlert::of).collect(),
            approved_by: decided.approved_by.clone(),
            approved_at: decided.approved_at.map(|at| Timestamp(at).to_string()),
        }
    }
}

/// A line of a case's log.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "n": 1, "at": "2026-03-01T11:00:00Z", "by": "ada", "command": "open", "text": "", "detail": {}
}))]
pub(crate) struct LogEntry {
    pub(crate) n: u64,
    #[schema(value_type = Instant)]
    pub(crate) at: String,
    #[schema(value_type = ActorName)]
    pub(crate) by: String,
    #[schema(max_length = 32)]
    pub(crate) command: String,
    #[schema(value_type = Text)]
    pub(crate) text: String,
    pub(crate) detail: Value,
}

/// A case in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "case-1", "version": 1, "state": "open", "title": "Money in a circle",
    "assignee": null, "due": null, "waits_until": null, "reopened": false,
    "opened_at": "2026-03-01T11:00:00Z", "opened_by": "ada", "outcome": null, "decision": null
}))]
pub(crate) struct CaseHead {
    #[schema(value_type = CaseId)]
    pub(crate) id: String,
    pub(crate) version: u64,
    #[schema(value_type = State)]
    pub(crate) state: &'static str,
    #[schema(max_length = 8000)]
    pub(crate) title: String,
    #[schema(required = true, value_type = Option<Name>)]
    pub(crate) assignee: Option<String>,
    #[schema(required = true, value_type = Option<Instant>)]
    pub(crate) due: Option<String>,
    #[schema(required = true, value_type = Option<Instant>)]
    pub(crate) waits_until: Option<String>,
    pub(crate) reopened: bool,
    #[schema(value_type = Instant)]
    pub(crate) opened_at: String,
    #[schema(value_type = ActorName)]
    pub(crate) opened_by: String,
    #[schema(required = true, value_type = Option<Outcome>)]
    pub(crate) outcome: Option<&'static str>,
    #[schema(required = true)]
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
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "cases": [], "next_cursor": null }))]
pub(crate) struct CasePage {
    #[schema(max_items = 500)]
    pub(crate) cases: Vec<CaseHead>,
    #[schema(required = true, value_type = Option<Cursor>)]
    pub(crate) next_cursor: Option<String>,
}

/// Somebody who looked at a case.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "by": "ada", "last": "2026-03-01T11:00:00Z", "times": 3 }))]
pub(crate) struct CaseLook {
    #[schema(value_type = ActorName)]
    pub(crate) by: String,
    /// When last.
    #[schema(value_type = Instant)]
    pub(crate) last: String,
    pub(crate) times: u64,
}

/// A case with everything.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "case-1", "version": 1, "state": "open", "title": "Money in a circle",
    "assignee": null, "due": null, "waits_until": null, "reopened": false,
    "opened_at": "2026-03-01T11:00:00Z", "opened_by": "ada", "outcome": null, "decision": null,
    "alerts": [], "links": [], "log": [], "hold": [], "seen": [], "allowed": ["assign", "note"]
}))]
pub(crate) struct Case {
    #[serde(flatten)]
    pub(crate) head: CaseHead,
    #[schema(max_items = 10_000)]
    pub(crate) alerts: Vec<AlertHead>,
    #[schema(max_items = 10000, value_type = Vec<CaseId>)]
    pub(crate) links: Vec<String>,
    #[schema(max_items = 100_000)]
    pub(crate) log: Vec<LogEntry>,
    #[schema(max_items = 10_000)]
    pub(crate) hold: Vec<Hold>,
    /// Who looked at it, the latest first.
    #[schema(max_items = 100)]
    pub(crate) seen: Vec<CaseLook>,
    /// What may be done in the state it is in, by whoever's role goes so far.
    #[schema(max_items = 16, value_type = Vec<CommandName>)]
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
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "alerts": ["cycle-2"] }))]
pub(crate) struct NewCase {
    #[schema(max_items = 500, value_type = Vec<AlertId>, min_items = 1)]
    pub(crate) alerts: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Option<Written>)]
    pub(crate) title: Option<String>,
}

/// A command to a case, and the version of the case that it is given on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(example = json!({ "version": 1, "command": "note", "text": "I asked the branch." }))]
pub(crate) struct CaseCommand {
    pub(crate) version: u64,
    #[serde(flatten)]
    pub(crate) verb: CaseVerb,
}

/// A command to a case.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "command", rename_all = "snake_case")]
#[schema(example = json!({ "command": "note", "text": "I asked the branch." }))]
pub(crate) enum CaseVerb {
    Assign {
        #[schema(value_type = Name)]
        to: String,
    },
    Unassign,
    Wait {
        #[schema(value_type = Instant)]
        until: String,
        #[schema(value_type = Written)]
        reason: String,
    },
    Resume,
    Escalate {
        #[schema(value_type = Written)]
        reason: String,
    },
    Decide {
        #[schema(value_type = Outcome)]
        outcome: shroff_store::register::Outcome,
        #[schema(value_type = Written)]
        reason: String,
        /// The payments that were on the screen.
        #[schema(max_items = 5000, value_type = Vec<PaymentId>)]
        evidence: Vec<String>,
        /// The alerts that were, each at the revision that it was at.
        #[serde(default)]
        #[schema(max_items = 500)]
        alerts: Vec<ShownAlert>,
    },
    Approve {
        #[schema(value_type = Written)]
        reason: String,
    },
    Reject {
        #[schema(value_type = Written)]
        reason: String,
    },
    Reopen {
        #[schema(value_type = Written)]
        reason: String,
    },
    Note {
        #[schema(value_type = Written)]
        text: String,
    },
    Link {
        #[schema(value_type = CaseId)]
        case: String,
    },
    Unlink {
        #[schema(value_type = CaseId)]
        case: String,
    },
    Due {
        #[schema(required = true, value_type = Option<Instant>)]
        at: Option<String>,
    },
    Join {
        #[schema(max_items = 500, value_type = Vec<AlertId>)]
        alerts: Vec<String>,
    },
    Leave {
        #[schema(value_type = AlertId)]
        alert: String,
    },
    Title {
        #[schema(value_type = Written)]
        text: String,
    },
}

/// A page of the audit trail.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "entries": [], "next_cursor": null }))]
pub(crate) struct AuditPage {
    #[schema(max_items = 500, value_type = Vec<AuditEntry>)]
    pub(crate) entries: Vec<AuditRow>,
    #[schema(required = true, value_type = Option<Cursor>)]
    pub(crate) next_cursor: Option<String>,
}
