// The library: what the typologies look for, drawn on their own examples.
import { path } from "../api/client";
import type { RuleVersions as List, Typology } from "../api/types";
import { useGet } from "../api/use";
import { en } from "../en";
import { amount, count, short } from "../format";
import { Lanes } from "../flow/Lanes";
import { inOrder } from "../flow/picture";
import { go, to, usePlace } from "../router";
import { Nothing, Shown, useTitle } from "../ui/basics";
import { Glyph } from "../ui/glyph";
import { useKeys } from "../ui/keys";
import { typologiesOf, type TypologyList } from "./Filters";
import { RuleEdit } from "./RuleEdit";
import { RuleVersions } from "./RuleVersions";

const VIEWS = [["library", en.rules.library], ["versions", en.rules.versions], ["edit", en.rules.edit]] as const;

export default function Rules({ id }: { id: string | null }) {
  useTitle(en.rules.title);
  const { query } = usePlace();
  const view = id ? "library" : (VIEWS.find(([one]) => one === query.get("view"))?.[0] ?? "library");
  useKeys({ v: () => go(to(["rules"], { view: "versions" })), e: () => go(to(["rules"], { view: "edit" })), l: () => go(to(["rules"])) });
  return (
    <>
      <div className="head">
        <div className="grow"><h1>{en.rules.title}</h1><p className="muted">{en.rules.texts[view]}</p></div>
        <div className="seg" role="group" aria-label={en.rules.views}>{VIEWS.map(([one, text]) => <button key={one} type="button" aria-pressed={view === one} onClick={() => go(to(["rules"], { view: one === "library" ? null : one }))}>{text}</button>)}</div>
      </div>
      {view === "library" ? <Shelf id={id} /> : view === "versions" ? <VersionsOf /> : <Edit version={query.get("of")} />}
    </>
  );
}

// Each asks anew when it is opened: what was proposed on the one is there on the other.
function VersionsOf() {
  return <RuleVersions all={useGet<List>(path(["rules"]))} />;
}

function Edit({ version }: { version: string | null }) {
  const all = useGet<List>(version ? null : path(["rules"]));
  return version ? <RuleEdit version={version} /> : <Shown of={all} lines={14}>{(got) => <RuleEdit version={got.active} />}</Shown>;
}

function Shelf({ id }: { id: string | null }) {
  const all = useGet<TypologyList>(path(["typologies"]));
  return <Shown of={all}>{(got) => <Library all={typologiesOf(got)} id={id} />}</Shown>;
}

function Library({ all, id }: { all: Typology[]; id: string | null }) {
  const at = Math.max(0, all.findIndex((one) => one.id === id));
  const shown = all[at];
  const move = (n: number): void => { const next = all[n]; if (next) go(to(["rules", next.id])); };
  useKeys({ j: () => move(at + 1), k: () => move(at - 1) });
  if (!shown) return <Nothing title={en.rules.none} />;
  return (
    <div className="library">
      <nav className="card" aria-label={en.rules.title}>
        <ul className="shelf">{all.map((one) => <li key={one.id}><a href={to(["rules", one.id])} aria-current={one === shown ? "true" : undefined}><Glyph typology={one.id} />{one.title}</a></li>)}</ul>
      </nav>
      <article className="stack"><One it={shown} /></article>
    </div>
  );
}

function One({ it }: { it: Typology }) {
  const payments = inOrder(it.example);
  return (
    <>
      <section className="card"><div className="in prose">
        <div className="title"><Glyph typology={it.id} /><h1 className="h-like">{it.title}</h1><span className="muted small">{en.rules.suggests} {en.actions[it.action] ?? it.action}; {en.rules.version.toLowerCase()} <span className="id">{short(String(it.version), 12)}</span></span><a className="small" href={to(["queue"], { typology: it.id })}>{en.rules.alerts}</a></div>
        <p>{it.what}</p>
        <div><h2>{en.rules.why}</h2><p>{it.why}</p></div>
        <div><h2>{en.rules.innocent}</h2><p>{it.innocent}</p></div>
      </div></section>
      {payments.length > 0 && (
        <section className="card"><header><h2>{en.rules.example}</h2><span className="small muted">{en.rules.exampleText}</span></header><Lanes key={it.id} payments={payments} small /></section>
      )}
      <section className="card">
        <h2>{en.rules.parameters}</h2>
        <div className="scroll" tabIndex={0} role="region" aria-label={en.rules.parameters}>
          <table>
            <thead><tr><th scope="col">{en.rules.meaning}</th><th scope="col" className="num">{en.rules.value}</th><th scope="col">{en.rules.range}</th><th scope="col">{en.rules.name}</th></tr></thead>
            <tbody>{it.parameters.map((one) => <tr key={one.name}><th scope="row">{one.what}</th><td className="num">{number(one.value)} <span className="muted">{one.unit}</span></td><td className="muted nowrap">{number(one.low)} – {number(one.high)}</td><td className="id">{one.name}</td></tr>)}</tbody>
          </table>
        </div>
      </section>
      <section className="card"><h2>{en.rules.when}</h2><div className="in stack">{it.when.map((text, n) => <pre key={n} tabIndex={0}>{text}</pre>)}</div></section>
      <section className="card"><h2>{en.rules.reason}</h2><div className="in stack">{it.reason.map((text, n) => <p key={n}>{text}</p>)}<details><summary>{en.rules.score}</summary>{it.score.map((text, n) => <pre key={n} tabIndex={0}>{text}</pre>)}</details></div></section>
      <section className="card"><h2>{en.rules.sources}</h2><ul className="list in">{it.sources.map((text) => <li key={text}>{text}</li>)}</ul></section>
    </>
  );
}

const number = (value: number): string => (Number.isInteger(value) ? count(value) : amount(value, "XXX"));
