// The audit trail: search it, verify its chain here, take it away.
import { useRef, useState } from "react";
import { get, lines, path } from "../api/client";
import type { AuditEntry, AuditPage } from "../api/types";
import { useGet } from "../api/use";
import { verify, type Verdict } from "../audit/chain";
import { en } from "../en";
import { dayOf, midnight, short } from "../format";
import { setQuery, usePlace } from "../router";
import { Nothing, Shown, Time, useTitle } from "../ui/basics";
import { sayFailed } from "../ui/toast";

const EXPORT = path(["audit", "export"]);

export default function Audit() {
  useTitle(en.audit.title);
  const { query } = usePlace();
  const asked = Object.fromEntries(["actor", "action", "object", "since", "until"].map((name) => [name, query.get(name)]));
  const page = useGet<AuditPage>(path(["audit"], { ...asked, limit: 100 }));
  const [more, setMore] = useState<{ of: unknown; entries: AuditEntry[]; next: string | null }>({ of: null, entries: [], next: null });
  const entries = [...(page.data?.entries ?? []), ...(more.of === page.data ? more.entries : [])];
  const next = more.of === page.data ? more.next : (page.data?.next_cursor ?? null);
  const further = (): void => {
    get<AuditPage>(path(["audit"], { ...asked, limit: 100, cursor: next })).then(
      (got) => setMore({ of: page.data, entries: [...(more.of === page.data ? more.entries : []), ...got.entries], next: got.next_cursor }), sayFailed);
  };
  const field = (name: string, label: string) => (
    <label className="field"><span>{label}</span><input className="w3" type="search" name={name} defaultValue={asked[name] ?? ""} maxLength={200} /></label>
  );
  const date = (name: string, label: string) => (
    <label className="field"><span>{label}</span><input className="w2" type="date" value={dayOf(asked[name])} onChange={(event) => setQuery({ [name]: midnight(event.target.value) })} /></label>
  );
  return (
    <>
      <div className="head">
        <div className="grow"><h1>{en.audit.title}</h1><p className="muted">{en.audit.text}</p></div>
        <div className="acts"><Verify /><a className="button" href={EXPORT} download="audit.ndjson">{en.audit.export}</a></div>
      </div>
      <div className="card">
        <form className="filters" role="search" key={location.hash} onSubmit={(event) => { event.preventDefault(); const data = new FormData(event.currentTarget); setQuery(Object.fromEntries(["actor", "action", "object"].map((name) => [name, String(data.get(name) ?? "").trim() || null]))); }}>
          {field("actor", en.audit.actor)}{field("action", en.audit.action)}{field("object", en.audit.object)}{date("since", en.audit.since)}{date("until", en.audit.until)}
          <button type="submit" className="button">{en.audit.search}</button>
        </form>
        <Shown of={page}>
          {() => entries.length === 0 ? <Nothing title={en.audit.none}>{en.audit.noneHint}</Nothing> : (
            <div className="scroll" tabIndex={0} role="region" aria-label={en.audit.title}>
              <table>
                <thead><tr><th className="num" scope="col">{en.table.n}</th><th scope="col">{en.audit.at}</th><th scope="col">{en.audit.actor}</th><th scope="col">{en.audit.action}</th><th scope="col">{en.audit.object}</th><th scope="col">{en.audit.detail}</th><th scope="col">{en.audit.hash}</th></tr></thead>
                <tbody>
                  {entries.map((entry) => (
                    <tr key={entry.n}>
                      <td className="num muted">{entry.n}</td><td><Time time={entry.at} seconds /></td>
                      <td className="nowrap"><bdi>{short(entry.actor, 40)}</bdi>{entry.role && <span className="muted small"> {en.roles[entry.role] ?? entry.role}</span>}</td>
                      <td className="nowrap">{short(entry.action, 40)}</td><td className="id">{short(entry.object ?? "", 40)}</td>
                      <td className="small muted wrap"><bdi>{short(detail(entry.detail), 160)}</bdi></td><td className="hash" title={entry.hash}>{entry.hash.slice(0, 10)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Shown>
        {next && <div className="foot"><button type="button" className="button" onClick={further}>{en.audit.more}</button></div>}
      </div>
    </>
  );
}

function detail(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value);
  return Object.entries(value).filter(([, its]) => its !== null && !(Array.isArray(its) && its.length === 0)).map(([name, its]) => `${name}: ${plainly(its)}`).join("; ");
}

/** A list as its members, what else is no text as it is kept. */
function plainly(value: unknown): string {
  if (Array.isArray(value)) return value.map(plainly).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Verify() {
  const [checked, setChecked] = useState<number | null>(null);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const stop = useRef<AbortController | null>(null);
  const start = (): void => {
    const control = new AbortController();
    stop.current = control;
    setVerdict(null);
    setChecked(0);
    verify(lines(EXPORT, control.signal), setChecked, control.signal).then(setVerdict, (error: unknown) => {
      if (!control.signal.aborted) sayFailed(error);
    }).finally(() => setChecked(null));
  };
  return (
    <>
      {verdict && (
        <p role="status" className={verdict.fault ? "note bad" : "note"}>
          {verdict.fault ? en.audit.bad(verdict.fault.n, { changed: en.audit.changed, order: en.audit.order, link: en.audit.link, unreadable: en.audit.unreadable }[verdict.fault.why])
            : verdict.stopped ? en.audit.stopped(verdict.checked) : en.audit.good(verdict.checked, verdict.hash.slice(0, 12))}
        </p>
      )}
      {checked !== null
        ? <span role="status"><progress aria-label={en.audit.verify} /> {en.audit.verifying(checked)} <button type="button" className="button" onClick={() => stop.current?.abort()}>{en.audit.stop}</button></span>
        : <button type="button" className="button main" onClick={start}>{en.audit.verify}</button>}
    </>
  );
}
