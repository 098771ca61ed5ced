// The flow of money in linked views: lanes, network, table, timeline. What is chosen in one is
// chosen in all; the scrubber plays the payments in their order in all of them.
import { useVirtualizer } from "@tanstack/react-virtual";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import type { FlowPayment } from "../api/types";
import { en } from "../en";
import { amount, atSeconds, lasting, many, money, short } from "../format";
import { setQuery, usePlace } from "../router";
import { Bones, Nothing, Time, Token } from "../ui/basics";
import { useKeys } from "../ui/keys";
import { Lanes, NOTHING, type Pick } from "./Lanes";

const Network = lazy(() => import("./Network"));
const VIEWS = ["lanes", "network", "both", "table", "timeline"] as const;
export type View = (typeof VIEWS)[number];

interface Props {
  /** In order of time. */
  payments: readonly FlowPayment[];
  pick: Pick;
  choose: (pick: Pick) => void;
  /** Whether neighbours are shown too; nothing where that cannot be asked for. */
  hops?: boolean;
  setHops?: (hops: boolean) => void;
  /** Accounts whose neighbours are shown, and how to open or close one. */
  opened?: ReadonlySet<string>;
  open?: (account: string) => void;
  complete: boolean;
  loading: boolean;
}

const NONE: ReadonlySet<string> = new Set();

export function Flow({ payments, pick, choose, hops = false, setHops, opened = NONE, open, complete, loading }: Props) {
  const place = usePlace();
  const asked = place.query.get("view") as View | null;
  const view: View = asked && VIEWS.includes(asked) ? asked : "lanes";
  const setView = (next: View): void => setQuery({ view: next === "lanes" ? null : next });
  const [until, setUntil] = useState(payments.length);
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    setUntil(payments.length);
    setPlaying(false);
  }, [payments]);
  useEffect(() => {
    if (!playing) return;
    // The whole takes some twelve seconds, whatever its length; a payment at least 40 ms.
    const every = Math.max(40, Math.min(700, 12_000 / Math.max(1, payments.length)));
    const step = Math.max(1, Math.ceil((payments.length * every) / 12_000));
    const timer = setInterval(() => setUntil((n) => Math.min(payments.length, n + step)), every);
    return () => clearInterval(timer);
  }, [playing, payments.length]);
  useEffect(() => {
    if (playing && until >= payments.length) setPlaying(false);
  }, [playing, until, payments.length]);
  const play = (): void => {
    if (!playing && until >= payments.length) setUntil(0);
    setPlaying(!playing);
  };
  const only = pick.payments.size === 1 ? [...pick.payments][0] : undefined;
  const step = (by: number): void => {
    if (payments.length === 0) return;
    const at = payments.findIndex((payment) => payment.id === only);
    const next = at < 0 ? (by > 0 ? 0 : payments.length - 1) : Math.min(payments.length - 1, Math.max(0, at + by));
    choose({ payments: new Set([payments[next]!.id]), account: null });
  };
  useKeys({
    1: () => setView("lanes"), 2: () => setView("network"), 3: () => setView("both"), 4: () => setView("table"), 5: () => setView("timeline"),
    " ": play, n: () => step(1), p: () => step(-1), e: () => { if (pick.account !== null && !hops) open?.(pick.account); }, h: () => setHops?.(!hops), Escape: () => choose(NOTHING),
  });
  const names: Record<View, string> = { lanes: en.alert.lanes, network: en.alert.network, both: en.alert.both, table: en.alert.table, timeline: en.alert.timeline };
  const network = <Suspense fallback={<Bones />}><Network payments={payments} pick={pick} choose={choose} until={until} /></Suspense>;
  const lanes = <Lanes payments={payments} pick={pick} choose={choose} until={until} />;
  return (
    <section className="card" aria-label={en.alert.views}>
      <header>
        <div className="seg" role="group" aria-label={en.alert.views}>
          {VIEWS.map((one) => <button key={one} type="button" aria-pressed={view === one} onClick={() => setView(one)}>{names[one]}</button>)}
        </div>
        {setHops && <label className="small" title={en.alert.hopHint}><input type="checkbox" checked={hops} onChange={() => setHops(!hops)} /> {en.alert.hop}</label>}
        <span className="legend" aria-hidden="true">
          <span><i className="ev" />{en.alert.evidence}</span>
          {(hops || opened.size > 0) && <span><i className="cx" />{en.alert.context}</span>}
          {view !== "table" && view !== "timeline" && view !== "network" && <span><i className="re" />{en.alert.resting}</span>}
        </span>
        {loading && <span className="small muted" role="status">{en.loading}…</span>}
      </header>
      {!complete && <p className="note warn small">{en.alert.cutGraph}</p>}
      {payments.length === 0 ? <Nothing title={en.alert.noFlow}>{en.alert.noFlowHint}</Nothing> : (
        <>
          {view === "lanes" && lanes}
          {view === "network" && network}
          {view === "both" && <div className="both">{lanes}{network}</div>}
          {view === "table" && <PaymentTable payments={payments} pick={pick} choose={choose} until={until} />}
          {view === "timeline" && <Timeline payments={payments} pick={pick} choose={choose} until={until} />}
          <div className="scrub">
            <button type="button" className="button" onClick={play} aria-pressed={playing}>
              <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true"><path fill="currentColor" d={playing ? "M1 1h3v8H1zM6 1h3v8H6z" : "M1 0l9 5-9 5z"} /></svg>{playing ? en.alert.pause : en.alert.playing}
            </button>
            <input type="range" min={0} max={payments.length} value={until} aria-label={en.alert.scrubber}
              aria-valuetext={said(payments, until)} onChange={(event) => { setPlaying(false); setUntil(Number(event.target.value)); }} />
            <output>{said(payments, until)}</output>
          </div>
          <Picked payments={payments} pick={pick} choose={choose} opened={opened} {...(open && !hops ? { open } : {})} />
        </>
      )}
    </section>
  );
}

