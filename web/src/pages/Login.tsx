// The doors: signing in, the first account, an invitation.
import { useEffect, useState, type FormEvent } from "react";
import { get, path, post, Problem, saying } from "../api/client";
import type { Session } from "../api/types";
import { en } from "../en";
import { Dialog, useTitle } from "../ui/basics";

function Mark() {
  return <span className="mark"><img src="./mark.svg" alt="" />{en.name}</span>;
}

export function Login({ done, expired }: { done: (session: Session) => void; expired?: string }) {
  useTitle(en.login.title);
  const [name, setName] = useState(expired ?? "");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [provider, setProvider] = useState(false);
  useEffect(() => {
    // Where it cannot be asked, there is the password.
    get<{ oidc: boolean }>(path(["session", "ways"])).then((ways) => setProvider(ways.oidc), () => undefined);
  }, []);
  const send = (event: FormEvent): void => {
    event.preventDefault();
    setBusy(true);
    post<Session>(path(["session"]), { name, password }).then(done, (error: unknown) => {
      setBusy(false);
      setPassword("");
      const { title, detail } = saying(error);
      setProblem(error instanceof Problem && error.status === 401 ? en.login.wrong : `${title}. ${detail}`);
    });
  };
  const form = (
    <form onSubmit={send}>
      <label className="field"><span>{en.login.name}</span><input name="username" autoComplete="username" autoFocus={!expired} required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} /></label>
      <label className="field"><span>{en.login.password}</span><input name="password" type="password" autoComplete="current-password" data-first required maxLength={1000} value={password} onChange={(event) => setPassword(event.target.value)} /></label>
      {problem && <p className="note bad" role="alert">{problem}</p>}
      <button type="submit" className="button main" disabled={busy}>{en.login.enter}</button>
      {provider && <a className="button" href={path(["session", "oidc"])}>{en.login.provider}</a>}
    </form>
  );
  if (expired) return <Dialog title={en.login.title} close={() => undefined}><p>{en.login.expired}</p><div className="door-in">{form}</div></Dialog>;
  return <main className="door"><div className="card"><Mark /><h1 className="gone">{en.login.title}</h1>{form}<p className="small muted">{en.login.stance}</p></div></main>;
}

const LEAST = 12;

export function Setup({ token, invited, done }: { token: string; invited: boolean; done: (session: Session) => void }) {
  useTitle(en.setup.title);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [problem, setProblem] = useState("");
  const send = (event: FormEvent): void => {
    event.preventDefault();
    if (password.length < LEAST) setProblem(en.setup.short);
    else if (password !== again) setProblem(en.setup.differ);
    else post<Session>(path(["setup"]), { token, name, password }).then(done, (error: unknown) => {
      const { title, detail } = saying(error);
      setProblem(error instanceof Problem && (error.status === 401 || error.status === 403 || error.status === 404 || error.status === 410) && !detail ? en.setup.bad : [title, detail].filter(Boolean).join(". "));
    });
  };
  return (
    <main className="door">
      <div className="card">
        <Mark />
        <div><h1>{invited ? en.setup.invited : en.setup.title}</h1>{!invited && <p className="muted">{en.setup.text}</p>}</div>
        <form onSubmit={send}>
          <label className="field"><span>{en.setup.name}</span><input name="username" autoComplete="username" autoFocus required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} /></label>
          <label className="field"><span>{en.setup.password}</span><input type="password" autoComplete="new-password" required maxLength={1000} value={password} aria-describedby="rule" onChange={(event) => setPassword(event.target.value)} /></label>
          <p className="small muted" id="rule">{en.setup.rule}</p>
          <label className="field"><span>{en.setup.again}</span><input type="password" autoComplete="new-password" required maxLength={1000} value={again} onChange={(event) => setAgain(event.target.value)} /></label>
          {problem && <p className="note bad" role="alert">{problem}</p>}
          <button type="submit" className="button main">{en.setup.make}</button>
        </form>
      </div>
    </main>
  );
}
