// A small drawing of each typology: where money comes from, and where it goes. Shape, not colour,
// tells them apart.
import { memo, type ReactNode } from "react";

const dot = (x: number, y: number, key?: string): ReactNode => <circle key={key ?? `${x}${y}`} cx={x} cy={y} r="1.7" />;
const hot = (x: number, y: number): ReactNode => <circle className="o" cx={x} cy={y} r="2.3" />;

const shapes: Record<string, ReactNode> = {
  cycle: <><path d="M6 3.5 14 3.5 15.5 8 10 13.2 4.4 8Z" />{dot(6, 3.5)}{dot(14, 3.5)}{dot(15.8, 8.4)}{dot(4.2, 8.4)}{hot(10, 13.2)}</>,
  "scatter-gather": <><path d="M2.5 8 10 2.5 17.5 8 10 13.5ZM2.5 8H17.5" />{dot(10, 2.5)}{dot(10, 8)}{dot(10, 13.5)}{hot(2.5, 8)}{hot(17.5, 8)}</>,
  "gather-scatter": <><path d="M3 2.5 10 8 17 2.5M3 13.5 10 8 17 13.5M3 8H17" />{dot(3, 2.5)}{dot(3, 8)}{dot(3, 13.5)}{dot(17, 2.5)}{dot(17, 8)}{dot(17, 13.5)}{hot(10, 8)}</>,
  "fan-in": <><path d="M3 2.5 16 8 3 13.5M3 6.2 16 8 3 9.8" />{dot(3, 2.5)}{dot(3, 6.2)}{dot(3, 9.8)}{dot(3, 13.5)}{hot(16, 8)}</>,
  "fan-out": <><path d="M17 2.5 4 8 17 13.5M17 6.2 4 8 17 9.8" />{dot(17, 2.5)}{dot(17, 6.2)}{dot(17, 9.8)}{dot(17, 13.5)}{hot(4, 8)}</>,
  stack: <><path d="M3 3 10 3 17 3M3 13 10 13 17 13M3 3 10 13M3 13 10 3M10 3 17 13M10 13 17 3" />{dot(3, 3)}{dot(3, 13)}{dot(10, 3)}{dot(10, 13)}{dot(17, 3)}{dot(17, 13)}</>,
  bipartite: <><path d="M4 3 16 3M4 3 16 13M4 8 16 3M4 8 16 13M4 13 16 8M4 13 16 13" />{dot(4, 3)}{dot(4, 8)}{dot(4, 13)}{dot(16, 3)}{dot(16, 8)}{dot(16, 13)}</>,
  "round-trip": <><path d="M4 8C7 3 13 3 16 8M16 8C13 13 7 13 4 8" />{hot(4, 8)}{dot(16, 8)}</>,
  "layering-chain": <><path d="M2.5 12.5 7.5 9.2 12.5 6.2 17.5 3" />{dot(2.5, 12.5)}{dot(7.5, 9.2)}{dot(12.5, 6.2)}{hot(17.5, 3)}</>,
  "pass-through": <><path d="M2.5 8H17.5M6.5 5.5 9 8 6.5 10.5" />{dot(2.5, 8)}{hot(11, 8)}{dot(17.5, 8)}</>,
  structuring: <><path d="M2 3.5H18" strokeDasharray="2 2" /><path d="M4 14V5.5M8 14V5M12 14V5.5M16 14V5" strokeWidth="2.4" /></>,
  "alike-amounts": <path d="M4 14V7M8 14V7M12 14V7M16 14V7" strokeWidth="2.4" />,
  "dormant-account-wakes": <><path d="M2 12.5H12" strokeDasharray="1.5 2" /><path d="M14 14V3" strokeWidth="2.4" /></>,
  "unlike-itself": <><path d="M3 14V11M6.5 14V10.5M10 14V11.5M16 14V2.5" strokeWidth="2.4" /></>,
  burst: <path d="M3 14V10M11 14V4M13 14V3M15 14V4.5M17 14V3.5" strokeWidth="1.5" />,
  "new-payee-large-share": <><circle cx="8" cy="8" r="5.5" fillOpacity="0.25" /><path d="M8 8 8 2.5A5.5 5.5 0 1 1 3.2 5.3Z" />{hot(17, 8)}</>,
  testing: <><path d="M5 14V12" strokeWidth="2.4" /><path d="M13 14V3" strokeWidth="2.4" /><path d="M6.5 8H10.5M9 6.5 10.5 8 9 9.5" /></>,
};

export const Glyph = memo(function Glyph({ typology }: { typology: string }) {
  return <svg className="glyph" viewBox="0 0 20 16" aria-hidden="true">{shapes[typology] ?? hot(10, 8)}</svg>;
});
