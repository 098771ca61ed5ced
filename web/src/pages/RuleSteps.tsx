// The way of a rule to production, where one is on it, and what comes next.
import { en } from "../en";

/** Steps in their order; the words are beside all others. */
export type Step = 0 | 1 | 2 | 3 | 4 | 5;

export function Steps({ at, next }: { at: Step; next: string }) {
  return (
    <section className="steps" aria-label={en.rules.way}>
      <ol>{en.rules.steps.map((text, n) => <li key={text} className={n < at ? "past" : ""} aria-current={n === at ? "step" : undefined}>{text}</li>)}</ol>
      <p role="status"><b>{en.rules.nextIs}</b> {next}</p>
    </section>
  );
}
