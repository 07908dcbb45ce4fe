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
  const [cropX, cropY] = [options.crop?.x ?? 0, options.crop?.y ?? 0];
  const channels = polarities * height * width;
  const counts = new Uint16Array(channels);
  const touched = new Uint32Array(channels);
  const rowStart = new Uint32Array(steps + 1);
  const channel: number[] = [];
  const count: number[] = [];
  let i = lowerBound(tUs, origin);
  for (let step = 0; step < steps; step++) {
    const end = origin + (step + 1) * timestepUs;
    let touchedCount = 0;
    for (; i < tUs.length && tUs[i] < end; i++) {
      if (keep && !keep[i]) continue;
      const px = Math.floor((x[i] - cropX) / downsample);
      const py = Math.floor((y[i] - cropY) / downsample);
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      const c = ((polarities === 2 ? polarity[i] : 0) * height + py) * width + px;
      if (counts[c] === 0) touched[touchedCount++] = c;
      if (counts[c] < 0xffff) counts[c]++;
    }
    const row = touched.subarray(0, touchedCount).sort();
    for (const c of row) {
      channel.push(c);
      count.push(options.values === "binary" ? 1 : counts[c]);
      counts[c] = 0;
    }
    rowStart[step + 1] = channel.length;
  }
  return packTensor(shape, rowStart, channel, count, timestepUs);
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

function packTensor(
  shape: SpikeTensor["shape"], rowStart: Uint32Array, channel: readonly number[], count: readonly number[], timestepUs: number,
): SpikeTensor {
  const wideChannel = shape[1] * shape[2] * shape[3] > 0x10000;
  const wideCount = count.some((c) => c > 0xff);
  return {
    shape, rowStart, timestepUs,
    channel: wideChannel ? Uint32Array.from(channel) : Uint16Array.from(channel),
    count: wideCount ? Uint16Array.from(count) : Uint8Array.from(count),
  };
}

/** Index of the first time ≥ value in sorted times. */
export function lowerBound(tUs: Uint32Array | Float64Array, value: number): number {
  let [low, high] = [0, tUs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tUs[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
