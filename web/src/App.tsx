// The shell: who is signed in, where one is, and what holds on every screen.
import { Component, type ComponentType, lazy, Suspense, useCallback, useEffect, useState, type ReactNode } from "react";
import { get, keepSession, path, remove, Problem, Unreachable, whenExpired, whenReachable } from "./api/client";
import { close as closeEvents, watchLive } from "./api/events";
import type { Session } from "./api/types";
import { en } from "./en";
import { short } from "./format";
import { go, usePlace } from "./router";
import { can, SessionContext } from "./session";
import * as themes from "./theme";
import { Bones, Dialog, Failed, Nothing } from "./ui/basics";
import { useKeys } from "./ui/keys";
import { Toasts } from "./ui/toast";
import { Login, Setup } from "./pages/Login";

/** A screen that is fetched when it is wanted; where it cannot be, the service does not answer. */
const later = <C extends ComponentType<any>>(load: () => Promise<{ default: C }>) => lazy<C>(async () => {
  try {
    return await load();
  } catch {
    throw new Unreachable(en.errors.unreachable);
  }
});

// Fetched beside the question who is signed in, and each run in a task of its own: nearly everybody
// begins there, and an alert that is opened while the network is away is drawn all the same.
const queue = import("./pages/Queue");
const alert = queue.then(() => import("./pages/Alert"));
alert.catch(() => undefined);
const Queue = later(() => queue.then(({ Queue }) => ({ default: Queue })));
const AlertScreen = later(() => alert.then(({ AlertScreen }) => ({ default: AlertScreen })));
const Cases = later(() => import("./pages/Cases"));
const CaseScreen = later(() => import("./pages/Case"));
const CaseFile = later(() => import("./pages/CaseFile"));
const Overview = later(() => import("./pages/Overview"));
const Holds = later(() => import("./pages/Holds"));
const Rules = later(() => import("./pages/Rules"));
const Audit = later(() => import("./pages/Audit"));
const Account = later(() => import("./pages/Account"));
const Users = later(() => import("./pages/Users"));

export function App() {
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [failed, setFailed] = useState<unknown>(null);
  const [expired, setExpired] = useState(false);
  const place = usePlace();
  const take = useCallback((next: Session | null) => {
    keepSession(next);
    setSession(next);
    setFailed(null);
    if (next) setExpired(false);
  }, []);
  const look = useCallback(() => {
    get<Session>(path(["session"])).then(take, (error: unknown) => {
      if (error instanceof Problem && error.status === 401) take(null);
      else setFailed(error);
    });
  }, [take]);
  useEffect(() => {
    // What is on the screen stays while one signs in again: nothing that was typed is lost.
    whenExpired(() => setExpired(true));
    look();
  }, [look]);
  if (place.parts[0] === "setup" || place.parts[0] === "invitation") return <Setup token={place.parts[1] ?? ""} invited={place.parts[0] === "invitation"} done={(next) => { take(next); go("#/queue"); }} />;
  if (session === undefined) return failed ? <main className="door"><Failed error={failed} again={() => { setFailed(null); look(); }} /></main> : <main className="door"><Bones /></main>;
  if (session === null) return <Login done={take} />;
  return (
    <SessionContext value={session}>
      <Shell session={session} out={() => take(null)} />
      {expired && <Login done={take} expired={session.user.name} />}
      <Toasts />
    </SessionContext>
  );
}

const SCREENS = [["queue", en.nav.queue], ["cases", en.nav.cases], ["holds", en.nav.holds], ["overview", en.nav.overview], ["rules", en.nav.rules], ["audit", en.nav.audit], ["users", en.nav.users]] as const;

