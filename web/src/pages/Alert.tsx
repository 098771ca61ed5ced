// One alert on one screen: what happened and in which order, why it is suspicious, what would be
// innocent, and what was decided before.
import { useMemo, useState } from "react";
import { path } from "../api/client";
import type { Account, Alert, FlowPayment, Payment, RuleHit, Typology } from "../api/types";
import { useEvents, useGet } from "../api/use";
import { en } from "../en";
import { compact, count, lasting, many, money, percent, score, short } from "../format";
import { Flow } from "../flow/Flow";
import { NOTHING, type Pick } from "../flow/Lanes";
import { useNeighbours } from "../flow/neighbours";
import { inOrder } from "../flow/picture";
import { go, parse, to } from "../router";
import { can, useSession } from "../session";
import { beside, listHash } from "../trail";
import { Score, Shown, State, Suggested, Text, Time, Token, useTitle } from "../ui/basics";
import { Glyph } from "../ui/glyph";
import { useKeys } from "../ui/keys";
import { say, sayFailed } from "../ui/toast";
import { openCase, take } from "../work";
import { AssignDialog } from "./Assign";
import { typologiesOf, type TypologyList } from "./Filters";
import { sentence } from "./sentence";

export function AlertScreen({ id }: { id: string }) {
  const alert = useGet<Alert>(path(["alerts", id]));
  useTitle(alert.data ? `${short(alert.data.title, 60)} ${short(id, 40)}` : short(id, 40));
  useEvents({
    // A new revision, or somebody's work on it.
    alert: (changed) => { if (changed.id === id) alert.reload(); },
    back: alert.reload,
  });
  return <Shown of={alert} lines={10}>{(data) => <Loaded key={id} alert={data} reload={alert.reload} />}</Shown>;
}

function Loaded({ alert, reload }: { alert: Alert; reload: () => void }) {
  const session = useSession();
  const works = can(session, "work");
  const [pick, setPick] = useState<Pick>(NOTHING);
  const [assigning, setAssigning] = useState(false);
  const evidence = useMemo(() => inOrder(alert.evidence.map((payment): FlowPayment => ({ ...payment, in_evidence: true }))), [alert.evidence]);
  const its = useMemo(() => [alert], [alert]);
  const near = useNeighbours(evidence, its);
  const around = beside(alert.id);
  const view = parse(location.hash).query.get("view");
  const move = (other: string | null): void => { if (other) go(to(["alerts", other], { view })); };
  const takeIt = (): void => {
    if (works) take(alert, session.user.name).then(() => { say(en.queue.taken); reload(); }, sayFailed);
  };
  const toCase = async (decide: boolean): Promise<void> => {
    const its = alert.case ?? (await openCase([alert.id])).id;
    go(to(["cases", its], decide ? { do: "decide" } : {}));
  };
  const decide = (): void => { if (works) toCase(true).catch(sayFailed); };
  useKeys({
    j: () => move(around.next), k: () => move(around.previous), u: () => go(listHash()), a: takeIt, d: decide,
    c: () => { if (works || alert.case) toCase(false).catch(sayFailed); },
  });
  const span = Date.parse(alert.last_time) - Date.parse(alert.first_time);
  return (
    <>
      <div className="head">
        <div className="grow">
          <div className="title">
            <Glyph typology={alert.typology} />
            <h1><Text most={90}>{alert.title}</Text></h1>
            <Score value={alert.score} /><State state={alert.state} outcome={alert.outcome} /><Suggested action={alert.action} />
          </div>
          <p className="sub">
            <b className="nowrap">{money(alert.amount, alert.currency)}</b>
            <span>{en.alert.payments(alert.payment_count)}</span><span>{en.alert.accounts(alert.accounts.length)}</span>
            <span><Time time={alert.first_time} />{span > 0 && <> – <Time time={alert.last_time} />, {lasting(span)}</>}</span>
            {alert.assignee && <span>{en.columns.assignee.toLowerCase()} <bdi>{short(alert.assignee, 40)}</bdi></span>}
            <span className="id small">{short(alert.id, 60)}</span>
          </p>
        </div>
        <div className="acts">
          <a className="button bare" href={listHash()}>{en.alert.back} <kbd>u</kbd></a>
          <button type="button" className="button bare" disabled={!around.previous} onClick={() => move(around.previous)}>{en.alert.previous} <kbd>k</kbd></button>
          <button type="button" className="button bare" disabled={!around.next} onClick={() => move(around.next)}>{en.alert.next} <kbd>j</kbd></button>
          {works && alert.state !== "decided" && alert.state !== "proposed" && alert.assignee !== session.user.name && <button type="button" className="button" onClick={takeIt}>{en.alert.take} <kbd>a</kbd></button>}
          {works && alert.state !== "decided" && alert.state !== "proposed" && <button type="button" className="button" onClick={() => setAssigning(true)}>{en.alert.assignTo}</button>}
          {alert.case ? <a className="button" href={to(["cases", alert.case])}>{en.alert.toCase(short(alert.case, 16))} <kbd>c</kbd></a> : works && <button type="button" className="button" onClick={() => void toCase(false).catch(sayFailed)}>{en.alert.open} <kbd>c</kbd></button>}
          {works && alert.state !== "decided" && alert.state !== "proposed" && <button type="button" className="button main" onClick={decide}>{en.alert.decide} <kbd>d</kbd></button>}
        </div>
      </div>
      <div className="alert">
        <div className="stack">
          <Flow pick={pick} choose={setPick} {...near} />
          {!alert.evidence_is_complete && <p className="note warn">{en.alert.incomplete}</p>}
          <Before alert={alert} />
        </div>
        <div className="stack">
          <Why alert={alert} evidence={evidence} pick={pick} choose={setPick} />
          <Usual alert={alert} evidence={evidence} />
          <Revisions alert={alert} choose={setPick} />
        </div>
      </div>
      {assigning && <AssignDialog alerts={[alert]} close={() => setAssigning(false)} done={reload} />}
    </>
  );
}

