import { userError } from "../base/errors.js";
import { Rng, STREAM } from "../base/rng.js";
import { lowerBound } from "./encode.js";
import type { EventStream } from "./types.js";

/** A transform by name with its arguments, as a config holds it; see `applyTransform` for what each does. */
export type TransformSpec =
  | { readonly kind: "crop"; readonly x: number; readonly y: number; readonly width: number; readonly height: number }
  | { readonly kind: "downsample"; readonly factor: number }
  | { readonly kind: "timeDownsample"; readonly timestepUs: number }
  | { readonly kind: "timeWindow"; readonly fromUs: number; readonly toUs: number }
  | { readonly kind: "rebase" }
  | { readonly kind: "mergePolarity" }
  | { readonly kind: "swapPolarity" }
  | { readonly kind: "refractory"; readonly periodUs: number }
  | { readonly kind: "backgroundActivity"; readonly windowUs: number }
  | { readonly kind: "hotPixels"; readonly factor: number }
  | { readonly kind: "flipX" }
  | { readonly kind: "flipY" }
  | { readonly kind: "jitterTime"; readonly stdUs: number }
  | { readonly kind: "jitterSpace"; readonly stdPixels: number }
  | { readonly kind: "drop"; readonly share: number }
  | { readonly kind: "reverseTime" };

/** Names of the transforms, as configs call them. */
export const TRANSFORM_KINDS = [
  "crop", "downsample", "timeDownsample", "timeWindow", "rebase", "mergePolarity", "swapPolarity", "refractory",
  "backgroundActivity", "hotPixels", "flipX", "flipY", "jitterTime", "jitterSpace", "drop", "reverseTime",
] as const satisfies readonly TransformSpec["kind"][];

/** Applies transforms one after the other; the k-th draws from (seed, item + k·2^16), so equal input gives equal output.
 *  @param item  number of the recording, so that no two share their noise
 *  @throws UserError E-EVT-010, E-EVT-011 */
export function applyTransforms(stream: EventStream, specs: readonly TransformSpec[], seed = 1, item = 0): EventStream {
  return specs.reduce((now, spec, k) => applyTransform(now, spec, new Rng(seed, STREAM.transform, item + k * 0x10000)), stream);
}

/** Applies one transform. Counts are kept: no event is merged with another unless its name says so.
 *  @throws UserError E-EVT-011 where an argument makes no sense, E-EVT-010 where a crop leaves the sensor */
export function applyTransform(stream: EventStream, spec: TransformSpec, rng: Rng): EventStream {
  switch (spec.kind) {
    case "crop": return crop(stream, spec);
    case "downsample": return downsample(stream, spec.factor);
    case "timeDownsample": {
      const step = positive(spec.kind, "timestepUs", spec.timestepUs);
      return { ...stream, tUs: mapTimes(stream.tUs, (t) => Math.floor(t / step) * step) };
    }
    case "timeWindow": return timeWindow(stream, spec.fromUs, spec.toUs);
    case "rebase": {
      const first = stream.tUs[0] ?? 0;
      return { ...stream, tUs: mapTimes(stream.tUs, (t) => t - first) };
    }
    case "mergePolarity": return { ...stream, polarity: new Uint8Array(stream.polarity.length) };
    case "swapPolarity": return { ...stream, polarity: stream.polarity.map((p) => 1 - p) };
    case "refractory": return refractory(stream, positive(spec.kind, "periodUs", spec.periodUs));
    case "backgroundActivity": return backgroundActivity(stream, positive(spec.kind, "windowUs", spec.windowUs));
    case "hotPixels": return withoutHotPixels(stream, positive(spec.kind, "factor", spec.factor));
    case "flipX": return { ...stream, x: stream.x.map((x) => stream.width - 1 - x) };
    case "flipY": return { ...stream, y: stream.y.map((y) => stream.height - 1 - y) };
    case "jitterTime": return jitterTime(stream, positive(spec.kind, "stdUs", spec.stdUs), rng);
    case "jitterSpace": return jitterSpace(stream, positive(spec.kind, "stdPixels", spec.stdPixels), rng);
    case "drop": return drop(stream, spec.share, rng);
    case "reverseTime": return reverseTime(stream);
  }
}

