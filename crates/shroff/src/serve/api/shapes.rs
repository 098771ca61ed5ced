//! The shapes of values in requests and answers: what the description says of a text or a number
//! beyond that it is one.
#![expect(dead_code, reason = "they describe what is written and read elsewhere")]

use serde::Serialize;
use utoipa::ToSchema;

use crate::serve::problem::Details;

/// An instant as RFC 3339 writes it, in UTC.
#[derive(Debug, Serialize, ToSchema)]
#[schema(format = DateTime, max_length = 40, example = "2026-03-01T09:30:00Z")]
pub(crate) struct Instant(String);

/// A day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, format = Date, max_length = 10, example = "2026-03-01")]
pub(crate) struct Date(String);

/// An amount of money, written exactly: read it as a decimal, not as a binary fraction.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = f64, format = "decimal", minimum = 0, example = json!(1250.5))]
pub(crate) struct Money(String);

/// A currency of ISO 4217; `XXX` where none is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$", example = "EUR")]
pub(crate) struct CurrencyCode(String);

/// The token that stands for an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 64, example = "k3vq-81zt-xw0d")]
pub(crate) struct AccountToken(String);

/// The id of a payment, as it was sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 128, example = "p3")]
pub(crate) struct PaymentId(String);

/// The id of an alert.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 128, example = "cycle-2")]
pub(crate) struct AlertId(String);

/// The id of a case.
#[derive(Debug, Serialize, ToSchema)]
#[schema(max_length = 24, pattern = "^case-[0-9]+$", example = "case-1")]
pub(crate) struct CaseId(String);

/// The id of a typology.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$", example = "cycle")]
pub(crate) struct TypologyId(String);

/// Who did something: the name of a person, `key:` and that of a key, or what the service itself is
/// called.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 256, example = "ada")]
pub(crate) struct ActorName(String);

/// The name of a person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 64, example = "ada")]
pub(crate) struct Name(String);

/// A share of one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(minimum = 0, maximum = 1, example = json!(0.85))]
pub(crate) struct Share(f64);

/// What a person wrote.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 8000, example = "The money came back within a day.")]
pub(crate) struct Written(String);

/// A text for people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(max_length = 65536, example = "900.00 EUR came back to its account in 3 payments.")]
pub(crate) struct Text(String);

/// Where a page ends: the next one begins behind it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 200, example = "t1772323200000000.7")]
pub(crate) struct Cursor(String);

/// SHA-256 in hexadecimal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(
    max_length = 64,
    pattern = "^[0-9a-f]{64}$",
    example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)]
pub(crate) struct Digest(String);

/// The version of rules and definitions: a digest of them in hexadecimal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(max_length = 16, pattern = "^[0-9a-f]{16}$", example = "1f5c3a9be0724d68")]
pub(crate) struct RulesVersion(String);

/// What is suggested.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "review")]
#[schema(rename_all = "snake_case")]
pub(crate) enum Action {
    None,
    Review,
    Hold,
}

/// How far work on an alert or a case has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "assigned")]
#[schema(rename_all = "snake_case")]
pub(crate) enum State {
    Open,
    Assigned,
    Waiting,
    Escalated,
    Proposed,
    Decided,
}

/// How a case is decided.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "no_report")]
#[schema(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Report,
    NoReport,
}

/// A command to a case.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "assign")]
#[schema(rename_all = "snake_case")]
pub(crate) enum CommandName {
    Assign,
    Unassign,
    Wait,
    Resume,
    Escalate,
    Decide,
    Approve,
    Reject,
    Reopen,
    Note,
    Link,
    Unlink,
    Due,
    Join,
    Leave,
    Title,
}

/// How a hold stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "open")]
#[schema(rename_all = "snake_case")]
pub(crate) enum HoldState {
    Open,
    Released,
    Returned,
}

/// The role of a person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "reviewer")]
#[schema(rename_all = "kebab-case")]
pub(crate) enum PersonRole {
    Administrator,
    Analyst,
    Reviewer,
    RuleAuthor,
    Auditor,
}

