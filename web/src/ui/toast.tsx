// Short words on what just happened, at the edge of the screen; a live region reads them out.
import { useSyncExternalStore } from "react";
import { saying } from "../api/client";
import { en } from "../en";
import { short } from "../format";

interface Toast { id: number; text: string; bad: boolean }
let toasts: Toast[] = [];
let next = 1;
const watchers = new Set<() => void>();
const change = (now: Toast[]): void => {
  toasts = now;
  watchers.forEach((tell) => tell());
};

export function say(text: string, bad = false): void {
  const id = next++;
  change([...toasts.slice(-3), { id, text, bad }]);
  setTimeout(() => change(toasts.filter((one) => one.id !== id)), bad ? 12_000 : 5_000);
}

export function sayFailed(error: unknown): void {
  const { title, detail } = saying(error);
  say(short(detail ? `${title}. ${detail}` : title, 300), true);
}

export function Toasts() {
  const all = useSyncExternalStore((tell) => { watchers.add(tell); return () => watchers.delete(tell); }, () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {all.map(({ id, text, bad }) => (
        <div key={id} className={bad ? "toast bad" : "toast"}>
          <span className="grow">{text}</span>
          <button type="button" className="button bare" aria-label={en.errors.close} onClick={() => change(toasts.filter((one) => one.id !== id))}>×</button>
        </div>
      ))}
    </div>
  );
}
