// One stream of events for the whole desk, shared by all who listen.
import type { AlertHead, CaseHead, Hold } from "./types";

export interface Handlers {
  alert?: (alert: AlertHead) => void;
  case?: (it: CaseHead) => void;
  hold?: (hold: Hold) => void;
  /** The stream is back after it was lost: what came meanwhile is unknown. */
  back?: () => void;
}

const listeners = new Set<Handlers>();
let source: EventSource | null = null;
let lost = false;
let retry: ReturnType<typeof setTimeout> | undefined;
const states = new Set<(live: boolean) => void>();

function parsed<T>(event: Event): T | null {
  try {
    return JSON.parse((event as MessageEvent<string>).data) as T;
  } catch {
    return null;
  }
}

function open(): void {
  if (source || listeners.size === 0) return;
  const stream = new EventSource("/v1/events");
  source = stream;
  stream.onopen = () => {
    states.forEach((tell) => tell(true));
    if (lost) listeners.forEach((one) => one.back?.());
    lost = false;
  };
  stream.onerror = () => {
    lost = true;
    states.forEach((tell) => tell(false));
    // The browser tries again by itself unless the service refused; then we do, slowly.
    if (stream.readyState === EventSource.CLOSED) {
      source = null;
      clearTimeout(retry);
      retry = setTimeout(open, 10_000);
    }
  };
  stream.addEventListener("alert", (event) => {
    const alert = parsed<AlertHead>(event);
    if (alert) listeners.forEach((one) => one.alert?.(alert));
  });
  stream.addEventListener("case", (event) => {
    const it = parsed<CaseHead>(event);
    if (it) listeners.forEach((one) => one.case?.(it));
  });
  stream.addEventListener("hold", (event) => {
    const hold = parsed<Hold>(event);
    if (hold) listeners.forEach((one) => one.hold?.(hold));
  });
}

export function listen(handlers: Handlers): () => void {
  listeners.add(handlers);
  open();
  return () => {
    listeners.delete(handlers);
    if (listeners.size === 0) close();
  };
}

export function watchLive(tell: (live: boolean) => void): () => void {
  states.add(tell);
  return () => states.delete(tell);
}

export function close(): void {
  clearTimeout(retry);
  source?.close();
  source = null;
}
