// The flow as a network (sigma, WebGL), laid out by direction. Parallel payments of a pair are one
// curve as wide as their sum; what is chosen here is chosen in the other views.
import { EdgeCurvedArrowProgram } from "@sigma/edge-curve";
import { DirectedGraph } from "graphology";
import { useEffect, useMemo, useRef, useState } from "react";
import Sigma from "sigma";
import type { FlowPayment } from "../api/types";
import { en } from "../en";
import { compact, short } from "../format";
import { places, type Spot } from "./direction";
import { folded } from "./fold";
import { NOTHING, type Pick } from "./Lanes";
import { placed } from "./names";

interface Pair { debtor: string; creditor: string; ids: string[]; numbers: number[]; amount: number; evidence: boolean }

interface Props { payments: readonly FlowPayment[]; pick: Pick; choose: (pick: Pick) => void; until: number }

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function pairsOf(payments: readonly FlowPayment[]): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  payments.forEach((payment, n) => {
    const key = `${payment.debtor}\n${payment.creditor}`;
    const pair = pairs.get(key) ?? { debtor: payment.debtor, creditor: payment.creditor, ids: [], numbers: [], amount: 0, evidence: false };
    pairs.set(key, pair);
    pair.ids.push(payment.id);
    pair.numbers.push(n + 1);
    pair.amount += payment.amount;
    pair.evidence ||= payment.in_evidence;
  });
  return pairs;
}