/** Rules that are shown at once; the innocent explanation below must be in sight too. */
const FIRST = 3;

interface WhyProps { alert: Alert; evidence: readonly Payment[]; pick: Pick; choose: (pick: Pick) => void }

function Why({ alert, evidence, pick, choose }: WhyProps) {
  const [all, setAll] = useState(false);
  const typologies = typologiesOf(useGet<TypologyList>(path(["typologies"])).data);
  const rules = alert.rules.length > 0 ? alert.rules : alert.reasons.map((reason): RuleHit => ({ typology: alert.typology, title: alert.title, score: alert.score, share: 0, reason }));
  const typology = typologies.find((one) => one.id === alert.typology);
  const others = rules.slice(1).reduce((most, rule) => Math.max(most, rule.score), 0);
  const shares = rules.filter((rule) => rule.share > 0.0005);
  return (
    <>
      <section className="card">
        <h2>{en.alert.why}</h2>
        <div className="in stack">
          {shares.length > 1 && <div className="part" aria-hidden="true">{shares.map((rule, n) => <i key={n} style={{ flexGrow: rule.share }} />)}</div>}
          <ol className="why">
            {rules.slice(0, all ? rules.length : FIRST).map((rule, n) => (
              <li key={n}>
                <p><Sentence rule={rule} evidence={evidence} pick={pick} choose={choose} /></p>
                <span className="of">
                  <span className="kind"><Glyph typology={rule.typology} /><a href={to(["rules", rule.typology])}><bdi>{short(rule.title, 40)}</bdi></a></span>
                  <span className="nowrap">{en.alert.share(percent(rule.share))}, {en.alert.alone(score(rule.score))}</span>
                </span>
              </li>
            ))}
          </ol>
          {rules.length > FIRST && <p><button type="button" className="plain small" aria-expanded={all} onClick={() => setAll(!all)}>{all ? en.alert.fewer : en.alert.moreRules(rules.length - FIRST)}</button></p>}
          <Changed alert={alert} typology={typology} others={rules.length > 1 ? others : null} />
        </div>
      </section>
      {typology && (
        <section className="card"><h2>{en.alert.innocent}</h2><div className="in stack"><p>{typology.innocent}</p><p className="muted small">{typology.why}</p></div></section>
      )}
    </>
  );
}

