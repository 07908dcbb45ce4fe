/** Hand shapes of the American manual alphabet as a schematic right hand seen from the front: palm, forearm and five
 *  fingers of three segments each. Procedural and coarse: silhouettes tell the letters apart as far as a silhouette can
 *  (a, e, m, n, s and t differ little, as they do for real ones). Lengths in palm widths, angles in degrees. */

/** A capsule: all points within `radius` of the segment. */
export interface Capsule {
  readonly ax: number;
  readonly ay: number;
  readonly bx: number;
  readonly by: number;
  readonly radius: number;
}

/** Pose of one finger. */
interface Finger {
  /** 0 folded into the palm … 1 straight. */
  readonly out: number;
  /** Degrees from straight up, clockwise as seen. */
  readonly lean: number;
  /** Degrees that the two outer joints turn, clockwise: hooks and rings. */
  readonly bend?: number;
}

/** Pose of a letter. */
interface Pose {
  /** [thumb, index, middle, ring, little] */
  readonly fingers: readonly [Finger, Finger, Finger, Finger, Finger];
  /** The whole hand turned, degrees clockwise: g, h, p and q point sideways or down. */
  readonly turn?: number;
  /** Seen from the side, so the palm is this much narrower. */
  readonly narrow?: number;
}

const finger = (out: number, lean: number, bend?: number): Finger => ({ out, lean, bend });
const FOLDED = { index: finger(0.16, -6), middle: finger(0.18, -2), ring: finger(0.16, 2), little: finger(0.12, 6) } as const;

/** Poses by letter; j and z move and are not in the set. */
const POSES: Readonly<Record<string, Pose>> = {
  a: { fingers: [finger(0.75, -8), FOLDED.index, FOLDED.middle, FOLDED.ring, FOLDED.little] },
  b: { fingers: [finger(0.35, 35), finger(1, -2), finger(1, 0), finger(1, 2), finger(1, 4)] },
  c: { fingers: [finger(0.9, -70, -35), finger(0.85, -35, -75), finger(0.85, -32, -78), finger(0.85, -30, -80), finger(0.8, -28, -82)], narrow: 0.7 },
  d: { fingers: [finger(0.8, -30, 60), finger(1, 0), finger(0.5, -35, -90), finger(0.5, -32, -95), finger(0.45, -30, -95)] },
  e: { fingers: [finger(0.3, 50), finger(0.32, -10, -120), finger(0.34, -4, -120), finger(0.32, 2, -120), finger(0.28, 8, -120)] },
  f: { fingers: [finger(0.75, -40, 50), finger(0.6, -45, -80), finger(1, 2), finger(1, 10), finger(0.95, 20)] },
  g: { fingers: [finger(0.8, -12), finger(1, 0), FOLDED.middle, FOLDED.ring, FOLDED.little], turn: -90, narrow: 0.8 },
  h: { fingers: [finger(0.3, 10), finger(1, -2), finger(1, 3), FOLDED.ring, FOLDED.little], turn: -90, narrow: 0.85 },
  i: { fingers: [finger(0.35, 40), FOLDED.index, FOLDED.middle, FOLDED.ring, finger(1, 10)] },
  k: { fingers: [finger(0.8, 2), finger(1, -10), finger(0.95, 24), FOLDED.ring, FOLDED.little] },
  l: { fingers: [finger(1, -85), finger(1, 0), FOLDED.middle, FOLDED.ring, FOLDED.little] },
  m: { fingers: [finger(0.2, 60), finger(0.3, -4, -60), finger(0.32, 0, -60), finger(0.3, 3, -60), FOLDED.little] },
  n: { fingers: [finger(0.2, 45), finger(0.3, -4, -60), finger(0.32, 0, -60), FOLDED.ring, FOLDED.little] },
  o: { fingers: [finger(0.85, -62, 55), finger(0.75, -38, -85), finger(0.75, -36, -88), finger(0.75, -34, -90), finger(0.7, -32, -92)], narrow: 0.75 },
  p: { fingers: [finger(0.75, -25), finger(1, -8), finger(0.9, 35), FOLDED.ring, FOLDED.little], turn: -150 },
  q: { fingers: [finger(0.9, -18), finger(1, 4), FOLDED.middle, FOLDED.ring, FOLDED.little], turn: 165, narrow: 0.8 },
  r: { fingers: [finger(0.35, 40), finger(1, 8), finger(1, -7), FOLDED.ring, FOLDED.little] },
  s: { fingers: [finger(0.4, 62), FOLDED.index, FOLDED.middle, FOLDED.ring, FOLDED.little] },
  t: { fingers: [finger(0.62, 18), finger(0.3, -8, -40), FOLDED.middle, FOLDED.ring, FOLDED.little] },
  u: { fingers: [finger(0.35, 42), finger(1, -1), finger(1, 2), FOLDED.ring, FOLDED.little] },
  v: { fingers: [finger(0.35, 42), finger(1, -14), finger(1, 14), FOLDED.ring, FOLDED.little] },
  w: { fingers: [finger(0.3, 50), finger(1, -16), finger(1, 0), finger(1, 16), FOLDED.little] },
  x: { fingers: [finger(0.35, 45), finger(0.7, -4, -80), FOLDED.middle, FOLDED.ring, FOLDED.little] },
  y: { fingers: [finger(1, -65), FOLDED.index, FOLDED.middle, FOLDED.ring, finger(1, 32)] },
};

