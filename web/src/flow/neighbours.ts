// What else the accounts of some alerts did in the window, one hop: of all of them, or of those
// that somebody opened.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { get, path } from "../api/client";
import type { FlowPayment, Graph } from "../api/types";
import { sayFailed } from "../ui/toast";
import { inOrder } from "./picture";

/** Alerts whose surroundings are asked for at most. */
const MOST_ALERTS = 20;

export interface Neighbours {
  /** The evidence, and what is shown around it, in order. */
  payments: readonly FlowPayment[];
  hops: boolean;
  setHops: (hops: boolean) => void;
  opened: ReadonlySet<string>;
  open: (account: string) => void;
  complete: boolean;
  loading: boolean;
}

/** What is shown: the evidence, and of the rest what touches an account that is opened. */
export function around(evidence: readonly FlowPayment[], graphs: readonly Graph[], opened: ReadonlySet<string> | "all"): FlowPayment[] {
  const all = new Map(evidence.map((payment) => [payment.id, payment]));
  for (const { payments } of graphs) {
    for (const payment of payments) {
      if (all.has(payment.id)) continue;
      if (opened === "all" || opened.has(payment.debtor) || opened.has(payment.creditor)) all.set(payment.id, { ...payment, in_evidence: false });
    }
  }
  return inOrder([...all.values()]);
}

export function useNeighbours(evidence: readonly FlowPayment[], alerts: readonly { id: string; accounts: string[] }[]): Neighbours {
  const [hops, setHops] = useState(false);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [graphs, setGraphs] = useState<ReadonlyMap<string, Graph>>(new Map());
  const asked = useRef(new Set<string>());
  const [waiting, setWaiting] = useState(0);
  const wanted = useMemo(() => (hops ? alerts : alerts.filter((alert) => alert.accounts.some((account) => opened.has(account)))).slice(0, MOST_ALERTS).map(({ id }) => id), [alerts, hops, opened]);
  useEffect(() => {
    for (const id of wanted.filter((one) => !asked.current.has(one))) {
      asked.current.add(id);
      setWaiting((n) => n + 1);
      get<Graph>(path(["alerts", id, "graph"], { hops: 1 })).then(
        (graph) => setGraphs((old) => new Map(old).set(id, graph)),
        (error: unknown) => { asked.current.delete(id); sayFailed(error); },
      ).finally(() => setWaiting((n) => n - 1));
    }
  }, [wanted]);
  const its = useMemo(() => wanted.flatMap((id) => graphs.get(id) ?? []), [wanted, graphs]);
  const payments = useMemo(() => (its.length === 0 ? evidence : around(evidence, its, hops ? "all" : opened)), [evidence, its, hops, opened]);
  const open = useCallback((account: string): void => setOpened((old) => {
    const next = new Set(old);
    if (!next.delete(account)) next.add(account);
    return next;
  }), []);
  return { payments, hops, setHops, opened, open, complete: its.every((graph) => graph.is_complete), loading: waiting > 0 };
}
