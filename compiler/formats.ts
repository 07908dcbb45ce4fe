/** Synapse formats of projections: dense entries, a run of neighboring compartments each. */
import type { SynapseFormat } from "../hw/image.js";
import { CORE_LIMITS } from "../hw/limits.js";
import { entryBits } from "../hw/synapse-words.js";
import { indexBitsCode, weightBitsCode } from "../hw/weights.js";
import type { Projection } from "./ir.js";

const FANOUT_TYPE = { mixed: 1, excitatory: 2, inhibitory: 3 } as const;

/** Format of a projection's lists on a core where the highest index is `maxIndex`. */
export const formatOf = (projection: Projection, maxIndex: number): SynapseFormat => ({
  compression: "dense",
  wgtBitsCode: weightBitsCode(projection.bits),
  idxBitsCode: indexBitsCode(maxIndex),
  skipBits: 0, dlyBits: 0, tagBits: 0,
  wgtExp: projection.wgtExp,
  fanoutType: FANOUT_TYPE[projection.signMode],
  cIdxOffset: 0, cIdxMult: 0,
  learning: projection.learning,
  stdpProfile: 0,
});

/** Bits of a run of n synapses, cut into entries. */
export function runBits(format: SynapseFormat, n: number): number {
  const full = Math.floor(n / CORE_LIMITS.synapsesPerEntry);
  const rest = n % CORE_LIMITS.synapsesPerEntry;
  return full * entryBits(format, CORE_LIMITS.synapsesPerEntry) + (rest > 0 ? entryBits(format, rest) : 0);
}