function Shell({ session, out }: { session: Session; out: () => void }) {
  const place = usePlace();
  const [help, setHelp] = useState(false);
  const [theme, setTheme] = useState(themes.current());
  const [reached, setReached] = useState(true);
  const [live, setLive] = useState(true);
  useEffect(() => whenReachable(setReached), []);
  useEffect(() => watchLive(setLive), []);
  const nextTheme = (): themes.Theme => ({ auto: "light", light: "dark", dark: "auto" } as const)[theme];
  const turnTheme = (): void => {
    const next = nextTheme();
    themes.choose(next);
    setTheme(next);
  };
  useKeys({
    "?": () => setHelp(true), t: turnTheme, "/": () => go("#/queue"),
    "g q": () => go("#/queue"), "g c": () => go("#/cases"), "g h": () => go("#/holds"), "g o": () => go("#/overview"), "g r": () => go("#/rules"), "g u": () => go("#/audit"),
  });
  const leave = (): void => {
    closeEvents();
    remove(path(["session"])).catch(() => undefined).finally(out);
  };
  const first = place.parts[0] ?? "queue";
  const section = first === "alerts" || first === "accounts" ? "queue" : first;
  const screens = SCREENS.filter(([id]) => (id === "audit" ? can(session, "audit") : id === "users" ? can(session, "users") : true));
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>{en.skip}</a>
      <header className="bar">
        <a className="mark" href="#/queue"><img src="./mark.svg" alt="" />{en.name}</a>
        <nav className="nav" aria-label={en.nav.label}>
          {screens.map(([id, text]) => <a key={id} href={`#/${id}`} aria-current={section === id ? "page" : undefined}>{text}</a>)}
        </nav>
        <div className="who">
          <span className="muted"><bdi>{short(session.user.name, 24)}</bdi>, {en.roles[session.user.role] ?? session.user.role}</span>
          <button type="button" className="button bare" onClick={turnTheme} aria-label={en.theme.change({ auto: en.theme.auto, light: en.theme.light, dark: en.theme.dark }[theme])} title={en.theme.change({ auto: en.theme.auto, light: en.theme.light, dark: en.theme.dark }[theme])}>
            <svg width="15" height="15" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" strokeWidth="1.5" />{theme !== "light" && <path d={theme === "dark" ? "M8 1.8a6.2 6.2 0 0 1 0 12.4a6.2 6.2 0 0 1 0-12.4Z" : "M8 1.8a6.2 6.2 0 0 1 0 12.4Z"} fill="currentColor" />}</svg>
          </button>
          <button type="button" className="button bare" onClick={() => setHelp(true)} aria-label={en.help} title={`${en.help} (?)`}>?</button>
          <button type="button" className="button bare" onClick={leave}>{en.signOut}</button>
        </div>
      </header>
      <div>
        {!reached && <div className="strip" role="alert">{en.lost}<button type="button" className="button" onClick={() => location.reload()}>{en.tryNow}</button></div>}
        {reached && !live && <div className="strip" role="status">{en.notLive}</div>}
      </div>
      <main id="main" tabIndex={-1}>
        <Fence key={place.parts.join("/")}>
          <Suspense fallback={<Bones />}><Screen parts={place.parts} /></Suspense>
        </Fence>
      </main>
      {help && <Help close={() => setHelp(false)} />}
    </div>
  );
}

function Screen({ parts }: { parts: string[] }) {
  const [first, second, third] = parts;
  switch (first) {
    case undefined: case "queue": return <Queue />;
    case "alerts": return second ? <AlertScreen id={second} /> : <Queue />;
    case "cases": return second ? (third === "file" ? <CaseFile id={second} /> : <CaseScreen id={second} />) : <Cases />;
    case "accounts": return second ? <Account token={second} /> : <Queue />;
    case "overview": return <Overview />;
    case "holds": return <Holds />;
    case "rules": return <Rules id={second ?? null} />;
    case "audit": return <Audit />;
    case "users": return <Users />;
    default: return <Nothing title={en.errors.noPage}>{en.errors.noPageHint}</Nothing>;
  }
}

/** A screen that fails takes nothing with it. */
class Fence extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    return this.state.error ? <Failed error={this.state.error} again={() => (this.state.error instanceof Unreachable ? location.reload() : this.setState({ error: null }))} /> : this.props.children;
  }
}

function Help({ close }: { close: () => void }) {
  const keys = en.keysHelp;
  const groups: [string, string[][]][] = [[keys.everywhere, keys.all], [keys.queue, keys.list], [keys.alert, keys.flow], [keys.case, keys.file], [keys.rules, keys.ruleKeys]];
  return (
    <Dialog title={keys.title} wide close={close}>
      <div className="keys">
        {groups.map(([title, its]) => (
          <section key={title}>
            <h2>{title}</h2>
            <dl>{its.map(([key, what]) => [<dt key={key}>{key!.split(" ").map((one, n) => (one === "–" ? " – " : <kbd key={n}>{one}</kbd>))}</dt>, <dd key={`${key}d`}>{what}</dd>])}</dl>
          </section>
        ))}
      </div>
      <div className="ends"><button type="button" className="button" autoFocus onClick={close}>{en.errors.close}</button></div>
    </Dialog>
  );
}
