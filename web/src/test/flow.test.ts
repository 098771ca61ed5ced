import { describe, expect, it } from "vitest";
import type { FlowPayment } from "../api/types";
import { places, type Spot } from "../flow/direction";
import { folded } from "../flow/fold";
import { layersOf, makeLanes } from "../flow/lanes";
import { around } from "../flow/neighbours";
import { placed } from "../flow/names";
import { inOrder, layOut, MOST_DRAWN } from "../flow/picture";
import { DAY, makeScale, positionOf, ticksOf } from "../flow/scale";
import { outline } from "../flow/shape";

/** `day from to amount`, a line a payment; `~` in front is context. */
function ledger(text: string): FlowPayment[] {
  return text.trim().split("\n").map((line, n) => {
    const [day, debtor, creditor, amount] = line.replace("~", "").trim().split(/\s+/) as [string, string, string, string];
    return { id: String(n + 1), time: new Date(Date.UTC(2026, 0, 1) + Number(day) * DAY).toISOString(), debtor, creditor, amount: Number(amount), currency: "EUR", in_evidence: !line.trim().startsWith("~") };
  });
}
/** The lanes from top to bottom; a band in brackets. */
function rows(payments: FlowPayment[]): string {
  const picture = layOut(inOrder(payments), 900, 140);
  return picture.lanes.rows.map((row) => row.accounts.length > 1 ? `[${row.accounts.length}]` : picture.accounts[row.accounts[0]!]).join(" ");
}

describe("lanes", () => {
  it("a circle is in the order in which it is visited: a staircase that returns", () => {
    const payments = ledger("0 A B 900\n1 B C 870\n2 C D 850\n3 D A 840");
    expect(rows(payments)).toBe("A B C D");
    const { drawn } = layOut(payments, 900, 140);
    expect(drawn.map(({ arrow }) => Math.sign(arrow.to - arrow.from))).toEqual([1, 1, 1, -1]);
    expect(drawn.map(({ arrow }) => arrow.x)).toEqual([...drawn.map(({ arrow }) => arrow.x)].sort((a, b) => a - b));
  });
  it("a scatter-gather is a diamond: source, middles, sink", () => {
    expect(rows(ledger("0 S A 300\n1 S B 300\n2 S C 300\n3 A T 290\n4 B T 290\n5 C T 290"))).toBe("S A B C T");
  });
  it("a fan-in has its payers above, a fan-out its payees below", () => {
    expect(rows(ledger("0 A M 10\n1 B M 10\n2 C M 10"))).toBe("A B C M");
    expect(rows(ledger("0 M A 10\n1 M B 10\n2 M C 10"))).toBe("M A B C");
  });
  it("a hub of 500 payments puts its partners into a band, each at a height of its own", () => {
    const payments = ledger(Array.from({ length: 500 }, (_, n) => `${n / 50} P${n} M ${10 + n}`).join("\n"));
    expect(rows(payments)).toBe("[500] M");
    const picture = layOut(payments, 900, 140);
    expect(new Set(picture.lanes.heights).size).toBe(501);
    expect(picture.drawn.every(({ arrow }) => arrow.x >= 140 && arrow.x <= 900)).toBe(true);
  });
  it("context lies below the evidence and never alone decides the order", () => {
    expect(rows(ledger("~0 X Y 10\n1 A B 10\n2 B C 10"))).toBe("A B C X Y");
  });
  it("who pays itself has one lane", () => {
    expect(rows(ledger("0 A A 10\n1 A B 10"))).toBe("A B");
    expect(layersOf([[0, 0]])).toEqual([[0]]);
  });
  it("every account of a drawn payment has a height", () => {
    const edges = [{ debtor: 0, creditor: 1, evidence: true }, { debtor: 2, creditor: 3, evidence: false }];
    expect(makeLanes(4, edges, 30).heights.every((height) => height !== undefined)).toBe(true);
  });
});

