// Time to the right: where each payment stands, and how the axis is marked.
//
// Every payment has a place of its own, also at the same instant, in the order of payments; the
// rest of the width is shared in proportion to time. A silence that dwarfs all others is cut short
// and marked as cut. The axis bends with it, so a mark always stands at its instant.

/** The part of the width that is dealt out evenly, so that no payment hides another. */
const EVEN_SHARE = 0.62;
const WIDEST_SLOT = 26;
/** The part of the width in proportion to time that the flow itself keeps, whatever lies around it. */
const FLOW_SHARE = 0.6;
/** The widest slot where all payments have one instant. */
const WIDEST_TIE = 90;

export interface Knot { time: number; enter: number; leave: number; payments: number }
export interface Break { x: number; milliseconds: number; afterKnot: number }
export interface Tick { x: number; label: string; context: string }
export interface Scale {
  positions: number[];
  /** The least distance from a payment of the evidence to the next. */
  slot: number;
  /** The same of any payment. */
  contextSlot: number;
  breaks: Break[];
  /** The knots behind which an hour is wider, or less wide, than before. */
  bends: number[];
  knots: Knot[];
}

/** Lays `times` (milliseconds, ascending) between two positions. Where `evidence` says which of
 * them matter, what is context alone takes less room, so that many neighbours, or such as lie far
 * off, do not push the flow itself together. */
export function makeScale(times: readonly number[], left: number, right: number, evidence?: readonly boolean[]): Scale {
  const gaps = times.slice(1).map((time, n) => time - times[n]!);
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  const longest = longestShown(gaps, total);
  const matter = evidence?.filter(Boolean).length ?? 0;
  const light = matter > 0 ? Math.min(1, (0.5 * matter) / Math.max(1, times.length - matter)) : 1;
  const weights = gaps.map((_, n) => (!evidence || evidence[n] || evidence[n + 1] ? 1 : light));
  const weight = Math.max(1, weights.reduce((sum, one) => sum + one, 0));
  const shown = gaps.map((gap, n) => Math.min(gap, longest) * weights[n]!);
  const [begin, end] = evidence ? [evidence.indexOf(true), evidence.lastIndexOf(true)] : [0, times.length - 1];
  const within = (n: number): boolean => n >= begin && n < end;
  const sum = (its: (n: number) => boolean): number => shown.reduce((all, gap, n) => (its(n) ? all + gap : all), 0);
  const [flow, around] = [sum(within), sum((n) => !within(n))];
  const kept = flow > 0 && around > 0 ? Math.max(flow / (flow + around), FLOW_SHARE) : Number(flow > 0);
  const shares = [around > 0 ? (1 - kept) / around : 0, flow > 0 ? kept / flow : 0] as const;
  const width = right - left;
  const even = total > 0 ? Math.min((width * EVEN_SHARE) / weight, WIDEST_SLOT) : Math.min(width / (weight + 1), WIDEST_TIE);
  const evenTotal = even * weights.reduce((sum, one) => sum + one, 0);
  const free = total > 0 ? width - evenTotal : 0;
  let x = times.length === 1 ? (left + right) / 2 : left + (width - evenTotal - free) / 2;
  const positions = times.length > 0 ? [x] : [];
  shown.forEach((part, n) => {
    x += even * weights[n]! + free * part * shares[within(n) ? 1 : 0];
    positions.push(x);
  });
  const knots = knotsOf(times, positions);
  const own = matter > 0 ? positions.filter((_, n) => evidence![n]) : positions;
  const knotOf = (n: number): number => knots.findIndex(({ time }) => time === times[n]);
  const bends = flow > 0 && around > 0 ? [knotOf(begin) - 1, knotOf(end)].filter((knot) => knot >= 0 && knot < knots.length - 1) : [];
  return { positions, slot: least(own), contextSlot: least(positions), breaks: breaksOf(knots, longest), bends, knots };
}

function least(positions: readonly number[]): number {
  let slot = WIDEST_TIE;
  for (let n = 1; n < positions.length; n += 1) slot = Math.min(slot, positions[n]! - positions[n - 1]!);
  return slot;
}

