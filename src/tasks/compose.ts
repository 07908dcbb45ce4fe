import type { Rng } from "../base/rng.js";
import type { SpikeTensor } from "../events/types.js";
import type { Augmentation } from "./types.js";

/** Samples side by side in one, each shifted and thinned by itself where `augmentation` is given. A shifted event that
 *  leaves its own part is dropped. Equal draws give equal samples. A sample alone and as it is, is given back itself.
 *  @param units  samples of equal shape [T, P, H, W], in order from left to right */
export function composeSample(units: readonly SpikeTensor[], augmentation?: Augmentation, rng?: Rng): SpikeTensor {
  const augmented = augmentation !== undefined && rng !== undefined;
  const count = units.length;
  if (count === 1 && !augmented) return units[0];
  const { shape: [steps, polarities, height, width], timestepUs } = units[0];
  const shifts = augmented ? units.map(() => shiftOf(augmentation.shiftPixels, rng)) : undefined;
  const drops = augmented && augmentation.dropShare > 0 ? new Drops(augmentation.dropShare, rng) : null;
  const places: Int32Array[] = [];
  for (let k = 0; k < count; k++) places.push(placesOf(units[0].shape, count, k, shifts ? shifts[k].x : 0, shifts ? shifts[k].y : 0));
  const rows = { shape: [steps, polarities, height, width * count] as const, timestepUs };
  const bits = bitsOf(units, steps, polarities * height * width * count);
  if (!bits) return { ...rows, ...composeLarge(units, places, drops, steps) };
  const kept: Int32Array[] = [];
  for (let k = 0; k < count; k++) kept.push(spareFor(units[k], k));
  perStep = perStep.length > steps ? perStep.fill(0) : new Uint32Array(steps + 1);
  const lengths = drops ? thinned(units, places, bits, drops, kept, steps) : whole(units, places, bits, kept);
  const total = count === 1 ? lengths[0] : lengths[0] + lengths[1];
  // One piece of memory for the three columns: allocating is a good part of the work.
  const memory = new ArrayBuffer(4 * (steps + 1) + 4 * total);
  const rowStart = new Uint32Array(memory, 0, steps + 1);
  for (let step = 1; step <= steps; step++) rowStart[step] = rowStart[step - 1] + perStep[step];
  const channel = new Uint16Array(memory, 4 * (steps + 1), total);
  const events = new Uint16Array(memory, 4 * (steps + 1) + 2 * total, total);
  if (count === 1) kept[1] = Int32Array.of(LAST);
  merge(kept[0], lengths[0], kept[1], lengths[1] ?? 0, bits, channel, events);
  return { ...rows, rowStart, channel, count: events };
}

/** [step + 1] entries of a step in all parts; used again by the next sample. */
let perStep = new Uint32Array(0);

/** Bits of an entry: its step, above its channel in the composed sample, above its count. Sorting entries sorts by step, then
 *  channel, and one array holds all three: the loops have registers for few. */
interface EntryBits {
  readonly channel: number;
  readonly count: number;
}

/** Bits of a number with a sign that are free for an entry. */
const ENTRY_BITS = 31;
/** Larger than every entry. */
const LAST = 0x7fffffff;

/** Where the parts of an entry stand; undefined where they do not fit, or for more than two parts. */
function bitsOf(units: readonly SpikeTensor[], steps: number, channels: number): EntryBits | undefined {
  let most = 1;
  for (const { count } of units) {
    if (count instanceof Uint8Array) most = Math.max(most, 0xff);
    else for (let k = 0; k < count.length; k++) if (count[k] > most) most = count[k];
  }
  const bits = { channel: 32 - Math.clz32(channels - 1), count: 32 - Math.clz32(most) };
  return channels <= 2 ** 16 && units.length <= 2 && 32 - Math.clz32(steps) + bits.channel + bits.count <= ENTRY_BITS ? bits : undefined;
}

/** Takes over what stays of each part, as it is. @returns entries of each part */
function whole(units: readonly SpikeTensor[], places: readonly Int32Array[], bits: EntryBits, kept: readonly Int32Array[]): number[] {
  const lengths: number[] = [];
  for (let k = 0; k < units.length; k++) lengths.push(keepAll(units[k].channel, units[k].count, units[k].rowStart, places[k], bits, kept[k], perStep));
  return lengths;
}

/** Takes over what stays of each part, thinned. The parts take turns within a step: the order in which events are dropped
 *  is part of what a seed means. @returns entries of each part */
function thinned(
  units: readonly SpikeTensor[], places: readonly Int32Array[], bits: EntryBits, drops: Drops, kept: readonly Int32Array[], steps: number,
): number[] {
  const lengths = units.map(() => 0);
  for (let step = 0; step < steps; step++) {
    for (let k = 0; k < units.length; k++) {
      const n = keepThinned(units[k], step, places[k], bits, drops, kept[k], lengths[k]);
      perStep[step + 1] += n - lengths[k];
      lengths[k] = n;
    }
  }
  return lengths;
}

const spares: Int32Array[] = [];

/** Memory for the entries of part k, used again by the next sample; one more than the unit has, for the last. */
function spareFor(unit: SpikeTensor, k: number): Int32Array {
  const size = unit.channel.length + 1;
  if (!spares[k] || spares[k].length < size) spares[k] = new Int32Array(2 * size);
  return spares[k];
}

/** Entries of every step as they are. @param to  takes them @param counted  [step + 1] grows by how many stay
 *  @returns how many stay in all */
