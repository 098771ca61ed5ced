// How the whole goes: what comes in, what is decided, how right the rules are, what it costs the
// innocent.
import { lazy, Suspense, useMemo } from "react";
import { path } from "../api/client";
import type { HoldPage, Overview as Data } from "../api/types";
import { useEvents, useGet } from "../api/use";
import { en } from "../en";
import { ago, compact, count, percent, short } from "../format";
import { setQuery, to, usePlace } from "../router";
import { Bones, Shown, Time, useTitle } from "../ui/basics";
import { Glyph } from "../ui/glyph";
import { Health } from "./Health";
import { Left } from "./Holds";

const Chart = lazy(() => import("../ui/Chart"));
const hours = (value: number): string => (value < 1 ? `${Math.round(value * 60)} min` : value < 48 ? `${value.toFixed(1)} h` : `${(value / 24).toFixed(1)} d`);

export default function Overview() {
  useTitle(en.overview.title);
  const { query } = usePlace();
  const days = query.get("days") ?? "30";
  const it = useGet<Data>(path(["overview"], { days }));
  const holds = useGet<HoldPage>(path(["holds"], { state: "open", limit: 50 }));
  useEvents({ hold: holds.reload, back: it.reload });
  return (
    <div className="stack">
      <div className="head">
        <h1 className="grow">{en.overview.title}</h1>
        <div className="seg" role="group" aria-label={en.overview.days}>
          {["7", "30", "90", "365"].map((one) => <button key={one} type="button" aria-pressed={days === one} onClick={() => setQuery({ days: one === "30" ? null : one })}>{one} d</button>)}
        </div>
      </div>
      <Shown of={it} lines={12}>{(data) => <Loaded data={data} holds={holds.data} asked={Number(days)} />}</Shown>
    </div>
  );
}

const DAY = 86_400_000;

/** Every day that was asked for, also those on which nothing was: a line over a gap would say that something was. */
function everyDay(data: Data, asked: number): Data["per_day"] {
  const known = new Map(data.per_day.map((one) => [one.day, one]));
  const today = Math.floor(Date.now() / DAY) * DAY;
  const first = Math.min(today - (asked - 1) * DAY, ...data.per_day.map(({ day }) => Date.parse(day)));
  const days: Data["per_day"] = [];
  for (let at = first; at <= today; at += DAY) {
    const day = new Date(at).toISOString().slice(0, 10);
    days.push(known.get(day) ?? { day, payments: 0, alerts: 0, decided: 0 });
  }
  return days;
}

