// Payments that are held: the first to run out on top.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Hold, HoldPage } from "../api/types";
import { useEvents, useGet } from "../api/use";
import { en } from "../en";
import { ago, lasting, short } from "../format";
import { to } from "../router";
import { can, useSession } from "../session";
import { Dialog, Nothing, Shown, Time, useNow, useTitle } from "../ui/basics";
import { sayFailed } from "../ui/toast";

export default function Holds() {
  useTitle(en.holds.title);
  const [all, setAll] = useState(false);
  const page = useGet<HoldPage>(path(["holds"], { state: all ? null : "open", limit: 500 }));
  useEvents({ hold: page.reload, back: page.reload });
  return (
    <>
      <div className="head"><div className="grow"><h1>{en.holds.title}</h1><p className="muted">{en.holds.text}</p></div>
        <label><input type="checkbox" checked={all} onChange={() => setAll(!all)} /> {en.holds.showAll}</label></div>
      <div className="card">
        <Shown of={page}>
          {({ holds }) => holds.length === 0 ? <Nothing title={en.holds.none}>{en.holds.noneHint}</Nothing> : (
            <div className="scroll" tabIndex={0} role="region" aria-label={en.holds.title}>
              <table>
                <thead><tr><th scope="col">{en.holds.payment}</th><th scope="col">{en.holds.alert}</th><th scope="col">{en.holds.opened}</th><th scope="col">{en.holds.ends}</th><th scope="col">{en.holds.left}</th><th scope="col"><span className="gone">{en.columns.action}</span></th></tr></thead>
                <tbody>
                  {[...holds].sort((a, b) => Date.parse(a.ends_at) - Date.parse(b.ends_at)).map((hold) => (
                    <tr key={hold.payment}>
                      <th scope="row" className="id">{short(hold.payment, 30)}</th>
                      <td>{hold.alert ? <a className="id" href={to(["alerts", hold.alert])}>{short(hold.alert, 40)}</a> : <span className="muted">–</span>}</td>
                      <td><Time time={hold.opened_at} /></td><td><Time time={hold.ends_at} /></td>
                      <td>{hold.state === "open" ? <Left hold={hold} /> : <span className="muted">{en.holds[hold.state]}{hold.ended_by ? `, ${hold.ended_by === "time" ? en.holds.byTime : short(hold.ended_by, 30)}` : ""}</span>}</td>
                      <td className="num"><HoldActions hold={hold} done={page.reload} /></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Shown>
      </div>
    </>
  );
}

export function Left({ hold }: { hold: Hold }) {
  const now = useNow(1_000);
  const left = Date.parse(hold.ends_at) - now;
  return left > 0
    ? <span className={left < 3_600_000 ? "countdown" : ""} title={ago(hold.ends_at, now)}>{lasting(left)}</span>
    : <span className="muted">{en.holds.over}</span>;
}

export function HoldActions({ hold, done }: { hold: Hold; done: () => void }) {
  const session = useSession();
  const [asked, setAsked] = useState<"release" | "return" | null>(null);
  const [reason, setReason] = useState("");
  if (hold.state !== "open" || !can(session, "holds")) return null;
  const send = (): void => {
    post(path(["holds", hold.payment, "commands"]), { command: asked, reason: reason.trim() }).then(() => { setAsked(null); setReason(""); done(); }, sayFailed);
  };
  return (
    <span className="acts">
      <button type="button" className="button bare" onClick={() => setAsked("release")}>{en.holds.release}</button>
      <button type="button" className="button bare grave" onClick={() => setAsked("return")}>{en.holds.return_}</button>
      {asked && (
        <Dialog title={en.holds.what[asked]!} close={() => setAsked(null)}>
          <form className="stack" onSubmit={(event) => { event.preventDefault(); send(); }}>
            <p>{en.table.payment} <span className="id">{short(hold.payment, 40)}</span></p>
            <label className="field"><span>{en.holds.reason}</span><textarea autoFocus required rows={3} maxLength={8_000} value={reason} onChange={(event) => setReason(event.target.value)} /></label>
            <div className="ends"><button type="button" className="button" onClick={() => setAsked(null)}>{en.cases.cancel}</button><button type="submit" className="button main" disabled={!reason.trim()}>{en.cases.send}</button></div>
          </form>
        </Dialog>
      )}
    </span>
  );
}
