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