/// By what alerts are sorted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "time")]
#[schema(rename_all = "snake_case")]
pub(crate) enum AlertOrder {
    Score,
    Time,
    Amount,
}

/// Which way a list goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "desc")]
#[schema(rename_all = "snake_case")]
pub(crate) enum Order {
    Asc,
    Desc,
}

/// What a role may do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "read-alerts")]
#[schema(rename_all = "kebab-case")]
pub(crate) enum RightName {
    SendPayments,
    ReadVerdicts,
    ReadAlerts,
    WorkOnCases,
    ReviewDecisions,
    EndHolds,
    ReadAudit,
    ReadMetrics,
    ManageUsers,
    Unmask,
    ReadWebhooks,
    ManageWebhooks,
    WriteRules,
    ApproveRules,
    LoadDemo,
}

/// The id of a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(max_length = 32, pattern = "^webhook-[0-9]+$", example = "webhook-1")]
pub(crate) struct WebhookId(String);

/// The id of a message of a webhook: the header `webhook-id`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(max_length = 64, pattern = "^msg_[0-9]+_[0-9a-f]+$", example = "msg_7_64c1b0e2f9a80")]
pub(crate) struct MessageId(String);

/// How a message of a webhook stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "delivered")]
#[schema(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    Waiting,
    Delivered,
    Dead,
}

/// What a webhook can be told of.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "alert.opened")]
pub(crate) enum EventName {
    #[serde(rename = "alert.opened")]
    AlertOpened,
    #[serde(rename = "alert.revised")]
    AlertRevised,
    #[serde(rename = "case.opened")]
    CaseOpened,
    #[serde(rename = "case.assigned")]
    CaseAssigned,
    #[serde(rename = "case.unassigned")]
    CaseUnassigned,
    #[serde(rename = "case.waiting")]
    CaseWaiting,
    #[serde(rename = "case.resumed")]
    CaseResumed,
    #[serde(rename = "case.escalated")]
    CaseEscalated,
    #[serde(rename = "case.proposed")]
    CaseProposed,
    #[serde(rename = "case.decided")]
    CaseDecided,
    #[serde(rename = "case.rejected")]
    CaseRejected,
    #[serde(rename = "case.reopened")]
    CaseReopened,
    #[serde(rename = "case.changed")]
    CaseChanged,
    #[serde(rename = "hold.opened")]
    HoldOpened,
    #[serde(rename = "hold.ended")]
    HoldEnded,
}

/// A payment as it is sent. A field of another name is not read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "p1", "time": "2026-03-01T09:30:00Z", "debtor": "A", "creditor": "B",
    "amount": "900.00", "currency": "EUR"
}))]
pub(crate) struct NewPayment {
    /// Its own: the same one again counts once. No control characters.
    #[schema(min_length = 1, max_length = 128)]
    id: String,
    time: Moment,
    /// The account that pays. No control characters.
    #[schema(min_length = 1, max_length = 128)]
    debtor: String,
    /// The account that is paid. No control characters.
    #[schema(min_length = 1, max_length = 128)]
    creditor: String,
    amount: Sum,
    /// Of ISO 4217.
    #[schema(min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$")]
    currency: Option<String>,
    /// How it is sent.
    #[schema(max_length = 64)]
    method: Option<String>,
}

/// When a payment was made: RFC 3339, or microseconds since 1970; between 1970 and 2200.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "2026-03-01T09:30:00Z")]
#[serde(untagged)]
pub(crate) enum Moment {
    Text(MomentText),
    Microseconds(MomentMicroseconds),
}

/// RFC 3339, or a number in quotes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 128, example = "2026-03-01T09:30:00Z")]
pub(crate) struct MomentText(String);

/// Microseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[schema(minimum = 0, maximum = 7_258_118_399_999_999_i64, example = 1_772_357_400_000_000_i64)]
pub(crate) struct MomentMicroseconds(i64);

