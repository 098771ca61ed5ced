import { describe, expect, it } from "vitest";
import { byDay, changed, isName, lineCount, offsetOf } from "../rules/text";

describe("places in a text", () => {
  it("counts lines and columns from one, and stays inside", () => {
    const text = "id = 1\ntitle\n\nlast";
    expect([offsetOf(text, 1, 1), offsetOf(text, 2, 3), offsetOf(text, 4, 1)]).toEqual([0, 9, 14]);
    expect(offsetOf(text, 2, 99)).toBe(12);
    expect([offsetOf(text, 99, 1), offsetOf("", 1, 1)]).toEqual([18, 0]);
    expect([lineCount(""), lineCount("a"), lineCount("a\n"), lineCount(text)]).toEqual([1, 1, 2, 4]);
  });
});

describe("what was changed", () => {
  it("names what is new, changed and gone", () => {
    const before = [{ name: "a.toml", text: "1" }, { name: "b.toml", text: "2" }, { name: "c.toml", text: "3" }];
    const now = [{ name: "a.toml", text: "1" }, { name: "b.toml", text: "5" }, { name: "d.toml", text: "4" }];
    expect(changed(before, now)).toEqual([{ name: "b.toml", how: "changed" }, { name: "d.toml", how: "new" }, { name: "c.toml", how: "gone" }]);
    expect(changed(before, before)).toEqual([]);
  });
  it("takes no name that is a path or shouts", () => {
    expect(["fan-in.toml", "x2.toml"].every(isName)).toBe(true);
    expect(["../x.toml", "X.toml", ".toml", "x.sh", "a/b.toml", ""].some(isName)).toBe(false);
  });
});

describe("days of a backtest", () => {
  it("sums typologies and fills days without an alert", () => {
    const day = (day: string, typology: string, active: number, candidate: number) => ({ day, typology, active, candidate });
    const got = byDay([day("2026-03-01", "cycle", 1, 2), day("2026-03-01", "fan-in", 1, 0), day("2026-03-03", "cycle", 0, 5)]);
    expect(got.map(({ active, candidate }) => [active, candidate])).toEqual([[2, 2], [0, 0], [0, 5]]);
    expect(byDay([])).toEqual([]);
  });
});