/** A gap that takes more than a seventh of the time and is eight times the middle one is cut to
 * half again the longest of the others. */
function longestShown(gaps: readonly number[], total: number): number {
  const sorted = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  if (sorted.length === 0) return 0;
  const middle = sorted[Math.floor((sorted.length - 1) / 2)]!;
  const bound = Math.max(middle * 8, total / 7);
  const others = sorted.filter((gap) => gap <= bound).at(-1) ?? 0;
  return sorted.at(-1)! > bound ? others * 1.5 : bound;
}

function knotsOf(times: readonly number[], positions: readonly number[]): Knot[] {
  const knots: Knot[] = [];
  times.forEach((time, n) => {
    const x = positions[n]!;
    const last = knots.at(-1);
    if (last?.time === time) {
      last.leave = x;
      last.payments += 1;
    } else knots.push({ time, enter: x, leave: x, payments: 1 });
  });
  return knots;
}

function breaksOf(knots: readonly Knot[], longest: number): Break[] {
  const breaks: Break[] = [];
  for (let n = 1; n < knots.length; n += 1) {
    const [before, next] = [knots[n - 1]!, knots[n]!];
    const gap = next.time - before.time;
    if (gap > longest * 1.01) breaks.push({ x: (before.leave + next.enter) / 2, milliseconds: gap, afterKnot: n - 1 });
  }
  return breaks;
}

/** The position of an instant; nothing outside the payments' own time or in a cut. */
export function positionOf(scale: Scale, time: number): number | null {
  const { knots, breaks } = scale;
  let after = 0;
  while (after < knots.length && knots[after]!.time < time) after += 1;
  const next = knots[after];
  if (!next) return null;
  if (next.time === time) return next.enter;
  const before = knots[after - 1];
  if (!before || breaks.some((cut) => cut.afterKnot + 1 === after)) return null;
  return before.leave + (next.enter - before.leave) * ((time - before.time) / (next.time - before.time));
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const STEPS = [
  SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR,
  4 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY, 3_640 * DAY,
];

export interface Words {
  /** Minutes east of UTC at an instant. */
  offset: (time: number) => number;
  day: (time: number) => string;
  year: (time: number) => string;
  clock: (time: number) => string;
  date: (time: number) => string;
}

/** The marks of the axis from left to right, their labels apart. */
export function ticksOf(scale: Scale, words: Words, digit = 6.6): Tick[] {
  const raw: { x: number; time: number; step: number }[] = [];
  let start = 0;
  const cuts = new Set([...scale.breaks.map((cut) => cut.afterKnot), ...scale.bends]);
  const ends = [...[...cuts].sort((a, b) => a - b), scale.knots.length - 1];
  for (const end of ends) {
    const piece = scale.knots.slice(start, end + 1);
    const [first, last] = [piece[0], piece.at(-1)];
    start = end + 1;
    if (!first || !last) continue;
    const most = Math.max(1, (last.leave - first.enter) / 84);
    const span = last.time - first.time;
    const step = STEPS.find((one) => span / one <= most) ?? Math.max(1, span);
    const offset = words.offset(first.time) * MINUTE;
    const before = raw.length;
    for (let time = Math.ceil((first.time + offset) / step) * step - offset; time <= last.time; time += step) {
      const x = positionOf(scale, time);
      if (x !== null) raw.push({ x, time, step });
    }
    const next = raw[before];
    if (!next || next.x - first.enter > 84) raw.splice(before, 0, { x: first.enter, time: first.time, step: MINUTE });
  }
  const ticks: Tick[] = [];
  let freeFrom = Number.NEGATIVE_INFINITY;
  let contextBefore = "";
  for (const { x, time, step } of raw) {
    const [label, context] = step >= DAY ? [words.day(time), words.year(time)] : [words.clock(time), words.date(time)];
    const wide = contextBefore.endsWith(context) ? 0 : context.length;
    const half = (Math.max(label.length, wide) * digit) / 2;
    if (x - half < freeFrom) {
      ticks.push({ x, label: "", context: "" });
      continue;
    }
    freeFrom = x + half + 8;
    ticks.push({ x, label, context: wide > 0 ? context : "" });
    contextBefore = context;
  }
  return ticks;
}