function Loaded({ data, holds, asked }: { data: Data; holds: HoldPage | undefined; asked: number }) {
  const tile = (value: string, text: string, small?: string) => <div><dt>{text}{small && <small>{small}</small>}</dt><dd>{value}</dd></div>;
  const times = data.time_to_decision_hours;
  const perDay = useMemo(() => everyDay(data, asked), [data, asked]);
  const days = useMemo(() => perDay.map(({ day }) => Date.parse(day) / 1000), [perDay]);
  const lines = useMemo(() => [
    { label: en.overview.alertsLine, values: perDay.map((one) => one.alerts), colour: "--flow", bars: true },
    { label: en.overview.decidedLine, values: perDay.map((one) => one.decided), colour: "--pick" },
  ], [perDay]);
  const paid = useMemo(() => [{ label: en.overview.paymentsLine, values: perDay.map((one) => one.payments), colour: "--context", bars: true }], [perDay]);
  const rules = [...data.per_typology].sort((a, b) => b.alerts - a.alerts);
  const running = [...(holds?.holds ?? [])].sort((a, b) => Date.parse(a.ends_at) - Date.parse(b.ends_at)).slice(0, 6);
  return (
    <>
      <dl className="tiles">
        {tile(compact(data.payments_total), en.overview.payments)}
        {tile(count(data.alerts_total), en.overview.alerts)}
        {tile(count(data.open), en.overview.open, data.oldest_open_time ? `${en.overview.oldest} ${ago(data.oldest_open_time)}` : undefined)}
        {tile(count(data.assigned + data.waiting + data.escalated), en.overview.inWork)}
        {tile(count(data.decided), en.overview.decided.toLowerCase(), `${count(data.reports)} ${en.overview.reports}`)}
        {tile(count(data.holds_open), en.overview.holds)}
        {tile(times ? hours(times.p50) : "–", en.overview.decisionTime, times ? en.overview.p(hours(times.p90)) : undefined)}
      </dl>
      <section className="card">
        <h2>{en.overview.perDay}</h2>
        {data.per_day.length > 0 ? <div className="charts"><Suspense fallback={<Bones />}><Chart days={days} lines={lines} label={en.overview.perDay} /><Chart days={days} lines={paid} label={en.overview.paidPerDay} high={130} /></Suspense></div> : <p className="in muted">{en.overview.nothingYet}</p>}
        <details className="in">
          <summary>{en.overview.table}</summary>
          <div className="scroll ticked" tabIndex={0} role="region" aria-label={en.overview.table}>
            <table><thead><tr><th scope="col">{en.overview.day}</th><th scope="col" className="num">{en.overview.paymentsLine}</th><th scope="col" className="num">{en.overview.alertsLine}</th><th scope="col" className="num">{en.overview.decidedLine}</th></tr></thead>
              <tbody>{data.per_day.map((one) => <tr key={one.day}><th scope="row">{one.day}</th><td className="num">{count(one.payments)}</td><td className="num">{count(one.alerts)}</td><td className="num">{count(one.decided)}</td></tr>)}</tbody></table>
          </div>
        </details>
      </section>
      <div className="two">
        <section className="card">
          <h2>{en.overview.byRule}</h2>
          <div className="scroll" tabIndex={0} role="region" aria-label={en.overview.byRule}>
            <table>
              <thead><tr><th scope="col">{en.overview.rule}</th><th scope="col" className="num">{en.overview.alertsLine}</th><th scope="col" className="num">{en.overview.decided}</th><th scope="col" className="num">{en.overview.reported}</th><th scope="col" className="num">{en.overview.precision}</th></tr></thead>
              <tbody>
                {rules.length === 0 && <tr><td colSpan={5} className="muted">{en.overview.nothingYet}</td></tr>}
                {rules.map((one) => (
                  <tr key={one.typology}>
                    <th scope="row"><span className="kind"><Glyph typology={one.typology} /><a href={to(["queue"], { typology: one.typology })}>{short(one.title, 40)}</a></span></th>
                    <td className="num">{count(one.alerts)}</td><td className="num">{count(one.decided)}</td><td className="num">{count(one.reports)}</td>
                    <td className="num">{one.precision === null ? <span className="muted">–</span> : <>{percent(one.precision)}<svg className="meter" viewBox="0 0 80 6" aria-hidden="true" preserveAspectRatio="none"><rect className="rail" width="80" height="6" /><rect className="fill" width={80 * one.precision} height="6" /></svg></>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
        <div className="stack">
          <section className="card">
            <h2>{en.overview.burden}</h2>
            <div className="in stack">
              <p className="muted small">{en.overview.burdenText}</p>
              <dl className="tiles">
                {tile(count(data.burden.accounts_alerted), en.overview.accountsAlerted)}{tile(count(data.burden.accounts_alerted_again), en.overview.again)}
                {tile(count(data.burden.innocent_accounts), en.overview.innocent)}{tile(count(Math.round(data.burden.hold_hours_innocent)), en.overview.hours)}
              </dl>
            </div>
          </section>
          <section className="card">
            <header><h2>{en.overview.running}</h2><a className="small" href="#/holds">{en.nav.holds}</a></header>
            <ul className="list in">
              {running.length === 0 && <li className="muted">{en.overview.noHolds}</li>}
              {running.map((hold) => <li key={hold.payment}>{hold.alert ? <a className="id grow" href={to(["alerts", hold.alert])}>{short(hold.payment, 24)}</a> : <span className="id grow">{short(hold.payment, 24)}</span>}<span className="muted"><Time time={hold.ends_at} /></span><Left hold={hold} /></li>)}
            </ul>
          </section>
          <Health />
        </div>
      </div>
    </>
  );
}