/** A rule's sentence: each number is a button that shows the payments behind it. */
function Sentence({ rule, evidence, pick, choose }: { rule: RuleHit; evidence: readonly Payment[]; pick: Pick; choose: (pick: Pick) => void }) {
  const parts = useMemo(() => sentence(short(rule.reason, 1_000), evidence, rule.payments), [rule, evidence]);
  if (!rule.reason) return <span className="muted">{en.alert.noReason}</span>;
  const same = (ids: readonly string[]): boolean => pick.payments.size === ids.length && ids.every((id) => pick.payments.has(id));
  return (
    <bdi>
      {parts.map((part, n) => (part.payments === null ? part.text : (
        <button key={n} type="button" className="value" aria-pressed={same(part.payments)} title={en.alert.behind(part.payments.length)}
          onClick={() => choose(same(part.payments!) ? NOTHING : { payments: new Set(part.payments), account: null })}>{part.text}</button>
      )))}
    </bdi>
  );
}

function Changed({ alert, typology, others }: { alert: Alert; typology: Typology | undefined; others: number | null }) {
  return (
    <details>
      <summary>{en.alert.changed}</summary>
      <div className="stack small">
        <p>{others === null ? en.alert.only : en.alert.others(score(others))}</p>
        {typology && typology.parameters.length > 0 && (
          <>
            <p className="muted">{en.alert.changedText}</p>
            <ul className="list">
              {typology.parameters.map((one) => <li key={one.name}><span className="grow">{one.what}</span><b className="nowrap">{count(one.value)} {one.unit ?? ""}</b></li>)}
            </ul>
          </>
        )}
        {typology && typology.when.length > 0 && <details><summary>{en.alert.formula}</summary><pre tabIndex={0}>{typology.when.join("\n\nor\n\n")}</pre></details>}
        <p className="muted">{en.alert.score} {score(alert.score)}</p>
      </div>
    </details>
  );
}

function Usual({ alert, evidence }: { alert: Alert; evidence: readonly Payment[] }) {
  // The account that most payments of the evidence touch is the one to ask about first.
  const ranked = useMemo(() => {
    const touches = new Map<string, number>();
    for (const payment of evidence) for (const account of [payment.debtor, payment.creditor]) touches.set(account, (touches.get(account) ?? 0) + 1);
    return [...touches].sort((a, b) => b[1] - a[1]).map(([account]) => account);
  }, [evidence]);
  const [chosen, setChosen] = useState<string | null>(null);
  const token = chosen ?? ranked[0] ?? alert.accounts[0] ?? null;
  const account = useGet<Account>(token === null ? null : path(["accounts", token]));
  return (
    <section className="card">
      <header>
        <h2>{en.alert.usual}</h2>
        {ranked.length > 1 && (
          <select aria-label={en.alert.usualOf} value={token ?? ""} onChange={(event) => setChosen(event.target.value)} className="small token">
            {ranked.slice(0, 60).map((one) => <option key={one} value={one}>{short(one, 24)}</option>)}
          </select>
        )}
      </header>
      <div className="in">
        <Shown of={account} lines={3}>
          {(its) => (
            <div className="stack small">
              <Spark account={its} marks={[Date.parse(alert.first_time), Date.parse(alert.last_time)]} />
              <p>{en.alert.usualText(many(its.sent.count, "payment", "payments"), count(its.received.count), many(Math.max(1, its.days.length), "active day", "active days"))} {" "}
                <span className="muted">{compact(its.sent.amount)} {en.alert.out} to {en.account.counterparties(its.sent.counterparties)}, {compact(its.received.amount)} {en.alert.in} from {its.received.counterparties}.</span></p>
              <p><Token token={its.token} /></p>
            </div>
          )}
        </Shown>
      </div>
    </section>
  );
}

