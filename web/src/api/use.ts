// Loading from the service: what is shown stays until something newer is here.
import { useCallback, useEffect, useRef, useState } from "react";
import { get } from "./client";
import { listen } from "./events";

export interface Loaded<T> {
  data: T | undefined;
  error: unknown;
  loading: boolean;
  reload: () => void;
  set: (data: T) => void;
}

export function useGet<T>(address: string | null): Loaded<T> {
  const [state, setState] = useState<{ address: string | null; data: T | undefined; error: unknown; loading: boolean }>({
    address: null, data: undefined, error: null, loading: address !== null,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (address === null) return;
    const stop = new AbortController();
    setState((old) => ({
      address, data: old.address === address ? old.data : undefined, error: null, loading: true,
    }));
    get<T>(address, stop.signal).then(
      (data) => setState({ address, data, error: null, loading: false }),
      (error: unknown) => {
        if (!stop.signal.aborted) setState((old) => ({ ...old, error, loading: false }));
      },
    );
    return () => stop.abort();
  }, [address, turn]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((data: T) => setState((old) => ({ ...old, data, error: null })), []);
  // Of another address nothing is shown, not even for one frame.
  const own = state.address === address;
  return { data: own ? state.data : undefined, error: own ? state.error : null, loading: own ? state.loading : address !== null, reload, set };
}

/** Calls back on events of the service while the component is there. */
export function useEvents(handlers: Parameters<typeof listen>[0]): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => listen({
    alert: (alert) => latest.current.alert?.(alert),
    case: (it) => latest.current.case?.(it),
    hold: (hold) => latest.current.hold?.(hold),
    back: () => latest.current.back?.(),
  }), []);
}
