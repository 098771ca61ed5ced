// The queue's filters; the address is where they live.
import { useEffect, useRef, useState } from "react";
import { path } from "../api/client";
import type { Typology } from "../api/types";
import { useGet } from "../api/use";
import { en } from "../en";
import { dayOf, midnight } from "../format";
import { go, setQuery, to } from "../router";
import { useSession } from "../session";
import { stored, store } from "../theme";
import { Dialog } from "../ui/basics";
import { useKeys } from "../ui/keys";

export type TypologyList = Typology[] | { typologies: Typology[] };
export const typologiesOf = (got: TypologyList | undefined): Typology[] => (got === undefined ? [] : Array.isArray(got) ? got : got.typologies);

interface SavedView { name: string; query: Record<string, string> }
function savedViews(): SavedView[] {
  try {
    return JSON.parse(stored("views") ?? "[]") as SavedView[];
  } catch {
    return [];
  }
}

export function Filters({ filters }: { filters: Record<string, string> }) {
  const session = useSession();
  const typologies = useGet<TypologyList>(path(["typologies"]));
  const [views, setViews] = useState(savedViews);
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  const keep = (next: SavedView[]): void => {
    setViews(next);
    store("views", JSON.stringify(next));
  };
  const shown = to(["queue"], filters);
  const current = views.find((view) => to(["queue"], view.query) === shown);
  const select = (label: string, key: string, options: [string, string][], w: string) => (
    <label className="field"><span>{label}</span>
      <select className={w} value={filters[key] ?? ""} onChange={(event) => setQuery({ [key]: event.target.value })}>
        {options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
      </select>
    </label>
  );
  const states = ["open", "assigned", "waiting", "escalated", "proposed", "decided"].map((state): [string, string] => [state, en.states[state]!]);
  return (
    <div className="filters" role="search">
      {select(en.queue.kind, "typology", [["", en.queue.all], ...typologiesOf(typologies.data).map((it): [string, string] => [it.id, it.title])], "w3")}
      {select(en.queue.state, "state", [["", en.queue.all], ...states], "w2")}
      {select(en.queue.action, "action", [["", en.queue.all], ["hold", en.actions["hold"]!], ["review", en.actions["review"]!]], "w1")}
      {select(en.queue.who, "assignee", [["", en.queue.anyone], [session.user.name, en.queue.me], ...(filters["assignee"] && filters["assignee"] !== session.user.name ? [[filters["assignee"], filters["assignee"]] as [string, string]] : [])], "w2")}
      <Typed label={en.queue.from} name="min_score" filters={filters} type="number" w="w1" />
      <Typed label={en.queue.amount} name="min_amount" filters={filters} type="number" w="w1" />
      <label className="field"><span>{en.queue.since}</span><input className="w2" type="date" value={dayOf(filters["since"])} onChange={(event) => setQuery({ since: midnight(event.target.value) })} /></label>
      <Typed label={en.queue.search} name="q" filters={filters} type="search" w="w2" input={search} />
      {filters["account"] && <label className="field"><span>{en.queue.account}</span><span className="button" ><span className="token">{filters["account"].slice(0, 14)}</span><button type="button" className="button bare" aria-label={en.queue.clear} onClick={() => setQuery({ account: null })}>×</button></span></label>}
      <div className="end">
        {Object.keys(filters).length > 0 && <button type="button" className="button bare" onClick={() => go("#/queue")}>{en.queue.clear}</button>}
        {views.length > 0 && (
          <label className="field"><span>{en.queue.views}</span>
            <select className="w2" value={current?.name ?? ""} onChange={(event) => { const view = views.find((one) => one.name === event.target.value); if (view) go(to(["queue"], view.query)); }}>
              <option value="">–</option>
              {views.map((view) => <option key={view.name} value={view.name}>{view.name}</option>)}
            </select>
          </label>
        )}
        {current
          ? <button type="button" className="button" onClick={() => keep(views.filter((view) => view !== current))}>{en.queue.forget}</button>
          : <button type="button" className="button" disabled={Object.keys(filters).length === 0} onClick={() => setNaming(true)}>{en.queue.saveView}</button>}
      </div>
      {naming && (
        <Dialog title={en.queue.saveView} close={() => setNaming(false)}>
          <form className="stack" onSubmit={(event) => { event.preventDefault(); keep([...views.filter((view) => view.name !== name.trim()), { name: name.trim(), query: filters }]); setNaming(false); setName(""); }}>
            <label className="field"><span>{en.queue.viewName}</span><input autoFocus required maxLength={60} value={name} onChange={(event) => setName(event.target.value)} /></label>
            <div className="ends"><button type="button" className="button" onClick={() => setNaming(false)}>{en.queue.cancel}</button><button type="submit" className="button main">{en.queue.save}</button></div>
          </form>
        </Dialog>
      )}
    </div>
  );
}

interface TypedProps { label: string; name: string; filters: Record<string, string>; type: string; w: string; input?: React.RefObject<HTMLInputElement | null> }

/** A typed filter takes hold a moment after the last key. */
function Typed({ label, name, filters, type, w, input }: TypedProps) {
  const outside = filters[name] ?? "";
  const [text, setText] = useState(outside);
  useEffect(() => setText(outside), [outside]);
  useEffect(() => {
    if (text === outside) return;
    const timer = setTimeout(() => setQuery({ [name]: text || null }), 300);
    return () => clearTimeout(timer);
  }, [text, outside, name]);
  return (
    <label className="field"><span>{label}</span>
      <input ref={input} className={w} type={type} {...(name === "min_score" ? { min: 0, max: 1, step: 0.05 } : type === "number" ? { min: 0 } : {})} value={text} maxLength={200}
        onChange={(event) => setText(event.target.value)} onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }} />
    </label>
  );
}
