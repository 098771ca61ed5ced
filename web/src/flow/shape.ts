// Shapes of the drawn flow, as path data with one decimal.

const R = (value: number): number => Math.round(value * 10) / 10 + 0;

/** An arrow that leaves its debtor's lane to the right, turns, and lands on its creditor's. */
export interface Arrow {
  x: number;
  from: number;
  to: number;
  /** The width of the shaft: the amount. */
  width: number;
  /** The radius of the turn; zero where there is no room for one. */
  turn: number;
  /** How far the head stands out on either side of the shaft. */
  barb: number;
}

export function outline(arrow: Arrow): string {
  const { x, from, to, width, barb } = arrow;
  if (Math.abs(from - to) < 1) return loop(arrow);
  const down = to > from ? 1 : -1;
  const half = width / 2;
  const length = Math.abs(to - from);
  const head = Math.min(3.5 + width * 0.55 + barb * 0.6, length * 0.5);
  const turn = Math.max(0, Math.min(arrow.turn, length - head - half));
  const neck = R(to - down * head);
  const [left, right] = [R(x - half), R(x + half)];
  const headPart = `V${neck}H${R(x + half + barb)}L${R(x)},${R(to)}L${R(x - half - barb)},${neck}H${left}`;
  if (turn < 1.5) return `M${left},${R(from)}H${right}${headPart}Z`;
  const [outer, inner] = [R(from - down * half), R(from + down * half)];
  const [start, past] = [R(x - half - turn), R(from + down * (half + turn))];
  return `M${start},${outer}Q${right},${outer} ${right},${past}${headPart}V${past}Q${left},${inner} ${start},${inner}Z`;
}

/** A payment to oneself: a ring that stands on the lane, with a head where it lands. */
function loop(arrow: Arrow): string {
  const outer = loopRadius(arrow);
  const inner = Math.max(outer - Math.max(1, arrow.width), outer * 0.35);
  const y = arrow.from - outer;
  const middle = (outer + inner) / 2;
  const head = arrow.barb + (outer - inner) * 0.5;
  const i = R(inner);
  return `${disc(arrow.x, y, outer)}M${R(arrow.x - inner)},${R(y)}a${i},${i} 0 1 1 ${R(inner * 2)},0a${i},${i} 0 1 1 -${R(inner * 2)},0ZM${R(arrow.x - middle + head)},${R(y - 2)}h-${R(head * 2)}l${R(head)},${R(head + 2)}Z`;
}

export function loopRadius(arrow: Arrow): number {
  return Math.min(10, Math.max(3, arrow.turn + arrow.width * 0.5));
}

export function disc(x: number, y: number, radius: number): string {
  const [r, d] = [R(radius), R(radius * 2)];
  return `M${R(x - radius)},${R(y)}a${r},${r} 0 1 0 ${d},0a${r},${r} 0 1 0 -${d},0Z`;
}

export function block(left: number, right: number, top: number, bottom: number): string {
  return `M${R(left)},${R(top)}H${R(right)}V${R(bottom)}H${R(left)}Z`;
}
