// The lanes picture as SVG. What is drawn once stays; choosing and scrubbing only change classes,
// so that a hub of two thousand payments answers at once.
import { memo, useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import type { FlowPayment } from "../api/types";
import { en } from "../en";
import { amount, atSeconds, clock, compact, count, lasting, many, money, short, shortDay, day } from "../format";
import { layOut, MOST_DRAWN, MOST_WITH_AMOUNTS, TOP, type Picture } from "./picture";
import type { Row } from "./lanes";
import { loopRadius } from "./shape";
import { ticksOf, type Words } from "./scale";

export interface Pick { payments: ReadonlySet<string>; account: string | null }
export const NOTHING: Pick = { payments: new Set(), account: null };

/** An example has no date: its first day is the first. */
const dayOfExample = (time: number): string => en.alert.exampleDay(Math.floor(time / 86_400_000) + 1);
const clockOfExample = (time: number | string): string => new Date(time).toISOString().slice(11, 16);
const exampleWords: Words = { offset: () => 0, day: dayOfExample, year: () => "", clock: clockOfExample, date: dayOfExample };

const words: Words = {
  offset: (time) => -new Date(time).getTimezoneOffset(),
  day: shortDay,
  year: (time) => String(new Date(time).getFullYear()),
  clock,
  date: day,
};

function useWidth(ref: RefObject<HTMLElement | null>, least: number): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = (): void => setWidth(Math.max(least, Math.floor(element.clientWidth)));
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    return () => watch.disconnect();
  }, [ref, least]);
  return width;
}

interface Props {
  /** In order of time. */
  payments: readonly FlowPayment[];
  pick?: Pick;
  /** How many of the payments have come, counted from the first. */
  until?: number;
  choose?: (pick: Pick) => void;
  /** A fixed width, for print and examples. */
  width?: number;
  small?: boolean;
}