function keepAll(
  channel: SpikeTensor["channel"], count: SpikeTensor["count"], rowStart: Uint32Array, places: Int32Array, bits: EntryBits, to: Int32Array, counted: Uint32Array,
): number {
  const countBits = bits.count;
  const stepBits = bits.channel + countBits;
  let n = 0;
  for (let step = 1, k = 0; step < rowStart.length; step++) {
    const from = n;
    const end = rowStart[step];
    const base = (step - 1) << stepBits;
    for (; k < end; k++) {
      const place = places[channel[k]];
      to[n] = base | (place << countBits) | count[k];
      // Written in any case: what does not stay is written over by the next.
      n += 1 + (place >> 31);
    }
    counted[step] += n - from;
  }
  return n;
}

/** Entries of one step behind the n that are there, thinned. @returns how many are there now */
function keepThinned(
  { channel, count, rowStart }: SpikeTensor, step: number, places: Int32Array, bits: EntryBits, drops: Drops, to: Int32Array, from: number,
): number {
  const countBits = bits.count;
  const base = step << (bits.channel + countBits);
  const end = rowStart[step + 1];
  let n = from;
  let { untilDrop } = drops;
  for (let k = rowStart[step]; k < end; k++) {
    const place = places[channel[k]];
    let events = count[k];
    if (untilDrop >= events) untilDrop -= events;
    else {
      events = drops.kept(events, untilDrop);
      untilDrop = drops.untilDrop;
      if (events === 0) continue;
    }
    to[n] = base | (place << countBits) | events;
    n += 1 + (place >> 31);
  }
  drops.untilDrop = untilDrop;
  return n;
}

/** Both runs of entries in order, taken apart. Which run is next is a guess that a branch gets wrong every third time, so
 *  it is computed: −1 where it is b. */
function merge(a: Int32Array, aLength: number, b: Int32Array, bLength: number, bits: EntryBits, channel: Uint16Array, count: Uint16Array): void {
  const countBits = bits.count;
  const channelMask = (1 << bits.channel) - 1;
  const countMask = (1 << countBits) - 1;
  a[aLength] = LAST;
  b[bLength] = LAST;
  for (let i = 0, n = 0, end = aLength + bLength; n < end; n++) {
    const left = a[i];
    const more = b[n - i] - left;
    const step = more >> 31;
    const entry = left + (more & step);
    channel[n] = (entry >> countBits) & channelMask;
    count[n] = entry & countMask;
    i += 1 + step;
  }
}

/** The same for samples beyond the bounds of the keys: entries of a step are collected and sorted. */
function composeLarge(units: readonly SpikeTensor[], places: readonly Int32Array[], drops: Drops | null, steps: number) {
  const rowStart = new Uint32Array(steps + 1);
  const channels: number[] = [];
  const counts: number[] = [];
  for (let step = 0; step < steps; step++) {
    const row: [channel: number, events: number][] = [];
    units.forEach((unit, part) => {
      for (let k = unit.rowStart[step]; k < unit.rowStart[step + 1]; k++) {
        const place = places[part][unit.channel[k]];
        const events = drops ? drops.kept(unit.count[k], drops.untilDrop) : unit.count[k];
        if (place >= 0 && events > 0) row.push([place, events]);
      }
    });
    for (const [channel, events] of row.sort((a, b) => a[0] - b[0])) {
      channels.push(channel);
      counts.push(events);
    }
    rowStart[step + 1] = channels.length;
  }
  return { rowStart, channel: Uint32Array.from(channels), count: Uint16Array.from(counts) };
}

const knownPlaces = new Map<string, Int32Array>();
/** The last ones asked for, by part: without augmentation they are always the same. */
const lastPlaces: { readonly shape: SpikeTensor["shape"]; readonly parts: number; readonly dx: number; readonly dy: number; readonly places: Int32Array }[] = [];

/** [channel of a part] its channel in the composed sample, −1 where the shift takes it out of its part; made once each. */
function placesOf(shape: SpikeTensor["shape"], parts: number, part: number, dx: number, dy: number): Int32Array {
  const last = lastPlaces[part];
  if (last && last.dx === dx && last.dy === dy && last.parts === parts && last.shape === shape) return last.places;
  const key = `${shape} ${parts} ${part} ${dx} ${dy}`;
  const places = knownPlaces.get(key) ?? makePlaces(shape, parts, part, dx, dy);
  knownPlaces.set(key, places);
  lastPlaces[part] = { shape, parts, dx, dy, places };
  return places;
}

function makePlaces([, polarities, height, width]: SpikeTensor["shape"], parts: number, part: number, dx: number, dy: number): Int32Array {
  const places = new Int32Array(polarities * height * width);
  for (let c = 0; c < places.length; c++) {
    const [x, line] = [(c % width) + dx, Math.floor(c / width)];
    const y = (line % height) + dy;
    places[c] = x < 0 || x >= width || y < 0 || y >= height ? -1 : (line + dy) * width * parts + part * width + x;
  }
  return places;
}

/** Drops each event with the same probability, by drawing how many are kept until the next dropped one: a tenth of the draws. */
class Drops {
  private readonly logKeep: number;
  /** Events that are kept before the next one is dropped. */
  untilDrop: number;

  constructor(share: number, private readonly rng: Rng) {
    this.logKeep = Math.log(1 - share);
    this.untilDrop = this.next();
  }

  /** How many of `count` events are kept. @param untilDrop  the field's value, where a loop has taken it over */
  kept(count: number, untilDrop: number): number {
    this.untilDrop = untilDrop;
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