export default function Network({ payments, pick, choose, until }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const sigma = useRef<Sigma | null>(null);
  const latest = useRef({ pick, until, choose });
  latest.current = { pick, until, choose };
  const [broken, setBroken] = useState(false);
  const [theme, setTheme] = useState(0);
  const folds = useMemo(() => folded(payments), [payments]);
  const pairs = useMemo(() => pairsOf(folds.payments), [folds]);
  useEffect(() => {
    const changed = (): void => setTheme((n) => n + 1);
    addEventListener("themechange", changed);
    return () => removeEventListener("themechange", changed);
  }, []);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const graph = new DirectedGraph();
    const spots = places(folds.payments);
    const wide = element.clientWidth > 560;
    const most = Math.max(1e-9, ...spots.filter((spot) => spot.evidence).map((spot) => spot.amount));
    const many = spots.filter((spot) => spot.evidence).length;
    const named_ = (token: string): string => {
      const fold = folds.folds.get(token);
      if (!fold) return short(token, 24);
      const size = fold.accounts.length;
      return !fold.evidence ? en.alert.otherAccounts(size) : fold.pays ? en.alert.payers(size) : en.alert.payees(size);
    };
    const sizeOf = (spot: Spot): number => (spot.evidence ? Math.max(many > 80 ? 2.5 : 5, Math.min(13, 13 * Math.sqrt(spot.amount / most))) : 3);
    const room = { width: Math.max(240, element.clientWidth), height: Math.max(240, element.clientHeight) };
    placed(spots, sizeOf, (spot) => named_(spot.token), room).forEach(({ token, x, y, side, named: isNamed }, n) => {
      const spot = spots[n]!;
      graph.addNode(token, { x, y, size: sizeOf(spot), label: named_(token), evidence: spot.evidence, side, forceLabel: isNamed });
    });
    // From here on there is room for all names.
    let close = false;
    const widest = Math.max(1e-9, ...[...pairs.values()].filter((pair) => pair.evidence).map((pair) => pair.amount));
    for (const [key, pair] of pairs) {
      graph.addEdgeWithKey(key, pair.debtor, pair.creditor, {
        size: Math.max(pair.evidence ? 1.4 : 0.8, Math.min(6, (6 * pair.amount) / widest)), type: "curved", evidence: pair.evidence,
        curvature: pairs.has(`${pair.creditor}\n${pair.debtor}`) ? 0.22 : 0.06, label: compact(pair.amount), zIndex: pair.evidence ? 1 : 0,
      });
    }
    const [ink, muted, flow, context, picked, faint] = ["--ink", "--muted", "--flow", "--context", "--pick", "--line"].map(colour) as [string, string, string, string, string, string];
    let it: Sigma;
    try {
      it = new Sigma(graph, element, {
        defaultEdgeType: "curved", edgeProgramClasses: { curved: EdgeCurvedArrowProgram, arrow: Unused, line: Unused }, nodeHoverProgramClasses: { circle: Unused as never }, allowInvalidContainer: true,
        labelFont: getComputedStyle(document.body).getPropertyValue("--mono") || "monospace", labelSize: 11, labelColor: { color: ink }, labelDensity: 0, labelRenderedSizeThreshold: 1_000,
        renderEdgeLabels: folds.folds.size === 0 && pairs.size <= (wide ? 24 : 9), edgeLabelSize: 10.5, edgeLabelColor: { color: muted }, edgeLabelFont: getComputedStyle(document.body).fontFamily,
        zIndex: true, enableEdgeEvents: true, minEdgeThickness: 1, stagePadding: 0, defaultDrawNodeLabel: named(colour("--card"), ink), defaultDrawNodeHover: () => undefined,
        nodeReducer: (token, data) => {
          const { pick: its } = latest.current;
          const chosen = its.account !== null || its.payments.size > 0;
          const mine = its.account !== null && folds.as(its.account) === token;
          const near = mine || [...graph.edges(token)].some((edge) => hot(pairs.get(edge)!, its, folds.as));
          return { ...data, color: mine ? picked : !data["evidence"] ? context : chosen && !near ? faint : muted, label: chosen && !near ? "" : (data["label"] as string), forceLabel: (data["forceLabel"] as boolean) || mine || close, zIndex: data["evidence"] ? 1 : 0 };
        },
        edgeReducer: (key, data) => {
          const { pick: its, until: shown } = latest.current;
          const pair = pairs.get(key)!;
          const chosen = its.account !== null || its.payments.size > 0;
          const isHot = hot(pair, its, folds.as);
          const base = pair.evidence ? flow : context;
          return { ...data, hidden: pair.numbers[0]! > shown, color: chosen ? (isHot ? (its.payments.size === 1 ? picked : base) : faint) : base };
        },
      });
    } catch {
      setBroken(true);
      return;
    }
    setBroken(false);
    // The places are pixels already.
    it.setCustomBBox({ x: [-room.width / 2, room.width / 2], y: [-room.height / 2, room.height / 2] });
    it.refresh();
    it.getCamera().on("updated", ({ ratio }) => {
      if (ratio < 0.6 === close) return;
      close = !close;
      it.refresh({ skipIndexation: true });
    });
    it.on("clickNode", ({ node }) => (folds.folds.has(node) ? latest.current.choose({ payments: new Set([...graph.edges(node)].flatMap((edge) => pairs.get(edge)!.ids)), account: null }) : latest.current.choose(latest.current.pick.account === node ? NOTHING : { payments: new Set(), account: node })));
    it.on("clickEdge", ({ edge }) => latest.current.choose({ payments: new Set(pairs.get(edge)!.ids), account: null }));
    it.on("clickStage", () => latest.current.choose(NOTHING));
    sigma.current = it;
    return () => {
      sigma.current = null;
      it.kill();
    };
  }, [folds, pairs, theme]);
  useEffect(() => { sigma.current?.refresh({ skipIndexation: true }); }, [pick, until]);

  if (broken) return <p className="note in">{en.alert.noWebgl}</p>;
  return (
    <div>
      <div className="net" ref={box} role="img" aria-label={en.alert.networkText} />
      <div className="acts netacts">
        <button type="button" className="button bare small" onClick={() => void sigma.current?.getCamera().animatedZoom({ duration: 120 })}>{en.alert.zoomIn}</button>
        <button type="button" className="button bare small" onClick={() => void sigma.current?.getCamera().animatedUnzoom({ duration: 120 })}>{en.alert.zoomOut}</button>
        <button type="button" className="button bare small" onClick={() => void sigma.current?.getCamera().animatedReset({ duration: 120 })}>{en.alert.fit}</button>
      </div>
    </div>
  );
}

type Drawer = NonNullable<NonNullable<ConstructorParameters<typeof Sigma>[2]>["defaultDrawNodeLabel"]>;

/** A program of sigma that nothing here is drawn with: it would be compiled all the same. */
class Unused {
  drawLabel = undefined;
  kill(): void {}
  reallocate(): void {}
  process(): void {}
  render(): void {}
}

/** A name beside its account, where no line comes from, on a halo. */
function named(halo: string, ink: string): Drawer {
  return (context, data, settings) => {
    if (!data.label) return;
    const { side } = data as unknown as { side: "left" | "right" | "above" | "below" };
    context.font = `${settings.labelSize}px ${settings.labelFont}`;
    context.textAlign = side === "left" ? "right" : side === "right" ? "left" : "center";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = halo;
    context.fillStyle = ink;
    const x = data.x + (side === "left" ? -data.size - 5 : side === "right" ? data.size + 5 : 0);
    const y = data.y + (side === "below" ? data.size + 13 : side === "above" ? -data.size - 5 : 4);
    context.strokeText(data.label, x, y);
    context.fillText(data.label, x, y);
    context.textAlign = "left";
  };
}

function hot(pair: Pair, pick: Pick, as: (account: string) => string): boolean {
  const account = pick.account === null ? null : as(pick.account);
  return account === pair.debtor || account === pair.creditor || pair.ids.some((id) => pick.payments.has(id));
}
