// The audit chain, computed anew in the browser: each entry's hash is SHA-256 over the text of the
// hash before and the entry as JSON with its names in one order; nothing of the service is trusted.
import type { AuditEntry } from "../api/types";

const NAMES = ["n", "at", "actor", "role", "action", "object", "detail"] as const;
const NOTHING = "0".repeat(64);
const encoder = new TextEncoder();

/** A value as JSON in the one way: names ascending, no blanks. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([name, its]) => `${JSON.stringify(name)}:${canonical(its)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

export async function hashOf(entry: AuditEntry): Promise<string> {
  const text = `${entry.previous}{${NAMES.map((name) => `"${name}":${canonical(entry[name] ?? null)}`).join(",")}}`;
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export type Fault = "changed" | "order" | "link" | "unreadable";
export interface Verdict { checked: number; hash: string; fault: { n: number; why: Fault } | null; stopped: boolean }

/** Checks lines of an export as they come; stops at the first fault. */
export async function verify(lines: AsyncIterable<string> | Iterable<string>, tell: (checked: number) => void, stop?: AbortSignal): Promise<Verdict> {
  let previous = NOTHING;
  let checked = 0;
  const fault = (n: number, why: Fault): Verdict => ({ checked, hash: previous, fault: { n, why }, stopped: false });
  for await (const line of lines) {
    if (stop?.aborted) return { checked, hash: previous, fault: null, stopped: true };
    if (!line.trim()) continue;
    let entry: AuditEntry;
    try {
      entry = JSON.parse(line) as AuditEntry;
    } catch {
      return fault(checked + 1, "unreadable");
    }
    if (entry.n !== checked + 1) return fault(entry.n, "order");
    if (entry.previous !== previous) return fault(entry.n, "link");
    if ((await hashOf(entry)) !== entry.hash) return fault(entry.n, "changed");
    previous = entry.hash;
    checked += 1;
    if (checked % 200 === 0) tell(checked);
  }
  return { checked, hash: previous, fault: null, stopped: false };
}
