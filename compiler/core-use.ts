/** What a core of an image takes of its limits, counted from the image alone. */
import { countInputEntries, countOutputSlots, type OutputSlots } from "../hw/axon-slots.js";
import type { CoreImage } from "../hw/image.js";
import { CORE_LIMITS } from "../hw/limits.js";
import { SYNAPSE_WORD_BYTES } from "../hw/synapse-words.js";

export interface CoreUse {
  /** Padding included. */
  readonly compartments: number;
  /** A learning axon counts twice. */
  readonly inputAxons: number;
  /** Slots in both public readings. */
  readonly outputAxons: OutputSlots;
  readonly synapseWords: number;
  readonly formats: number;
  readonly profiles: number;
  readonly vthProfiles: number;
}

/** Counts one core. */
export const coreUse = (core: CoreImage): CoreUse => ({
  compartments: core.compartments.length,
  inputAxons: countInputEntries(core),
  outputAxons: countOutputSlots(core),
  synapseWords: core.synapseMemory.length / SYNAPSE_WORD_BYTES,
  formats: core.synapseFormats.length,
  profiles: core.compartmentProfiles.length,
  vthProfiles: core.vthProfiles.length,
});

/** Limits by the names of `CoreUse`. */
export const USE_LIMITS = {
  compartments: CORE_LIMITS.compartments,
  inputAxons: CORE_LIMITS.inputAxons,
  outputAxons: CORE_LIMITS.outputAxonSlots,
  synapseWords: CORE_LIMITS.synapseWords,
  formats: CORE_LIMITS.synapseFormats,
  profiles: CORE_LIMITS.compartmentProfiles,
  vthProfiles: CORE_LIMITS.vthProfiles,
} as const satisfies Record<keyof CoreUse, number>;

/** Worst core of each kind against its limit; `outputAxons` counted a population, `outputAxonsPerCompartment` beside it. */
export function worstUse(cores: readonly CoreImage[]): Record<string, { worst: number; limit: number }> {
  const uses = cores.map(coreUse);
  const worst = (pick: (use: CoreUse) => number): number => Math.max(0, ...uses.map(pick));
  return {
    compartments: { worst: worst((u) => u.compartments), limit: USE_LIMITS.compartments },
    inputAxons: { worst: worst((u) => u.inputAxons), limit: USE_LIMITS.inputAxons },
    outputAxons: { worst: worst((u) => u.outputAxons.perPopulation), limit: USE_LIMITS.outputAxons },
    outputAxonsPerCompartment: {
      worst: worst((u) => u.outputAxons.perCompartment),
      limit: USE_LIMITS.outputAxons,
    },
    synapseWords: { worst: worst((u) => u.synapseWords), limit: USE_LIMITS.synapseWords },
    formats: { worst: worst((u) => u.formats), limit: USE_LIMITS.formats },
    profiles: { worst: worst((u) => u.profiles), limit: USE_LIMITS.profiles },
    vthProfiles: { worst: worst((u) => u.vthProfiles), limit: USE_LIMITS.vthProfiles },
  };
}
