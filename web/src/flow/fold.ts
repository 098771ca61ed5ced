// Accounts that deal with one other alone, by the hundred, are one in the network: what they have
// in common is what there is to see. The largest of them stay.
import type { FlowPayment } from "../api/types";

/** Accounts beside one, in one direction, up to which each is drawn. */
const MOST_ALIKE = 24;
/** Of more, those that stay: with the largest sums. */
const KEPT = 11;

export interface Fold { token: string; accounts: string[]; pays: boolean; evidence: boolean }
export interface Folded {
  /** The payments, with one name for those that are folded. */
  payments: FlowPayment[];
  folds: Map<string, Fold>;
  /** What an account is drawn as. */
  as: (account: string) => string;
}

interface Seen { partner: string | null; pays: boolean; is: boolean; sum: number; evidence: boolean }

export function folded(payments: readonly FlowPayment[]): Folded {
  const seen = new Map<string, Seen>();
  for (const { debtor, creditor, amount, in_evidence } of payments) {
    for (const [account, partner, pays] of [[debtor, creditor, true], [creditor, debtor, false]] as const) {
      const its = seen.get(account) ?? { partner, pays, is: true, sum: 0, evidence: false };
      seen.set(account, its);
      its.is &&= its.partner === partner && its.pays === pays && debtor !== creditor;
      its.sum += amount;
      its.evidence ||= in_evidence;
    }
  }
  const alike = new Map<string, string[]>();
  for (const [account, { is, partner, pays, evidence }] of seen) {
    if (!is) continue;
    const key = `${partner}\n${pays}\n${evidence}`;
    const its = alike.get(key);
    if (its) its.push(account);
    else alike.set(key, [account]);
  }
  const folds = new Map<string, Fold>();
  const name = new Map<string, string>();
  for (const accounts of alike.values()) {
    if (accounts.length <= MOST_ALIKE) continue;
    const rest = [...accounts].sort((a, b) => seen.get(b)!.sum - seen.get(a)!.sum).slice(KEPT);
    const { pays, evidence } = seen.get(rest[0]!)!;
    // No token is like it.
    const token = `\u0000${folds.size}`;
    folds.set(token, { token, accounts: rest, pays, evidence });
    for (const account of rest) name.set(account, token);
  }
  const as = (account: string): string => name.get(account) ?? account;
  if (folds.size === 0) return { payments: [...payments], folds, as };
  return { payments: payments.map((one) => ({ ...one, debtor: as(one.debtor), creditor: as(one.creditor) })), folds, as };
}
