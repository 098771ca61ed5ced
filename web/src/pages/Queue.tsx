// The queue: what to look at next. Its filters live in the address; rows come in pages and only
// those in sight are drawn; what is new is told of and never moves what one is reading.
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { get, path } from "../api/client";
import type { AlertHead, AlertPage, Overview } from "../api/types";
import { useEvents, useGet } from "../api/use";
import { en } from "../en";
import { ago, amount, compact, count, short } from "../format";
import { go, setQuery, to, usePlace } from "../router";
import { can, useSession } from "../session";
import { Bones, Failed, Nothing, Score, State, Suggested, Time, useTitle } from "../ui/basics";
import { Glyph } from "../ui/glyph";
import { useKeys } from "../ui/keys";
import { say, sayFailed } from "../ui/toast";
import { AssignDialog } from "./Assign";
import { take } from "../work";
import { Filters } from "./Filters";
import { DemoStrip, Start, useDemo } from "./Start";
import { remember } from "../trail";

const FILTERS = ["typology", "state", "min_score", "min_amount", "action", "assignee", "since", "until", "account", "q", "sort", "order"] as const;
const PAGE = 200;
/** What comes first where nothing is asked for; the service would begin with the newest. */
const DEFAULT_SORT = "score";

export function filtersOf(query: URLSearchParams): Record<string, string> {
  const filters: Record<string, string> = {};
  for (const name of FILTERS) {
    const value = query.get(name);
    if (value) filters[name] = value;
  }
  return filters;
}

