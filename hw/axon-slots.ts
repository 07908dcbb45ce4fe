import type { CoreImage } from "./image.js";
import { AXON_SLOTS, CHIP_LIMITS, CORE_LIMITS } from "./limits.js";

const KIND_CODE = { discrete: 0, pop16: 1, pop32: 2 } as const;
const KINDS = 4;
/** More than the populations and compartments of a core: keys stay below 2^53 for every board. */
const SOURCES = 2 ** 20;

/** Output-axon slots of a core in both public readings (mapping.md: not settled). */
export interface OutputSlots {
  /** One a population and destination: what both open tools count. */
  readonly perPopulation: number;
  /** One a compartment and destination. */
  readonly perCompartment: number;
}

/** Slots taken by a core's output axons; an axon to another chip takes one more.  nengo; nxtf (loihi-facts §2.4). */
export function countOutputSlots(core: CoreImage): OutputSlots {
  const seen = new Set<number>();
  let perPopulation = 0;
  let perCompartment = 0;
  for (const axon of core.outputAxons) {
    const slots = AXON_SLOTS[axon.kind] + (axon.chip === core.chip ? 0 : AXON_SLOTS.offChipExtra);
    perCompartment += slots;
    const destination = ((axon.chip * CHIP_LIMITS.cores + axon.core) * CORE_LIMITS.inputAxons + axon.axon) * KINDS + KIND_CODE[axon.kind];
    // Even numbers are populations, odd ones single compartments.
    const source = axon.population >= 0 ? 2 * axon.population : 2 * axon.compartment + 1;
    const key = destination * SOURCES + source;
    if (!seen.has(key)) perPopulation += slots;
    seen.add(key);
  }
  return { perPopulation, perCompartment };
}

/** Synapse-map entries of a core: a learning axon takes two.  nengo. */
export const countInputEntries = (core: CoreImage): number =>
  core.inputAxons.reduce((sum, axon) => sum + (axon.preTraceConfig >= 0 ? 2 : 1), 0);