/// An amount above zero, exact: a number, or a text of one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "900.00")]
#[serde(untagged)]
pub(crate) enum Sum {
    Text(SumText),
    Number(SumNumber),
}

/// An amount as a text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 128, pattern = r"^[0-9]+(\.[0-9]+)?$", example = "900.00")]
pub(crate) struct SumText(String);

/// An amount as a number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(exclusive_minimum = 0, maximum = 1_000_000_000_000_000_i64, example = json!(900.0))]
pub(crate) struct SumNumber(f64);

/// One payment, or several at once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "p1", "time": "2026-03-01T09:30:00Z", "debtor": "A", "creditor": "B",
    "amount": "900.00", "currency": "EUR"
}))]
#[serde(untagged)]
pub(crate) enum NewPayments {
    One(NewPayment),
    Many(PaymentList),
}

/// Payments that are answered together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(max_items = 50_000, example = json!([{
    "id": "p1", "time": "2026-03-01T09:30:00Z", "debtor": "A", "creditor": "B",
    "amount": "900.00", "currency": "EUR"
}]))]
pub(crate) struct PaymentList(Vec<NewPayment>);

/// How a payment came.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "in-order")]
#[schema(rename_all = "kebab-case")]
pub(crate) enum ArrivalName {
    InOrder,
    Late,
    TooLate,
}

/// What is said of a payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "p3", "place": 2, "arrival": "in-order", "score": 0.85, "action": "review",
    "lower_bounds": false, "reasons": [], "version": "1f5c3a9be0724d68"
}))]
pub(crate) struct Verdict {
    #[schema(value_type = PaymentId)]
    id: String,
    /// Its place in the log.
    place: u32,
    arrival: ArrivalName,
    /// Null where it came too late to be judged.
    #[schema(required = true, value_type = Option<Share>)]
    score: Option<f64>,
    action: Action,
    /// Whether a search ran out of its budget, so that there may be more than is said.
    lower_bounds: bool,
    /// Of each rule that fired.
    #[schema(max_items = 1000)]
    reasons: Vec<Reason>,
    version: RulesVersion,
}

/// Why a rule fired.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "typology": "cycle", "score": 0.85, "share": 1, "text": "The money is back.",
    "alert": "cycle-2", "evidence": ["p1", "p2", "p3"], "evidence_is_complete": true
}))]
pub(crate) struct Reason {
    typology: TypologyId,
    score: Share,
    /// Its part in the score of the payment.
    share: Share,
    text: Text,
    #[schema(required = true)]
    alert: Option<AlertId>,
    #[schema(max_items = 100)]
    evidence: Vec<PaymentId>,
    evidence_is_complete: bool,
}

/// Payments as an Arrow IPC stream: columns `id`, `time`, `debtor`, `creditor`, `amount`, and where
/// there are any `currency` and `method`. Batches of 65,536 payments and 4 MiB at most.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(crate) struct ArrowStream(Vec<u8>);

/// A verdict, or what is wrong with the record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "p3", "place": 2, "arrival": "in-order", "score": 0, "action": "none",
    "lower_bounds": false, "reasons": [], "version": "1f5c3a9be0724d68"
}))]
#[serde(untagged)]
pub(crate) enum VerdictOrProblem {
    Verdict(Verdict),
    Problem(Details),
}

/// What was answered: to one payment its verdict, to several a list in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "p3", "place": 2, "arrival": "in-order", "score": 0, "action": "none",
    "lower_bounds": false, "reasons": [], "version": "1f5c3a9be0724d68"
}))]
#[serde(untagged)]
pub(crate) enum Verdicts {
    One(Verdict),
    Many(VerdictList),
}

/// What is said of each, in the order of the payments.
#[derive(Debug, Serialize, ToSchema)]
#[schema(max_items = 50_000, example = json!([{
    "id": "p3", "place": 2, "arrival": "in-order", "score": 0, "action": "none",
    "lower_bounds": false, "reasons": [], "version": "1f5c3a9be0724d68"
}]))]
pub(crate) struct VerdictList(Vec<VerdictOrProblem>);

