import { userError } from "../base/errors.js";
import type { EventStream, SpikeTensor } from "./types.js";

/** How events become frames: crop, then integer down-sampling, then counts by timestep (design §8). */
export interface FrameOptions {
  readonly timestepUs: number;
  /** T: events from step T on are left out. */
  readonly steps: number;
  /** Window of the sensor that is kept; whole sensor by default. */
  readonly crop?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** Pixels of the sensor in one of the frame, each axis; a last incomplete row or column is dropped. Default 1. */
  readonly downsample?: number;
  /** `split`: channel 0 is OFF, 1 is ON; `merge`: one channel. Default split. */
  readonly polarity?: "split" | "merge";
  /** Counts as they are, or 1 for any. Default counts. */
  readonly values?: "counts" | "binary";
  /** Time of step 0: 0 on the recording's clock (N-MNIST), its first event, or µs. Default 0. */
  readonly startUs?: number | "first";
}

/** Frames as the seed paper's N-MNIST: 34×34 cropped to the first 32, ÷2, 100 steps of 1 ms. */
export const NMNIST_FRAMES: FrameOptions = {
  timestepUs: 1000, steps: 100, crop: { x: 0, y: 0, width: 32, height: 32 }, downsample: 2,
};

/** Shape [T, P, H, W] that these options give on a sensor of that size.
 *  @throws UserError E-EVT-010 where the crop leaves the sensor, or nothing is left */
export function frameShape(
  sensor: { readonly width: number; readonly height: number }, options: FrameOptions,
): readonly [number, number, number, number] {
  const { steps, timestepUs, downsample = 1 } = options;
  const crop = options.crop ?? { x: 0, y: 0, width: sensor.width, height: sensor.height };
  const refuse = (found: string, limit: string, hint: string): never => {
    throw userError({ code: "E-EVT-010", at: "frames", found, limit, hint });
  };
  if (crop.x < 0 || crop.y < 0 || crop.x + crop.width > sensor.width || crop.y + crop.height > sensor.height) {
    refuse(`a crop of ${crop.width}×${crop.height} at x ${crop.x}, y ${crop.y}`,
      `the sensor's ${sensor.width}×${sensor.height}`, "a smaller crop, or a recording of the right sensor");
  }
  if (!Number.isInteger(downsample) || downsample < 1) refuse(`down-sampling by ${downsample}`, "an integer from 1", "1 or 2");
  if (!(timestepUs > 0) || !Number.isInteger(steps) || steps < 1) {
    refuse(`${steps} steps of ${timestepUs} µs`, "at least one step of more than 0 µs", "100 steps of 1000 µs");
  }
  const [width, height] = [Math.floor(crop.width / downsample), Math.floor(crop.height / downsample)];
  if (width < 1 || height < 1) {
    refuse(`${crop.width}×${crop.height} pixels down-sampled by ${downsample}`, "at least one pixel left", "a smaller factor");
  }
  return [steps, options.polarity === "merge" ? 1 : 2, height, width];
}

/** Counts of a recording by (step, polarity, pixel).
 *  @param keep  [event] 1 where the event is to be counted; all by default
 *  @throws UserError E-EVT-010 (see frameShape) */
export function encodeFrames(stream: EventStream, options: FrameOptions, keep?: Uint8Array): SpikeTensor {
  const shape = frameShape(stream, options);
  const [steps, polarities, height, width] = shape;
  const { timestepUs, downsample = 1, startUs = 0 } = options;
  const { tUs, x, y, polarity } = stream;
  const origin = startUs === "first" ? (tUs[0] ?? 0) : startUs;
  const placeX = placesOf(stream.width, options.crop?.x ?? 0, downsample, width, 1);
  const placeY = placesOf(stream.height, options.crop?.y ?? 0, downsample, height, width);
  const onBase = polarities === 2 ? height * width : 0;
  const channels = polarities * height * width;
  const counts = new Uint16Array(channels);
  const touched = new Uint32Array(channels);
  const rowStart = new Uint32Array(steps + 1);
  const entries = new Entries(options.values === "binary");
  let i = lowerBound(tUs, origin);
  for (let step = 0; step < steps; step++) {
    const end = lowerBound(tUs, origin + (step + 1) * timestepUs, i);
    let touchedCount = 0;
    for (; i < end; i++) {
      if (keep && !keep[i]) continue;
      const c = placeY[y[i]] + placeX[x[i]] + onBase * polarity[i];
      if (c < 0) continue;
      if (counts[c] === 0) touched[touchedCount++] = c;
      if (counts[c] < 0xffff) counts[c]++;
    }
    entries.addRow(touched.subarray(0, touchedCount), counts);
    rowStart[step + 1] = entries.length;
  }
  return entries.tensor(shape, rowStart, timestepUs);
}

/** More negative than any sum of places is large. */
const OUTSIDE = -(2 ** 29);

