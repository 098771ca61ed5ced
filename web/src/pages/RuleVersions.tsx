// Versions of the rules: what is active, what is wanted, what runs beside; and what one may do.
import { useEffect, useState } from "react";
import { path, post } from "../api/client";
import type { Comparison, RuleCommand, RuleVersion, RuleVersions as List, ShadowSeen } from "../api/types";
import { useGet, type Loaded } from "../api/use";
import { en } from "../en";
import { count, score, short } from "../format";
import { to } from "../router";
import { can, useSession } from "../session";
import { Dialog, Failed, Nothing, Shown, Text, Time } from "../ui/basics";
import { Glyph } from "../ui/glyph";
import { Steps } from "./RuleSteps";
import { say, sayFailed } from "../ui/toast";

const WITH_REASON = new Set<RuleCommand>(["approve", "reject", "roll_back"]);
const named = (version: string): string => short(version, 9);

export function RuleVersions({ all }: { all: Loaded<List> }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [asked, setAsked] = useState<{ it: RuleVersion; command: RuleCommand } | null>(null);
  const done = (): void => { setAsked(null); all.reload(); };
  const give = (it: RuleVersion, command: RuleCommand): void => {
    if (WITH_REASON.has(command)) setAsked({ it, command });
    else post<RuleVersion>(path(["rules", it.version, "commands"]), { command }).then(() => { say(en.rules.did[command]!); setChosen(command === "shadow" ? it.version : null); done(); }, (error: unknown) => { sayFailed(error); done(); });
  };
  return (
    <Shown of={all}>
      {(got) => {
        const shown = chosen ?? got.running;
        return (
          <div className="stack">
            <Next all={got} />
            {got.pending && <p className="note warn" role="status">{en.rules.pending(named(got.pending.version))}</p>}
            <section className="card">
              <h2>{en.rules.versions}</h2>
              <div className="scroll" tabIndex={0} role="region" aria-label={en.rules.versions}>
                <table className="versions folds">
                  <thead><tr><th scope="col">{en.rules.version}</th><th scope="col">{en.columns.state}</th><th scope="col">{en.rules.note}</th><th scope="col">{en.rules.proposed}</th><th scope="col">{en.rules.approved}</th><th scope="col" className="num">{en.rules.from}</th><th scope="col">{en.columns.action}</th></tr></thead>
                  <tbody>{got.versions.map((it) => <Row key={it.version} it={it} running={got.running === it.version} give={give} />)}</tbody>
                </table>
              </div>
            </section>
            {shown && got.running === shown ? <Beside key={shown} version={shown} lost={all.reload} /> : <section className="card"><Nothing title={en.rules.noShadow}>{en.rules.noShadowHint}</Nothing></section>}
            {asked && <Reason {...asked} close={() => setAsked(null)} done={done} />}
          </div>
        );
      }}
    </Shown>
  );
}

function Next({ all }: { all: List }) {
  const session = useSession();
  const text = en.rules.next;
  const wanted = all.versions.find(({ state }) => state === "shadow" || state === "proposed");
  const approves = can(session, "approveRules") && wanted?.proposed_by !== session.user.name;
  if (all.pending) return <Steps at={5} next={text.wait} />;
  if (wanted?.state === "proposed") return <Steps at={4} next={can(session, "writeRules") || approves ? text.shadow(named(wanted.version)) : text.shadowOther} />;
  if (wanted) return <Steps at={5} next={approves ? text.approve(named(wanted.version)) : text.approveOther(short(wanted.proposed_by ?? "", 40))} />;
  return <Steps at={0} next={all.running ? text.back(named(all.running)) : can(session, "writeRules") ? text.edit : text.nothing} />;
}

function Row({ it, running, give }: { it: RuleVersion; running: boolean; give: (it: RuleVersion, command: RuleCommand) => void }) {
  const session = useSession();
  const may = (command: RuleCommand): boolean => {
    if (command === "stop" && it.state === "retired" && !running) return false;
    if (command === "shadow" && running) return false;
    if (command === "approve" && it.proposed_by === session.user.name) return false;
    return can(session, "approveRules") || (!WITH_REASON.has(command) && can(session, "writeRules"));
  };
  const own = it.state === "shadow" && it.proposed_by === session.user.name && can(session, "approveRules");
  return (
    <tr>
      <th scope="row"><a className="id" href={to(["rules"], { view: "edit", of: it.version })}>{named(it.version)}</a></th>
      <td data-of={en.columns.state}><span className={`badge ${BADGE[it.state]}`}>{en.rules.states[it.state]}</span>{running && it.state === "retired" && <span className="muted small"> {en.rules.ready}</span>}</td>
      <td data-of={en.rules.note}>{it.note ? <Text>{it.note}</Text> : <span className="muted">–</span>}{it.reason && <div className="muted small"><Text>{it.reason}</Text></div>}</td>
      <td data-of={en.rules.proposed}>{it.proposed_by ? <><bdi>{short(it.proposed_by, 40)}</bdi> <span className="muted"><Time time={it.proposed_at} /></span></> : <span className="muted">–</span>}</td>
      <td data-of={en.rules.approved}>{it.approved_by ? <><bdi>{short(it.approved_by, 40)}</bdi> <span className="muted"><Time time={it.approved_at} /></span></> : <span className="muted">–</span>}</td>
      <td className="num" data-of={en.rules.from}>{it.active_from_place === null ? <span className="muted">–</span> : count(it.active_from_place)}</td>
      <td data-of={en.columns.action}><div className="acts">{it.allowed.filter(may).map((command) => <button key={command} type="button" className={`button${command === "reject" ? " grave" : ""}`} onClick={() => give(it, command)} aria-label={`${en.rules.commands[command]} ${named(it.version)}`}>{en.rules.commands[command]}</button>)}{own && <span className="muted small">{en.rules.another}</span>}</div></td>
    </tr>
  );
}