/// What was said of the instructions of messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "messages": [{
    "kind": "pacs.004", "version": "pacs.004.001.09", "id": "M1", "warnings": [],
    "instructions": [{ "withdrawn": "p3" }]
}] }))]
pub(crate) struct MessagesAnswer {
    #[schema(max_items = 8192)]
    messages: Vec<MessageAnswer>,
}

/// What was said of a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "kind": "pacs.004", "version": "pacs.004.001.09", "id": "M1", "warnings": [],
    "instructions": [{ "withdrawn": "p3" }]
}))]
pub(crate) struct MessageAnswer {
    #[schema(max_length = 32)]
    kind: String,
    #[schema(max_length = 256)]
    version: String,
    #[schema(max_length = 256)]
    id: String,
    #[schema(max_items = 8192)]
    warnings: Vec<Text>,
    #[schema(max_items = 8192)]
    instructions: Vec<InstructionAnswer>,
}

/// What was said of an instruction.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "withdrawn": "p3" }))]
#[serde(untagged)]
pub(crate) enum InstructionAnswer {
    Verdict(Verdict),
    Withdrawn(Withdrawn),
    LeftOut(LeftOut),
    Problem(Details),
}

/// A payment that was taken out of all that comes later.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "withdrawn": "p3" }))]
pub(crate) struct Withdrawn {
    withdrawn: PaymentId,
}

/// Why an instruction changed nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "left_out": "a part of a payment comes back, and the payment stays" }))]
pub(crate) struct LeftOut {
    left_out: Text,
}

/// An entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "n": 1, "at": "2026-03-01T09:30:00Z", "actor": "ada", "role": "analyst",
    "action": "alert.read", "object": "cycle-2", "detail": {},
    "previous": "0000000000000000000000000000000000000000000000000000000000000000",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}))]
pub(crate) struct AuditEntry {
    /// From 1.
    n: u64,
    at: Instant,
    /// Who.
    actor: ActorName,
    #[schema(max_length = 32)]
    role: String,
    #[schema(max_length = 64)]
    action: String,
    /// To what.
    #[schema(max_length = 512)]
    object: String,
    detail: serde_json::Value,
    previous: Digest,
    hash: Digest,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "user": { "name": "ada", "role": "analyst" }, "rights": ["read-alerts"],
    "csrf": "9f86d081884c7d659a2feaa0c55ad015", "expires": "2026-03-01T21:30:00Z"
}))]
pub(crate) struct SessionAnswer {
    user: SessionUser,
    #[schema(max_items = 64)]
    rights: Vec<RightName>,
    /// For the header `X-CSRF-Token` of whatever changes something.
    #[schema(max_length = 128)]
    csrf: String,
    expires: Instant,
}

/// The person of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "ada", "role": "analyst" }))]
pub(crate) struct SessionUser {
    name: Name,
    role: PersonRole,
}

/// A person who may sign in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "ada", "role": "analyst", "disabled": false }))]
pub(crate) struct User {
    name: Name,
    role: PersonRole,
    disabled: bool,
}

/// Who may sign in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "users": [{ "name": "ada", "role": "analyst", "disabled": false }], "next_cursor": null
}))]
pub(crate) struct UserPage {
    #[schema(max_items = 100_000)]
    users: Vec<User>,
    #[schema(required = true)]
    next_cursor: Option<Cursor>,
}

/// What lets somebody choose a password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "token": "9f86d081884c7d659a2feaa0c55ad015", "expires": "2026-03-02T09:30:00Z"
}))]
pub(crate) struct Invitation {
    #[schema(max_length = 128)]
    token: String,
    expires: Instant,
}

/// That the service is there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "status": "up" }))]
pub(crate) struct Status {
    #[schema(max_length = 16)]
    status: String,
}

/// What may be done with something, by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 32, example = "assign")]
pub(crate) struct AllowedName(String);

