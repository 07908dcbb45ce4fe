import { type Display, ImageMapper, SAMPLES_PER_PIXEL } from "../image-map.js";
import { IMAGE_SIZE, WINDOW } from "../saccades.js";
import type { EventStream } from "../../types.js";

const MARGIN = 14;
const SIZE = WINDOW * WINDOW;
/** Distance of the central difference, pixels. */
const DELTA = 0.125;

/** Finds where the image stood at times k·stepUs from the events alone, by Gauss–Newton on the linear model of an ideal
 *  camera: the signed sum of a pixel's events since the start is gain·(log intensity now − log intensity at the start).
 *  @param images  [recording] what each recording shows
 *  @param path  start values, as many knots as wanted; knots before `restUs` stay together (the camera still rests)
 *  @returns the path, the gain (events for a unit of log intensity) and the share of the variance that is not explained */
export function fitPath(
  streams: readonly EventStream[], images: readonly Uint8Array[], display: Display,
  path: readonly (readonly [number, number])[], stepUs: number, restUs: number, rounds: number,
): { path: [number, number][]; gain: number; unexplained: number } {
  const knots = path.map(([x, y]): [number, number] => [x, y]);
  const sums = streams.map((stream) => signedSums(stream, stepUs, knots.length));
  const mapper = new ImageMapper(display, IMAGE_SIZE, MARGIN);
  const maps = images.map((image) => {
    const { level, columns } = mapper.map(image);
    return { level: level.slice(), columns };
  });
  const resting = Math.floor(restUs / stepUs);
  let gain = 0;
  let unexplained = 1;
  for (let round = 0; round <= rounds; round++) {
    const start = maps.map((map) => lookAll(map, knots[0][0], knots[0][1]));
    let [num, den, left, total] = [0, 0, 0, 0];
    const moved: [number, number][] = [];
    for (let k = resting + 1; k < knots.length; k++) {
      const [px, py] = knots[k];
      let [xx, xy, yy, gx, gy] = [1e-9, 0, 1e-9, 0, 0];
      maps.forEach((map, r) => {
        const here = lookAll(map, px, py);
        const [right, leftward] = [lookAll(map, px + DELTA, py), lookAll(map, px - DELTA, py)];
        const [down, up] = [lookAll(map, px, py + DELTA), lookAll(map, px, py - DELTA)];
        for (let i = 0; i < SIZE; i++) {
          const change = here[i] - start[r][i];
          const signed = sums[r][k * SIZE + i];
          num += change * signed;
          den += change * change;
          total += signed * signed;
          const rest = signed - gain * change;
          left += rest * rest;
          const dx = (gain * (right[i] - leftward[i])) / (2 * DELTA);
          const dy = (gain * (down[i] - up[i])) / (2 * DELTA);
          xx += dx * dx;
          xy += dx * dy;
          yy += dy * dy;
          gx += dx * rest;
          gy += dy * rest;
        }
      });
      const det = xx * yy - xy * xy;
      moved.push(det > 0 ? [(yy * gx - xy * gy) / det, (xx * gy - xy * gx) / det] : [0, 0]);
    }
    if (round > 0) {
      unexplained = left / total;
      moved.forEach(([dx, dy], i) => {
        const k = resting + 1 + i;
        knots[k] = [knots[k][0] + limited(dx), knots[k][1] + limited(dy)];
      });
      const home = startShift(maps, sums, knots, gain, resting);
      for (let k = 0; k <= resting; k++) knots[k] = [knots[0][0] + home[0], knots[0][1] + home[1]];
    }
    gain = num / den;
  }
  return { path: knots, gain, unexplained };
}

const limited = (d: number): number => Math.max(-1, Math.min(1, d));

/** Gauss–Newton step of the start's place: it stands in every difference, with the opposite sign. */
function startShift(
  maps: readonly SmallMap[], sums: readonly Int16Array[], knots: readonly (readonly [number, number])[], gain: number, resting: number,
): [number, number] {
  const [px, py] = knots[0];
  let [xx, xy, yy, gx, gy] = [1e-9, 0, 1e-9, 0, 0];
  maps.forEach((map, r) => {
    const start = lookAll(map, px, py).slice();
    const [right, left] = [lookAll(map, px + DELTA, py), lookAll(map, px - DELTA, py)];
    const [down, up] = [lookAll(map, px, py + DELTA), lookAll(map, px, py - DELTA)];
    for (let k = resting + 1; k < knots.length; k += 4) {
      const here = lookAll(map, knots[k][0], knots[k][1]);
      for (let i = 0; i < SIZE; i++) {
        const rest = sums[r][k * SIZE + i] - gain * (here[i] - start[i]);
        const dx = (-gain * (right[i] - left[i])) / (2 * DELTA);
        const dy = (-gain * (down[i] - up[i])) / (2 * DELTA);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
        gx += dx * rest;
        gy += dy * rest;
      }
    }
  });
  const det = xx * yy - xy * xy;
  return [limited((yy * gx - xy * gy) / det), limited((xx * gy - xy * gx) / det)];
}

interface SmallMap { readonly level: Float32Array; readonly columns: number }

/** What every pixel of the window sees with the image's first pixel at (px, py): [34, 34]. */
function lookAll({ level, columns }: SmallMap, px: number, py: number): Float32Array {
  const out = new Float32Array(SIZE);
  const [column, row] = [(MARGIN - px) * SAMPLES_PER_PIXEL, (MARGIN - py) * SAMPLES_PER_PIXEL];
  const [c, r] = [Math.floor(column), Math.floor(row)];
  const [fx, fy] = [column - c, row - r];
  for (let y = 0; y < WINDOW; y++) {
    for (let x = 0; x < WINDOW; x++) {
      const at = (r + y * SAMPLES_PER_PIXEL) * columns + c + x * SAMPLES_PER_PIXEL;
      out[y * WINDOW + x] = (1 - fy) * ((1 - fx) * level[at] + fx * level[at + 1]) +
        fy * ((1 - fx) * level[at + columns] + fx * level[at + columns + 1]);
    }
  }
  return out;
}

/** [knot, y, x] ON minus OFF events before time k·stepUs. Pixels that fire too often to be the image's are left out. */
function signedSums(stream: EventStream, stepUs: number, knots: number): Int16Array {
  const sums = new Int16Array(knots * SIZE);
  const { tUs, x, y, polarity } = stream;
  for (let i = 0; i < tUs.length; i++) {
    const k = Math.floor(tUs[i] / stepUs) + 1;
    if (k < knots) sums[k * SIZE + y[i] * WINDOW + x[i]] += 2 * polarity[i] - 1;
  }
  for (let k = 1; k < knots; k++) {
    for (let i = 0; i < SIZE; i++) sums[k * SIZE + i] += sums[(k - 1) * SIZE + i];
  }
  return sums;
}
