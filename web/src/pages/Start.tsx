// The first visit: never a blank page.
import { useEffect } from "react";
import type { Overview } from "../api/types";
import { useEvents } from "../api/use";
import { en } from "../en";
import { count } from "../format";
import { Glyph } from "../ui/glyph";

export function Start({ overview, moved }: { overview: Overview; moved: () => void }) {
  useEvents({ alert: moved, back: moved });
  useEffect(() => {
    const timer = setInterval(moved, 15_000);
    return () => clearInterval(timer);
  }, [moved]);
  const some = overview.payments_total > 0;
  const send = `shroff keys add bank --role payment-system
curl ${location.origin}/v1/payments -H "Authorization: Bearer KEY" -H "Content-Type: application/json" \\
  -d '{"id":"p1","time":"${new Date().toISOString().slice(0, 19)}Z","debtor":"DE02","creditor":"FR14","amount":"120.00","currency":"EUR"}'`;
  return (
    <div className="start">
      <div>
        <h1>{some ? en.start.quiet : en.start.title}</h1>
        <p className="muted">{some ? en.start.quietText(`${count(overview.payments_total)} payments`) : en.start.text}</p>
      </div>
      <section className="card"><h2>{en.start.demo}</h2><div className="in stack"><p>{en.start.demoText}</p><pre tabIndex={0}>shroff demo</pre></div></section>
      <section className="card"><h2>{en.start.send}</h2><div className="in stack"><p>{en.start.sendText}</p><pre tabIndex={0}>{send}</pre></div></section>
      <p className="muted"><Glyph typology="cycle" /> {en.start.watching} <a href="#/rules">{en.start.look}</a>.</p>
    </div>
  );
}