const BADGE: Record<RuleVersion["state"], string> = { active: "decided", shadow: "waiting", proposed: "open", retired: "", rejected: "" };

function Reason({ it, command, close, done }: { it: RuleVersion; command: RuleCommand; close: () => void; done: () => void }) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const send = (): void => {
    setBusy(true);
    post<RuleVersion>(path(["rules", it.version, "commands"]), { command, reason: reason.trim() }).then((got) => { say(got.state === "active" || command === "reject" ? en.rules.did[command]! : en.rules.soon); done(); }, (error: unknown) => { setBusy(false); sayFailed(error); });
  };
  return (
    <Dialog title={`${en.rules.commands[command]} ${named(it.version)}`} close={close}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); if (reason.trim()) send(); }}>
        <p className="muted">{en.rules.means[command]}</p>
        <label className="field"><span>{en.cases.reason}</span><textarea data-first rows={3} maxLength={8_000} required value={reason} onChange={(event) => setReason(event.target.value)} /></label>
        <div className="ends"><button type="button" className="button" onClick={close}>{en.cases.cancel}</button><button type="submit" className="button main" disabled={busy || !reason.trim()}>{en.rules.commands[command]}</button></div>
      </form>
    </Dialog>
  );
}

/** What runs beside the active version, looked at again as long as it is on the screen. */
function Beside({ version, lost }: { version: string; lost: () => void }) {
  const seen = useGet<ShadowSeen>(path(["rules", version, "shadow"]));
  const { data, error, reload } = seen;
  useEffect(() => {
    if (data?.phase === "lost") { lost(); return; }
    const timer = setInterval(reload, data?.phase === "replaying" ? 1_000 : 5_000);
    return () => clearInterval(timer);
  }, [data?.phase, reload, lost]);
  return (
    <section className="card">
      <header><h2>{en.rules.beside(named(version))}</h2>{data && <span className="small muted" role="status">{data.phase === "replaying" ? en.rules.replaying(count(data.next_place), count(data.of)) : data.phase === "lost" ? en.rules.lostText : en.rules.following(count(data.payments), count(data.waiting))}</span>}</header>
      {data?.phase === "replaying" ? <div className="in"><progress value={data.next_place} max={Math.max(1, data.of)} aria-label={en.rules.progress} /></div> : data ? <Compared it={data} other={en.rules.shadowSide} /> : error ? <Failed error={error} again={reload} /> : <Shown of={seen}>{() => null}</Shown>}
    </section>
  );
}

/** Two sets of rules on the same payments. */
export function Compared({ it, other }: { it: Comparison; other: string }) {
  if (it.payments === 0) return <Nothing title={en.rules.nothingYet}>{en.rules.nothingYetHint}</Nothing>;
  const rows = [...it.typologies].sort((a, b) => b.counts.new + b.counts.gone - a.counts.new - a.counts.gone);
  return (
    <>
      <p className="in muted">{en.rules.same(count(it.same), count(it.payments))}</p>
      <div className="scroll" tabIndex={0} role="region" aria-label={en.rules.byTypology}>
        <table>
          <caption className="gone">{en.rules.byTypology}</caption>
          <thead><tr><th scope="col">{en.overview.rule}</th><th scope="col" className="num">{en.rules.alertsActive}</th><th scope="col" className="num">{other}</th><th scope="col" className="num">{en.rules.new}</th><th scope="col" className="num">{en.rules.gone}</th><th scope="col" className="num">{en.rules.both}</th><th scope="col" className="num">{en.rules.onlyActive}</th><th scope="col" className="num">{en.rules.onlyOther}</th></tr></thead>
          <tbody>
            {rows.length === 0 && <tr><td colSpan={8} className="muted">{en.rules.noneFired}</td></tr>}
            {rows.map(({ typology, title, counts }) => (
              <tr key={typology}><th scope="row"><span className="kind"><Glyph typology={typology} />{short(title, 40)}</span></th>{[counts.alerts_active, counts.alerts_shadow, counts.new, counts.gone, counts.fired_by_both, counts.fired_by_active, counts.fired_by_shadow].map((value, n) => <td key={n} className={value === 0 ? "num muted" : n === 2 || n === 3 ? "num differs" : "num"}>{count(value)}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      {it.actions.length > 0 && <ul className="list in">{it.actions.map((one) => <li key={`${one.active}-${one.shadow}`}>{en.rules.action(en.actions[one.active] ?? one.active, en.actions[one.shadow] ?? one.shadow, count(one.payments))}</li>)}</ul>}
      {it.examples.length > 0 && (
        <details className="in">
          <summary>{en.rules.examples(it.examples.length)}</summary>
          <div className="scroll" tabIndex={0} role="region" aria-label={en.rules.examples(it.examples.length)}>
            <table>
              <thead><tr><th scope="col">{en.table.payment}</th><th scope="col">{en.rules.activeSays}</th><th scope="col">{en.rules.otherSays}</th><th scope="col">{en.rules.reason}</th></tr></thead>
              <tbody>{it.examples.map((one) => <tr key={one.payment}><th scope="row" className="id">{short(one.payment, 24)}</th><td>{one.by_active.join(", ") || "–"} <span className="muted">{score(one.score_active)}</span></td><td>{one.by_shadow.join(", ") || "–"} <span className="muted">{score(one.score_shadow)}</span></td><td>{one.reason && <Text>{one.reason}</Text>}</td></tr>)}</tbody>
            </table>
          </div>
        </details>
      )}
    </>
  );
}
