import type { Rng } from "../base/rng.js";
import type { EventStream } from "./types.js";

/** How far recordings are turned and scaled to make variants of them, for training. */
export interface WarpRange {
  /** Largest angle, degrees, either way; 0…180. */
  readonly rotateDegrees: number;
  /** Largest change of size, as a share, either way; 0…0.9. */
  readonly scaleShare: number;
}

/** The recording turned and scaled about the middle of its sensor by one draw from the range: times, polarities and order stay,
 *  events that leave the sensor are dropped. Each event stands anywhere within its pixel, drawn by itself, so that a turned
 *  picture shows no grid of holes. */
export function warpEvents(stream: EventStream, { rotateDegrees, scaleShare }: WarpRange, rng: Rng): EventStream {
  const within = (most: number): number => (2 * rng.uniform() - 1) * most;
  const angle = (within(rotateDegrees) * Math.PI) / 180;
  const scale = 1 + within(scaleShare);
  const [along, across] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const { width, height } = stream;
  const x = new Uint16Array(stream.x.length);
  const y = new Uint16Array(stream.y.length);
  const kept = new Uint32Array(stream.x.length);
  let n = 0;
  for (let k = 0; k < stream.x.length; k++) {
    const dx = stream.x[k] + rng.uniform() - width / 2;
    const dy = stream.y[k] + rng.uniform() - height / 2;
    const toX = Math.floor(along * dx - across * dy + width / 2);
    const toY = Math.floor(across * dx + along * dy + height / 2);
    if (toX < 0 || toX >= width || toY < 0 || toY >= height) continue;
    x[n] = toX;
    y[n] = toY;
    kept[n++] = k;
  }
  const of = kept.subarray(0, n);
  const tUs = stream.tUs instanceof Uint32Array ? Uint32Array.from(of, (k) => stream.tUs[k]) : Float64Array.from(of, (k) => stream.tUs[k]);
  return { ...stream, tUs, x: x.slice(0, n), y: y.slice(0, n), polarity: Uint8Array.from(of, (k) => stream.polarity[k]) };
}
