// What the service says: names for what `npm run api` makes of openapi.json, and what the desk reads
// that is not described there. A change of the service that the desk does not know of fails `npm run types`.
import type { components } from "./openapi";

type Told = components["schemas"];

export type Role = Told["PersonRole"];
export type AlertState = Told["State"];
export type Action = Told["Action"];
export type Outcome = Told["Outcome"];
export type Session = Told["SessionAnswer"];
export type Invitation = Told["Invitation"];
export type AlertHead = Told["AlertHead"];
export type Payment = Told["Payment"];
export type FlowPayment = Told["FlowPayment"];
export type Revision = Told["Revision"];
export type Alert = Told["Alert"];
export type AlertPage = Told["AlertPage"];
export type Graph = Told["Graph"];
export type Side = Told["AccountSide"];
export type AccountDay = Told["AccountDay"];
export type Account = Told["Account"];
export type TypologyCount = Told["TypologyCounts"];
export type Overview = Told["Overview"];
export type Parameter = Told["TypologyParameter"];
export type Demo = Told["DemoSeen"];
export type Typology = Told["TypologyPage"];
export type LogEntry = Told["LogEntry"];
export type Decision = Told["Decision"];
export type Hold = Told["Hold"];
export type CaseHead = Told["CaseHead"];
export type Case = Told["Case"];
export type CasePage = Told["CasePage"];
export type HoldPage = Told["HoldPage"];
export type Command = Told["CaseVerb"];
export type CommandName = Told["CommandName"];
export type AuditEntry = Told["AuditEntry"];
export type AuditPage = Told["AuditPage"];
/** With the payments behind it, where the service says so. */
export type RuleHit = Told["Rule"] & { payments?: string[] };
export type User = Told["User"];

export interface Unmasked { account: string; expires: string }

/** RFC 9457; what stands between may answer with another one. */
export type ProblemBody = Partial<Told["Problem"]> & { [more: string]: unknown };
// Of rules.
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
