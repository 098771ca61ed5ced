// The case file: all that was seen and said, on paper.
import { useEffect } from "react";
import { path } from "../api/client";
import type { Alert, Case, FlowPayment } from "../api/types";
import { useGet } from "../api/use";
import { en } from "../en";
import { atSeconds, money, percent, score, short, utc, visible, zoneName } from "../format";
import { Lanes } from "../flow/Lanes";
import { inOrder } from "../flow/picture";
import { narrative } from "../narrative";
import { to } from "../router";
import { stored } from "../theme";
import { Bones, Failed, Shown, State, Time, useTitle } from "../ui/basics";
import { Log, Looks, RestsOn } from "./Case";
import { useAlerts } from "./useAlerts";

export default function CaseFile({ id }: { id: string }) {
  useTitle(en.file.title(short(id, 40)));
  const it = useGet<Case>(path(["cases", id]));
  return <Shown of={it}>{(data) => <File it={data} />}</Shown>;
}

function File({ it }: { it: Case }) {
  const { alerts, done, error } = useAlerts(it.alerts.map((alert) => alert.id));
  useEffect(() => { document.title = it.id; }, [it.id]);
  return (
    <article className="paper">
      <div className="head acts">
        <a className="button" href={to(["cases", it.id])}>{en.file.back}</a>
        <button type="button" className="button main" disabled={!done} onClick={() => print()}>{en.file.print}</button>
        {!done && <span role="status" className="muted">{en.file.loading}… {alerts.length}/{it.alerts.length}</span>}
      </div>
      <header>
        <h1>{en.file.title(it.id)}</h1>
        <p className="wrap"><bdi>{short(it.title, 300)}</bdi></p>
        <p className="small muted">{en.file.made(`${atSeconds(new Date().toISOString())} (${utc(new Date().toISOString())})`, zoneName)}{it.decision && it.decision.evidence.length > 0 && ` ${en.file.attachedMark}`}</p>
      </header>
      <dl className="facts">
        <dt>{en.file.state}</dt><dd><State state={it.state} outcome={it.outcome} /></dd>
        <dt>{en.file.assignee}</dt><dd><bdi>{short(it.assignee ?? "–", 60)}</bdi></dd>
        <dt>{en.file.opened}</dt><dd><bdi>{short(it.opened_by, 60)}</bdi>, <Time time={it.opened_at} seconds /></dd>
        {it.due && <><dt>{en.file.due}</dt><dd><Time time={it.due} /></dd></>}
      </dl>
      <section>
        <h2>{en.cases.decision}</h2>
        {it.decision ? (
          <>
            <p><b>{en.outcomes[it.decision.outcome]}</b>. <bdi className="wrap">{visible(it.decision.reason)}</bdi></p>
            <p className="small muted"><bdi>{short(it.decision.by, 60)}</bdi>, <Time time={it.decision.at} seconds />. {en.cases.evidence(it.decision.evidence.length)}.{it.decision.approved_by && ` ${en.cases.approvedBy(short(it.decision.approved_by, 60), it.decision.approved_at ? atSeconds(it.decision.approved_at) : "")}.`}</p>
          </>
        ) : <p className="muted">{en.file.noDecision}</p>}
        <RestsOn it={it} />
      </section>
      {error !== null && <Failed error={error} />}
      {!done && <Bones />}
      {done && <section><h2>{en.cases.narrative}</h2><pre dir="auto">{visible(stored(`narrative ${it.id}`) || narrative(it, alerts))}</pre></section>}
      {alerts.map((alert) => <AlertPaper key={alert.id} alert={alert} attached={new Set(it.decision?.evidence ?? [])} />)}
      <section><h2>{en.cases.log}</h2><Log it={it} /><Looks it={it} /></section>
    </article>
  );
}

function AlertPaper({ alert, attached }: { alert: Alert; attached: ReadonlySet<string> }) {
  const payments = inOrder(alert.evidence.map((payment): FlowPayment => ({ ...payment, in_evidence: true })));
  return (
    <section className="stack">
      <h2>{short(alert.title, 60)}, {money(alert.amount, alert.currency)}, {en.alert.payments(alert.payment_count)}, {en.alert.score.toLowerCase()} {score(alert.score)} <span className="id muted small">{short(alert.id, 60)}</span></h2>
      {payments.length > 0 && <figure><Lanes payments={payments} width={940} /></figure>}
      <ul>{alert.rules.map((rule, n) => <li key={n} className="wrap"><bdi>{short(rule.reason, 1_000)}</bdi> <span className="muted small">(<bdi>{short(rule.title, 60)}</bdi>, {en.alert.share(percent(rule.share))})</span></li>)}</ul>
      <div className="scroll" tabIndex={0} role="region" aria-label={`${en.file.payments} ${short(alert.id, 60)}`}><table className="small">
        <thead><tr><th className="num" scope="col">{en.table.n}</th><th scope="col">{en.table.time}</th><th scope="col">{en.table.debtor}</th><th scope="col">{en.table.creditor}</th><th className="num" scope="col">{en.table.amount}</th><th scope="col">{en.table.payment}</th></tr></thead>
        <tbody>
          {payments.map((payment, n) => (
            <tr key={payment.id}><td className="num">{n + 1}</td><td className="nowrap">{utc(payment.time)}</td><td className="token">{short(payment.debtor, 24)}</td><td className="token">{short(payment.creditor, 24)}</td><td className="num">{money(payment.amount, payment.currency)}</td><td className="id">{short(payment.id, 30)}{attached.has(payment.id) ? " •" : ""}</td></tr>
          ))}
        </tbody>
      </table></div>
    </section>
  );
}