function refuse(kind: string, argument: string, value: unknown, limit: string): never {
  throw userError({ code: "E-EVT-011", at: `transform "${kind}"`, found: `${argument} is ${value}`, limit });
}

function positive(kind: string, argument: string, value: number): number {
  return value > 0 && Number.isFinite(value) ? value : refuse(kind, argument, value, "a number above 0");
}

/** New times in order, as Uint32 where they fit. */
function mapTimes(tUs: EventStream["tUs"], map: (t: number) => number): EventStream["tUs"] {
  const out = Float64Array.from(tUs, map);
  return out.length === 0 || out[out.length - 1] < 2 ** 32 ? Uint32Array.from(out) : out;
}

/** The events for which keep[i] is 1. */
export function select(stream: EventStream, keep: Uint8Array): EventStream {
  const count = keep.reduce((sum, k) => sum + k, 0);
  const tUs = stream.tUs instanceof Uint32Array ? new Uint32Array(count) : new Float64Array(count);
  const [x, y, polarity] = [new Uint16Array(count), new Uint16Array(count), new Uint8Array(count)];
  for (let i = 0, n = 0; i < keep.length; i++) {
    if (!keep[i]) continue;
    tUs[n] = stream.tUs[i];
    x[n] = stream.x[i];
    y[n] = stream.y[i];
    polarity[n++] = stream.polarity[i];
  }
  return { tUs, x, y, polarity, width: stream.width, height: stream.height };
}

/** The window of the sensor, its corner at 0, 0. */
function crop(stream: EventStream, { x, y, width, height }: Extract<TransformSpec, { kind: "crop" }>): EventStream {
  if (![x, y, width, height].every(Number.isInteger) || x < 0 || y < 0 || width < 1 || height < 1 || x + width > stream.width || y + height > stream.height) {
    throw userError({
      code: "E-EVT-010", at: `transform "crop"`, found: `${width}×${height} pixels at x ${x}, y ${y}`,
      limit: `inside the sensor's ${stream.width}×${stream.height}`, hint: "a smaller window",
    });
  }
  const keep = Uint8Array.from(stream.x, (px, i) => Number(px >= x && px < x + width && stream.y[i] >= y && stream.y[i] < y + height));
  const kept = select(stream, keep);
  return { ...kept, x: kept.x.map((px) => px - x), y: kept.y.map((py) => py - y), width, height };
}

/** Pixels of factor × factor become one; every event stays. A last incomplete row or column is dropped, as in frames. */
function downsample(stream: EventStream, factor: number): EventStream {
  const [width, height] = [Math.floor(stream.width / factor), Math.floor(stream.height / factor)];
  if (!Number.isInteger(factor) || factor < 1 || width < 1 || height < 1) {
    refuse("downsample", "factor", factor, `an integer from 1 to ${Math.min(stream.width, stream.height)}`);
  }
  const whole = crop(stream, { kind: "crop", x: 0, y: 0, width: width * factor, height: height * factor });
  return { ...whole, x: whole.x.map((x) => Math.floor(x / factor)), y: whole.y.map((y) => Math.floor(y / factor)), width, height };
}

/** Events with from ≤ t < to; times are left as they are. */
function timeWindow(stream: EventStream, fromUs: number, toUs: number): EventStream {
  if (!(fromUs <= toUs)) refuse("timeWindow", "fromUs, toUs", `${fromUs}, ${toUs}`, "from before to");
  const [first, end] = [lowerBound(stream.tUs, fromUs), lowerBound(stream.tUs, toUs)];
  return {
    ...stream, tUs: stream.tUs.slice(first, end), x: stream.x.slice(first, end), y: stream.y.slice(first, end),
    polarity: stream.polarity.slice(first, end),
  };
}

/** Drops an event that follows the last kept one of its pixel within less than the period (either polarity). */
function refractory(stream: EventStream, periodUs: number): EventStream {
  const last = new Float64Array(stream.width * stream.height).fill(-Infinity);
  const keep = new Uint8Array(stream.tUs.length);
  for (let i = 0; i < keep.length; i++) {
    const pixel = stream.y[i] * stream.width + stream.x[i];
    if (stream.tUs[i] - last[pixel] < periodUs) continue;
    keep[i] = 1;
    last[pixel] = stream.tUs[i];
  }
  return select(stream, keep);
}

