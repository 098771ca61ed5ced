// A case: what a human works on, decides, and can defend.
import { useEffect, useMemo, useRef, useState } from "react";
import { path, Problem } from "../api/client";
import type { Alert, Case, Command, CommandName, FlowPayment } from "../api/types";
import { useEvents, useGet } from "../api/use";
import { en } from "../en";
import { at, count, money, short, visible } from "../format";
import { Flow } from "../flow/Flow";
import { NOTHING, type Pick } from "../flow/Lanes";
import { useNeighbours } from "../flow/neighbours";
import { inOrder } from "../flow/picture";
import { narrative, csv, save } from "../narrative";
import { go, setQuery, to, usePlace } from "../router";
import { can, useSession } from "../session";
import { stored, store } from "../theme";
import { Failed, Nothing, Score, Shown, State, Suggested, Text, Time, Token, useTitle } from "../ui/basics";
import { Glyph } from "../ui/glyph";
import { useKeys } from "../ui/keys";
import { say, sayFailed } from "../ui/toast";
import { command } from "../work";
import { CommandDialog, type Asked } from "./CaseDialogs";
import { Due } from "./Cases";
import { HoldActions, Left } from "./Holds";
import { useAlerts } from "./useAlerts";

export default function CaseScreen({ id }: { id: string }) {
  useTitle(short(id, 40));
  const it = useGet<Case>(path(["cases", id]));
  const version = useRef(0);
  version.current = it.data?.version ?? 0;
  useEvents({
    case: (changed) => { if (changed.id === id && changed.version > version.current) it.reload(); },
    hold: it.reload, back: it.reload,
  });
  return <Shown of={it} lines={10}>{(data) => <Loaded it={data} set={it.set} reload={it.reload} />}</Shown>;
}