function said(payments: readonly FlowPayment[], until: number): string {
  if (until >= payments.length) return en.alert.all;
  return en.alert.at(until, payments.length, until > 0 ? atSeconds(payments[until - 1]!.time) : "–");
}

function Picked({ payments, pick, choose, opened, open }: Pick_ & { opened: ReadonlySet<string>; open?: (account: string) => void }) {
  const only = pick.payments.size === 1 ? payments.find((payment) => pick.payments.has(payment.id)) : undefined;
  const its = pick.account === null ? [] : payments.filter(({ debtor, creditor }) => debtor === pick.account || creditor === pick.account);
  return (
    <div className="picked" aria-live="polite">
      {only && (
        <>
          <Time time={only.time} seconds />
          <span><Token token={only.debtor} /> <span className="muted">{en.alert.paid}</span> <Token token={only.creditor} /></span>
          <b className="nowrap">{money(only.amount, only.currency)}</b>
          <span className="muted">{en.table.payment} <span className="id">{short(only.id, 40)}</span>, {only.in_evidence ? en.alert.evidence : en.alert.context}</span>
        </>
      )}
      {pick.payments.size > 1 && <span>{en.alert.behind(pick.payments.size)}</span>}
      {pick.account !== null && (
        <>
          <Token token={pick.account} />
          <span className="muted">{many(its.filter(({ debtor }) => debtor === pick.account).length, "payment", "payments")} {en.alert.out}, {its.filter(({ creditor }) => creditor === pick.account).length} {en.alert.in}</span>
          {open && <button type="button" className="button small" aria-pressed={opened.has(pick.account)} title={en.alert.openHint} onClick={() => open(pick.account!)}>{opened.has(pick.account) ? en.alert.closeHop : en.alert.openHop} <kbd>e</kbd></button>}
        </>
      )}
      {pick === NOTHING || (!only && pick.payments.size === 0 && pick.account === null)
        ? <span className="muted small">{en.alert.choose}</span>
        : <button type="button" className="button bare small" onClick={() => choose(NOTHING)}>{en.alert.clear} <kbd>esc</kbd></button>}
    </div>
  );
}

interface Pick_ { payments: readonly FlowPayment[]; pick: Pick; choose: (pick: Pick) => void; until?: number }

/** Rows up to which all are drawn; of more those in sight. */
const MOST_ROWS = 100;

interface Rows { box: React.RefObject<HTMLDivElement | null>; many: boolean; shown: number[]; before: number; after: number; measure: (element: Element | null) => void }

/** Which rows are drawn, the one to be shown among them. */
function useRows(count: number, high: number, at: number): Rows {
  const box = useRef<HTMLDivElement>(null);
  const many = count > MOST_ROWS;
  const virtual = useVirtualizer({ count, getScrollElement: () => box.current, estimateSize: () => high, overscan: 20, enabled: many });
  const items = virtual.getVirtualItems();
  useEffect(() => {
    if (at < 0) return;
    if (many) virtual.scrollToIndex(at, { align: "auto" });
    else box.current?.querySelector(`[data-index="${at}"]`)?.scrollIntoView({ block: "nearest" });
  }, [at, many, virtual]);
  const shown = useMemo(() => (many ? items.map(({ index }) => index) : Array.from({ length: count }, (_, n) => n)), [many, items, count]);
  return { box, many, shown, before: many ? (items[0]?.start ?? 0) : 0, after: many ? virtual.getTotalSize() - (items.at(-1)?.end ?? 0) : 0, measure: many ? virtual.measureElement : () => undefined };
}

