// The alerts of a case in full, a few at a time.
import { useEffect, useState } from "react";
import { get, path } from "../api/client";
import type { Alert } from "../api/types";

export function useAlerts(ids: readonly string[]): { alerts: Alert[]; done: boolean; error: unknown } {
  const key = ids.join("\n");
  const [state, setState] = useState<{ key: string; alerts: Alert[]; done: boolean; error: unknown }>({ key: "", alerts: [], done: false, error: null });
  useEffect(() => {
    const stop = new AbortController();
    const wanted = key ? key.split("\n") : [];
    void (async () => {
      const found: Alert[] = [];
      try {
        for (let n = 0; n < wanted.length; n += 4) {
          found.push(...await Promise.all(wanted.slice(n, n + 4).map((id) => get<Alert>(path(["alerts", id]), stop.signal))));
          setState({ key, alerts: [...found], done: found.length === wanted.length, error: null });
        }
        if (wanted.length === 0) setState({ key, alerts: [], done: true, error: null });
      } catch (error) {
        if (!stop.signal.aborted) setState({ key, alerts: found, done: true, error });
      }
    })();
    return () => stop.abort();
  }, [key]);
  return state.key === key ? state : { alerts: [], done: false, error: null };
}
