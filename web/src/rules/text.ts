// What the editor of rules counts: lines, places, what was changed, days of a backtest.
import type { BacktestDay, RuleFile } from "../api/types";

/** The offset of a line and a column, both from 1; inside the text in any case. */
export function offsetOf(text: string, line: number, column: number): number {
  let at = 0;
  for (let n = 1; n < line; n += 1) {
    const next = text.indexOf("\n", at);
    if (next < 0) return text.length;
    at = next + 1;
  }
  const end = text.indexOf("\n", at);
  return Math.min(at + Math.max(0, column - 1), end < 0 ? text.length : end);
}

export function lineCount(text: string): number {
  let count = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

/** Names of files that are new, changed or gone. */
export function changed(before: readonly RuleFile[], now: readonly RuleFile[]): { name: string; how: "new" | "changed" | "gone" }[] {
  const old = new Map(before.map((file) => [file.name, file.text]));
  const names = new Set(now.map((file) => file.name));
  return [
    ...now.filter((file) => old.get(file.name) !== file.text).map(({ name }) => ({ name, how: old.has(name) ? "changed" as const : "new" as const })),
    ...before.filter((file) => !names.has(file.name)).map(({ name }) => ({ name, how: "gone" as const })),
  ];
}

/** Every day from the first to the last, those without an alert too. */
export function byDay(days: readonly BacktestDay[]): { day: number; active: number; candidate: number }[] {
  const sums = new Map<number, { active: number; candidate: number }>();
  for (const one of days) {
    const day = Date.parse(one.day) / 1000;
    const sum = sums.get(day) ?? { active: 0, candidate: 0 };
    sums.set(day, { active: sum.active + one.active, candidate: sum.candidate + one.candidate });
  }
  if (sums.size === 0) return [];
  const all = [...sums.keys()];
  const [first, last] = [Math.min(...all), Math.max(...all)];
  return Array.from({ length: Math.round((last - first) / 86_400) + 1 }, (_, n) => {
    const day = first + n * 86_400;
    return { day, ...(sums.get(day) ?? { active: 0, candidate: 0 }) };
  });
}

/** A name that a new file may have. */
export const isName = (name: string): boolean => /^[a-z0-9-]{1,59}\.toml$/.test(name);