const isHot = (payment: FlowPayment, pick: Pick): boolean => pick.payments.has(payment.id) || (pick.account !== null && (payment.debtor === pick.account || payment.creditor === pick.account));

export function PaymentTable({ payments, pick, choose, until = payments.length }: Pick_) {
  const shown = until < payments.length ? payments.slice(0, until) : payments;
  const only = pick.payments.size === 1 ? shown.findIndex(({ id }) => pick.payments.has(id)) : -1;
  const rows = useRows(shown.length, 33, only);
  return (
    <div className={rows.many ? "flowbox rows" : "flowbox"} ref={rows.box} tabIndex={0} role="region" aria-label={en.alert.table}>
      <table aria-rowcount={shown.length + 1}>
        <thead><tr aria-rowindex={1}><th className="num" scope="col">{en.table.n}</th><th scope="col">{en.table.time}</th><th scope="col">{en.table.debtor}</th><th scope="col">{en.table.creditor}</th><th className="num" scope="col">{en.table.amount}</th><th scope="col">{en.table.currency}</th><th scope="col">{en.table.payment}</th><th scope="col">{en.table.role}</th></tr></thead>
        <tbody>
          {rows.before > 0 && <tr aria-hidden="true"><td colSpan={8} style={{ height: rows.before, padding: 0 }} /></tr>}
          {rows.shown.map((n) => {
            const payment = shown[n]!;
            return (
              <tr key={n} ref={rows.measure} data-index={n} aria-rowindex={n + 2} className={isHot(payment, pick) ? "chosen" : ""}>
                <td className="num muted">{n + 1}</td>
                <td><Time time={payment.time} seconds /></td>
                <td><Token token={payment.debtor} /></td>
                <td><Token token={payment.creditor} /></td>
                <td className="num">{amount(payment.amount, payment.currency)}</td>
                <td className="muted">{payment.currency}</td>
                <td><button type="button" className="plain id" onClick={() => choose({ payments: new Set([payment.id]), account: null })}>{short(payment.id, 30)}</button></td>
                <td className="muted">{payment.in_evidence ? en.alert.evidence : en.alert.context}</td>
              </tr>
            );
          })}
          {rows.after > 0 && <tr aria-hidden="true"><td colSpan={8} style={{ height: rows.after, padding: 0 }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}

/** A payment, or the silence before one, in milliseconds. */
type Step = { n: number; gap: null } | { n: number; gap: number };

function Timeline({ payments, pick, choose, until = payments.length }: Pick_) {
  const usual = useMemo(() => {
    const gaps = payments.slice(1).map((payment, n) => Date.parse(payment.time) - Date.parse(payments[n]!.time)).sort((a, b) => a - b);
    return Math.max(3_600_000, (gaps[Math.floor(gaps.length / 2)] ?? 0) * 4);
  }, [payments]);
  const steps = useMemo(() => payments.slice(0, until).flatMap((payment, n): Step[] => {
    const gap = n > 0 ? Date.parse(payment.time) - Date.parse(payments[n - 1]!.time) : 0;
    return gap > usual ? [{ n, gap }, { n, gap: null }] : [{ n, gap: null }];
  }), [payments, until, usual]);
  const only = pick.payments.size === 1 ? steps.findIndex(({ n, gap }) => gap === null && pick.payments.has(payments[n]!.id)) : -1;
  const rows = useRows(steps.length, 26, only);
  return (
    <div className={rows.many ? "flowbox rows" : "flowbox"} ref={rows.box} tabIndex={0} role="region" aria-label={en.alert.timeline}>
      <ol className="timeline" style={{ paddingTop: rows.before || undefined, paddingBottom: rows.after || undefined }}>
        {rows.shown.map((at) => {
          const { n, gap } = steps[at]!;
          if (gap !== null) return <li key={at} ref={rows.measure} data-index={at} className="gap"><span /><span>{en.alert.silence(lasting(gap))}</span></li>;
          const payment = payments[n]!;
          return (
            <li key={at} ref={rows.measure} data-index={at} className={`${payment.in_evidence ? "" : "cx"} ${isHot(payment, pick) ? "chosen" : ""}`}>
              <Time time={payment.time} seconds />
              <span>
                <Token token={payment.debtor} /> <span className="muted">{en.alert.paid}</span> <Token token={payment.creditor} />{" "}
                <button type="button" className="value" onClick={() => choose({ payments: new Set([payment.id]), account: null })}>{money(payment.amount, payment.currency)}</button>
                {!payment.in_evidence && <span className="muted"> {en.alert.context}</span>}
              </span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
