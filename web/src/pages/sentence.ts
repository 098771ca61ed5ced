// A reason is a sentence with values in it. Which payments are behind a value: those that the
// service names for the rule; of an amount the payment that has it; else the whole evidence.
import type { Payment } from "../api/types";

export interface Part { text: string; payments: string[] | null }

const NUMBER = /(?<![\w.-])\d[\d,]*(?:\.\d+)?(?![\w-])(?!\.\d)/g;

export function sentence(reason: string, evidence: readonly Payment[], named?: readonly string[]): Part[] {
  const all = named && named.length > 0 ? [...named] : evidence.map(({ id }) => id);
  const byAmount = new Map<string, string[]>();
  for (const payment of evidence) {
    const key = String(payment.amount);
    byAmount.set(key, [...(byAmount.get(key) ?? []), payment.id]);
  }
  const parts: Part[] = [];
  let from = 0;
  for (const match of reason.matchAll(NUMBER)) {
    if (match.index > from) parts.push({ text: reason.slice(from, match.index), payments: null });
    const exact = byAmount.get(String(Number(match[0].replaceAll(",", ""))));
    // A small whole number is a count and not an amount, though a payment may have it.
    parts.push({ text: match[0], payments: exact && Number(match[0].replaceAll(",", "")) >= 100 ? exact : all });
    from = match.index + match[0].length;
  }
  if (from < reason.length) parts.push({ text: reason.slice(from), payments: null });
  return parts;
}
