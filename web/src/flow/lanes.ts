// Which account lies where: lanes in an order that makes a typology look like what it is.
//
// Money runs downwards: sources on top, then those they pay, sinks at the bottom; a circle is in
// the order in which it is visited. Where there are too many accounts to name, those with few
// payments lie in bands, each still at a height of its own.

/** A payment as the layout sees it: accounts are indices. */
export interface Edge { debtor: number; creditor: number; evidence: boolean }
export interface Row {
  /** From top to bottom; more than one make a band. */
  accounts: number[];
  /** The upper and the lower edge; of a lane both are its middle. */
  top: number;
  bottom: number;
  evidence: boolean;
}
export interface Lanes {
  rows: Row[];
  heights: (number | undefined)[];
  banded: boolean[];
  spacing: number;
  bottom: number;
}

/** Lanes beyond which accounts with few payments are put into bands. */
const MOST_LANES = 30;
/** Lanes and bands beyond which a picture has only one band. */
const MOST_ROWS = 48;
/** The same for accounts that are context alone, which matter less. */
const MOST_CONTEXT_LANES = 5;

type Pair = readonly [number, number];

/** `edges` in order of time. */
export function makeLanes(accounts: number, edges: readonly Edge[], top: number, room = 350): Lanes {
  const evidencePairs = edges.filter((edge) => edge.evidence).map((edge): Pair => [edge.debtor, edge.creditor]);
  const layers = layersOf(evidencePairs);
  const evidence = new Set(layers.flat());
  const groups = grouped(layers, evidencePairs);
  const spacing = Math.min(72, Math.max(20, room / Math.max(1, groups.length)));
  const lanes: Lanes = {
    rows: [], heights: new Array<number | undefined>(accounts).fill(undefined),
    banded: new Array<boolean>(accounts).fill(false), spacing, bottom: top,
  };
  for (const group of groups) push(lanes, group, true);
  const others = firstSeen(edges.map((edge): Pair => [edge.debtor, edge.creditor])).filter((one) => !evidence.has(one));
  if (others.length > MOST_CONTEXT_LANES) push(lanes, others, false);
  else for (const account of others) push(lanes, [account], false);
  return lanes;
}

function push(lanes: Lanes, accounts: number[], evidence: boolean): void {
  const many = accounts.length;
  let height = 0;
  if (many > 1) height = evidence ? Math.min(190, Math.max(56, many * 4)) : Math.min(80, Math.max(28, many * 4));
  let gap = 0;
  if (lanes.rows.length > 0) {
    const bands = height > 0 || lanes.rows.some((row) => row.accounts.length > 1);
    // A band keeps the room of a lane on either side, context less.
    gap = evidence ? (bands ? 34 : lanes.spacing) : 26;
  }
  const top = lanes.bottom + gap;
  accounts.forEach((account, position) => {
    lanes.banded[account] = many > 1;
    lanes.heights[account] = top + (height * (position + 0.5)) / many;
  });
  lanes.bottom = top + height;
  lanes.rows.push({ accounts, top, bottom: lanes.bottom, evidence });
}

/** In order of first appearance, a debtor before its creditor. */
function firstSeen(pairs: readonly Pair[]): number[] {
  return [...new Set(pairs.flat())];
}

/** The accounts from sources to sinks, layer by layer, each in order of first appearance. */
export function layersOf(pairs: readonly Pair[]): number[][] {
  const seen = firstSeen(pairs);
  const depth = depths(seen, pairs) ?? aroundHub(seen, pairs) ?? new Map(seen.map((account, n) => [account, n]));
  const layers = new Map<number, number[]>();
  for (const account of seen) {
    const its = depth.get(account)!;
    const layer = layers.get(its);
    if (layer) layer.push(account);
    else layers.set(its, [account]);
  }
  return [...layers].sort(([a], [b]) => a - b).map(([, layer]) => layer);
}

/** How many payments lie at most between a source and each account; none where money runs in
 * circles. A source lies directly above the first it pays. */
function depths(seen: readonly number[], pairs: readonly Pair[]): Map<number, number> | null {
  const payers = new Map(seen.map((account) => [account, 0]));
  const paid = new Map<number, Set<number>>();
  for (const [debtor, creditor] of pairs) {
    if (debtor === creditor) continue;
    const its = paid.get(debtor) ?? new Set<number>();
    paid.set(debtor, its);
    if (!its.has(creditor)) {
      its.add(creditor);
      payers.set(creditor, payers.get(creditor)! + 1);
    }
  }
  const sources = seen.filter((account) => payers.get(account) === 0);
  const depth = new Map(seen.map((account) => [account, 1]));
  const open = [...sources];
  let done = 0;
  for (let account = open.pop(); account !== undefined; account = open.pop()) {
    done += 1;
    for (const creditor of paid.get(account) ?? []) {
      depth.set(creditor, Math.max(depth.get(account)! + 1, depth.get(creditor)!));
      const left = payers.get(creditor)! - 1;
      payers.set(creditor, left);
      if (left === 0) open.push(creditor);
    }
  }
  if (done !== seen.length) return null;
  for (const source of sources) {
    const its = [...(paid.get(source) ?? [])].map((account) => depth.get(account)!);
    if (its.length > 0) depth.set(source, Math.min(...its) - 1);
  }
  return depth;
}

/** With one account in four of five payments and several partners: those who paid it first above
 * it, the others below. */
function aroundHub(seen: readonly number[], pairs: readonly Pair[]): Map<number, number> | null {
  const touches = touching(pairs);
  const hub = seen.reduce((best, one) => (touches.get(one)! > (touches.get(best) ?? 0) ? one : best), seen[0] ?? -1);
  const its = pairs.filter(([debtor, creditor]) => debtor === hub || creditor === hub).length;
  if (its * 5 < pairs.length * 4 || seen.length < 5) return null;
  const depth = new Map([[hub, 1]]);
  for (const [debtor, creditor] of pairs) {
    if (!depth.has(debtor)) depth.set(debtor, 0);
    if (!depth.has(creditor)) depth.set(creditor, 2);
  }
  return depth;
}

function touching(pairs: readonly Pair[]): Map<number, number> {
  const touches = new Map<number, number>();
  for (const account of pairs.flat()) touches.set(account, (touches.get(account) ?? 0) + 1);
  return touches;
}

/** The rows: each account its own, or the small accounts of a layer as one where there are too
 * many to name. */
function grouped(layers: readonly number[][], pairs: readonly Pair[]): number[][] {
  const all = layers.flat();
  if (all.length <= MOST_LANES) return all.map((account) => [account]);
  const touches = touching(pairs);
  // A tenth of all payments, so that at most twenty accounts are named.
  const large = Math.max(5, Math.floor(pairs.length / 10));
  const named = (account: number): boolean => touches.get(account)! >= large;
  const rows: number[][] = [];
  for (const layer of layers) {
    const small = layer.filter((account) => !named(account));
    if (small.length >= 4) rows.push(small, ...layer.filter(named).map((account) => [account]));
    else rows.push(...layer.map((account) => [account]));
  }
  if (rows.length <= MOST_ROWS) return rows;
  // Nothing to hold on to: the large accounts, and one band of all the others.
  return [...all.filter(named).map((account) => [account]), all.filter((account) => !named(account))];
}
