import type { CoreImage } from "./image.js";
import { AXON_SLOTS } from "./limits.js";

/** Output-axon slots of a core in both public readings (mapping.md: not settled). */
export interface OutputSlots {
  /** One a population and destination: what both open tools count. */
  readonly perPopulation: number;
  /** One a compartment and destination. */
  readonly perCompartment: number;
}

/** Slots taken by a core's output axons; an axon to another chip takes one more.  nengo; nxtf (loihi-facts §2.4). */
export function countOutputSlots(core: CoreImage): OutputSlots {
  const seen = new Set<string>();
  let perPopulation = 0;
  let perCompartment = 0;
  for (const axon of core.outputAxons) {
    const slots = AXON_SLOTS[axon.kind] + (axon.chip === core.chip ? 0 : AXON_SLOTS.offChipExtra);
    perCompartment += slots;
    const source = axon.population >= 0 ? `p${axon.population}` : `c${axon.compartment}`;
    const key = `${source} ${axon.kind} ${axon.chip} ${axon.core} ${axon.axon}`;
    if (!seen.has(key)) perPopulation += slots;
    seen.add(key);
  }
  return { perPopulation, perCompartment };
}

/** Synapse-map entries of a core: a learning axon takes two.  nengo. */
export const countInputEntries = (core: CoreImage): number =>
  core.inputAxons.reduce((sum, axon) => sum + (axon.preTraceConfig >= 0 ? 2 : 1), 0);
