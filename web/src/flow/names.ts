// Where the network's accounts stand in pixels, and which of them are named: the picture fills the
// room that there is, and no name lies on another or on an account.
import type { Spot } from "./direction";

export type Side = "left" | "right" | "above" | "below";
export interface Placed { token: string; x: number; y: number; side: Side; named: boolean }

/** Of the monospaced 11 px that names are written in. */
const LETTER = 6.7;
const LINE = 13;
/** Accounts one over the other that are nearer than this share no gap with a name. */
const CLOSE = 42;
/** A unit of the layout is stretched so far at most: two accounts alone need no whole screen. */
const MOST_UNIT = 245;
/** Accounts beyond which those that are context alone are not named. */
const MOST_NAMED_CONTEXT = 30;
/** Where the picture is wider than this, outer names stand beside their accounts. */
const WIDE = 560;

interface Box { left: number; right: number; top: number; bottom: number }
const meets = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** `y` grows upwards, as in the layout; the middle of the picture is the origin. */
export function placed(spots: readonly Spot[], size: (spot: Spot) => number, text: (spot: Spot) => string, room: { width: number; height: number }): Placed[] {
  if (spots.length === 0) return [];
  const wide = room.width > WIDE;
  const [xs, ys] = [spots.map(({ x }) => x), spots.map(({ y }) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const unit = (from: number, to: number, pixels: number): number => Math.min(MOST_UNIT, Math.max(20, pixels) / Math.max(0.001, to - from));
  const across = unit(left, right, room.width - (wide ? 230 : 96));
  const up = unit(low, high, room.height - 64);
  const all = spots.map((spot): Placed => ({
    token: spot.token, x: (spot.x - (left + right) / 2) * across, y: (spot.y - (low + high) / 2) * up,
    side: wide && Math.abs(spot.x) > 1.1 ? (spot.x < 0 ? "left" : "right") : spot.y < -0.3 ? "below" : "above", named: false,
  }));
  const circles = all.map(({ x, y }, n): Box => { const half = size(spots[n]!); return { left: x - half, right: x + half, top: -y - half, bottom: -y + half }; });
  const taken: Box[] = [];
  // Those of the evidence and of the most money first.
  const order = spots.map((_, n) => n).sort((a, b) => Number(spots[b]!.evidence) - Number(spots[a]!.evidence) || spots[b]!.amount - spots[a]!.amount);
  for (const n of order) {
    const one = all[n]!;
    // Names of many neighbours would drown those of the flow itself.
    if (!spots[n]!.evidence && spots.length > MOST_NAMED_CONTEXT) continue;
    for (const side of sidesOf(one, all)) {
      const box = boxOf({ ...one, side }, size(spots[n]!), text(spots[n]!).length * LETTER);
      const isFree = Math.abs(box.left + box.right) / 2 + (box.right - box.left) / 2 <= room.width / 2
        && !taken.some((other) => meets(box, other)) && !circles.some((circle, m) => m !== n && meets(box, circle));
      if (!isFree) continue;
      Object.assign(one, { side, named: true });
      taken.push(box);
      break;
    }
  }
  return all;
}

/** Where a name may stand, the best first: over an account only where nobody takes it for the one
 * above. */
function sidesOf(one: Placed, all: readonly Placed[]): Side[] {
  if (one.side === "left" || one.side === "right") return [one.side, "above", "below"];
  const isClose = all.some((other) => other !== one && Math.abs(other.x - one.x) < 24 && Math.abs(other.y - one.y) < CLOSE);
  const outer: Side = one.x < -1 ? "left" : "right";
  return isClose ? [outer, outer === "left" ? "right" : "left"] : [one.side, one.side === "above" ? "below" : "above", outer];
}

function boxOf({ x, y, side }: Placed, half: number, width: number): Box {
  const middle = -y;
  if (side === "left") return { left: x - half - 5 - width, right: x - half - 5, top: middle - LINE / 2, bottom: middle + LINE / 2 };
  if (side === "right") return { left: x + half + 5, right: x + half + 5 + width, top: middle - LINE / 2, bottom: middle + LINE / 2 };
  const top = side === "above" ? middle - half - 5 - LINE + 2 : middle + half + 4;
  return { left: x - width / 2, right: x + width / 2, top, bottom: top + LINE };
}