function Loaded({ it, set, reload }: { it: Case; set: (it: Case) => void; reload: () => void }) {
  const session = useSession();
  const { query } = usePlace();
  const works = can(session, "work");
  const [asked, setAsked] = useState<Asked | null>(null);
  const note = useRef<HTMLTextAreaElement>(null);
  const { alerts, done, error } = useAlerts(it.alerts.map((alert) => alert.id));
  const decided = it.state === "decided";
  // Decided, or waiting for the second person: what was on the screen stays as it was.
  const settled = decided || it.state === "proposed";
  const may = (what: CommandName, otherwise: boolean): boolean => works && (it.allowed ? it.allowed.includes(what) : otherwise);
  const mayDecide = may("decide", !settled);
  useEffect(() => {
    if (query.get("do") === "decide" && mayDecide) setAsked("decide");
    if (query.get("do")) setQuery({ do: null });
  }, [query, mayDecide]);
  /** True where it was done; a stale version loads the case anew and keeps what was typed. */
  const send = async (what: Command): Promise<boolean> => {
    try {
      set(await command(it, what));
      return true;
    } catch (failure) {
      if (failure instanceof Problem && failure.status === 409 && failure.body.current_version !== undefined) {
        reload();
        say(en.errors.stale, true);
      } else sayFailed(failure);
      return false;
    }
  };
  const ask = (what: Asked): (() => void) => () => { if (works) setAsked(what); };
  useKeys({
    a: ask("assign"), d: () => { if (mayDecide) setAsked("decide"); }, m: () => note.current?.focus(),
    f: () => go(to(["cases", it.id, "file"])), u: () => go("#/cases"),
  });
  const second = it.state === "proposed" && it.decision !== null && it.decision.approved_by === null && can(session, "approve") && it.decision.by !== session.user.name;
  const button = (what: Asked, text: string, shown: boolean, key?: string, look = "") => shown && (
    <button type="button" className={`button ${look}`} onClick={() => setAsked(what)}>{text}{key && <> <kbd>{key}</kbd></>}</button>
  );
  return (
    <>
      <div className="head">
        <div className="grow">
          <div className="title"><h1><Text most={120}>{it.title || it.id}</Text></h1><State state={it.state} outcome={it.outcome} />
            {(it.reopened ?? it.log.some((entry) => entry.command === "reopen")) && !decided && <span className="badge waiting">{en.cases.reopened}</span>}</div>
          <p className="sub">
            <span className="id">{short(it.id, 40)}</span>
            <span>{en.cases.opened(short(it.opened_by, 40), "")}<Time time={it.opened_at} /></span>
            <span>{it.assignee ? <>{en.cases.who.toLowerCase()} <bdi>{short(it.assignee, 40)}</bdi></> : en.cases.nobody}</span>
            {it.waits_until && it.state === "waiting" && <span>{en.cases.until.toLowerCase()} <Time time={it.waits_until} /></span>}
            {it.due && <span>{en.cases.due.toLowerCase()} <Due it={it} /></span>}
            <span>{en.cases.version(it.version)}</span>
          </p>
        </div>
        <div className="acts">
          {button("assign", en.cases.assign, may("assign", !settled), "a")}
          {may("unassign", it.state === "assigned") && <button type="button" className="button bare" onClick={() => void send({ command: "unassign" })}>{en.cases.unassign}</button>}
          {button("wait", en.cases.wait, may("wait", it.state === "assigned"))}
          {may("resume", it.state === "waiting") && <button type="button" className="button" onClick={() => void send({ command: "resume" })}>{en.cases.resume}</button>}
          {button("escalate", en.cases.escalate, may("escalate", it.state === "assigned" || it.state === "waiting"))}
          {button("due", en.cases.due_, may("due", !settled))}
          {button("approve", en.cases.approve, second && may("approve", true))}
          {button("reject", en.cases.reject, second && may("reject", true), undefined, "grave")}
          {button("reopen", en.cases.reopen, may("reopen", decided))}
          <a className="button" href={to(["cases", it.id, "file"])}>{en.cases.file} <kbd>f</kbd></a>
          {button("decide", en.cases.decide, mayDecide, "d", "main")}
        </div>
      </div>
      <div className="case">
        <div className="stack">
          {it.decision && <Decided it={it} second={second} />}
          <Alerts it={it} works={works && !settled} send={send} join={ask("join")} alerts={alerts} />
          {alerts.length > 0 && <CaseFlow alerts={alerts} loading={!done} />}
          {error !== null && <Failed error={error} />}
          <Narrative it={it} alerts={alerts} done={done} send={works ? send : null} />
        </div>
        <div className="stack">
          {it.hold.length > 0 && <Holds it={it} reload={reload} />}
          <section className="card">
            <h2>{en.cases.log}</h2>
            <div className="in stack">
              {works && <NoteForm it={it} send={send} field={note} />}
              {it.log.length === 0 ? <p className="muted">{en.cases.logNone}</p> : <Log it={it} />}
              <Looks it={it} />
            </div>
          </section>
          <section className="card">
            <header><h2>{en.cases.links}</h2>{works && <button type="button" className="button bare" onClick={() => setAsked("link")}>{en.cases.link}</button>}</header>
            <ul className="list in">
              {it.links.length === 0 && <li className="muted">–</li>}
              {it.links.map((other) => (
                <li key={other}><a className="grow" href={to(["cases", other])}>{short(other, 40)}</a>{works && <button type="button" className="plain small" onClick={() => void send({ command: "unlink", case: other })}>{en.cases.unlink}</button>}</li>
              ))}
            </ul>
          </section>
        </div>
      </div>
      {asked && <CommandDialog asked={asked} it={it} alerts={alerts} ready={done} send={send} close={() => setAsked(null)} />}
    </>
  );
}

type Send = (what: Command) => Promise<boolean>;

function Decided({ it, second }: { it: Case; second: boolean }) {
  const decision = it.decision!;
  return (
    <section className="card">
      <header><h2>{en.cases.decision}</h2><State state={it.state === "proposed" ? "proposed" : "decided"} outcome={decision.outcome} /></header>
      <div className="in stack">
        <p className="wrap"><bdi>{visible(decision.reason)}</bdi></p>
        <p className="muted small"><bdi>{short(decision.by, 60)}</bdi>, <Time time={decision.at} />. {en.cases.evidence(decision.evidence.length)}.
          {decision.approved_by && <> {en.cases.approvedBy(short(decision.approved_by, 60), "")}<Time time={decision.approved_at} />.</>}</p>
        <RestsOn it={it} />
        {it.state === "proposed" && <p className="note warn">{second ? en.cases.needsYou : en.cases.needsSecond}</p>}
      </div>
    </section>
  );
}

/** The alerts that were on the screen, and what has come to them since. */
export function RestsOn({ it }: { it: Case }) {
  const alerts = it.decision?.alerts ?? [];
  if (alerts.length === 0) return null;
  const now = new Map(it.alerts.map(({ id, revision }) => [id, revision]));
  return (
    <ul className="list small">
      {alerts.map(({ id, revision }) => {
        const since = (now.get(id) ?? revision) - revision;
        return <li key={id}><span className="grow">{en.cases.restsOn} <a className="id" href={to(["alerts", id])}>{short(id, 60)}</a> <span className="muted">{en.cases.atRevision(revision)}</span></span>{since > 0 && <span className="badge waiting">{en.cases.since(since)}</span>}</li>;
      })}
    </ul>
  );
}

