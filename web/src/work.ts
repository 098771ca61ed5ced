// What is done to alerts: each is done through a case, so that there is a log of it.
import { path, post } from "./api/client";
import type { AlertHead, Case, Command } from "./api/types";
import { get } from "./api/client";

export function command(it: { id: string; version: number }, what: Command): Promise<Case> {
  return post<Case>(path(["cases", it.id, "commands"]), { version: it.version, ...what });
}

export function openCase(alerts: string[], title?: string): Promise<Case> {
  return post<Case>(path(["cases"]), title ? { alerts, title } : { alerts });
}

async function caseOf(alert: AlertHead): Promise<Case> {
  return alert.case ? get<Case>(path(["cases", alert.case])) : openCase([alert.id]);
}

export async function take(alert: AlertHead, who: string): Promise<Case> {
  const it = await caseOf(alert);
  return it.assignee === who ? it : command(it, { command: "assign", to: who });
}

/** Several at once, in one case or each in its own; tells how far it is, and stops when asked. */
export async function assignAll(alerts: AlertHead[], who: string, together: boolean, stop: AbortSignal, tell: (done: number) => void): Promise<{ done: number; error: unknown }> {
  let done = 0;
  try {
    const loose = together ? alerts.filter((alert) => !alert.case) : [];
    if (loose.length > 0) {
      await command(await openCase(loose.map(({ id }) => id)), { command: "assign", to: who });
      done += loose.length;
      tell(done);
    }
    const cases = new Set<string>();
    for (const alert of alerts) {
      if (stop.aborted) break;
      if (loose.includes(alert)) continue;
      // Several alerts of one case are assigned with it once.
      if (!alert.case || !cases.has(alert.case)) await take(alert, who);
      if (alert.case) cases.add(alert.case);
      done += 1;
      tell(done);
    }
    return { done, error: null };
  } catch (error) {
    return { done, error };
  }
}
