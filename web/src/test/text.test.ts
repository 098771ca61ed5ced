import { measures } from "../pages/Health";
import { describe, expect, it } from "vitest";
import type { Alert, Payment } from "../api/types";
import { amount, dayOf, lasting, midnight, money, short } from "../format";
import { csv, narrative } from "../narrative";
import { sentence } from "../pages/sentence";
import { parse } from "../router";

const payment = (id: string, debtor: string, creditor: string, value: number, day: number): Payment => ({ id, time: `2026-01-0${day}T10:00:00Z`, debtor, creditor, amount: value, currency: "EUR" });
const alert = (evidence: Payment[]): Alert => ({ id: "cycle-9", typology: "cycle", title: "Cycle", score: 0.9, action: "review", first_time: "", last_time: "", raised_at: "", raised_by: "1", amount: 1, currency: "EUR", accounts: [], payment_count: evidence.length, revision: 1, state: "open", case: null, assignee: null, outcome: null, reasons: [], rules: [{ typology: "cycle", title: "Cycle", score: 0.9, share: 1, reason: "Money came back over 3 accounts." }], payments: [], evidence, evidence_is_complete: true, revisions: [], earlier: [] });

describe("a reason's values", () => {
  const evidence = [payment("1", "A", "B", 12478.82, 1), payment("2", "B", "C", 8, 2)];
  it("an amount leads to its payment, a count to all", () => {
    const parts = sentence("This payment of 12,478.82 is 2.67 times the largest of 14.", evidence).filter((part) => part.payments);
    expect(parts.map(({ text, payments }) => [text, payments])).toEqual([["12,478.82", ["1"]], ["2.67", ["1", "2"]], ["14", ["1", "2"]]]);
  });
  it("nothing of the sentence is lost", () => {
    const text = "8 payments, 3 in 24 hours (B-12): 99.5 %.";
    expect(sentence(text, evidence).map((part) => part.text).join("")).toBe(text);
  });
  it("a small number that a payment happens to have is a count", () => {
    expect(sentence("8 accounts", evidence)[0]!.payments).toEqual(["1", "2"]);
  });
  it("payments that the service names come first", () => {
    expect(sentence("3 accounts", evidence, ["2"])[0]!.payments).toEqual(["2"]);
  });
});

describe("the narrative", () => {
  it("says who paid whom what when, and no more", () => {
    const text = narrative({ id: "C-1" }, [alert([payment("2", "B", "A", 90, 2), payment("1", "A", "B", 100.5, 1)])]);
    expect(text).toContain("2026-01-01 10:00:00: A paid B 100.50 EUR (payment 1).");
    expect(text.indexOf("payment 1")).toBeLessThan(text.indexOf("payment 2"));
    expect(text).toContain("190.50 EUR");
  });
  it("sums pairs where there are many payments", () => {
    const text = narrative({ id: "C-1" }, [alert(Array.from({ length: 30 }, (_, n) => payment(String(n), "A", "B", 0.1, 1 + (n % 9))))]);
    expect(text).toContain("A paid B 3.00 EUR in 30 payments");
  });
});

describe("the evidence as CSV", () => {
  it("cannot become a formula, and keeps quotes", () => {
    const text = csv([alert([{ ...payment("=cmd()", 'a"b', "-x", -5, 1) }])]);
    expect(text).toContain("'=cmd()");
    expect(text).toContain('"a""b"');
    expect(text).toContain("'-x");
    expect(text).toContain(",-5,");
  });
});

describe("formats", () => {
  it("writes money in its currency's decimals and hides none", () => {
    expect(money(1234.5, "EUR")).toBe("1,234.50 EUR");
    expect(amount(1500, "JPY")).toBe("1,500");
    expect(amount(0.1234, "EUR")).toBe("0.1234");
  });
  it("writes spans", () => {
    expect([lasting(30_000), lasting(5_400_000), lasting(90_000_000)]).toEqual(["30 s", "1 h 30 min", "1 d 1 h"]);
  });
  it("cuts by characters, not within one", () => {
    expect(short("\u{1F600}".repeat(5), 3)).toBe("\u{1F600}\u{1F600}\u2026");
  });
  it("shows characters that would turn or hide text", () => {
    expect(short("abc\u202Egpj.exe\u200b")).toBe("abc\ufffdgpj.exe\ufffd");
    expect(short("a\nb")).toBe("a\nb");
  });
  it("reads addresses, also broken ones", () => {
    expect(parse("#/alerts/a%2Fb?view=table").parts).toEqual(["alerts", "a/b"]);
    expect(parse("#/alerts/%E0%A4%A").parts).toEqual(["alerts", "%E0%A4%A"]);
  });
});

describe("what the service counts of itself", () => {
  it("is read where it has no label, and nothing else is taken for it", () => {
    const found = measures(["# TYPE shroff_payments gauge", "shroff_payments 40000", "shroff_batch_seconds_bucket{le=\"0.1\"} 3", "shroff_batch_seconds_sum 1.5e-1", "other_payments 7", "shroff_x y"]);
    expect([...found]).toEqual([["payments", 40_000], ["batch_seconds_sum", 0.15]]);
  });
});

describe("days of the analyst", () => {
  it("begin at the midnight of where one is, and come back as the same day", () => {
    for (const day of ["2026-01-01", "2026-07-01", "2024-02-29"]) {
      expect(new Date(midnight(day)!).getHours()).toBe(0);
      expect(dayOf(midnight(day)!)).toBe(day);
    }
    expect([midnight(""), dayOf(undefined), dayOf("no time")]).toEqual([null, "", ""]);
  });
});
