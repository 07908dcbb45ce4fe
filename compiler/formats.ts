/** Synapse formats of projections: dense entries, a run of neighboring compartments each. */
import type { SynapseFormat } from "../hw/image.js";
import { CORE_LIMITS } from "../hw/limits.js";
import { entryBits } from "../hw/synapse-words.js";
import { indexBitsCode, weightBitsCode } from "../hw/weights.js";
import type { MapLayer, Projection } from "./ir.js";

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

/** Format of a projection's lists on a core where the highest index is `maxIndex`. */
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

/** Bits of a run of n synapses, cut into entries. */
export function runBits(format: SynapseFormat, n: number): number {
  const full = Math.floor(n / CORE_LIMITS.synapsesPerEntry);
  const rest = n % CORE_LIMITS.synapsesPerEntry;
  return full * entryBits(format, CORE_LIMITS.synapsesPerEntry) + (rest > 0 ? entryBits(format, rest) : 0);
}
