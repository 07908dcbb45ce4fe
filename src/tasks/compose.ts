import type { Rng } from "../base/rng.js";
import type { SpikeTensor } from "../events/types.js";
import type { Augmentation } from "./types.js";

/** Samples side by side in one, each shifted and thinned by itself where `augmentation` is given: one pass over the
 *  entries. A shifted event that leaves its own part is dropped. Equal draws give equal samples.
 *  @param units  samples of equal shape [T, P, H, W], in order from left to right */
export function composeSample(units: readonly SpikeTensor[], augmentation?: Augmentation, rng?: Rng): SpikeTensor {
  const [steps, polarities, height, width] = units[0].shape;
  const places = placesOf(polarities, height, width, units.length);
  const shifts = units.map(() => (augmentation && rng ? shiftOf(augmentation.shiftPixels, rng) : { x: 0, y: 0 }));
  const drops = augmentation && rng && augmentation.dropShare > 0 ? new Drops(augmentation.dropShare, rng) : null;
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
      const offset = dy * width * units.length + dx + part * width;
      const begin = n;
      for (let k = rows[step]; k < rows[step + 1]; k++) {
        const events = drops ? drops.kept(counts[k]) : counts[k];
        const c = channels[k];
        const x = places.x[c] + dx;
        const y = places.y[c] + dy;
        if (events === 0 || x < 0 || x >= width || y < 0 || y >= height) continue;
        channel[n] = places.composed[c] + offset;
        count[n++] = events;
      }
      if (part > 0) mergeRuns(channel, count, from, begin, n);
    }
    rowStart[step + 1] = n;
  }
  return {
    shape: [steps, polarities, height, width * units.length], rowStart, channel: channel.slice(0, n), count: count.slice(0, n),
    timestepUs: units[0].timestepUs,
  };
}

interface Places {
  /** [channel of a part] column, row, and channel in the composed sample as the leftmost part. */
  readonly x: Uint16Array;
  readonly y: Uint16Array;
  readonly composed: Uint16Array;
}
const knownPlaces = new Map<string, Places>();

/** Where each channel of a part stands; made once for a shape. */
function placesOf(polarities: number, height: number, width: number, parts: number): Places {
  const key = `${polarities} ${height} ${width} ${parts}`;
  const known = knownPlaces.get(key);
  if (known) return known;
  const channels = Array.from({ length: polarities * height * width }, (_, c) => c);
  const places: Places = {
    x: Uint16Array.from(channels, (c) => c % width), y: Uint16Array.from(channels, (c) => Math.floor(c / width) % height),
    composed: Uint16Array.from(channels, (c) => Math.floor(c / width) * width * parts + (c % width)),
  };
  knownPlaces.set(key, places);
  return places;
}

const spareChannel = new Uint16Array(0x10000);
const spareCount = new Uint16Array(0x10000);

/** Merges two ascending runs, [from, middle) and [middle, to), in place. */
function mergeRuns(channel: Uint16Array, count: Uint16Array, from: number, middle: number, to: number): void {
  const left = middle - from;
  for (let k = 0; k < left; k++) {
    spareChannel[k] = channel[from + k];
    spareCount[k] = count[from + k];
  }
  for (let a = 0, b = middle, n = from; a < left; n++) {
    if (b < to && channel[b] < spareChannel[a]) {
      channel[n] = channel[b];
      count[n] = count[b++];
    } else {
      channel[n] = spareChannel[a];
      count[n] = spareCount[a++];
    }
  }
}

/** Drops each event with the same probability, by drawing how many are kept until the next dropped one: a tenth of the draws. */
class Drops {
  private readonly logKeep: number;
  private untilDrop: number;

  constructor(share: number, private readonly rng: Rng) {
    this.logKeep = Math.log(1 - share);
    this.untilDrop = this.next();
  }

  /** How many of `count` events are kept. */
  kept(count: number): number {
    let left = count;
    let kept = count;
    while (this.untilDrop < left) {
      left -= this.untilDrop + 1;
      kept--;
      this.untilDrop = this.next();
    }
    this.untilDrop -= left;
    return kept;
  }

  private next(): number {
    return Math.floor(Math.log(1 - this.rng.uniform()) / this.logKeep);
  }
}

function shiftOf(pixels: number, rng: Rng): { x: number; y: number } {
  return { x: rng.below(2 * pixels + 1) - pixels, y: rng.below(2 * pixels + 1) - pixels };
}
