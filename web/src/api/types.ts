// What the service says. Written after its contract by hand, in this one file, until the types are
// generated from openapi.json (`npm run api`); nothing else in the desk names a field's type.

export type Role =
  | "administrator" | "analyst" | "reviewer" | "rule-author" | "auditor" | "payment-system" | "monitor";
export type AlertState = "open" | "assigned" | "waiting" | "escalated" | "proposed" | "decided";
export type Action = "none" | "review" | "hold";
export type Outcome = "report" | "no_report";

export interface Session {
  user: { name: string; role: Role };
  rights: string[];
  csrf: string;
  expires: string;
}

export interface User { name: string; role: Role; disabled?: boolean; invited?: boolean }
export interface Invitation { token: string; expires: string }

export interface AlertHead {
  id: string;
  typology: string;
  title: string;
  score: number;
  action: Action;
  first_time: string;
  last_time: string;
  raised_at: string;
  raised_by: string;
  amount: number;
  currency: string;
  accounts: string[];
  payment_count: number;
  revision: number;
  state: AlertState;
  case: string | null;
  assignee: string | null;
  outcome: Outcome | null;
}

export interface RuleHit {
  typology: string;
  title: string;
  score: number;
  share: number;
  reason: string;
  /** Ids of the payments behind it, where the service says so. */
  payments?: string[];
}

export interface Payment {
  id: string;
  time: string;
  debtor: string;
  creditor: string;
  amount: number;
  currency: string;
}

export interface FlowPayment extends Payment { in_evidence: boolean }

export interface Revision {
  revision: number;
  payment: string;
  time: string;
  score: number;
  action: Action;
  payment_count: number;
}

export interface Alert extends AlertHead {
  reasons: string[];
  rules: RuleHit[];
  payments: string[];
  evidence: Payment[];
  evidence_is_complete: boolean;
  revisions: Revision[];
  earlier: AlertHead[];
}

export interface AlertPage { alerts: AlertHead[]; next_cursor: string | null; total: number }

export interface Graph {
  accounts: { token: string; in_evidence: boolean }[];
  payments: FlowPayment[];
  is_complete: boolean;
}

export interface Side { count: number; amount: number; counterparties: number }
export interface AccountDay {
  day: string;
  sent_count: number;
  sent_amount: number;
  received_count: number;
  received_amount: number;
}
export interface Account {
  token: string;
  first_time: string | null;
  last_time: string | null;
  sent: Side;
  received: Side;
  days: AccountDay[];
  payments: Payment[];
  alerts: AlertHead[];
  is_complete?: boolean;
}

export interface TypologyCount {
  typology: string;
  title: string;
  alerts: number;
  decided: number;
  reports: number;
  precision: number | null;
}
export interface Overview {
  payments_total: number;
  alerts_total: number;
  open: number;
  assigned: number;
  waiting: number;
  escalated: number;
  decided: number;
  reports: number;
  holds_open: number;
  oldest_open_time: string | null;
  per_day: { day: string; alerts: number; decided: number; payments?: number }[];
  per_typology: TypologyCount[];
  burden: {
    accounts_alerted: number;
    accounts_alerted_again: number;
    innocent_accounts: number;
    hold_hours_innocent: number;
  };
  time_to_decision_hours: { p50: number; p90: number } | null;
}

export interface Parameter {
  name: string;
  value: number;
  unit: string | null;
  low: number;
  high: number;
  what: string;
}
export interface Typology {
  id: string;
  title: string;
  version: string | number;
  action: Action;
  what: string;
  why: string;
  innocent: string;
  sources: string[];
  when: string[];
  score: string[];
  reason: string[];
  parameters: Parameter[];
  example: FlowPayment[];
}