export function Queue() {
  useTitle(en.queue.title);
  const { query } = usePlace();
  const session = useSession();
  const filters = filtersOf(query);
  const key = JSON.stringify(filters);
  const overview = useGet<Overview>(path(["overview"], { days: 30 }));
  const [rows, setRows] = useState<AlertHead[]>([]);
  const [page, setPage] = useState<{ next: string | null; total: number; loading: boolean; error: unknown }>({ next: null, total: 0, loading: true, error: null });
  const [fresh, setFresh] = useState<Set<string>>(new Set());
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [at, setAt] = useState(0);
  const [turn, setTurn] = useState(0);
  const [assigning, setAssigning] = useState(false);
  const grid = useRef<HTMLDivElement>(null);
  const busy = useRef<AbortController | null>(null);

  const load = useCallback((cursor: string | null, sofar: number) => {
    busy.current?.abort();
    const stop = new AbortController();
    busy.current = stop;
    setPage((old) => ({ ...old, loading: true, error: null }));
    get<AlertPage>(path(["alerts"], { sort: DEFAULT_SORT, ...(JSON.parse(key) as Record<string, string>), limit: sofar === 0 ? 100 : PAGE, cursor }), stop.signal).then(
      (got) => {
        setRows((old) => {
          if (sofar === 0) return got.alerts;
          const known = new Set(old.map(({ id }) => id));
          return [...old, ...got.alerts.filter(({ id }) => !known.has(id))];
        });
        setPage({ next: got.next_cursor, total: got.total, loading: false, error: null });
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setPage((old) => ({ ...old, loading: false, error }));
      },
    );
  }, [key]);
  useEffect(() => {
    setFresh(new Set());
    load(null, 0);
    return () => busy.current?.abort();
  }, [load, turn]);
  useEffect(() => {
    setAt(0);
    setChosen(new Set());
    grid.current?.scrollTo({ top: 0 });
  }, [key]);
  useEffect(() => remember(rows.map(({ id }) => id), location.hash), [rows]);

  const index = useMemo(() => new Map(rows.map((row, n) => [row.id, n])), [rows]);
  const seen = useRef(index);
  seen.current = index;
  useEvents({
    alert: (alert) => {
      const n = seen.current.get(alert.id);
      if (n === undefined) setFresh((old) => (matches(alert, filters) ? new Set(old).add(alert.id) : old));
      else setRows((old) => old.map((row, m) => (m === n && row.id === alert.id ? alert : row)));
    },
    back: () => setTurn((n) => n + 1),
  });

  const narrow = matchMedia("(max-width: 820px)").matches;
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => grid.current, estimateSize: () => (narrow ? 62 : 34), overscan: 12 });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (page.next && !page.loading && !page.error && last > rows.length - 60) load(page.next, rows.length);
  }, [last, rows.length, page, load]);

  const move = (next: number): void => {
    const n = Math.max(0, Math.min(rows.length - 1, next));
    setAt(n);
    virtual.scrollToIndex(n, { align: "auto" });
  };
  const toggle = useCallback((id: string): void => setChosen((old) => {
    const now = new Set(old);
    if (!now.delete(id)) now.add(id);
    return now;
  }), []);
  const works = can(session, "work");
  const takeOne = (): void => {
    const row = rows[at];
    if (!row || !works) return;
    if (chosen.size > 0) setAssigning(true);
    else take(row, session.user.name).then(() => say(en.queue.taken), sayFailed);
  };
  const refresh = (): void => {
    setTurn((n) => n + 1);
    overview.reload();
    grid.current?.scrollTo({ top: 0 });
    setAt(0);
  };
  useKeys({
    j: () => move(at + 1), k: () => move(at - 1), ArrowDown: () => move(at + 1), ArrowUp: () => move(at - 1), Home: () => move(0), End: () => move(rows.length - 1),
    PageDown: () => move(at + 20), PageUp: () => move(at - 20),
    Enter: () => { const row = rows[at]; if (row) go(to(["alerts", row.id])); },
    o: () => { const row = rows[at]; if (row) go(to(["alerts", row.id])); },
    x: () => { const row = rows[at]; if (row && works) toggle(row.id); },
    a: takeOne, r: refresh, Escape: () => setChosen(new Set()),
  });

  const demo = useDemo(refresh);
  if (overview.data && overview.data.alerts_total === 0 && rows.length === 0 && !page.loading && Object.keys(filters).length === 0 && !page.error) {
    return <><DemoStrip demo={demo} /><Start overview={overview.data} demo={demo} moved={refresh} /></>;
  }
  const sort = filters["sort"] ?? DEFAULT_SORT;
  const order = filters["order"] ?? "desc";
  const sorter = (name: string, label: string) => (
    <button type="button" aria-label={`${en.queue.sortBy(label)}${sort === name ? `, ${order === "desc" ? en.queue.descending : en.queue.ascending}` : ""}`}
      onClick={() => setQuery({ sort: name === DEFAULT_SORT ? null : name, order: sort === name && order === "desc" ? "asc" : null })}>
      {label}{sort === name ? (order === "desc" ? " ↓" : " ↑") : ""}
    </button>
  );
  return (
    <>
      <h1 className="gone">{en.queue.title}</h1>
      <DemoStrip demo={demo} />
      <Glance overview={overview.data} />
      <div className="card queue">
        <Filters filters={filters} />
        {fresh.size > 0 && <button type="button" className="fresh" onClick={refresh} aria-live="polite">{en.queue.fresh(fresh.size)} <kbd>r</kbd></button>}
        <div className="grid" ref={grid} role="grid" aria-label={en.queue.title} aria-rowcount={page.total + 1} tabIndex={0} aria-activedescendant={rows[at] ? `row-${at}` : undefined} aria-busy={page.loading}>
          <div className="line top" role="row" aria-rowindex={1}>
            <span role="columnheader"><span className="gone">{en.columns.select}</span></span><span role="columnheader">{en.columns.alert}</span>
            <span role="columnheader" aria-sort={sort === "score" ? (order === "desc" ? "descending" : "ascending") : "none"}>{sorter("score", en.columns.score)}</span>
            <span role="columnheader" className="num" aria-sort={sort === "amount" ? (order === "desc" ? "descending" : "ascending") : "none"}>{sorter("amount", en.columns.amount)}</span>
            <span role="columnheader" className="num" title={en.columnHints.payments}>{en.columns.payments}</span><span role="columnheader" className="num" title={en.columnHints.accounts}>{en.columns.accounts}</span>
            <span role="columnheader">{en.columns.account}</span><span role="columnheader">{en.columns.state}</span><span role="columnheader">{en.columns.assignee}</span>
            <span role="columnheader" className="num" aria-sort={sort === "time" ? (order === "desc" ? "descending" : "ascending") : "none"}>{sorter("time", en.columns.age)}</span>
          </div>
          {rows.length === 0 && (
            <div role="row"><div role="gridcell">
              {page.loading ? <Bones lines={10} /> : page.error ? <Failed error={page.error} again={refresh} /> : (
                <Nothing title={en.queue.none}><p>{en.queue.noneHint}</p><button type="button" className="button" onClick={() => go("#/queue")}>{en.queue.clear}</button></Nothing>
              )}
            </div></div>
          )}
          <div className="body" style={{ height: virtual.getTotalSize() }} role="rowgroup">
            {items.map((item) => {
              const row = rows[item.index]!;
              return (
                <Line key={row.id} row={row} n={item.index} start={item.start} at={item.index === at} marked={chosen.has(row.id)} toggle={works ? toggle : null} setAt={setAt} />
              );
            })}
          </div>
        </div>
        <div className={chosen.size > 0 ? "foot bulk" : "foot"}>
          {chosen.size > 0 ? (
            <>
              <b>{en.queue.chosen(chosen.size)}</b>
              <button type="button" className="button" onClick={() => setAssigning(true)}>{en.queue.assign}… <kbd>a</kbd></button>
              <button type="button" className="button bare" onClick={() => setChosen(new Set())}>{en.queue.unchoose} <kbd>esc</kbd></button>
            </>
          ) : <span className="grow">{en.queue.hint}</span>}
          <span>{page.loading && rows.length > 0 ? `${en.loading}… ` : ""}{en.queue.loaded(rows.length, page.total)}</span>
        </div>
      </div>
      {assigning && <AssignDialog alerts={rows.filter(({ id }) => chosen.has(id))} close={() => setAssigning(false)} done={() => { setChosen(new Set()); overview.reload(); }} />}
    </>
  );
}