describe("the time scale", () => {
  it("gives each payment a place of its own, also at one instant, in order", () => {
    const scale = makeScale([0, 0, 0, DAY], 0, 100);
    for (let n = 1; n < 4; n += 1) expect(scale.positions[n]).toBeGreaterThan(scale.positions[n - 1]!);
    expect(scale.knots.map(({ payments }) => payments)).toEqual([3, 1]);
  });
  it("cuts a silence that dwarfs all others, and says how long it was", () => {
    const scale = makeScale([0, 1, 2, 3, 4].map((n) => n * 60_000).concat([40 * DAY]), 0, 600);
    expect(scale.breaks).toHaveLength(1);
    expect(scale.breaks[0]!.milliseconds).toBe(40 * DAY - 240_000);
    expect(positionOf(scale, 20 * DAY)).toBeNull();
  });
  it("many neighbours do not push the flow itself together", () => {
    const alone = makeScale([0, 1, 2, 3].map((n) => n * DAY), 0, 800);
    const times = [0, 1, 2, 3].map((n) => n * DAY).concat(Array.from({ length: 300 }, (_, n) => 4 * DAY + n * 60_000));
    const among = makeScale(times, 0, 800, times.map((_, n) => n < 4));
    expect(among.slot).toBeGreaterThan(alone.slot / 4);
    expect(Math.max(...among.positions)).toBeLessThanOrEqual(800.001);
  });
  it("neighbours far off in time leave the flow most of the width", () => {
    const minute = 60_000;
    const flow = [12 * 60, 12 * 60 + 4, 12 * 60 + 9].map((n) => n * minute);
    const times = [...Array.from({ length: 200 }, (_, n) => n * 7 * minute), ...flow].sort((a, b) => a - b);
    const evidence = times.map((time) => flow.includes(time));
    const scale = makeScale(times, 0, 1_000, evidence);
    const own = scale.positions.filter((_, n) => evidence[n]);
    expect(own.at(-1)! - own[0]!).toBeGreaterThan(400);
    expect(Math.max(...scale.positions)).toBeLessThanOrEqual(1_000.001);
    for (let n = 1; n < times.length; n += 1) expect(scale.positions[n]).toBeGreaterThan(scale.positions[n - 1]!);
    // A mark stands at its instant on either side of where the axis bends.
    for (const { time, enter } of scale.knots) expect(positionOf(scale, time)).toBe(enter);
    const words = { offset: () => 0, day: () => "12 Jan", year: () => "2026", clock: () => "12:00", date: () => "12 Jan 2026" };
    const ticks = ticksOf(scale, words).filter(({ x }) => x >= own[0]! && x <= own.at(-1)!);
    expect(ticks.length).toBeGreaterThan(1);
  });
  it("stays within its bounds", () => {
    for (const count of [1, 2, 7, 500]) {
      const { positions } = makeScale(Array.from({ length: count }, (_, n) => n * n * 1000), 10, 400);
      expect(Math.min(...positions)).toBeGreaterThanOrEqual(10);
      expect(Math.max(...positions)).toBeLessThanOrEqual(400.001);
    }
  });
  it("has labels that do not touch", () => {
    const words = { offset: () => 60, day: () => "12 Jan", year: () => "2026", clock: () => "12:00", date: () => "12 Jan 2026" };
    const ticks = ticksOf(makeScale(Array.from({ length: 60 }, (_, n) => n * 3 * 3_600_000), 150, 900), words).filter(({ label }) => label);
    expect(ticks.length).toBeGreaterThan(2);
    for (let n = 1; n < ticks.length; n += 1) expect(ticks[n]!.x - ticks[n - 1]!.x).toBeGreaterThan(30);
  });
});

describe("the picture", () => {
  it("draws the evidence first where not all can be drawn", () => {
    const text = Array.from({ length: MOST_DRAWN + 500 }, (_, n) => `${n % 2 ? "" : "~"}${n / 100} A${n % 40} B${n % 30} 10`).join("\n");
    const picture = layOut(inOrder(ledger(text)), 900, 140);
    expect(picture.drawn).toHaveLength(MOST_DRAWN);
    expect(picture.drawn.filter(({ payment }) => payment.in_evidence)).toHaveLength((MOST_DRAWN + 500) / 2);
  });
  it("is as wide as the amount is much", () => {
    const { drawn } = layOut(ledger("0 A B 1000\n1 B C 500"), 900, 140);
    expect(drawn[0]!.arrow.width / drawn[1]!.arrow.width).toBeCloseTo(2);
  });
  it("money that passes through rests on the lane only in between", () => {
    const { resting, drawn } = layOut(ledger("0 A B 1000\n5 B C 1000"), 900, 140);
    const onB = resting.filter(({ account }) => account === 1);
    expect(onB).toHaveLength(1);
    expect(onB[0]!.from).toBeCloseTo(drawn[0]!.arrow.x);
  });
  it("has no shape that is not a number", () => {
    for (const arrow of [{ x: 1, from: 10, to: 200, width: 4, turn: 8, barb: 2 }, { x: 1, from: 10, to: 10, width: 4, turn: 8, barb: 2 }, { x: 1, from: 10, to: 12, width: 9, turn: 0, barb: 0.5 }]) {
      expect(outline(arrow)).not.toMatch(/NaN|undefined|Infinity/);
    }
  });
});