function Alerts({ it, works, send, join, alerts }: { it: Case; works: boolean; send: Send; join: () => void; alerts: readonly Alert[] }) {
  const file = (name: string, type: string, text: string) => (): void => save(name, type, text);
  return (
    <section className="card">
      <header>
        <h2>{en.cases.alertsOf}</h2>
        {works && <button type="button" className="button bare" onClick={join}>{en.cases.join}</button>}
        <span className="acts" style={{ marginLeft: "auto" }}>
          <span className="small muted">{en.cases.download}</span>
          <button type="button" className="button bare" disabled={alerts.length === 0} onClick={file(`${it.id}.json`, "application/json", JSON.stringify({ case: it, alerts }, null, 2))}>{en.cases.json}</button>
          <button type="button" className="button bare" disabled={alerts.length === 0} onClick={file(`${it.id}.csv`, "text/csv", csv(alerts))}>{en.cases.csv}</button>
        </span>
      </header>
      {it.alerts.length === 0 ? <Nothing title={en.cases.noAlerts} /> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={en.cases.alertsOf}>
          <table>
            <thead><tr><th scope="col">{en.columns.alert}</th><th scope="col">{en.columns.score}</th><th scope="col" className="num">{en.columns.amount}</th><th scope="col" className="num">{en.columns.payments}</th><th scope="col">{en.columns.time}</th>{works && <th scope="col"><span className="gone">{en.cases.leave}</span></th>}</tr></thead>
            <tbody>
              {it.alerts.map((one) => (
                <tr key={one.id}>
                  <th scope="row"><span className="kind"><Glyph typology={one.typology} /><a href={to(["alerts", one.id])}><bdi>{short(one.title, 40)}</bdi></a><Suggested action={one.action} /></span></th>
                  <td><Score value={one.score} /></td><td className="num">{money(one.amount, one.currency)}</td><td className="num">{count(one.payment_count)}</td><td><Time time={one.raised_at} /></td>
                  {works && <td className="num"><button type="button" className="plain small" onClick={() => void send({ command: "leave", alert: one.id })}>{en.cases.leave}</button></td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** All evidence of the case as one flow. */
function CaseFlow({ alerts, loading }: { alerts: readonly Alert[]; loading: boolean }) {
  const [pick, setPick] = useState<Pick>(NOTHING);
  const evidence = useMemo(() => {
    const all = new Map<string, FlowPayment>();
    for (const alert of alerts) for (const payment of alert.evidence) all.set(payment.id, { ...payment, in_evidence: true });
    return inOrder([...all.values()]);
  }, [alerts]);
  const near = useNeighbours(evidence, alerts);
  return <Flow pick={pick} choose={setPick} {...near} complete={near.complete && alerts.every((alert) => alert.evidence_is_complete)} loading={loading || near.loading} />;
}

function NoteForm({ it, send, field }: { it: Case; send: Send; field: React.RefObject<HTMLTextAreaElement | null> }) {
  const name = `note ${it.id}`;
  const [text, setText] = useState(() => stored(name) ?? "");
  const [busy, setBusy] = useState(false);
  // A note that is half written survives a session's end.
  useEffect(() => store(name, text), [name, text]);
  const add = async (): Promise<void> => {
    setBusy(true);
    if (await send({ command: "note", text: text.trim() })) setText("");
    setBusy(false);
  };
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); void add(); }}>
      <textarea ref={field} rows={2} maxLength={8_000} aria-label={en.cases.note} placeholder={en.cases.notePlaceholder} value={text} onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && text.trim()) void add(); if (event.key === "Escape") event.currentTarget.blur(); }} />
      {text.trim() && <div><button type="submit" className="button" disabled={busy}>{en.cases.addNote} <kbd>ctrl enter</kbd></button></div>}
    </form>
  );
}

const GRAVE = new Set(["decide", "approve", "reject", "reopen", "escalate", "unmask"]);

