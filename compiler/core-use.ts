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

/** The fullest core of one kind against its limit. */
export interface WorstUse {
  readonly worst: number;
  readonly limit: number;
}

/** Worst core of each kind against its limit: enforced limits only, so `worst` never exceeds `limit` in a sound image.
 *  `outputAxons` is counted once a population. */
export function worstUse(cores: readonly CoreImage[]): Record<keyof CoreUse, WorstUse> {
  const uses = cores.map((core) => ({ ...coreUse(core), outputAxons: countOutputSlots(core).perPopulation }));
  const kinds = Object.keys(USE_LIMITS) as (keyof CoreUse)[];
  return Object.fromEntries(
    kinds.map((kind) => [kind, { worst: Math.max(0, ...uses.map((use) => use[kind])), limit: USE_LIMITS[kind] }]),
  ) as Record<keyof CoreUse, WorstUse>;
}

/** Readings of a limit that is not enforced so: output-axon slots counted once a compartment, which no open tool does.
 *  `limit` is what the enforced reading stands against. */
export interface AdvisoryUse {
  readonly outputAxonsPerCompartment: WorstUse;
}

/** The advisory readings of the worst core. */
export const advisoryUse = (cores: readonly CoreImage[]): AdvisoryUse => ({
  outputAxonsPerCompartment: {
    worst: Math.max(0, ...cores.map((core) => countOutputSlots(core).perCompartment)), limit: USE_LIMITS.outputAxons,
  },
});

/** The advisory readings in a sentence. */
export const advisoryText = ({ outputAxonsPerCompartment: { worst, limit } }: AdvisoryUse): string =>
  `advisory, not enforced: ${worst} output-axon slots on one core if a population's slot counted once a compartment ` +
  `(the ${limit} are enforced by population, as both open tools count)`;