/// By what people sign in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "password": true, "oidc": false }))]
pub(crate) struct Ways {
    password: bool,
    oidc: bool,
}

/// What became of a version of the rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "active")]
#[schema(rename_all = "lowercase")]
pub(crate) enum RulesState {
    Active,
    Shadow,
    Proposed,
    Retired,
    Rejected,
}

/// What is done with a version of the rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = "shadow")]
#[schema(rename_all = "snake_case")]
pub(crate) enum RulesVerb {
    Shadow,
    Stop,
    Approve,
    Reject,
    RollBack,
}

/// A version of the rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "version": "1f5c3a9be0724d68", "state": "active", "proposed_by": null, "proposed_at": null,
    "approved_by": null, "approved_at": null, "note": null, "reason": null,
    "active_from_place": 0, "allowed": []
}))]
pub(crate) struct RulesVersionHead {
    version: RulesVersion,
    state: RulesState,
    #[schema(required = true)]
    proposed_by: Option<ActorName>,
    #[schema(required = true)]
    proposed_at: Option<Instant>,
    #[schema(required = true)]
    approved_by: Option<ActorName>,
    #[schema(required = true)]
    approved_at: Option<Instant>,
    #[schema(required = true)]
    note: Option<Text>,
    /// Why it was approved, rejected or taken again.
    #[schema(required = true)]
    reason: Option<Text>,
    /// The first payment that it judged, the last time that it became active.
    #[schema(required = true, minimum = 0)]
    active_from_place: Option<u32>,
    #[schema(max_items = 8)]
    allowed: Vec<RulesVerb>,
}

/// A version that somebody wants active, and that is not yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "version": "1f5c3a9be0724d68", "command": "approve", "by": "rey",
    "at": "2026-03-01T09:30:00Z", "reason": "It finds what it should."
}))]
pub(crate) struct RulesPending {
    version: RulesVersion,
    command: RulesVerb,
    by: ActorName,
    at: Instant,
    reason: Text,
}

/// The versions of the rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "active": "1f5c3a9be0724d68", "running": null, "pending": null, "versions": []
}))]
pub(crate) struct RulesPage {
    active: RulesVersion,
    /// The one that runs beside the active one.
    #[schema(required = true)]
    running: Option<RulesVersion>,
    #[schema(required = true)]
    pending: Option<RulesPending>,
    #[schema(max_items = 100_000)]
    versions: Vec<RulesVersionHead>,
}

/// A file of rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "cycle.toml", "text": "id = \"cycle\"" }))]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesFile {
    #[schema(max_length = 64, pattern = r"^[a-z0-9-]+\.toml$")]
    name: String,
    #[schema(max_length = 65536)]
    text: String,
}

/// A set of rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "files": [{ "name": "cycle.toml", "text": "id = \"cycle\"" }] }))]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesFiles {
    #[schema(min_items = 1, max_items = 64)]
    files: Vec<RulesFile>,
}

/// A set of rules that somebody proposes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "files": [{ "name": "cycle.toml", "text": "id = \"cycle\"" }], "note": "One cycle more."
}))]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesProposal {
    #[schema(min_items = 1, max_items = 64)]
    files: Vec<RulesFile>,
    note: Written,
}

/// A command to a version of the rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "command": "shadow" }))]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesCommand {
    command: RulesVerb,
    /// Where it is approved, rejected or taken again.
    reason: Option<Written>,
}

/// A version of the rules with its files.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "version": {
        "version": "1f5c3a9be0724d68", "state": "active", "proposed_by": null,
        "proposed_at": null, "approved_by": null, "approved_at": null, "note": null,
        "reason": null, "active_from_place": 0, "allowed": []
    },
    "files": [{ "name": "cycle.toml", "text": "id = \"cycle\"" }]
}))]
pub(crate) struct RulesVersionWhole {
    version: RulesVersionHead,
    #[schema(max_items = 1000)]
    files: Vec<RulesFile>,
}