/** [pixel of the sensor] where it stands in the frame, times `stride`; OUTSIDE where it does not: no division an event. */
function placesOf(pixels: number, crop: number, downsample: number, size: number, stride: number): Int32Array {
  const places = new Int32Array(pixels).fill(OUTSIDE);
  for (let pixel = crop; pixel < Math.min(pixels, crop + size * downsample); pixel++) places[pixel] = Math.floor((pixel - crop) / downsample) * stride;
  return places;
}

/** Entries of a sample as they come, row by row. */
class Entries {
  length = 0;
  private channel = new Uint32Array(1024);
  private count = new Uint16Array(1024);
  private most = 0;

  constructor(private readonly binary: boolean) {}

  /** Adds a row's channels by their counts, which are set to 0. @param touched  channels with counts, in any order */
  addRow(touched: Uint32Array, counts: Uint16Array): void {
    this.reserve(touched.length);
    // Sorting what is nearly everything takes longer than looking at everything.
    const dense = touched.length > counts.length >> 4;
    const row = dense ? undefined : touched.sort();
    const size = row ? row.length : counts.length;
    for (let k = 0; k < size; k++) {
      const c = row ? row[k] : k;
      const events = counts[c];
      if (events === 0) continue;
      counts[c] = 0;
      this.channel[this.length] = c;
      this.count[this.length++] = this.binary ? 1 : events;
      if (events > this.most) this.most = events;
    }
  }

  private reserve(extra: number): void {
    if (this.length + extra <= this.channel.length) return;
    const [channel, count] = [this.channel, this.count];
    const capacity = 2 * (this.length + extra);
    this.channel = new Uint32Array(capacity);
    this.count = new Uint16Array(capacity);
    this.channel.set(channel);
    this.count.set(count);
  }

  /** The sample, its columns as narrow as their numbers allow. */
  tensor(shape: SpikeTensor["shape"], rowStart: Uint32Array, timestepUs: number): SpikeTensor {
    const wideChannel = shape[1] * shape[2] * shape[3] > 0x10000;
    const [channel, count] = [this.channel.subarray(0, this.length), this.count.subarray(0, this.length)];
    return {
      shape, rowStart, timestepUs,
      channel: wideChannel ? channel.slice() : new Uint16Array(channel),
      count: this.most > 0xff && !this.binary ? count.slice() : new Uint8Array(count),
    };
  }
}

/** Two samples side by side, the first on the left: widths add up, everything else must be equal.
 *  @throws UserError E-EVT-010 where shapes or timesteps differ */
export function placeSideBySide(left: SpikeTensor, right: SpikeTensor): SpikeTensor {
  const [steps, polarities, height, leftWidth] = left.shape;
  const rightWidth = right.shape[3];
  if (right.shape[0] !== steps || right.shape[1] !== polarities || right.shape[2] !== height || left.timestepUs !== right.timestepUs) {
    throw userError({
      code: "E-EVT-010", at: "two recordings side by side",
      found: `[${left.shape}] at ${left.timestepUs} µs and [${right.shape}] at ${right.timestepUs} µs`,
      limit: "equal steps, polarities, height and timestep", hint: "the same frame options for both",
    });
  }
  const width = leftWidth + rightWidth;
  const entries = left.channel.length + right.channel.length;
  const channel = polarities * height * width > 0x10000 ? new Uint32Array(entries) : new Uint16Array(entries);
  const wide = left.count instanceof Uint16Array || right.count instanceof Uint16Array;
  const count = wide ? new Uint16Array(entries) : new Uint8Array(entries);
  const rowStart = new Uint32Array(steps + 1);
  let n = 0;
  for (let step = 0; step < steps; step++) {
    let [a, b] = [left.rowStart[step], right.rowStart[step]];
    const [aEnd, bEnd] = [left.rowStart[step + 1], right.rowStart[step + 1]];
    while (a < aEnd || b < bEnd) {
      // Rows of pixels (p·H + y) order both; within a row the left sample comes first.
      const lineA = a < aEnd ? Math.floor(left.channel[a] / leftWidth) : Infinity;
      const lineB = b < bEnd ? Math.floor(right.channel[b] / rightWidth) : Infinity;
      if (lineA <= lineB) {
        channel[n] = lineA * width + (left.channel[a] % leftWidth);
        count[n++] = left.count[a++];
      } else {
        channel[n] = lineB * width + leftWidth + (right.channel[b] % rightWidth);
        count[n++] = right.count[b++];
      }
    }
    rowStart[step + 1] = n;
  }
  return { shape: [steps, polarities, height, width], rowStart, channel, count, timestepUs: left.timestepUs };
}

/** Index of the first time ≥ value in sorted times, from index `from` on. */
export function lowerBound(tUs: Uint32Array | Float64Array, value: number, from = 0): number {
  let [low, high] = [from, tUs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tUs[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
