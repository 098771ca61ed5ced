// Places for the network: sources on the left, sinks on the right, so that a fan looks like a fan,
// a scatter-gather like a diamond and a circle like a circle.
import type { FlowPayment } from "../api/types";
import { layersOf } from "./lanes";

export interface Spot { token: string; x: number; y: number; evidence: boolean; amount: number }

export function places(payments: readonly FlowPayment[]): Spot[] {
  const tokens: string[] = [];
  const index = new Map<string, number>();
  const at = (token: string): number => {
    const known = index.get(token);
    if (known !== undefined) return known;
    index.set(token, tokens.length);
    tokens.push(token);
    return tokens.length - 1;
  };
  const amounts: number[] = [];
  const evidence = new Set<number>();
  const pairs: [number, number][] = [];
  for (const payment of payments.filter((one) => one.in_evidence)) {
    const [debtor, creditor] = [at(payment.debtor), at(payment.creditor)];
    for (const account of [debtor, creditor]) {
      evidence.add(account);
      amounts[account] = (amounts[account] ?? 0) + payment.amount;
    }
    pairs.push([debtor, creditor]);
  }
  const spots = new Map<number, [number, number]>();
  const ring = circle(pairs) ?? longestCircle(pairs, evidence.size);
  if (ring) {
    const beside = [...evidence].filter((account) => !ring.includes(account));
    ring.forEach((account, n) => {
      // The start on top, then clockwise, as a clock tells the order.
      const angle = Math.PI / 2 - (2 * Math.PI * n) / ring.length;
      spots.set(account, [Math.cos(angle) * 1.25, Math.sin(angle)]);
    });
    // Who is not of the circle stands outside, beside whoever it deals with.
    beside.forEach((account, n) => {
      const pair = pairs.find((one) => one.includes(account) && one.some((other) => ring.includes(other)));
      const [x, y] = spots.get(pair?.find((other) => ring.includes(other)) ?? -1) ?? [0, 1];
      const turn = (n % 3) * 0.22;
      spots.set(account, [x * 1.4 + turn, y * 1.4 - turn]);
    });
  } else {
    const layers = layersOf(pairs);
    const deep = layers.length;
    layers.forEach((layer, column) => {
      const x = deep > 1 ? (column / (deep - 1)) * 2.6 - 1.3 : 0;
      layer.forEach((account, n) => {
        const y = layer.length > 1 ? 1 - (2 * n) / (layer.length - 1) : 0;
        // Alternating, where there are many in a column, leaves room for their names.
        const aside = layer.length > 24 ? ((n % 4) - 1.5) * 0.09 : 0;
        // A hub's column bulges a little, so that lines fan out and do not lie on each other.
        const bulge = layer.length > 2 ? (1 - y * y) * 0.16 * (column === 0 ? -1 : column === deep - 1 ? 1 : 0) : 0;
        spots.set(account, [x + aside + bulge, y * Math.min(1, 0.35 + layer.length * 0.12)]);
      });
    });
  }
  // Context stands outside, near the account that it deals with.
  const outside = new Map<number, [number, number][]>();
  for (const payment of payments.filter((one) => !one.in_evidence)) {
    const [debtor, creditor] = [at(payment.debtor), at(payment.creditor)];
    for (const [account, other, side] of [[debtor, creditor, -1], [creditor, debtor, 1]] as const) {
      amounts[account] = (amounts[account] ?? 0) + payment.amount;
      if (evidence.has(account)) continue;
      const [x, y] = spots.get(other) ?? [0, 0];
      outside.set(account, [...(outside.get(account) ?? []), [x + side * 0.5, y]]);
    }
  }
  let n = 0;
  for (const [account, near] of outside) {
    const x = near.reduce((sum, [one]) => sum + one, 0) / near.length;
    const y = near.reduce((sum, [, one]) => sum + one, 0) / near.length;
    // A sunflower's spiral keeps them apart without a search.
    const [angle, radius] = [n * 2.399963, 0.05 + 0.055 * Math.sqrt(n)];
    spots.set(account, [x + Math.cos(angle) * radius, y * 1.25 + Math.sin(angle) * radius + Math.sign(y || (n % 2 ? 1 : -1)) * 0.12]);
    n += 1;
  }
  return tokens.map((token, account) => {
    const [x, y] = spots.get(account) ?? [0, 0];
    return { token, x, y, evidence: evidence.has(account), amount: amounts[account] ?? 0 };
  });
}

/** Steps after which no longer circle is looked for. */
const MOST_STEPS = 20_000;

/** The longest circle of the payments, where more than half of the accounts are on it: what else was
 * paid does not make it less of one. */
function longestCircle(pairs: readonly [number, number][], accounts: number): number[] | null {
  const next = new Map<number, number[]>();
  for (const [debtor, creditor] of pairs) if (debtor !== creditor && !next.get(debtor)?.includes(creditor)) next.set(debtor, [...(next.get(debtor) ?? []), creditor]);
  let longest: number[] = [];
  let steps = 0;
  const walk = (way: number[], on: Set<number>): void => {
    for (const account of next.get(way.at(-1)!) ?? []) {
      if (longest.length === accounts || (steps += 1) > MOST_STEPS) return;
      if (account === way[0] && way.length > Math.max(2, longest.length)) longest = [...way];
      // Each circle is walked from its first account alone.
      if (on.has(account) || account < way[0]!) continue;
      on.add(account);
      walk([...way, account], on);
      on.delete(account);
    }
  };
  for (const start of [...next.keys()].sort((a, b) => a - b)) walk([start], new Set([start]));
  return longest.length > 2 && longest.length * 2 > accounts ? longest : null;
}

/** The accounts of one circle in the order in which money visits them; nothing where the payments
 * are more than a circle. */
function circle(pairs: readonly [number, number][]): number[] | null {
  const next = new Map<number, number>();
  const before = new Map<number, number>();
  for (const [debtor, creditor] of pairs) {
    if (debtor === creditor) return null;
    if ((next.get(debtor) ?? creditor) !== creditor || (before.get(creditor) ?? debtor) !== debtor) return null;
    next.set(debtor, creditor);
    before.set(creditor, debtor);
  }
  const start = pairs[0]?.[0];
  if (start === undefined || next.size < 3) return null;
  const ring = [start];
  for (let account = next.get(start); account !== start; account = next.get(account!)) {
    if (account === undefined || ring.length > next.size) return null;
    ring.push(account);
  }
  return ring.length === next.size ? ring : null;
}