/** What came in above the line and what went out below it, day by day. */
export function Spark({ account, marks, tall = false }: { account: Account; marks?: [number, number]; tall?: boolean }) {
  const days = account.days.map((it) => ({ ...it, at: Date.parse(it.day) }));
  const [first, last] = [days[0]?.at ?? 0, days.at(-1)?.at ?? 0];
  const span = Math.max(86_400_000 * 7, last - first + 86_400_000);
  const most = Math.max(1, ...days.map((it) => Math.max(it.sent_amount, it.received_amount)));
  const x = (at: number): number => ((at - first) / span) * 320;
  const high = (value: number): number => (value > 0 ? Math.max(1.2, Math.sqrt(value / most) * 20) : 0);
  const wide = Math.max(1.2, (86_400_000 / span) * 320 - 0.4);
  return (
    <svg className={tall ? "spark tall-spark" : "spark"} viewBox="0 0 320 44" preserveAspectRatio="none" role="img" aria-label={`${en.account.days}: ${many(days.length, "day", "days")}`}>
      {marks && <rect fill="var(--rest)" x={Math.max(0, x(marks[0] - 43_200_000))} width={Math.max(3, x(marks[1]) - x(marks[0]))} height="44" />}
      {days.map((it) => <rect key={`r${it.day}`} className="in" x={x(it.at)} y={21.5 - high(it.received_amount)} width={wide} height={high(it.received_amount)} />)}
      {days.map((it) => <rect key={`s${it.day}`} className="out" x={x(it.at)} y={22.5} width={wide} height={high(it.sent_amount)} />)}
      <line x1="0" x2="320" y1="22" y2="22" />
    </svg>
  );
}

function Before({ alert }: { alert: Alert }) {
  return (
    <section className="card">
      <header><h2>{en.alert.before}</h2><span className="small muted">{alert.earlier.length > 0 ? en.alert.beforeText : en.alert.noBefore}</span></header>
      {alert.earlier.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label={en.alert.before}>
          <table className="folds">
            <thead><tr><th scope="col">{en.columns.alert}</th><th scope="col">{en.columns.score}</th><th scope="col" className="num">{en.columns.amount}</th><th scope="col">{en.columns.time}</th><th scope="col">{en.columns.state}</th><th scope="col">{en.columns.case}</th></tr></thead>
            <tbody>
              {alert.earlier.map((one) => (
                <tr key={one.id}>
                  <th scope="row"><span className="kind"><Glyph typology={one.typology} /><a href={to(["alerts", one.id])}><bdi>{short(one.title, 40)}</bdi></a></span></th>
                  <td data-of={en.columns.score}><Score value={one.score} /></td><td className="num" data-of={en.columns.amount}>{money(one.amount, one.currency)}</td><td data-of={en.columns.time}><Time time={one.raised_at} /></td>
                  <td data-of={en.columns.state}><State state={one.state} outcome={one.outcome} /></td><td data-of={en.columns.case}>{one.case ? <a href={to(["cases", one.case])}>{short(one.case, 20)}</a> : <span className="muted">–</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** Revisions that are shown at once; an alert of many payments has as many. */
const FIRST_REVISIONS = 6;

function Revisions({ alert, choose }: { alert: Alert; choose: (pick: Pick) => void }) {
  const [all, setAll] = useState(false);
  const total = alert.revisions.length;
  if (total === 0) return null;
  const cut = total > FIRST_REVISIONS + 2;
  const shown = cut && !all ? alert.revisions.slice(-FIRST_REVISIONS) : alert.revisions;
  return (
    <section className="card">
      <header><h2 className="grow">{en.alert.revisions}</h2>{cut && <button type="button" className="plain small" aria-expanded={all} onClick={() => setAll(!all)}>{all ? en.alert.fewRevisions : en.alert.allRevisions(total)}</button>}</header>
      <ol className="list in tall scroll" tabIndex={all ? 0 : undefined} aria-label={en.alert.revisions}>
        {shown.map((one) => (
          <li key={one.revision}>
            <span className="muted">{one.revision}</span>
            <span className="grow small"><Time time={one.time} /><br /><button type="button" className="plain small" onClick={() => choose({ payments: new Set([one.payment]), account: null })}>{en.table.payment} <span className="id">{short(one.payment, 20)}</span></button>, {en.alert.payments(one.payment_count)}</span>
            <Score value={one.score} />
          </li>
        ))}
      </ol>
    </section>
  );
}