export const Lanes = memo(function Lanes({ payments, pick = NOTHING, until, choose, width: fixed, small = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const measured = useWidth(box, 460);
  const width = fixed ?? measured;
  const left = small ? 78 : 148;
  const picture = useMemo(() => (width > 0 ? layOut(payments, width, left, small ? 150 : 350) : null), [payments, width, left, small]);

  useEffect(() => {
    const root = svg.current;
    if (!root || !picture) return;
    const chosen = pick.payments.size > 0 || pick.account !== null;
    root.classList.toggle("dim", chosen);
    const single = pick.payments.size === 1;
    for (const element of root.querySelectorAll<SVGElement>("[data-n]")) {
      const drawn = picture.drawn[Number(element.dataset["n"])]!;
      const hot = pick.payments.has(drawn.payment.id)
        || (pick.account !== null && (drawn.payment.debtor === pick.account || drawn.payment.creditor === pick.account));
      element.classList.toggle("hot", hot);
      element.classList.toggle("picked", single && pick.payments.has(drawn.payment.id));
    }
    for (const element of root.querySelectorAll<SVGElement>("[data-a]")) {
      element.classList.toggle("hot", picture.accounts[Number(element.dataset["a"])] === pick.account);
    }
  }, [pick, picture]);

  useEffect(() => {
    const root = svg.current;
    if (!root || !picture) return;
    const shown = until ?? payments.length;
    let x = Number.POSITIVE_INFINITY;
    for (const element of root.querySelectorAll<SVGElement>("[data-n]")) {
      const drawn = picture.drawn[Number(element.dataset["n"])]!;
      element.classList.toggle("later", drawn.number > shown);
      if (drawn.number === shown) x = drawn.arrow.x;
    }
    const all = shown >= payments.length;
    for (const element of root.querySelectorAll<SVGElement>("[data-from]")) {
      element.classList.toggle("later", !all && Number(element.dataset["from"]) > x);
    }
    const now = root.querySelector<SVGElement>(".now");
    if (now) {
      now.setAttribute("visibility", all || x === Number.POSITIVE_INFINITY ? "hidden" : "visible");
      if (x !== Number.POSITIVE_INFINITY) now.setAttribute("d", `M${x},${TOP - 16}V${picture.floor}`);
    }
  }, [until, picture, payments]);

  const clicked = (target: EventTarget): void => {
    if (!choose || !picture || !(target instanceof Element)) return;
    const n = target.closest<SVGElement>("[data-n]")?.dataset["n"];
    if (n !== undefined) {
      const { id } = picture.drawn[Number(n)]!.payment;
      choose(pick.payments.size === 1 && pick.payments.has(id) ? NOTHING : { payments: new Set([id]), account: null });
      return;
    }
    const a = target.closest<SVGElement>("[data-a]")?.dataset["a"];
    const account = a === undefined ? null : picture.accounts[Number(a)]!;
    choose(account === null || account === pick.account ? NOTHING : { payments: new Set(), account });
  };
  const keyed = (event: KeyboardEvent): void => {
    if ((event.key === "Enter" || event.key === " ") && event.target instanceof SVGElement && event.target.dataset["a"] !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      clicked(event.target);
    }
  };
  return (
    <div className="flowbox" ref={box} tabIndex={fixed === undefined ? 0 : undefined} role={fixed === undefined ? "region" : undefined} aria-label={fixed === undefined ? en.alert.lanes : undefined}>
      {picture && picture.drawn.length > 0 && (
        <Drawing picture={picture} svg={svg} small={small} active={choose !== undefined} onClick={clicked} onKeyDown={keyed} />
      )}
      {picture && payments.length > MOST_DRAWN && <p className="note small">{en.alert.drawn(count(picture.drawn.length), count(payments.length))}</p>}
    </div>
  );
});

interface DrawingProps {
  picture: Picture;
  svg: RefObject<SVGSVGElement | null>;
  small: boolean;
  active: boolean;
  onClick: (target: EventTarget) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

const Drawing = memo(function Drawing({ picture, svg, small, active, onClick, onKeyDown }: DrawingProps) {
  const id = useId();
  const { drawn, lanes, floor, width, left } = picture;
  const height = floor + 38;
  const evidence = drawn.filter(({ payment }) => payment.in_evidence);
  const accounts = new Set(evidence.flatMap(({ debtor, creditor }) => [debtor, creditor])).size;
  const ticks = ticksOf(picture.scale, small ? exampleWords : words);
  const said = new Set(apart(picture.scale.breaks.map(({ x, milliseconds }) => ({ x, half: lasting(milliseconds).length * 3.2 }))));
  return (
    <svg ref={svg} className="flow" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role={active ? "group" : "img"}
      aria-labelledby={`${id}t`} aria-describedby={`${id}d`} onClick={(event) => onClick(event.target)} onKeyDown={onKeyDown}>
      <title id={`${id}t`}>{en.alert.pictureTitle(en.alert.payments(evidence.length), en.alert.accounts(accounts))}</title>
      <desc id={`${id}d`}>{described(picture, small)}</desc>
      <path className="gridline" d={ticks.map(({ x }) => `M${x},${TOP - 14}V${floor}`).join("")} />
      <path className="base" d={`M${left},${floor}H${width}`} />
      <g className="ticks">
        {ticks.filter(({ label }) => label).map(({ x, label, context }) => (
          <g key={x}><text x={x} y={floor + 15}>{label}</text>{context && <text className="far" x={Math.min(x, width - context.length * 3.3 - 2)} y={floor + 29}>{context}</text>}</g>
        ))}
      </g>
      {lanes.rows.map((row, n) => row.accounts.length > 1
        ? <rect key={n} className="band" x={left} y={row.top} width={width - left} height={row.bottom - row.top} rx="4" />
        : <path key={n} className={row.evidence ? "lane" : "lane other"} data-a={row.accounts[0]} d={`M${left},${row.top}H${width}`} />)}
      {picture.resting.map(({ path, from }, n) => <path key={n} className="rest" data-from={from} d={path} />)}
      {picture.scale.breaks.map((cut) => <Cut key={cut.x} x={cut.x} span={lasting(cut.milliseconds)} said={said.has(cut.x)} floor={floor} />)}
      {[false, true].map((its) => (
        <g key={String(its)}>
          {drawn.map((one, n) => one.payment.in_evidence === its && (
            <path key={n} className={its ? "pay ev" : "pay cx"} data-n={n} d={one.path}>
              <title>{`${one.number}: ${paysText(picture, n, small)}`}</title>
            </path>
          ))}
        </g>
      ))}
      {figures(picture).map(({ n, x, y, number, text }) => (
        <text key={n} className="figure" data-n={n} x={x} y={y}><tspan className="n">{number}</tspan>{text && <tspan dx="5">{text}</tspan>}</text>
      ))}
      <path className="now" visibility="hidden" d="" />
      <rect className="backing" width={left - 6} height={floor + 4} />
      {lanes.rows.map((row, n) => row.accounts.length > 1
        ? <Band key={n} picture={picture} row={row} />
        : <Name key={n} picture={picture} row={row} small={small} active={active} />)}
    </svg>
  );
});

/** The places of those labels, from the left, that do not lie on the one before. */
function apart(labels: readonly { x: number; half: number }[]): number[] {
  let free = Number.NEGATIVE_INFINITY;
  return labels.filter(({ x, half }) => {
    if (x - half < free) return false;
    free = x + half + 6;
    return true;
  }).map(({ x }) => x);
}

function paysText(picture: Picture, n: number, isExample: boolean): string {
  const { payment } = picture.drawn[n]!;
  const time = Date.parse(payment.time);
  return en.alert.paysText(isExample ? `${dayOfExample(time)}, ${clockOfExample(time)}` : atSeconds(payment.time), short(payment.debtor, 40), short(payment.creditor, 40), money(payment.amount, payment.currency)).trim();
}

function described(picture: Picture, isExample: boolean): string {
  const evidence = picture.drawn.map((one, n) => ({ one, n })).filter(({ one }) => one.payment.in_evidence);
  const text = evidence.slice(0, 12).map(({ n }) => paysText(picture, n, isExample)).join(" ");
  return evidence.length > 12 ? `${text} ${en.alert.moreInTable(evidence.length - 12)}` : text;
}

function Cut({ x, span, said, floor }: { x: number; span: string; said: boolean; floor: number }) {
  const top = TOP - 16;
  let [left, right] = [`M${x - 4},${top}`, `M${x + 4},${top}`];
  let side = 2;
  let y = top;
  while (y < floor + 4) {
    y += 7;
    side = -side;
    left += `L${x - 4 + side},${y}`;
    right += `L${x + 4 + side},${y}`;
  }
  return (
    <g className="cutmark">
      <title>{en.alert.cutSilence(span)}</title>
      <rect x={x - 4.5} y={top} width="9" height={y - top} /><path d={left + right} />{said && <text x={x} y={top - 3}>{span}</text>}
    </g>
  );
}

function Name({ picture, row, small, active }: { picture: Picture; row: Row; small: boolean; active: boolean }) {
  const account = row.accounts[0]!;
  const name = picture.accounts[account]!;
  const [came, went] = [picture.came[account]!, picture.went[account]!];
  const two = row.evidence && !small && picture.lanes.spacing >= 32;
  const part = (word: string, sum: number): string[] => (sum > 0 ? [`${word} ${compact(sum)}`] : []);
  const sums = [...part(en.alert.in, came), ...part(en.alert.out, went)].join(", ");
  return (
    <>
      <text className={row.evidence ? "name" : "name other"} data-a={account} x="10" y={two ? row.top - 1 : row.top + 4} direction="ltr"
        {...(active ? { tabIndex: 0, role: "button", "aria-label": `${en.alert.account} ${short(name, 40)}${sums ? `, ${sums}` : ""}` } : {})}>
        {short(name, small ? 10 : 17)}<title>{short(name, 300)}</title>
      </text>
      {two && <text x="10" y={row.top + 12}>{sums}</text>}
    </>
  );
}

function Band({ picture, row }: { picture: Picture; row: Row }) {
  const members = new Set(row.accounts);
  let [pays, paid] = [0, 0];
  for (const { payment, debtor, creditor } of picture.drawn) {
    if (row.evidence && !payment.in_evidence) continue;
    if (members.has(debtor)) pays += 1;
    if (members.has(creditor)) paid += 1;
  }
  const size = row.accounts.length;
  const who = !row.evidence ? en.alert.otherAccounts(size) : paid === 0 ? en.alert.payers(size) : pays === 0 ? en.alert.payees(size) : en.alert.bandAccounts(size);
  const middle = (row.top + row.bottom) / 2;
  return (
    <>
      <text className="name many" x="10" y={middle - 2}>{who}</text>
      <text x="10" y={middle + 12}>{many(pays + paid, "payment", "payments")}</text>
    </>
  );
}

interface Figure { n: number; x: number; y: number; number: string; text: string }

/** Beside each arrow its amount where all have room for one, otherwise its number in the table
 * where there is room for that. */
function figures(picture: Picture): Figure[] {
  const digit = 6.4;
  const { drawn, lanes, width } = picture;
  const evidence = drawn.map((one, n) => ({ one, n })).filter(({ one }) => one.payment.in_evidence);
  if (evidence.length > 60 || lanes.rows.some((row) => row.accounts.length > 1 && row.evidence)) return [];
  let amounts = evidence.map(({ one }) => amount(one.payment.amount, one.payment.currency));
  // Cents that nobody paid only take room.
  if (amounts.every((text) => text.endsWith(".00"))) amounts = amounts.map((text) => text.slice(0, -3));
  const room = (n: number): number => {
    const { arrow } = drawn[n]!;
    const next = drawn[n + 1]?.arrow;
    return (next ? next.x - next.turn : width) - arrow.x - arrow.width - arrow.barb - 8;
  };
  const allFit = evidence.length <= MOST_WITH_AMOUNTS && evidence.every(({ n }, at) => (amounts[at]!.length + 3) * digit <= room(n));
  const found: Figure[] = [];
  evidence.forEach(({ one, n }, at) => {
    const number = String(one.number);
    if (number.length * digit > room(n) + 4 || lanes.spacing < 19) return;
    const { arrow } = one;
    const self = one.debtor === one.creditor;
    const down = Math.sign(arrow.to - arrow.from);
    found.push({
      n, number, text: allFit ? amounts[at]! : "",
      x: self ? arrow.x + loopRadius(arrow) + 4 : arrow.x + arrow.width / 2 + 4,
      y: self ? arrow.from - 6 : arrow.from + down * lanes.spacing * 0.5 + 4,
    });
  });
  return found;
}
