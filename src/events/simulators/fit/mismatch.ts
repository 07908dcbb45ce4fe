import type { SaccadeModel } from "../saccades.js";
import type { EventStream } from "../../types.js";
import { type Paired, simulateAll } from "./objective.js";

/** Pixels with fewer events over all recordings are left out: their ratios are noise. */
const LEAST_EVENTS = 300;
/** Mismatch with which the simulator is tried out, to see how much of it the counts show. */
const TRIED = 0.1;

/** Mismatch of a camera's pixels, by how unevenly they answer to the same images: spread of the logarithm of each pixel's
 *  events over those of a simulated camera without mismatch, less what the same simulator has by chance, in units of what
 *  it shows for a known mismatch. */
export function fitMismatch(model: SaccadeModel, { streams, images }: Paired, seed: number): number {
  const withMismatch = (mismatch: number, s: number): EventStream[] => simulateAll({ ...model, pixel: { ...model.pixel, mismatch } }, images, s);
  const even = totals(withMismatch(0, seed));
  const [real, chance, tried] = [totals(streams), totals(withMismatch(0, seed + 1)), totals(withMismatch(TRIED, seed + 2))].map((t) => variance(t, even));
  return TRIED * Math.sqrt(Math.max(0, real - chance) / (tried - chance));
}

/** [2, pixel] events by polarity. */
function totals(streams: readonly EventStream[]): Float64Array {
  const size = streams[0].width * streams[0].height;
  const sums = new Float64Array(2 * size);
  for (const { x, y, polarity, width } of streams) {
    for (let i = 0; i < x.length; i++) sums[polarity[i] * size + y[i] * width + x[i]]++;
  }
  return sums;
}

/** Variance over pixels of the logarithm of a ratio, by quartiles (a hot pixel must not count), after the slow changes over
 *  the window are taken off: those are the optics and the path, not the pixels. */
function variance(a: Float64Array, b: Float64Array): number {
  const ratio = a.map((v, k) => (v >= LEAST_EVENTS && b[k] >= LEAST_EVENTS ? Math.log(v / b[k]) : NaN));
  const side = Math.sqrt(a.length / 2);
  const rest: number[] = [];
  for (let k = 0; k < ratio.length; k++) {
    const around = [-1, 1, -side, side].map((d) => ratio[k + d]).filter((v) => Number.isFinite(v));
    if (!Number.isFinite(ratio[k]) || around.length < 4) continue;
    // The mean of four neighbors has a quarter of a pixel's variance: 1.25 in all.
    rest.push((ratio[k] - around.reduce((s, v) => s + v, 0) / 4) / Math.sqrt(1.25));
  }
  rest.sort((p, q) => p - q);
  return ((rest[Math.floor(0.75 * rest.length)] - rest[Math.floor(0.25 * rest.length)]) / 1.349) ** 2;
}
