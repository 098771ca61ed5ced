// A narrative drafted from the facts: who paid whom what and when. No adjective, no guess.
import type { Alert, Case, Payment } from "./api/types";
import { en } from "./en";
import { money, utc, visible } from "./format";

/** Payments beyond which a narrative gives the sums of pairs in place of each payment. */
const MOST_SINGLE = 12;
const MOST_PAIRS = 40;

export function narrative(it: Pick<Case, "id">, alerts: readonly Alert[]): string {
  const all = new Map<string, Payment>();
  for (const alert of alerts) for (const payment of alert.evidence) all.set(payment.id, payment);
  const payments = [...all.values()].sort(byTime);
  const accounts = new Set(payments.flatMap(({ debtor, creditor }) => [debtor, creditor]));
  const text: string[] = [];
  const [first, last] = [payments[0], payments.at(-1)];
  if (first && last) {
    text.push(en.narrative.intro(it.id, en.narrative.alerts(alerts.length), en.narrative.payments(payments.length), en.narrative.accounts(accounts.size), plain(first.time), plain(last.time)));
    text.push(en.narrative.total(sums(payments)));
  }
  for (const alert of alerts) {
    text.push("", en.narrative.alert(alert.id, alert.title));
    const its = [...alert.evidence].sort(byTime);
    if (its.length <= MOST_SINGLE) {
      for (const payment of its) text.push(en.narrative.paid(plain(payment.time), payment.debtor, payment.creditor, money(payment.amount, payment.currency), payment.id));
    } else {
      const pairs = grouped(its);
      const rows = [...pairs.values()];
      for (const row of rows.slice(0, MOST_PAIRS)) {
        const [one, end] = [row[0]!, row.at(-1)!];
        text.push(row.length === 1
          ? en.narrative.paid(plain(one.time), one.debtor, one.creditor, money(one.amount, one.currency), one.id)
          : en.narrative.sums(one.debtor, one.creditor, en.narrative.payments(row.length), sums(row), plain(one.time), plain(end.time)));
      }
      const more = rows.slice(MOST_PAIRS).reduce((sum, row) => sum + row.length, 0);
      if (more > 0) text.push(en.narrative.more(more));
    }
    if (!alert.evidence_is_complete) text.push(en.narrative.cut);
    const measured = alert.rules.map(({ reason }) => reason).filter(Boolean);
    if (measured.length > 0) text.push(en.narrative.measured, ...measured.map((reason) => `- ${reason}`));
  }
  // What cannot be seen poses as nothing in what may leave the house.
  return visible(text.join("\n").trim());
}

const pairKey = ({ debtor, creditor, currency }: Payment): string => `${debtor}\n${creditor}\n${currency}`;
function grouped(payments: readonly Payment[]): Map<string, Payment[]> {
  const pairs = new Map<string, Payment[]>();
  for (const payment of payments) pairs.set(pairKey(payment), [...(pairs.get(pairKey(payment)) ?? []), payment]);
  return pairs;
}
const byTime = (a: Payment, b: Payment): number => Date.parse(a.time) - Date.parse(b.time);
const plain = (time: string): string => utc(time).replace(/ UTC$/, "");

/** Sums by currency, in cents so that no fraction is lost on the way. */
function sums(payments: readonly Payment[]): string {
  const of = new Map<string, number>();
  for (const { amount, currency } of payments) of.set(currency, (of.get(currency) ?? 0) + Math.round(amount * 10_000));
  return [...of].map(([currency, total]) => money(total / 10_000, currency)).join(", ");
}

const quoted = (value: string | number | boolean): string => {
  const text = String(value);
  // A spreadsheet must not take text for a formula.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export function csv(alerts: readonly Alert[]): string {
  const rows = [["alert", "typology", "payment", "time", "debtor", "creditor", "amount", "currency"].join(",")];
  for (const alert of alerts) {
    for (const payment of [...alert.evidence].sort(byTime)) {
      rows.push([alert.id, alert.typology, payment.id, payment.time, payment.debtor, payment.creditor, payment.amount, payment.currency].map(quoted).join(","));
    }
  }
  return `${rows.join("\r\n")}\r\n`;
}

export function save(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