export interface LogEntry {
  n: number;
  at: string;
  by: string;
  command: string;
  text: string | null;
  detail: unknown;
}
export interface Decision {
  outcome: Outcome;
  reason: string;
  by: string;
  at: string;
  evidence: string[];
  approved_by: string | null;
  approved_at: string | null;
}
export interface Hold {
  payment: string;
  alert: string | null;
  opened_at: string;
  ends_at: string;
  state: "open" | "released" | "returned";
  ended_at?: string | null;
  ended_by: string | null;
  reason: string | null;
}
export interface CaseHead {
  id: string;
  version: number;
  state: string;
  title: string;
  assignee: string | null;
  due: string | null;
  waits_until?: string | null;
  reopened?: boolean;
  opened_at: string;
  opened_by: string;
  outcome: Outcome | null;
  decision: Decision | null;
}
export interface Case extends CaseHead {
  alerts: AlertHead[];
  links: string[];
  log: LogEntry[];
  hold: Hold[];
  /** The commands that this person may give now, where the service says so. */
  allowed?: string[];
}
export interface CasePage { cases: CaseHead[]; next_cursor: string | null }
export interface HoldPage { holds: Hold[]; next_cursor?: string | null }

export type Command =
  | { command: "assign"; to: string }
  | { command: "unassign" }
  | { command: "wait"; until: string; reason: string }
  | { command: "resume" }
  | { command: "escalate"; reason: string }
  | { command: "decide"; outcome: Outcome; reason: string; evidence: string[] }
  | { command: "approve"; reason: string }
  | { command: "reject"; reason: string }
  | { command: "reopen"; reason: string }
  | { command: "note"; text: string }
  | { command: "link"; case: string }
  | { command: "unlink"; case: string }
  | { command: "due"; at: string | null }
  | { command: "join"; alerts: string[] }
  | { command: "leave"; alert: string }
  | { command: "title"; text: string };

export interface AuditEntry {
  n: number;
  at: string;
  actor: string;
  role: string | null;
  action: string;
  object: string | null;
  detail: unknown;
  previous: string;
  hash: string;
}
export interface AuditPage { entries: AuditEntry[]; next_cursor: string | null }

export interface Unmasked { account: string; expires: string }

/** RFC 9457. */
export interface ProblemBody {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  hint?: string;
  current_version?: number;
  [more: string]: unknown;
}

export interface RuleFile { name: string; text: string }
export type RuleState = "active" | "shadow" | "proposed" | "retired" | "rejected";
export type RuleCommand = "shadow" | "stop" | "approve" | "reject" | "roll_back";
export interface RuleVersion {
  version: string;
  state: RuleState;
  proposed_by: string | null;
  proposed_at: string | null;
  approved_by: string | null;
  approved_at: string | null;
  note: string | null;
  reason: string | null;
  active_from_place: number | null;
  allowed: RuleCommand[];
}
export interface RuleVersions { active: string; running: string | null; pending: { version: string } | null; versions: RuleVersion[] }
export interface RuleFiles { version: RuleVersion; files: RuleFile[] }
export interface Finding { file: string; line: number; column: number; message: string; hint: string; severity: "error" | "warning" }
export interface RuleTest { typology: string; file: string; test: string; line: number; passed: boolean; message: string }
export interface RuleCounts { alerts_active: number; alerts_shadow: number; new: number; gone: number; fired_by_both: number; fired_by_active: number; fired_by_shadow: number }
export interface RuleDifference { payment: string; action_active: Action; action_shadow: Action; score_active: number; score_shadow: number; by_active: string[]; by_shadow: string[]; reason: string | null }
export interface Comparison {
  from_place: number;
  payments: number;
  same: number;
  typologies: { typology: string; title: string; counts: RuleCounts }[];
  actions: { active: Action; shadow: Action; payments: number }[];
  examples: RuleDifference[];
  next_place: number;
  of: number;
}
export interface ShadowSeen extends Comparison { version: string; phase: "replaying" | "following" | "lost"; waiting: number }
export interface BacktestDay { day: string; typology: string; active: number; candidate: number }
export interface DecidedCount { typology: string; decided: number; reports: number }
export interface Backtest extends Comparison {
  phase: "running" | "done" | "cancelled" | "failed";
  since: string;
  days_asked: number;
  days: BacktestDay[];
  decided?: { active: DecidedCount[]; candidate: DecidedCount[] };
}