interface LineProps { row: AlertHead; n: number; start: number; at: boolean; marked: boolean; toggle: ((id: string) => void) | null; setAt: (n: number) => void }

const Line = memo(function Line({ row, n, start, at, marked, toggle, setAt }: LineProps) {
  const first = row.accounts[0];
  return (
    <div id={`row-${n}`} className={`line${at ? " at" : ""}${marked ? " marked" : ""}${row.state === "decided" ? " done" : ""}`} role="row" aria-rowindex={n + 2} aria-selected={marked}
      style={{ transform: `translateY(${start}px)` }} onClick={() => setAt(n)} onDoubleClick={() => go(to(["alerts", row.id]))}>
      <span role="gridcell">{toggle && <input type="checkbox" checked={marked} aria-label={en.queue.chooseRow(short(row.id, 40))} onChange={() => toggle(row.id)} />}</span>
      <span role="gridcell" className="kind"><Glyph typology={row.typology} /><a className="go cut" href={to(["alerts", row.id])} title={short(row.id, 200)}><bdi>{short(row.title, 60)}</bdi></a><Suggested action={row.action} /></span>
      <span role="gridcell"><Score value={row.score} /></span>
      <span role="gridcell" className="num">{amount(row.amount, row.currency)} <span className="muted xs">{row.currency}</span></span>
      <span role="gridcell" className="num">{count(row.payment_count)}</span>
      <span role="gridcell" className="num">{count(row.accounts.length)}</span>
      <span role="gridcell" className="token" dir="ltr">{first === undefined ? "" : short(first, 24)}{row.accounts.length > 1 && <span className="muted"> {en.queue.others(row.accounts.length - 1)}</span>}</span>
      <span role="gridcell"><State state={row.state} outcome={row.outcome} /></span>
      <span role="gridcell" className="cut">{row.assignee ? <bdi>{short(row.assignee, 30)}</bdi> : <span className="muted">–</span>}</span>
      <span role="gridcell" className="num muted"><Time time={row.raised_at} age /></span>
    </div>
  );
});

/** Whether a new alert belongs to what is shown, as far as the desk can tell. */
function matches(alert: AlertHead, filters: Record<string, string>): boolean {
  const among = (name: string, value: string | null): boolean => !filters[name] || filters[name].split(",").includes(value ?? "");
  return among("typology", alert.typology) && among("state", alert.state) && among("action", alert.action) && among("assignee", alert.assignee)
    && alert.score >= Number(filters["min_score"] ?? 0) && alert.amount >= Number(filters["min_amount"] ?? 0)
    && (!filters["account"] || alert.accounts.includes(filters["account"])) && !filters["q"] && !filters["until"];
}

function Glance({ overview }: { overview: Overview | undefined }) {
  const its = overview;
  const part = (value: string | undefined, text: string, href: string) => <a href={href}><b>{value ?? "–"}</b>{text}</a>;
  return (
    <div className="glance head">
      {part(its && count(its.open), en.queue.open, to(["queue"], { state: "open" }))}
      {part(its && count(its.assigned), en.queue.assigned, to(["queue"], { state: "assigned" }))}
      {part(its && count(its.waiting), en.queue.waiting, to(["queue"], { state: "waiting" }))}
      {part(its && count(its.escalated), en.queue.escalated, to(["queue"], { state: "escalated" }))}
      {part(its && count(its.holds_open), en.queue.holds, to(["holds"]))}
      {part(its?.oldest_open_time ? ago(its.oldest_open_time) : undefined, en.queue.oldest, to(["queue"], { state: "open", sort: "time", order: "asc" }))}
      {part(its && compact(its.burden.innocent_accounts), en.queue.innocent, to(["overview"]))}
      {part(its && compact(its.burden.accounts_alerted_again), en.queue.again, to(["overview"]))}
    </div>
  );
}

