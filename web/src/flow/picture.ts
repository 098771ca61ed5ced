// The drawn flow of money, laid out: a lane an account, time to the right, an arrow a payment.
import type { FlowPayment } from "../api/types";
import { makeLanes, type Lanes } from "./lanes";
import { makeScale, type Scale } from "./scale";
import { block, disc, outline, type Arrow } from "./shape";

export const TOP = 30;
/** Payments beyond which none more are drawn: a pixel holds no more than two. All are in the table. */
export const MOST_DRAWN = 2_000;
/** Evidence up to which each arrow may have its amount beside it. */
export const MOST_WITH_AMOUNTS = 14;

export interface Drawn { payment: FlowPayment; number: number; arrow: Arrow; path: string; debtor: number; creditor: number }
export interface Picture {
  accounts: string[];
  drawn: Drawn[];
  lanes: Lanes;
  scale: Scale;
  /** Per account what of the evidence came and went. */
  came: number[];
  went: number[];
  /** The bands of money that rests, with what account they are of. */
  resting: { account: number; from: number; path: string }[];
  floor: number;
  left: number;
  width: number;
}

/** In order of time; what is of one time stays as given. */
export function inOrder(payments: readonly FlowPayment[]): FlowPayment[] {
  return payments.map((payment, n) => ({ payment, n, time: Date.parse(payment.time) || 0 }))
    .sort((a, b) => a.time - b.time || a.n - b.n).map(({ payment }) => payment);
}

export function layOut(ordered: readonly FlowPayment[], width: number, left: number, room?: number): Picture {
  const chosen = choose(ordered);
  const index = new Map<string, number>();
  const at = (token: string): number => {
    const known = index.get(token);
    if (known !== undefined) return known;
    index.set(token, index.size);
    return index.size - 1;
  };
  const edges = chosen.map(({ payment }) => ({
    debtor: at(payment.debtor), creditor: at(payment.creditor), evidence: payment.in_evidence,
  }));
  const lanes = makeLanes(index.size, edges, TOP, room);
  const evidence = chosen.filter(({ payment }) => payment.in_evidence);
  const right = width - (evidence.length <= MOST_WITH_AMOUNTS && width > 600 ? 88 : 30);
  const scale = makeScale(chosen.map(({ payment }) => Date.parse(payment.time) || 0), left + 26, right, chosen.map(({ payment }) => payment.in_evidence));
  const largest = Math.max(1e-9, ...(evidence.length > 0 ? evidence : chosen).map(({ payment }) => payment.amount));
  const bound = Math.max(0.9, Math.min(lanes.spacing * 0.36, 15, scale.slot * 0.62));
  const least = Math.min(1.3, bound * 0.4);
  const drawn = chosen.map(({ payment, number }, n): Drawn => {
    const edge = edges[n]!;
    // In proportion to the amount, not below what can be seen, context not above the evidence.
    const slot = payment.in_evidence ? scale.slot : scale.contextSlot;
    const most = payment.in_evidence ? bound : Math.min(bound, Math.max(0.9, slot * 0.9));
    const shaft = Math.min(most, Math.max(least, (bound * payment.amount) / largest));
    const arrow: Arrow = {
      x: scale.positions[n]!, from: lanes.heights[edge.debtor]!, to: lanes.heights[edge.creditor]!, width: shaft,
      turn: Math.min(9, Math.max(0, Math.min((slot - shaft) * 0.55, lanes.spacing * 0.24))),
      barb: Math.min(3.6, Math.max(0.5, (slot - shaft) * 0.4)),
    };
    let path = outline(arrow);
    for (const account of new Set([edge.debtor, edge.creditor])) {
      if (lanes.banded[account]) {
        path += disc(arrow.x, lanes.heights[account]!, Math.min(0.8 + shaft * 0.5, Math.max(1.6, slot) * 0.62));
      }
    }
    return { payment, number, arrow, path, debtor: edge.debtor, creditor: edge.creditor };
  });
  const came = new Array<number>(index.size).fill(0);
  const went = new Array<number>(index.size).fill(0);
  for (const { payment, debtor, creditor } of drawn) {
    if (!payment.in_evidence) continue;
    went[debtor]! += payment.amount;
    came[creditor]! += payment.amount;
  }
  const picture: Picture = {
    accounts: [...index.keys()], drawn, lanes, scale, came, went, resting: [], floor: lanes.bottom + 24, left, width,
  };
  for (const row of lanes.rows) {
    if (row.accounts.length === 1 && row.evidence) resting(picture, row.accounts[0]!, row.top, largest, bound);
  }
  return picture;
}

/** The payments that are drawn with their numbers in the table; where not all can be, evidence first. */
function choose(ordered: readonly FlowPayment[]): { payment: FlowPayment; number: number }[] {
  const numbered = ordered.map((payment, n) => ({ payment, number: n + 1 }));
  if (numbered.length <= MOST_DRAWN) return numbered;
  return [...numbered.filter(({ payment }) => payment.in_evidence), ...numbered.filter(({ payment }) => !payment.in_evidence)]
    .slice(0, MOST_DRAWN).sort((a, b) => a.number - b.number);
}

/** The money of the evidence that rests on an account between coming in and going out, as high as
 * it is much; a circle or a chain becomes one unbroken band. */
function resting(picture: Picture, account: number, y: number, largest: number, bound: number): void {
  let balance = 0;
  let from = 0;
  const highest = Math.min(18, picture.lanes.spacing * 0.5);
  const rest = (to: number): void => {
    if (balance > largest * 1e-9 && to > from + 0.2) {
      const high = Math.min(highest, Math.max(1.5, (bound * balance) / largest)) / 2;
      picture.resting.push({ account, from, path: block(from, to, y - high, y + high) });
    }
  };
  for (const { payment, arrow, debtor, creditor } of picture.drawn) {
    if (!payment.in_evidence || debtor === creditor || (debtor !== account && creditor !== account)) continue;
    const leaves = debtor === account;
    const bend = arrow.x - arrow.width / 2 - (arrow.turn < 1.5 ? 0 : arrow.turn);
    const to = leaves ? bend : arrow.x;
    rest(to);
    balance += leaves ? -payment.amount : payment.amount;
    from = to;
  }
  // What stays is drawn a little further, so that it is seen to stay.
  rest(Math.min(from + 26, picture.width - 6));
}
