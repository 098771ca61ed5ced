// The cases: who works on what, and what is due.
import { useState } from "react";
import { get, path } from "../api/client";
import type { CaseHead, CasePage } from "../api/types";
import { useEvents, useGet } from "../api/use";
import { en } from "../en";
import { short } from "../format";
import { go, setQuery, to, usePlace } from "../router";
import { useSession } from "../session";
import { Nothing, Shown, State, Time, useNow, useTitle } from "../ui/basics";
import { useKeys } from "../ui/keys";
import { sayFailed } from "../ui/toast";

export default function Cases() {
  useTitle(en.cases.title);
  const session = useSession();
  const { query } = usePlace();
  const asked = { state: query.get("state"), assignee: query.get("assignee"), q: query.get("q"), limit: 100 };
  const page = useGet<CasePage>(path(["cases"], asked));
  const [more, setMore] = useState<{ of: unknown; rows: CasePage["cases"]; next: string | null }>({ of: null, rows: [], next: null });
  const [at, setAt] = useState(0);
  useEvents({ case: () => page.reload(), back: page.reload });
  const rows = [...(page.data?.cases ?? []), ...(more.of === page.data ? more.rows : [])];
  const next = more.of === page.data ? more.next : (page.data?.next_cursor ?? null);
  const further = (): void => {
    get<CasePage>(path(["cases"], { ...asked, cursor: next })).then((got) => setMore({ of: page.data, rows: [...(more.of === page.data ? more.rows : []), ...got.cases], next: got.next_cursor }), sayFailed);
  };
  const move = (n: number): void => setAt(Math.max(0, Math.min(rows.length - 1, n)));
  useKeys({ j: () => move(at + 1), k: () => move(at - 1), Enter: () => { const row = rows[at]; if (row) go(to(["cases", row.id])); } });
  return (
    <>
      <div className="head"><h1 className="grow">{en.cases.title}</h1></div>
      <div className="card">
        <div className="filters">
          <label className="field"><span>{en.cases.state}</span>
            <select className="w2" value={asked.state ?? ""} onChange={(event) => setQuery({ state: event.target.value })}>
              <option value="">{en.queue.all}</option>
              {["open", "assigned", "waiting", "escalated", "proposed", "decided"].map((state) => <option key={state} value={state}>{en.states[state]}</option>)}
            </select>
          </label>
          <label className="field"><span>{en.cases.who}</span>
            <select className="w2" value={asked.assignee ?? ""} onChange={(event) => setQuery({ assignee: event.target.value })}>
              <option value="">{en.queue.anyone}</option><option value={session.user.name}>{en.queue.me}</option>
            </select>
          </label>
          <form onSubmit={(event) => { event.preventDefault(); setQuery({ q: String(new FormData(event.currentTarget).get("q") ?? "") }); }}>
            <label className="field"><span>{en.cases.search}</span><input className="w3" type="search" name="q" defaultValue={asked.q ?? ""} maxLength={200} /></label>
          </form>
        </div>
        <Shown of={page}>
          {() => rows.length === 0 ? <Nothing title={en.cases.none}>{en.cases.noneHint}</Nothing> : (
            <div className="scroll" tabIndex={0} role="region" aria-label={en.cases.title}>
              <table className="folds">
                <thead><tr><th scope="col">{en.columns.case}</th><th scope="col">{en.cases.title_}</th><th scope="col">{en.cases.state}</th><th scope="col">{en.cases.who}</th><th scope="col">{en.cases.due}</th><th scope="col">{en.cases.updated}</th></tr></thead>
                <tbody>
                  {rows.map((row, n) => (
                    <tr key={row.id} className={n === at ? "chosen" : ""} onClick={() => setAt(n)} onDoubleClick={() => go(to(["cases", row.id]))}>
                      <th scope="row"><a className="nowrap" href={to(["cases", row.id])}>{short(row.id, 20)}</a></th>
                      <td data-of={en.cases.title_}><bdi>{short(row.title, 80)}</bdi></td>
                      <td data-of={en.cases.state}><State state={row.state} outcome={row.outcome} /></td>
                      <td data-of={en.cases.who}>{row.assignee ? <bdi>{short(row.assignee, 30)}</bdi> : <span className="muted">–</span>}</td>
                      <td data-of={en.cases.due}><Due it={row} /></td>
                      <td data-of={en.cases.updated}><Time time={row.opened_at} /></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Shown>
        {next && <div className="foot"><button type="button" className="button" onClick={further}>{en.cases.more}</button></div>}
      </div>
    </>
  );
}

export function Due({ it }: { it: Pick<CaseHead, "due" | "state"> }) {
  const now = useNow(60_000);
  if (!it.due) return <span className="muted">–</span>;
  const over = it.state !== "decided" && Date.parse(it.due) < now;
  return <span><Time time={it.due} /> {over && <span className="badge hold">{en.cases.overdue}</span>}</span>;
}
