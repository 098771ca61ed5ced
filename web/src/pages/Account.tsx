// An account: its own history in the window, its alerts, and its number for those who must know.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Account as Data, Unmasked } from "../api/types";
import { useGet } from "../api/use";
import { en } from "../en";
import { compact, money, short } from "../format";
import { to } from "../router";
import { can, useSession } from "../session";
import { Dialog, Nothing, Score, Shown, State, Time, Token, useNow, useTitle } from "../ui/basics";
import { Glyph } from "../ui/glyph";
import { sayFailed } from "../ui/toast";
import { Spark } from "./Alert";

export default function Account({ token }: { token: string }) {
  useTitle(`${en.account.title} ${short(token, 24)}`);
  const it = useGet<Data>(path(["accounts", token]));
  return <Shown of={it}>{(data) => <Loaded it={data} />}</Shown>;
}

function Loaded({ it }: { it: Data }) {
  const currency = it.payments[0]?.currency ?? it.alerts[0]?.currency ?? "";
  return (
    <>
      <div className="head">
        <div className="grow"><h1 className="token-h">{en.account.title} <span className="token" dir="ltr">{short(it.token, 40)}</span></h1><p className="muted">{en.account.own}</p></div>
        <div className="acts"><Unmask it={it} /><a className="button" href={to(["queue"], { account: it.token })}>{en.account.queue}</a></div>
      </div>
      <div className="stack">
        <dl className="tiles">
          <div><dt>{en.account.sent}<small>{currency}, {en.alert.payments(it.sent.count)}, {en.account.counterparties(it.sent.counterparties)}</small></dt><dd>{compact(it.sent.amount)}</dd></div>
          <div><dt>{en.account.received}<small>{currency}, {en.alert.payments(it.received.count)}, {en.account.counterparties(it.received.counterparties)}</small></dt><dd>{compact(it.received.amount)}</dd></div>
          <div><dt>{en.account.first}</dt><dd className="when-dd"><Time time={it.first_time} /></dd></div>
          <div><dt>{en.account.last}</dt><dd className="when-dd"><Time time={it.last_time} /></dd></div>
        </dl>
        <section className="card">
          <header><h2>{en.account.days}</h2><span className="legend" aria-hidden="true"><span><i className="in-key" />{en.account.received}</span><span><i className="ev" />{en.account.sent}</span></span></header>
          <div className="in">{it.days.length > 0 ? <Spark account={it} tall /> : <p className="muted">{en.account.noPayments}</p>}</div>
        </section>
        <div className="two">
          <section className="card">
            <h2>{en.account.alerts}</h2>
            {it.alerts.length === 0 ? <Nothing title={en.account.none} /> : (
              <div className="scroll" tabIndex={0} role="region" aria-label={en.account.alerts}><table><tbody>
                {it.alerts.map((one) => <tr key={one.id}><th scope="row"><span className="kind"><Glyph typology={one.typology} /><a href={to(["alerts", one.id])}><bdi>{short(one.title, 40)}</bdi></a></span></th><td><Score value={one.score} /></td><td className="num">{money(one.amount, one.currency)}</td><td><Time time={one.raised_at} age /></td><td><State state={one.state} outcome={one.outcome} /></td></tr>)}
              </tbody></table></div>
            )}
          </section>
          <section className="card">
            <h2>{en.account.payments}</h2>
            {it.payments.length === 0 ? <Nothing title={en.account.noPayments} /> : (
              <div className="scroll tall" tabIndex={0} role="region" aria-label={en.account.payments}><table>
                <thead><tr><th scope="col">{en.table.time}</th><th scope="col">{en.account.direction}</th><th scope="col">{en.account.title}</th><th scope="col" className="num">{en.table.amount}</th></tr></thead>
                <tbody>{it.payments.map((one) => { const out = one.debtor === it.token; return <tr key={one.id}><td><Time time={one.time} /></td><td className="muted nowrap">{out ? en.account.out : en.account.in}</td><td><Token token={out ? one.creditor : one.debtor} /></td><td className="num">{money(one.amount, one.currency)}</td></tr>; })}</tbody>
              </table></div>
            )}
          </section>
        </div>
      </div>
    </>
  );
}

function Unmask({ it }: { it: Data }) {
  const session = useSession();
  const [asking, setAsking] = useState(false);
  const [shown, setShown] = useState<Unmasked | null>(null);
  if (!can(session, "unmask")) return null;
  return (
    <>
      {shown ? <Number it={shown} hide={() => setShown(null)} /> : <button type="button" className="button" onClick={() => setAsking(true)}>{en.account.unmask}</button>}
      {asking && <UnmaskDialog it={it} close={() => setAsking(false)} done={(got) => { setShown(got); setAsking(false); }} />}
    </>
  );
}

/** The number with its countdown; at the end it is gone from the page and from memory. */
function Number({ it, hide }: { it: Unmasked; hide: () => void }) {
  const now = useNow(500);
  const left = Math.ceil((Date.parse(it.expires) - now) / 1000);
  if (left <= 0) {
    queueMicrotask(hide);
    return null;
  }
  return (
    <span className="acts" role="status">
      <span className="muted">{en.unmask.number}</span> <span className="number" dir="ltr">{short(it.account, 80)}</span>
      <span className="countdown" aria-live="off">{en.unmask.left(left)}</span>
      <button type="button" className="button" onClick={hide}>{en.unmask.hide}</button>
    </span>
  );
}

function UnmaskDialog({ it, close, done }: { it: Data; close: () => void; done: (got: Unmasked) => void }) {
  const listed = [...new Set(it.alerts.map((one) => one.case).filter((one) => one !== null))];
  const [chosen, setChosen] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const its = chosen ?? listed[0] ?? "";
  const send = (): void => {
    post<Unmasked>(path(["unmask"]), { account: it.token, case: its, reason: reason.trim() }).then(done, sayFailed);
  };
  return (
    <Dialog title={en.unmask.title} close={close}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); send(); }}>
        <p>{en.unmask.text}</p>
        {listed.length === 0 ? <p className="note warn">{en.unmask.none}</p> : (
          <>
            <label className="field"><span>{en.unmask.case}</span><select value={its} onChange={(event) => setChosen(event.target.value)}>{listed.map((one) => <option key={one} value={one}>{one}</option>)}</select></label>
            <label className="field"><span>{en.unmask.reason}</span><textarea autoFocus required rows={3} maxLength={2_000} value={reason} onChange={(event) => setReason(event.target.value)} /></label>
          </>
        )}
        <div className="ends"><button type="button" className="button" onClick={close}>{en.cases.cancel}</button><button type="submit" className="button main" disabled={!reason.trim() || !its}>{en.unmask.show}</button></div>
      </form>
    </Dialog>
  );
}
