// The small parts that every screen is made of.
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { Problem, saying } from "../api/client";
import type { Action } from "../api/types";
import { en } from "../en";
import { ago, at, atSeconds, score as scoreText, short, utc } from "../format";
import { to } from "../router";

export function Time({ time, seconds, age }: { time: string | null | undefined; seconds?: boolean; age?: boolean }) {
  if (!time) return <span className="muted">–</span>;
  return <time dateTime={time} title={age ? `${atSeconds(time)}, ${utc(time)}` : utc(time)} className="nowrap">{age ? ago(time) : seconds ? atSeconds(time) : at(time)}</time>;
}

/** Others' text: its own direction, cut where it is long, the whole on hover. */
export function Text({ children, most = 120 }: { children: string; most?: number }) {
  const cut = short(children, most);
  return <bdi title={cut === children ? undefined : short(children, 2_000)}>{cut}</bdi>;
}

export function Token({ token, link = true }: { token: string; link?: boolean }) {
  const text = short(token, 24);
  const title = text === token ? undefined : short(token, 2_000);
  return link
    ? <a className="token" dir="ltr" title={title} href={to(["accounts", token])}>{text}</a>
    : <span className="token" dir="ltr" title={title}>{text}</span>;
}

export function Score({ value }: { value: number }) {
  return (
    <span className="score">
      <svg viewBox="0 0 44 6" aria-hidden="true"><rect className="rail" width="44" height="6" rx="2" /><rect className="fill" width={Math.max(1, 44 * Math.min(1, value))} height="6" rx="2" /></svg>
      <span>{scoreText(value)}</span>
    </span>
  );
}

export function State({ state, outcome }: { state: string; outcome?: string | null }) {
  return <span className={`badge ${state}`}>{outcome ? (en.outcomes[outcome] ?? outcome) : (en.states[state] ?? state)}</span>;
}

export function Suggested({ action }: { action: Action }) {
  return action === "hold" ? <span className="badge hold">{en.actions["hold"]}</span> : null;
}

export function Bones({ lines = 6 }: { lines?: number }) {
  return <div className="bones" role="status" aria-label={en.loading}>{Array.from({ length: lines }, (_, n) => <i key={n} style={{ width: `${90 - ((n * 23) % 50)}%` }} />)}</div>;
}

export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  const { title, detail } = saying(error);
  // What is not there is not there the next time either.
  const isGone = error instanceof Problem && error.status === 404;
  return (
    <div className="state" role="alert">
      <h2>{title}</h2>
      {detail && <p>{short(detail, 400)}</p>}
      {isGone ? <a className="button" href="#/queue">{en.errors.toQueue}</a> : again && <button type="button" className="button" onClick={again}>{en.errors.retry}</button>}
    </div>
  );
}

export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  return <div className="state"><h2>{title}</h2>{typeof children === "string" ? <p>{children}</p> : children}</div>;
}

/** What is loaded, or the state that stands in for it. */
export function Shown<T>({ of, children, lines }: { of: { data: T | undefined; error: unknown; loading: boolean; reload: () => void }; children: (data: T) => ReactNode; lines?: number }) {
  if (of.data !== undefined) return children(of.data);
  if (of.error) return <Failed error={of.error} again={of.reload} />;
  return <Bones {...(lines === undefined ? {} : { lines })} />;
}

export function Dialog({ title, wide, close, children }: { title: string; wide?: boolean; close: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog || dialog.open) return;
    dialog.showModal();
    // The browser takes the first field; another may be the one to begin with.
    dialog.querySelector<HTMLElement>("[data-first]")?.focus();
  }, []);
  return (
    <dialog ref={ref} aria-labelledby={id} className={wide ? "wide" : ""} onClose={close} onCancel={close}
      onClick={(event) => { if (event.target === ref.current) ref.current?.close(); }}>
      <div>
        <h1 id={id}>{title}</h1>
        {children}
      </div>
    </dialog>
  );
}

/** The document's title says where one is, also to a screen reader. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${en.name}`;
  }, [title]);
}

/** Counts on while something runs out. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
