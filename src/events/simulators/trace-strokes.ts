/** Pen strokes from a picture of ink, for drawings of which nothing else is known: thinned to lines (Zhang, Suen 1984), then
 *  walked along, straight on at crossings. The order and direction of strokes are a convention (from ends, topmost and
 *  leftmost first), not evidence of how the drawing was made. */

/** A black-and-white picture. */
export interface InkImage {
  /** [size, size] 1 = ink. */
  readonly ink: Uint8Array;
  readonly size: number;
}

/** Side of the page in whose pixels strokes are given. */
const PAGE = 105;
/** [x, y] around a pixel, clockwise from above. */
const AROUND = [[0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1]] as const;

/** Strokes of a picture in page pixels; every ink component gives at least one point. */
export function traceStrokes(image: InkImage): (readonly [x: number, y: number])[][] {
  const { size } = image;
  const left = thinned(image);
  const toPage = (v: number): number => ((v + 0.5) * PAGE) / size - 0.5;
  const strokes: (readonly [number, number])[][] = [];
  const walked = new Uint8Array(left.length);
  for (let start = nextStart(left, size); start >= 0; start = nextStart(left, size)) {
    const path = walk(left, size, start);
    // A piece that was cut off at a crossing begins, or ends, on the line that it leaves.
    const joints = [start, path[path.length - 1]].map((end) => neighbors(walked, size, end).slice(0, 1));
    for (const k of path) walked[k] = 1;
    const whole = [...joints[0], ...path, ...(path.length > 1 ? joints[1] : [])];
    strokes.push(whole.map((k) => [toPage(k % size), toPage(Math.floor(k / size))] as const));
  }
  return strokes;
}

const neighbors = (ink: Uint8Array, size: number, k: number): number[] => AROUND.flatMap(([dx, dy]) => {
  const [x, y] = [(k % size) + dx, Math.floor(k / size) + dy];
  return x >= 0 && y >= 0 && x < size && y < size && ink[y * size + x] ? [y * size + x] : [];
});

/** The next pixel to set the pen on: an end of a line where there is one, else any; topmost and leftmost. −1 where none is left. */
function nextStart(left: Uint8Array, size: number): number {
  let best = -1;
  let bestRank = Infinity;
  for (let k = 0; k < left.length; k++) {
    if (!left[k]) continue;
    const ends = neighbors(left, size, k).length <= 1 ? 0 : 4 * size;
    const rank = ends + (k % size) + Math.floor(k / size);
    if (rank < bestRank) [best, bestRank] = [k, rank];
  }
  return best;
}

/** Walks from a pixel over what is left, turning as little as possible, and takes it away. */
function walk(left: Uint8Array, size: number, start: number): number[] {
  const path = [start];
  left[start] = 0;
  let [hx, hy] = [0, 0];
  for (let at = start; ;) {
    let [next, most] = [-1, -Infinity];
    for (const k of neighbors(left, size, at)) {
      const [dx, dy] = [(k % size) - (at % size), Math.floor(k / size) - Math.floor(at / size)];
      // Straight neighbors before diagonal ones: thinned lines are stairs, and a skipped stair would be left over.
      const straight = (dx * hx + dy * hy) / Math.hypot(dx, dy) + (dx === 0 || dy === 0 ? 0.3 : 0);
      if (straight > most) [next, most] = [k, straight];
    }
    if (next < 0) return path;
    const [dx, dy] = [(next % size) - (at % size), Math.floor(next / size) - Math.floor(at / size)];
    [hx, hy] = [0.6 * hx + 0.4 * dx, 0.6 * hy + 0.4 * dy];
    path.push(next);
    left[next] = 0;
    at = next;
  }
}

/** Lines one pixel wide with the same connections. */
function thinned({ ink, size }: InkImage): Uint8Array {
  const out = ink.slice();
  const at = (x: number, y: number): number => (x >= 0 && y >= 0 && x < size && y < size ? out[y * size + x] : 0);
  for (let changed = true; changed;) {
    changed = false;
    for (const second of [false, true]) {
      const gone: number[] = [];
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          if (!out[y * size + x]) continue;
          const p = AROUND.map(([dx, dy]) => at(x + dx, y + dy));
          const count = p.reduce((s, v) => s + v, 0);
          const turns = p.filter((v, k) => v === 0 && p[(k + 1) % 8] === 1).length;
          const [n, e, s, w] = [p[0], p[2], p[4], p[6]];
          const sides = second ? n * e * w === 0 && n * s * w === 0 : n * e * s === 0 && e * s * w === 0;
          if (count >= 2 && count <= 6 && turns === 1 && sides) gone.push(y * size + x);
        }
      }
      for (const k of gone) out[k] = 0;
      changed ||= gone.length > 0;
    }
  }
  return out;
}
