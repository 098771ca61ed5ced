// What a command asks for before it is given.
import { useMemo, useState } from "react";
import type { Alert, Case, Command, Outcome, Payment } from "../api/types";
import { en } from "../en";
import { at, money, short } from "../format";
import { useSession } from "../session";
import { Bones, Dialog } from "../ui/basics";
import { PersonField } from "./Assign";

export type Asked = "assign" | "wait" | "escalate" | "decide" | "approve" | "reject" | "reopen" | "due" | "link" | "join";

interface Props { asked: Asked; it: Case; alerts: readonly Alert[]; ready: boolean; send: (what: Command) => Promise<boolean>; close: () => void }

const TITLES: Record<Asked, string> = {
  assign: en.cases.assign, wait: en.cases.wait, escalate: en.cases.escalate, decide: en.cases.decide, approve: en.cases.approve,
  reject: en.cases.reject, reopen: en.cases.reopen, due: en.cases.due_, link: en.cases.link, join: en.cases.join,
};

/** `2026-01-31T09:00` of the analyst's clock, for a field. */
function local(time: string | null): string {
  const date = time ? new Date(time) : new Date(Date.now() + 86_400_000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
const instant = (text: string): string => new Date(text).toISOString();

export function CommandDialog({ asked, it, alerts, ready, send, close }: Props) {
  const session = useSession();
  const [who, setWho] = useState(it.assignee ?? session.user.name);
  const [reason, setReason] = useState("");
  const [when, setWhen] = useState(() => local(asked === "due" ? it.due : null));
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const payments = useMemo(() => {
    const all = new Map<string, Payment>();
    for (const alert of alerts) for (const payment of alert.evidence) all.set(payment.id, payment);
    return [...all.values()].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  }, [alerts]);
  const evidence = payments.filter(({ id }) => !without.has(id)).map(({ id }) => id);
  // As they were read, which may be older than what has come since: the decision rests on these.
  const shown = alerts.map(({ id, revision }) => ({ id, revision }));
  const made = (): Command | null => {
    switch (asked) {
      case "assign": return who.trim() ? { command: "assign", to: who.trim() } : null;
      case "wait": return reason.trim() && when ? { command: "wait", until: instant(when), reason: reason.trim() } : null;
      case "decide": return outcome && reason.trim() && ready ? { command: "decide", outcome, reason: reason.trim(), evidence, alerts: shown } : null;
      case "due": return { command: "due", at: when ? instant(when) : null };
      case "link": return text.trim() ? { command: "link", case: text.trim() } : null;
      case "join": { const ids = text.split(/[\s,]+/).filter(Boolean); return ids.length > 0 ? { command: "join", alerts: ids } : null; }
      case "escalate": case "approve": case "reject": case "reopen": return reason.trim() ? { command: asked, reason: reason.trim() } : null;
    }
  };
  const submit = async (): Promise<void> => {
    const what = made();
    if (!what) return;
    setBusy(true);
    if (await send(what)) close();
    else setBusy(false);
  };
  const reasonField = (
    <label className="field"><span>{en.cases.reason}</span>
      <textarea rows={4} required maxLength={8_000} autoFocus={asked !== "decide" && asked !== "wait"} value={reason} onChange={(event) => setReason(event.target.value)} aria-describedby="reason-hint"
        onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit(); }} />
      <span className="small muted" id="reason-hint">{en.cases.reasonHint}</span>
    </label>
  );
  return (
    <Dialog title={TITLES[asked].replace("…", "")} close={close}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        {asked === "assign" && <PersonField value={who} change={setWho} />}
        {(asked === "wait" || asked === "due") && (
          <label className="field"><span>{asked === "wait" ? en.cases.until : en.cases.at}</span>
            <input type="datetime-local" autoFocus required={asked === "wait"} value={when} onChange={(event) => setWhen(event.target.value)} />
          </label>
        )}
        {(asked === "link" || asked === "join") && (
          <label className="field"><span>{asked === "link" ? en.cases.caseId : en.cases.alertIds}</span><input autoFocus required maxLength={4_000} value={text} onChange={(event) => setText(event.target.value)} /></label>
        )}
        {asked === "decide" && (
          <fieldset className="choices">
            <legend>{en.cases.outcomeQuestion}</legend>
            <label><input type="radio" name="outcome" autoFocus checked={outcome === "report"} onChange={() => setOutcome("report")} /> {en.cases.report}</label>
            <label><input type="radio" name="outcome" checked={outcome === "no_report"} onChange={() => setOutcome("no_report")} /> {en.cases.noReport}</label>
          </fieldset>
        )}
        {!["assign", "due", "link", "join"].includes(asked) && reasonField}
        {asked === "decide" && (ready ? <Attached payments={payments} without={without} change={setWithout} count={evidence.length} /> : <Bones lines={3} />)}
        <div className="ends">
          {asked === "due" && it.due && <button type="button" className="button" onClick={() => void send({ command: "due", at: null }).then((sent) => { if (sent) close(); })}>{en.cases.noDue}</button>}
          <button type="button" className="button" onClick={close}>{en.cases.cancel}</button>
          <button type="submit" className="button main" disabled={busy || made() === null}>{en.cases.send}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Attached({ payments, without, change, count }: { payments: readonly Payment[]; without: ReadonlySet<string>; change: (next: ReadonlySet<string>) => void; count: number }) {
  const toggle = (id: string): void => {
    const next = new Set(without);
    if (!next.delete(id)) next.add(id);
    change(next);
  };
  return (
    <fieldset>
      <legend>{en.cases.attached}</legend>
      <p className="small">{en.cases.attachedText(count, payments.length)} <button type="button" className="plain small" onClick={() => change(new Set())}>{en.cases.all}</button>, <button type="button" className="plain small" onClick={() => change(new Set(payments.map(({ id }) => id)))}>{en.cases.noneOf}</button></p>
      <div className="ticked" tabIndex={0} role="region" aria-label={en.cases.attached}>
        {payments.slice(0, 500).map((payment) => (
          <label key={payment.id}><input type="checkbox" checked={!without.has(payment.id)} onChange={() => toggle(payment.id)} />
            <span className="nowrap muted">{at(payment.time)}</span><span className="token">{short(payment.debtor, 16)} → {short(payment.creditor, 16)}</span><b className="nowrap">{money(payment.amount, payment.currency)}</b></label>
        ))}
      </div>
    </fieldset>
  );
}
