import type { Rng } from "../base/rng.js";
import type { SpikeTensor } from "../events/types.js";
import type { Augmentation } from "./types.js";

/** Samples side by side in one, each shifted and thinned by itself where `augmentation` is given: one pass over the
 *  entries. A shifted event that leaves its own part is dropped. Equal draws give equal samples.
 *  @param units  samples of equal shape [T, P, H, W], in order from left to right */
export function composeSample(units: readonly SpikeTensor[], augmentation?: Augmentation, rng?: Rng): SpikeTensor {
  const [steps, polarities, height, width] = units[0].shape;
  const total = width * units.length;
  const shifts = units.map(() => (augmentation && rng ? shiftOf(augmentation.shiftPixels, rng) : { x: 0, y: 0 }));
  const dropBelow = augmentation && rng ? augmentation.dropShare * 2 ** 32 : 0;
  const capacity = units.reduce((sum, u) => sum + u.channel.length, 0);
  const channel = new Uint16Array(capacity);
  const count = new Uint16Array(capacity);
  const rowStart = new Uint32Array(steps + 1);
  let n = 0;
  for (let step = 0; step < steps; step++) {
    const from = n;
    for (let part = 0; part < units.length; part++) {
      const { rowStart: rows, channel: channels, count: counts } = units[part];
      const { x: dx, y: dy } = shifts[part];
      for (let k = rows[step]; k < rows[step + 1]; k++) {
        let events = counts[k];
        if (dropBelow > 0) for (let e = counts[k]; e > 0; e--) if ((rng as Rng).uint32() < dropBelow) events--;
        if (events === 0) continue;
        const c = channels[k];
        const x = (c % width) + dx;
        const line = (c / width) | 0;
        const y = (line % height) + dy;
        if (x < 0 || x >= width || y < 0 || y >= height) continue;
        channel[n] = (line + dy) * total + part * width + x;
        count[n++] = events;
      }
    }
    if (units.length > 1) sortRow(channel, count, from, n);
    rowStart[step + 1] = n;
  }
  return {
    shape: [steps, polarities, height, total], rowStart, channel: channel.subarray(0, n), count: count.subarray(0, n),
    timestepUs: units[0].timestepUs,
  };
}

function shiftOf(pixels: number, rng: Rng): { x: number; y: number } {
  return { x: rng.below(2 * pixels + 1) - pixels, y: rng.below(2 * pixels + 1) - pixels };
}

/** Insertion sort of a row: rows are short and each part is sorted already. */
function sortRow(channel: Uint16Array, count: Uint16Array, from: number, to: number): void {
  for (let k = from + 1; k < to; k++) {
    const [c, n] = [channel[k], count[k]];
    let j = k - 1;
    for (; j >= from && channel[j] > c; j--) {
      channel[j + 1] = channel[j];
      count[j + 1] = count[j];
    }
    channel[j + 1] = c;
    count[j + 1] = n;
  }
}