/// What is wrong in rules, or missing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "file": "cycle.toml", "line": 1, "column": 1, "severity": "error",
    "message": "`titel` is no key", "hint": "title"
}))]
pub(crate) struct Finding {
    #[schema(max_length = 4096)]
    file: String,
    #[schema(minimum = 0)]
    line: u64,
    #[schema(minimum = 0)]
    column: u64,
    #[schema(max_length = 16)]
    severity: String,
    message: Text,
    #[schema(required = true)]
    hint: Option<Text>,
}

/// What is wrong in rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "findings": [] }))]
pub(crate) struct Findings {
    #[schema(max_items = 100_000)]
    findings: Vec<Finding>,
}

/// How an example of a typology goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "typology": "cycle", "file": "cycle.toml", "test": "three accounts", "line": 40,
    "passed": true, "message": ""
}))]
pub(crate) struct ExampleTried {
    #[schema(max_length = 128)]
    typology: String,
    #[schema(max_length = 4096)]
    file: String,
    #[schema(max_length = 4096)]
    test: String,
    #[schema(minimum = 0)]
    line: u64,
    passed: bool,
    message: Text,
}

/// What is wrong in rules, and how their examples go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "findings": [], "tests": [] }))]
pub(crate) struct RulesTried {
    #[schema(max_items = 100_000)]
    findings: Vec<Finding>,
    #[schema(max_items = 100_000)]
    tests: Vec<ExampleTried>,
}

/// What is counted of a typology under two sets of rules: those of now, and the other ones.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "typology": "cycle", "title": "Money in a circle", "counts": {
        "alerts_active": 1, "alerts_shadow": 1, "new": 0, "gone": 0, "fired_by_both": 1,
        "fired_by_active": 0, "fired_by_shadow": 0
    }
}))]
pub(crate) struct TypologySeen {
    typology: TypologyId,
    #[schema(max_length = 512)]
    title: String,
    counts: CountsSeen,
}

/// Alerts and payments of a typology.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "alerts_active": 1, "alerts_shadow": 1, "new": 0, "gone": 0, "fired_by_both": 1,
    "fired_by_active": 0, "fired_by_shadow": 0
}))]
pub(crate) struct CountsSeen {
    alerts_active: u64,
    alerts_shadow: u64,
    /// Alerts of the other ones, at payments of which those of now say nothing by it.
    new: u64,
    /// Alerts of those of now, at payments of which the other ones say nothing by it.
    gone: u64,
    /// Payments at which both fired, and one alone.
    fired_by_both: u64,
    fired_by_active: u64,
    fired_by_shadow: u64,
}

/// How often one suggested an action and the other another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "active": "review", "shadow": "hold", "payments": 3 }))]
pub(crate) struct ActionSeen {
    active: Action,
    shadow: Action,
    payments: u64,
}

/// A payment of which the two say something else.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "payment": "p3", "action_active": "none", "action_shadow": "review", "score_active": 0,
    "score_shadow": 0.85, "by_active": [], "by_shadow": ["cycle"], "reason": "The money is back."
}))]
pub(crate) struct DifferenceSeen {
    payment: PaymentId,
    action_active: Action,
    action_shadow: Action,
    score_active: Share,
    score_shadow: Share,
    #[schema(max_items = 1000)]
    by_active: Vec<TypologyId>,
    #[schema(max_items = 1000)]
    by_shadow: Vec<TypologyId>,
    #[schema(required = true)]
    reason: Option<Text>,
}

/// Alerts of a day by a typology.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "day": "2026-03-01", "typology": "cycle", "active": 1, "candidate": 2 }))]
pub(crate) struct DaySeen {
    day: Date,
    typology: TypologyId,
    active: u64,
    candidate: u64,
}

/// What was decided of alerts, under the rules of now and under the other ones.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "active": [{ "typology": "cycle", "decided": 2, "reports": 1 }], "candidate": []
}))]
pub(crate) struct BothDecided {
    #[schema(max_items = 1000)]
    active: Vec<DecidedSeen>,
    #[schema(max_items = 1000)]
    candidate: Vec<DecidedSeen>,
}