/** The 24 letters of ASL-DVS, in order. */
export const HAND_LETTERS: readonly string[] = Object.keys(POSES);

/** [thumb … little] where each finger starts on the palm, its length and half its width. */
const ANATOMY = [
  { x: -0.42, y: -0.05, length: 0.72, radius: 0.13 },
  { x: -0.36, y: -0.52, length: 0.92, radius: 0.105 },
  { x: -0.12, y: -0.57, length: 1.02, radius: 0.11 },
  { x: 0.13, y: -0.54, length: 0.95, radius: 0.105 },
  { x: 0.36, y: -0.44, length: 0.74, radius: 0.095 },
] as const;

/** Lengths of a finger's three segments, as shares. */
const SEGMENTS = [0.45, 0.3, 0.25] as const;

/** How one person's hand, and one recording's pose, differ from the table. */
export interface HandVariation {
  /** [5] factors of the fingers' lengths. */
  readonly lengths: readonly number[];
  readonly width: number;
  /** [5] degrees added to each finger's lean. */
  readonly leans: readonly number[];
  /** [5] added to how far each finger is out. */
  readonly outs: readonly number[];
}

/** A letter's hand as capsules; x right, y down, palm center at (0, 0), palm about one unit wide. */
export function handShape(letter: string, variation: HandVariation): Capsule[] {
  const pose = POSES[letter];
  const narrow = pose.narrow ?? 1;
  const { width } = variation;
  const body: Capsule[] = [
    // Palm as three rounded bars, then the forearm.
    { ax: -0.22 * narrow, ay: -0.32, bx: -0.2 * narrow, by: 0.32, radius: 0.27 * width },
    { ax: 0.2 * narrow, ay: -0.3, bx: 0.16 * narrow, by: 0.32, radius: 0.27 * width },
    { ax: 0, ay: -0.3, bx: 0, by: 0.4, radius: 0.3 * width },
    { ax: 0, ay: 0.5, bx: 0, by: 3, radius: 0.34 * width },
  ];
  const fingers = pose.fingers.flatMap((f, k) => {
    const { x, y, length, radius } = ANATOMY[k];
    const out = Math.max(0.05, Math.min(1.1, f.out + variation.outs[k]));
    let [px, py]: [number, number] = [x * narrow, y];
    let angle = f.lean + variation.leans[k];
    return SEGMENTS.map((share, s): Capsule => {
      if (s > 0) angle += (f.bend ?? 0) / 2;
      const reach = share * length * out * variation.lengths[k];
      const [qx, qy] = [px + reach * Math.sin((angle * Math.PI) / 180), py - reach * Math.cos((angle * Math.PI) / 180)];
      const capsule = { ax: px, ay: py, bx: qx, by: qy, radius: radius * width * (1 - 0.08 * s) };
      [px, py] = [qx, qy];
      return capsule;
    });
  });
  const turned = [...body.slice(0, 3), ...fingers].map((c) => turn(c, pose.turn ?? 0));
  // The forearm stays where the arm is when the hand is turned at the wrist.
  return [...turned, body[3]];
}

function turn({ ax, ay, bx, by, radius }: Capsule, degrees: number): Capsule {
  const [s, c] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
  return { ax: c * ax - s * ay, ay: s * ax + c * ay, bx: c * bx - s * by, by: s * bx + c * by, radius };
}

/** Signed distance from a point to the union of capsules: negative inside. */
export function distanceToShape(shape: readonly Capsule[], x: number, y: number): number {
  let least = Infinity;
  for (let k = 0; k < shape.length; k++) {
    const { ax, ay, bx, by, radius } = shape[k];
    const dx = bx - ax;
    const dy = by - ay;
    const square = dx * dx + dy * dy;
    const t = square > 0 ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / square)) : 0;
    const ex = x - ax - t * dx;
    const ey = y - ay - t * dy;
    // Not Math.hypot, which takes ten times as long.
    const distance = Math.sqrt(ex * ex + ey * ey) - radius;
    if (distance < least) least = distance;
  }
  return least;
}