describe("the network", () => {
  it("goes from sources on the left to sinks on the right", () => {
    const spots = new Map(places(ledger("0 S A 1\n1 S B 1\n2 A T 1\n3 B T 1")).map((spot) => [spot.token, spot]));
    expect(spots.get("S")!.x).toBeLessThan(spots.get("A")!.x);
    expect(spots.get("A")!.x).toBeLessThan(spots.get("T")!.x);
  });
  it("lays a circle round, clockwise from the top", () => {
    const spots = places(ledger("0 A B 1\n1 B C 1\n2 C D 1\n3 D A 1"));
    const angles = spots.map(({ x, y }) => Math.atan2(y, x / 1.25));
    expect(angles[0]).toBeCloseTo(Math.PI / 2);
    expect(angles[1]).toBeCloseTo(0);
    expect(angles[2]).toBeCloseTo(-Math.PI / 2);
  });
  it("puts no two accounts on one place", () => {
    const spots = places(ledger(Array.from({ length: 300 }, (_, n) => `${n} P${n} M 1`).concat(Array.from({ length: 50 }, (_, n) => `~${n} X${n} P${n} 1`)).join("\n")));
    expect(new Set(spots.map(({ x, y }) => `${x.toFixed(4)},${y.toFixed(4)}`)).size).toBe(spots.length);
  });
});

describe("folding", () => {
  const hub = ledger(Array.from({ length: 500 }, (_, n) => `${n / 50} P${n} M ${10 + n}`).join("\n"));
  it("of five hundred payers the eleven largest stay, and the others are one that has all their payments", () => {
    const { payments, folds, as } = folded(hub);
    expect([...folds.values()].map(({ accounts, pays }) => [accounts.length, pays])).toEqual([[489, true]]);
    expect(payments).toHaveLength(500);
    expect(new Set(payments.map(({ debtor }) => debtor)).size).toBe(12);
    expect([as("P499"), as("M")]).toEqual(["P499", "M"]);
    expect(payments.filter(({ debtor }) => debtor === as("P0"))).toHaveLength(489);
    expect(payments.reduce((sum, { amount }) => sum + amount, 0)).toBe(hub.reduce((sum, { amount }) => sum + amount, 0));
  });
  it("who pays two accounts, is paid too, or is beside few alike, stays by itself", () => {
    const more = [...hub, ...ledger("11 P3 X 5\n11 M P4 5").map((one) => ({ ...one, id: `more${one.id}` }))];
    const { as } = folded(more);
    expect([as("P3"), as("P4"), as("P5")]).toEqual(["P3", "P4", as("P6")]);
    expect(folded(ledger("0 A M 1\n0 B M 1\n0 C M 1")).folds.size).toBe(0);
  });
});

describe("neighbours", () => {
  it("are those of the accounts that are opened, and of all where all are wanted", () => {
    const evidence = ledger("0 A B 10");
    const payments = [...evidence, ...ledger("~1 B C 5\n~2 A D 5").map((one) => ({ ...one, id: `near${one.id}` }))];
    const graph = { accounts: [], payments, is_complete: true };
    const shown = (opened: ReadonlySet<string> | "all"): string => around(evidence, [graph, graph], opened).map(({ creditor }) => creditor).join(" ");
    expect([shown(new Set()), shown(new Set(["B"])), shown("all")]).toEqual(["B", "B C", "B C D"]);
  });
});

describe("names of the network", () => {
  const spot = (token: string, x: number, y: number, amount = 1): Spot => ({ token, x, y, evidence: true, amount });
  const name = ({ token }: Spot): string => token.padEnd(14, "-");
  it("a fan of twenty fills the picture, and each of it is named", () => {
    const spots = [spot("hub", 1.3, 0, 20), ...Array.from({ length: 20 }, (_, n) => spot(`p${n}`, -1.3, 1 - n / 9.5))];
    const all = placed(spots, () => 5, name, { width: 860, height: 520 });
    expect(all.every(({ named }) => named)).toBe(true);
    expect(all.every(({ x, y }) => Math.abs(x) < 430 && Math.abs(y) < 260)).toBe(true);
    expect(Math.max(...all.map(({ y }) => y)) - Math.min(...all.map(({ y }) => y))).toBeGreaterThan(400);
  });
  it("where there is no room for all names, the most money has one", () => {
    const spots = Array.from({ length: 300 }, (_, n) => spot(`p${n}`, 0, 1 - n / 150, n === 150 ? 9 : 1));
    const all = placed(spots, () => 5, name, { width: 360, height: 520 });
    expect(all[150]!.named).toBe(true);
    expect(all.filter(({ named }) => named).length).toBeLessThan(100);
  });
  it("a circle with a payment beside it is still one", () => {
    const spots = places(ledger(`0 A B 9
      1 B C 9
      2 C D 9
      3 D A 9
      4 C X 1`));
    const at = (token: string): Spot => spots.find((one) => one.token === token)!;
    expect(["A", "B", "C", "D"].map((token) => [Math.round(at(token).x * 4), Math.round(at(token).y * 4)])).toEqual([[0, 4], [5, 0], [0, -4], [-5, -0]]);
    expect(Math.hypot(at("X").x, at("X").y)).toBeGreaterThan(1.2);
  });
  it("one account alone stands in the middle", () => {
    expect(placed([spot("a", 0.4, 0.2)], () => 5, name, { width: 400, height: 400 })).toEqual([{ token: "a", x: 0, y: 0, side: "above", named: true }]);
    expect(placed([], () => 5, name, { width: 400, height: 400 })).toEqual([]);
  });
});