/** Keeps an event if one of its eight neighbors had one within the window before: noise comes alone.
 *  Source: Delbruck 2008, background-activity filter. */
function backgroundActivity(stream: EventStream, windowUs: number): EventStream {
  const { width, height } = stream;
  const last = new Float64Array(width * height).fill(-Infinity);
  const keep = new Uint8Array(stream.tUs.length);
  for (let i = 0; i < keep.length; i++) {
    const [x, y, t] = [stream.x[i], stream.y[i], stream.tUs[i]];
    for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
      for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
        if ((nx !== x || ny !== y) && t - last[ny * width + nx] <= windowUs) keep[i] = 1;
      }
    }
    last[y * width + x] = t;
  }
  return select(stream, keep);
}

/** Drops pixels with more than factor × the mean count of the pixels that fired at all. */
function withoutHotPixels(stream: EventStream, factor: number): EventStream {
  const counts = new Uint32Array(stream.width * stream.height);
  const pixelOf = (i: number) => stream.y[i] * stream.width + stream.x[i];
  for (let i = 0; i < stream.tUs.length; i++) counts[pixelOf(i)]++;
  const active = counts.reduce((sum, c) => sum + Number(c > 0), 0);
  const limit = (factor * stream.tUs.length) / Math.max(1, active);
  return select(stream, Uint8Array.from(stream.tUs, (_, i) => Number(counts[pixelOf(i)] <= limit)));
}

/** Normal noise on times, rounded, not below 0; sorted again. */
function jitterTime(stream: EventStream, stdUs: number, rng: Rng): EventStream {
  const times = Float64Array.from(stream.tUs, (t) => Math.max(0, Math.round(t + stdUs * rng.normal())));
  const order = Uint32Array.from(times.keys()).sort((a, b) => times[a] - times[b] || a - b);
  const by = <A extends Uint16Array | Uint8Array>(column: A, out: A): A => {
    order.forEach((from, i) => { out[i] = column[from]; });
    return out;
  };
  return {
    ...stream, tUs: mapTimes(Float64Array.from(order, (i) => times[i]), (t) => t), x: by(stream.x, new Uint16Array(order.length)),
    y: by(stream.y, new Uint16Array(order.length)), polarity: by(stream.polarity, new Uint8Array(order.length)),
  };
}

/** Normal noise on pixels, rounded; events that leave the sensor are dropped. */
function jitterSpace(stream: EventStream, stdPixels: number, rng: Rng): EventStream {
  const moved = (value: number) => value + Math.round(stdPixels * rng.normal());
  const [xs, ys] = [new Int32Array(stream.x.length), new Int32Array(stream.x.length)];
  for (let i = 0; i < xs.length; i++) [xs[i], ys[i]] = [moved(stream.x[i]), moved(stream.y[i])];
  const keep = Uint8Array.from(xs, (x, i) => Number(x >= 0 && ys[i] >= 0 && x < stream.width && ys[i] < stream.height));
  return select({ ...stream, x: Uint16Array.from(xs), y: Uint16Array.from(ys) }, keep);
}

/** Drops each event with that probability. */
function drop(stream: EventStream, share: number, rng: Rng): EventStream {
  if (!(share >= 0 && share <= 1)) refuse("drop", "share", share, "0…1");
  return select(stream, Uint8Array.from(stream.tUs, () => Number(rng.uniform() >= share)));
}

/** Plays the recording backwards: t becomes last − t, and brighter becomes darker. */
function reverseTime(stream: EventStream): EventStream {
  const last = stream.tUs[stream.tUs.length - 1] ?? 0;
  return {
    ...stream, tUs: mapTimes(stream.tUs.slice().reverse(), (t) => last - t), x: stream.x.slice().reverse(), y: stream.y.slice().reverse(),
    polarity: stream.polarity.slice().reverse().map((p) => 1 - p),
  };
}