/// What was decided of alerts of a typology.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "typology": "cycle", "decided": 2, "reports": 1 }))]
pub(crate) struct DecidedSeen {
    typology: TypologyId,
    decided: u64,
    reports: u64,
}

/// Rules that are refused, with all that is wrong in them: a problem with more to it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:shroff:problem:wrong-rules", "title": "The rules are not right", "status": 422,
    "detail": "something is wrong in them, or an example fails", "findings": [], "tests": []
}))]
pub(crate) struct WrongRules {
    #[serde(rename = "type")]
    #[schema(max_length = 64, pattern = "^urn:shroff:problem:wrong-rules$")]
    kind: String,
    #[schema(max_length = 128)]
    title: String,
    #[schema(minimum = 422, maximum = 422)]
    status: u16,
    #[schema(max_length = 4096)]
    detail: String,
    #[schema(max_items = 100_000)]
    findings: Vec<Finding>,
    #[schema(max_items = 100_000)]
    tests: Vec<ExampleTried>,
}

/// What a version that runs beside the active one says otherwise.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "version": "1f5c3a9be0724d68", "phase": "beside", "next_place": 3, "of": 3, "waiting": 0,
    "from_place": 0, "payments": 3, "same": 3, "typologies": [], "actions": [], "examples": []
}))]
pub(crate) struct ShadowSeen {
    version: RulesVersion,
    #[schema(max_length = 32)]
    phase: String,
    #[schema(minimum = 0)]
    next_place: u64,
    #[schema(minimum = 0)]
    of: u64,
    /// Payments that it has not seen yet.
    #[schema(minimum = 0)]
    waiting: u64,
    #[schema(minimum = 0)]
    from_place: u64,
    payments: u64,
    /// Those of which both say the same.
    same: u64,
    #[schema(max_items = 1000)]
    typologies: Vec<TypologySeen>,
    #[schema(max_items = 9)]
    actions: Vec<ActionSeen>,
    /// The newest payments of which the two say something else.
    #[schema(max_items = 50)]
    examples: Vec<DifferenceSeen>,
}

/// Rules to be tried on the history that the log has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "files": [{ "name": "cycle.toml", "text": "id = \"cycle\"" }], "days": 30 }))]
pub(crate) struct WantedBacktest {
    #[schema(min_items = 1, max_items = 64)]
    files: Vec<RulesFile>,
    /// Days before the newest payment that are counted.
    #[schema(minimum = 1, maximum = 366)]
    days: u32,
}

/// How far a backtest is, and what it counted beside the active rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "phase": "done", "since": "2026-01-01T00:00:00Z", "days_asked": 30, "next_place": 3, "of": 3,
    "from_place": 0, "payments": 3, "same": 3, "typologies": [], "actions": [], "examples": [],
    "days": []
}))]
pub(crate) struct BacktestSeen {
    /// `running`, `done`, `cancelled` or `failed`.
    #[schema(max_length = 32)]
    phase: String,
    /// The first moment that is counted.
    #[schema(format = DateTime, max_length = 40)]
    since: String,
    #[schema(minimum = 1, maximum = 366)]
    days_asked: u32,
    #[schema(minimum = 0)]
    next_place: u64,
    #[schema(minimum = 0)]
    of: u64,
    #[schema(minimum = 0)]
    from_place: u64,
    payments: u64,
    /// Those of which both say the same.
    same: u64,
    #[schema(max_items = 1000)]
    typologies: Vec<TypologySeen>,
    #[schema(max_items = 9)]
    actions: Vec<ActionSeen>,
    /// The newest payments of which the two say something else.
    #[schema(max_items = 50)]
    examples: Vec<DifferenceSeen>,
    /// Alerts of both by day and typology.
    #[schema(max_items = 366_000)]
    days: Vec<DaySeen>,
    /// What was decided of alerts of both, once it is done.
    #[schema(required = false)]
    decided: Option<BothDecided>,
}
