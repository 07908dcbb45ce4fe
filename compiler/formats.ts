/** Synapse formats of projections, and which of them stores a list in the fewest bits. */
import type { SynapseFormat } from "../hw/image.js";
import { CORE_LIMITS } from "../hw/limits.js";
import { entryBits } from "../hw/synapse-words.js";
import { indexBitsCode, weightBitsCode } from "../hw/weights.js";
import type { MapLayer, Projection } from "./ir.js";
import type { ListSynapses } from "./lists.js";

const FANOUT_TYPE = { mixed: 1, excitatory: 2, inhibitory: 3 } as const;

/** Bits that hold a delay; 0 for none. */
const bitsOf = (delay: number): number => (delay === 0 ? 0 : Math.floor(Math.log2(delay)) + 1);

/** Slots of the delay ring are 2^bits; the default of 3 gives all 1024 compartments theirs.  nengo, nxtf (loihi-facts §1.6). */
const DEFAULT_DELAY_BITS = 3;

/** Ring size that a core with these layers needs. */
export const delayBitsOf = (layers: readonly MapLayer[]): number =>
  Math.max(
    DEFAULT_DELAY_BITS,
    ...layers.flatMap((layer) => layer.projections.map(({ delay }) => bitsOf(delay))),
  );

/** Compartments that a core with these layers can have: longer rings leave fewer. */
export const compartmentLimit = (layers: readonly MapLayer[]): number =>
  Math.min(CORE_LIMITS.compartments, CORE_LIMITS.dendriticAccumulators / 2 ** delayBitsOf(layers));

/** Dense format of a projection's lists on a core where the highest index is `maxIndex`: what the search counts with. */
export const formatOf = (projection: Projection, maxIndex: number): SynapseFormat => ({
  compression: "dense",
  wgtBitsCode: weightBitsCode(projection.bits),
  idxBitsCode: indexBitsCode(maxIndex),
  skipBits: 0,
  dlyBits: bitsOf(projection.delay),
  tagBits: 0,
  wgtExp: projection.wgtExp,
  fanoutType: FANOUT_TYPE[projection.signMode],
  cIdxOffset: 0,
  cIdxMult: 0,
  learning: projection.learning,
  stdpProfile: 0,
});

/** Widths of a run-length gap.  nxtf (loihi-facts §2.3). */
const SKIP_BITS = [2, 3, 4, 5] as const;

/** Every format that a projection's lists may take, dense first. Learning lists stay dense: their zeros learn too, and a
 *  plastic layer's targets are neighbors. */
export function candidateFormats(projection: Projection, maxIndex: number): SynapseFormat[] {
  const dense = formatOf(projection, maxIndex);
  if (projection.learning) return [dense];
  return [
    dense,
    ...SKIP_BITS.map((skipBits) => ({ ...dense, compression: "runlength" as const, skipBits })),
    { ...dense, compression: "sparse" },
  ];
}

/** [candidate] bits of a list under each of `candidateFormats`; dense holds zeros, the others leave them out. Where dense
 *  wins for sure the others are not counted (Infinity). All 0 for a static list of zeros alone, which is not stored. */
export function candidateBits(candidates: readonly SynapseFormat[], { index, weight }: ListSynapses): number[] {
  const [dense] = candidates;
  let [bits, run, nonzero] = [0, 0, 0];
  for (let k = 0; k < index.length; k++) {
    if (k > 0 && index[k] !== index[k - 1] + 1) {
      bits += runBits(dense, run);
      run = 0;
    }
    run++;
    if (weight[k] !== 0) nonzero++;
  }
  bits += runBits(dense, run);
  if (candidates.length > 1 && nonzero === 0) return candidates.map(() => 0);
  const least = Math.min(...candidates.slice(1).map((format) => entryBits(format, nonzero)));
  if (candidates.length === 1 || least >= bits) return candidates.map((_, k) => (k === 0 ? bits : Infinity));
  const entries = entryCounts(index, weight);
  return candidates.map((format, k) =>
    k === 0 ? bits : entries[format.skipBits] * entryBits(format, 0) + entryBits(format, nonzero) - entryBits(format, 0),
  );
}

/** [skip bits; 0: sparse] entries that the synapses which are not 0 take: at most 60 each, and no gap wider than its bits. */
function entryCounts(index: Int32Array, weight: Int16Array): number[] {
  const entries = new Array<number>(SKIP_BITS[SKIP_BITS.length - 1] + 1).fill(0);
  const count = entries.slice();
  let last = -1;
  for (let k = 0; k < index.length; k++) {
    if (weight[k] === 0) continue;
    // Rows that share their padding may overlap there, so that a list steps back: no gap counts that.
    const gap = index[k] - last - 1;
    for (const skipBits of SKIP_BITS) {
      const breaks = count[skipBits] === CORE_LIMITS.synapsesPerEntry || gap < 0 || gap >= 1 << skipBits;
      if (breaks || count[skipBits] === 0) [entries[skipBits], count[skipBits]] = [entries[skipBits] + 1, 0];
      count[skipBits]++;
    }
    if (count[0]++ % CORE_LIMITS.synapsesPerEntry === 0) entries[0]++;
    last = index[k];
  }
  return entries;
}

/** As `candidateBits`, where the outline of a list says that dense is cheapest whatever its weights; else undefined. */
export function denseForSure(
  candidates: readonly SynapseFormat[],
  { runs, zerosAtMost }: { readonly runs: readonly number[]; readonly zerosAtMost: number },
): number[] | undefined {
  const [dense] = candidates;
  const bits = runs.reduce((sum, run) => sum + runBits(dense, run), 0);
  const nonzero = runs.reduce((sum, run) => sum + run, 0) - zerosAtMost;
  const wins = candidates.slice(1).every((format) => nonzero > 0 && entryBits(format, nonzero) >= bits);
  return wins ? candidates.map((_, k) => (k === 0 ? bits : Infinity)) : undefined;
}

/** Bits of a run of n synapses, cut into entries. */
export function runBits(format: SynapseFormat, n: number): number {
  const full = Math.floor(n / CORE_LIMITS.synapsesPerEntry);
  const rest = n % CORE_LIMITS.synapsesPerEntry;
  return full * entryBits(format, CORE_LIMITS.synapsesPerEntry) + (rest > 0 ? entryBits(format, rest) : 0);
}
