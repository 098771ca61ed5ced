// A chart over time (uPlot), in the colours of the theme; its numbers are in a table beside it.
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Line { label: string; values: (number | null)[]; colour: string; bars?: boolean }

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export default function Chart({ days, lines, label, high = 210 }: { days: number[]; lines: Line[]; label: string; high?: number }) {
  const box = useRef<HTMLDivElement>(null);
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const changed = (): void => setTheme((n) => n + 1);
    addEventListener("themechange", changed);
    return () => removeEventListener("themechange", changed);
  }, []);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--faint"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui, sans-serif" };
    const bars = uPlot.paths.bars!({ size: [0.7, 22] });
    const plot = new uPlot({
      width: element.clientWidth, height: high, padding: [10, 12, 0, 0], cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { range: (_, first, last) => [first - 50_000, last + 50_000] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] } },
      axes: [{ ...axis, values: (_, splits) => splits.map((at) => new Date(at * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short" })), space: 70 }, { ...axis, size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 1_000_000] }],
      series: [{ value: (_, at) => (at === null ? "" : new Date(at * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })) },
        ...lines.map((line): uPlot.Series => ({ label: line.label, stroke: colour(line.colour), width: line.bars ? 0 : 2, ...(line.bars ? { fill: colour(line.colour), paths: bars } : {}), points: { show: !line.bars && days.length < 40, size: 5 } }))],
    }, [days, ...lines.map((line) => line.values)], element);
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: high }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [days, lines, theme, high]);
  return <div className="chart" ref={box} role="img" aria-label={label} />;
}
