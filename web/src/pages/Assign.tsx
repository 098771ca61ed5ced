// To whom, and whether several alerts are one matter.
import { useId, useRef, useState } from "react";
import { path } from "../api/client";
import type { AlertHead, User } from "../api/types";
import { useGet } from "../api/use";
import { en } from "../en";
import { can, useSession } from "../session";
import { Dialog } from "../ui/basics";
import { say } from "../ui/toast";
import { saying } from "../api/client";
import { assignAll } from "../work";

/** A name to assign to: from the list where one may read it, else typed. */
export function PersonField({ value, change }: { value: string; change: (name: string) => void }) {
  const session = useSession();
  const users = useGet<{ users: User[] }>(can(session, "users") ? path(["users"]) : null);
  const list = useId();
  const names = users.data?.users.filter((user) => !user.disabled).map(({ name }) => name) ?? [];
  return (
    <label className="field"><span>{en.cases.to}</span>
      <input value={value} list={list} autoFocus required maxLength={100} autoComplete="off" onChange={(event) => change(event.target.value)} />
      <datalist id={list}>{[...new Set([session.user.name, ...names])].map((name) => <option key={name} value={name} />)}</datalist>
    </label>
  );
}

export function AssignDialog({ alerts, close, done }: { alerts: AlertHead[]; close: () => void; done: () => void }) {
  const session = useSession();
  const [who, setWho] = useState(session.user.name);
  const [together, setTogether] = useState(false);
  const [progress, setProgress] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);
  const start = async (): Promise<void> => {
    stop.current = new AbortController();
    setProgress(0);
    const result = await assignAll(alerts, who.trim(), together, stop.current.signal, setProgress);
    if (result.done > 0) say(en.queue.assigned_(result.done, who));
    if (result.error) {
      const { title, detail } = saying(result.error);
      say(en.queue.failed(alerts.length - result.done, detail || title), true);
    }
    done();
    close();
  };
  return (
    <Dialog title={`${en.queue.assign}: ${en.queue.total(alerts.length)}`} close={() => { stop.current?.abort(); close(); }}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); void start(); }}>
        <PersonField value={who} change={setWho} />
        {alerts.length > 1 && (
          <fieldset className="choices">
            <label><input type="radio" name="how" checked={!together} onChange={() => setTogether(false)} /> {en.queue.apart}</label>
            <label><input type="radio" name="how" checked={together} onChange={() => setTogether(true)} /> {en.queue.together}</label>
          </fieldset>
        )}
        {progress !== null && <p role="status"><progress max={alerts.length} value={progress} aria-label={en.queue.assign} /> {en.queue.working(progress, alerts.length)}</p>}
        <div className="ends">
          <button type="button" className="button" onClick={() => { stop.current?.abort(); close(); }}>{en.queue.cancel}</button>
          <button type="submit" className="button main" disabled={progress !== null || !who.trim()}>{en.queue.assign}</button>
        </div>
      </form>
    </Dialog>
  );
}
