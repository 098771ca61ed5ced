// How the service itself is: whether it takes payments, and what it counts of itself.
import { useEffect, useState } from "react";
import { lines } from "../api/client";
import { useGet } from "../api/use";
import { en } from "../en";
import { compact, count } from "../format";
import { can, useSession } from "../session";

/** How often it is looked at. */
const LOOK_MS = 10_000;

/** The values of what is written for Prometheus, those without labels. */
export function measures(text: Iterable<string>): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text) {
    const match = /^shroff_(\w+) (-?[\d.eE+-]+)$/.exec(line);
    if (match) found.set(match[1]!, Number(match[2]));
  }
  return found;
}

function useMeasures(may: boolean, turn: number): Map<string, number> {
  const [its, setIts] = useState<Map<string, number>>(new Map());
  useEffect(() => {
    if (!may) return;
    const stop = new AbortController();
    void (async () => {
      const all: string[] = [];
      for await (const line of lines("/metrics", stop.signal)) all.push(line);
      setIts(measures(all));
    })().catch(() => undefined);
    return () => stop.abort();
  }, [may, turn]);
  return its;
}

const bytes = (value: number): string => `${compact(value / 1_048_576)} MiB`;

export function Health() {
  const session = useSession();
  const [turn, setTurn] = useState(0);
  const ready = useGet<{ status: string }>("/ready");
  const its = useMeasures(can(session, "metrics"), turn);
  const { reload } = ready;
  useEffect(() => {
    const timer = setInterval(() => { reload(); setTurn((n) => n + 1); }, LOOK_MS);
    return () => clearInterval(timer);
  }, [reload]);
  const row = (text: string, name: string, shown: (value: number) => string = count) => its.has(name) && <li><span className="grow">{text}</span><b>{shown(its.get(name)!)}</b></li>;
  const batches = its.get("batch_seconds_count") ?? 0;
  return (
    <section className="card">
      <h2>{en.overview.health}</h2>
      <div className="in stack">
        {ready.error ? <p className="note warn" role="alert">{en.overview.notReady}</p> : <p>{ready.data ? en.overview.ready : `${en.loading}…`}</p>}
        {its.size > 0 && (
          <ul className="list small">
            {row(en.overview.inWindow, "held_payments")}
            {row(en.overview.windowBytes, "window_bytes", bytes)}
            {row(en.overview.logBytes, "log_bytes", bytes)}
            {row(en.overview.waitingAlerts, "waiting_alerts")}
            {batches > 0 && row(en.overview.batch, "batch_seconds_sum", (sum) => `${compact((sum / batches) * 1_000)} ms`)}
            {row(en.overview.refusedRecords, "refused_records_total")}
            {row(en.overview.turnedAway, "turned_away_requests_total")}
          </ul>
        )}
      </div>
    </section>
  );
}
