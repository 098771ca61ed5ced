// The first visit: never a blank page.
import { useEffect, useRef } from "react";
import { path, post, remove } from "../api/client";
import type { Demo, Overview } from "../api/types";
import { useEvents, useGet } from "../api/use";
import { en } from "../en";
import { count } from "../format";
import { can, useSession } from "../session";
import { Glyph } from "../ui/glyph";
import { sayFailed } from "../ui/toast";

/** How often is looked how far a made-up world is. */
const LOOK_MS = 700;

export interface DemoWork { seen: Demo | undefined; load: () => void; cancel: () => void }

/** The made-up world, for those who may load it; told when it is there. */
export function useDemo(done: () => void): DemoWork {
  const session = useSession();
  const demo = useGet<Demo>(can(session, "demo") ? path(["demo"]) : null);
  const running = demo.data?.phase === "running";
  const was = useRef(false);
  const latest = useRef(done);
  latest.current = done;
  const { data, loading, error, reload } = demo;
  useEffect(() => {
    if (was.current && !running && data) latest.current();
    if (data) was.current = running;
  }, [running, data]);
  useEffect(() => {
    if (!running || loading) return;
    const timer = setTimeout(reload, error ? 5 * LOOK_MS : LOOK_MS);
    return () => clearTimeout(timer);
  }, [running, loading, error, reload]);
  return {
    seen: data,
    load: () => void post<Demo>(path(["demo"]), {}).then(demo.set, sayFailed),
    cancel: () => void remove(path(["demo"])).then(reload, sayFailed),
  };
}

/** How far it is, on the screens that fill meanwhile. */
export function DemoStrip({ demo }: { demo: DemoWork }) {
  const { seen } = demo;
  if (!seen || (seen.phase !== "running" && !(seen.phase === "cancelled" && seen.may_begin))) return null;
  const running = seen.phase === "running";
  return (
    <div className="strip calm" role="status">
      <span>{running ? en.start.loading(seen.taken, seen.of) : en.start.cancelled(seen.taken, seen.of)}</span>
      {running && <progress aria-label={en.start.progress} max={seen.of || 1} value={seen.taken} />}
      <button type="button" className="button" onClick={running ? demo.cancel : demo.load}>{running ? en.start.cancel : en.start.goOn}</button>
    </div>
  );
}

function DemoCard({ demo, some }: { demo: DemoWork; some: boolean }) {
  const { seen } = demo;
  const mayLoad = seen?.may_begin && seen.phase !== "cancelled";
  return (
    <section className="card">
      <h2>{en.start.demo}</h2>
      <div className="in stack">
        <p>{en.start.demoText}</p>
        {mayLoad && (
          <>
            <p><button type="button" className="button main" onClick={demo.load}>{en.start.load}</button></p>
            <p className="muted small">{en.start.stays}</p>
          </>
        )}
        {seen?.phase === "failed" && <p className="note warn" role="alert">{en.start.failed}</p>}
        {!seen && !some && <p className="muted small">{en.start.askAdministrator}</p>}
        {some && seen?.may_begin === false && seen.phase !== "running" && <p className="muted small">{en.start.elsewhere}</p>}
        <p className="muted small">{en.start.inTerminal}</p>
        <pre tabIndex={0}>shroff demo</pre>
      </div>
    </section>
  );
}

export function Start({ overview, demo, moved }: { overview: Overview; demo: DemoWork; moved: () => void }) {
  // Alerts may come by the hundred: one look is enough for those of half a second.
  const due = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef(moved);
  latest.current = moved;
  useEvents({ alert: () => { due.current ??= setTimeout(() => { due.current = undefined; latest.current(); }, 500); }, back: moved });
  useEffect(() => {
    const timer = setInterval(() => latest.current(), 15_000);
    return () => { clearInterval(timer); clearTimeout(due.current); due.current = undefined; };
  }, []);
  const some = overview.payments_total > 0;
  const send = `shroff keys add bank --role payment-system
curl ${location.origin}/v1/payments -H "Authorization: Bearer KEY" -H "Content-Type: application/json" \\
  -d '{"id":"p1","time":"${new Date().toISOString().slice(0, 19)}Z","debtor":"DE02","creditor":"FR14","amount":"120.00","currency":"EUR"}'`;
  return (
    <div className="start">
      <div>
        <h1>{some ? en.start.quiet : en.start.title}</h1>
        <p className="muted">{some ? en.start.quietText(`${count(overview.payments_total)} payments`) : en.start.text}</p>
      </div>
      <DemoCard demo={demo} some={some} />
      <section className="card"><h2>{en.start.send}</h2><div className="in stack"><p>{en.start.sendText}</p><pre tabIndex={0}>{send}</pre></div></section>
      <p className="muted"><Glyph typology="cycle" /> {en.start.watching} <a href="#/rules">{en.start.look}</a>.</p>
    </div>
  );
}