/** What a command said beside its text: to whom, until when, how many payments. */
function detail(value: unknown): string {
  if (value === null || typeof value !== "object") return "";
  // An account stands there as a link.
  const parts = Object.entries(value).filter(([name, its]) => its !== null && name !== "account" && !(Array.isArray(its) && its.length === 0)).map(([name, its]) => {
    if (name === "alerts" && Array.isArray(its)) return its.map((one: unknown) => (typeof one === "object" && one !== null ? shownAlert(one as { id: string; revision: number }) : String(one))).join(", ");
    if (name === "evidence" && Array.isArray(its)) return en.cases.evidence(its.length);
    if (name === "outcome") return en.outcomes[String(its)] ?? String(its);
    if ((name === "until" || name === "at") && typeof its === "string") return at(its);
    return Array.isArray(its) ? its.map(String).join(", ") : typeof its === "object" ? JSON.stringify(its) : String(its);
  });
  return short(parts.join("; "), 300);
}

const shownAlert = ({ id, revision }: { id: string; revision: number }): string => `${id} ${en.cases.atRevision(revision)}`;

/** The account that a line of the log is about, by its token. */
function accountOf({ command, detail: its }: Case["log"][number]): string | null {
  const account: unknown = command === "unmask" && its !== null && typeof its === "object" ? (its as { account?: unknown }).account : null;
  return typeof account === "string" ? account : null;
}

/** Who looked at the case, as the audit trail has it. */
export function Looks({ it }: { it: Case }) {
  if (it.seen.length === 0) return null;
  return (
    <section>
      <h3 className="small muted">{en.cases.seen}</h3>
      <ul className="list small">
        {it.seen.map((one) => <li key={one.by}><bdi className="grow">{short(one.by, 40)}</bdi><span className="muted">{en.cases.looks(one.times)}, <Time time={one.last} /></span></li>)}
      </ul>
    </section>
  );
}

export function Log({ it }: { it: Case }) {
  return (
    <ol className="log">
      {[...it.log].reverse().map((entry) => (
        <li key={entry.n} className={entry.command === "note" ? "note-entry" : GRAVE.has(entry.command) ? "grave" : ""}>
          <span><b><bdi>{short(entry.by, 40)}</bdi></b> {en.cases.commands[entry.command] ?? entry.command} {accountOf(entry) && <Token token={accountOf(entry)!} />} <span className="muted small"><Time time={entry.at} seconds /></span></span>
          {detail(entry.detail) && <span className="small muted wrap"><bdi>{detail(entry.detail)}</bdi></span>}
          {entry.text && <span className="wrap"><bdi>{short(entry.text, 8_000)}</bdi></span>}
        </li>
      ))}
    </ol>
  );
}

function Narrative({ it, alerts, done, send }: { it: Case; alerts: readonly Alert[]; done: boolean; send: Send | null }) {
  const name = `narrative ${it.id}`;
  const [own, setOwn] = useState<string | null>(() => stored(name) || null);
  const text = own ?? (done ? narrative(it, alerts) : "");
  const keep = (next: string | null): void => {
    setOwn(next);
    store(name, next ?? "");
  };
  return (
    <section className="card">
      <header>
        <h2>{en.cases.narrative}</h2>
        <span className="acts" style={{ marginLeft: "auto" }}>
          {own !== null && <button type="button" className="button bare" onClick={() => keep(null)}>{en.cases.redraft}</button>}
          <button type="button" className="button bare" disabled={!text} onClick={() => void navigator.clipboard.writeText(text).then(() => say(en.cases.copied), sayFailed)}>{en.cases.copy}</button>
          {send && <button type="button" className="button bare" disabled={!text || text.length > 8_000} onClick={() => void send({ command: "note", text }).then((sent) => { if (sent) say(en.cases.done); })}>{en.cases.intoNote}</button>}
        </span>
      </header>
      <div className="in stack">
        <p className="small muted">{en.cases.narrativeText}</p>
        <textarea className="id" rows={Math.min(18, Math.max(6, text.split("\n").length + 1))} aria-label={en.cases.narrative} value={text} readOnly={!done} onChange={(event) => keep(event.target.value)} spellCheck={false} />
      </div>
    </section>
  );
}

function Holds({ it, reload }: { it: Case; reload: () => void }) {
  return (
    <section className="card">
      <h2>{en.cases.holds}</h2>
      <ul className="list in">
        {it.hold.map((hold) => (
          <li key={hold.payment}>
            <span className="grow">{en.table.payment} <span className="id">{short(hold.payment, 24)}</span><br /><span className="small muted">{hold.state === "open" ? <Left hold={hold} /> : `${en.holds[hold.state === "released" ? "released" : "returned"]}, ${short(hold.ended_by ?? "", 40)}`}</span></span>
            <HoldActions hold={hold} done={reload} />
          </li>
        ))}
      </ul>
    </section>
  );
}

