import type { ChipImage, CoreImage } from "../../hw/image.js";
import { AXON_SLOTS, CORE_LIMITS } from "../../hw/limits.js";
import { SYNAPSE_WORD_BYTES } from "../../hw/synapse-words.js";
import { assert } from "../../src/base/errors.js";

/** What a core of an image takes of its limits, counted from the image alone. */
export interface CoreUse {
  readonly compartments: number;
  readonly inputAxons: number;
  /** Both public readings (compiler/slots.ts). */
  readonly outputAxons: { readonly perPopulation: number; readonly perCompartment: number };
  readonly synapseWords: number;
  readonly formats: number;
  readonly profiles: number;
  readonly vthProfiles: number;
}

/** Counts one core. A slot a (population, destination axon), or a (compartment, destination axon). */
export function coreUse(core: CoreImage): CoreUse {
  let [perPopulation, perCompartment] = [0, 0];
  const known = new Set<string>();
  for (const { kind, population, chip, core: to, axon } of core.outputAxons) {
    const slots = AXON_SLOTS[kind] + (chip !== core.chip ? AXON_SLOTS.offChipExtra : 0);
    perCompartment += slots;
    const key = `${population} ${chip} ${to} ${axon}`;
    if (population >= 0 && known.has(key)) continue;
    known.add(key);
    perPopulation += slots;
  }
  return {
    compartments: core.compartments.length,
    inputAxons: core.inputAxons.reduce((sum, axon) => sum + (axon.preTraceConfig >= 0 ? 2 : 1), 0),
    outputAxons: { perPopulation, perCompartment },
    synapseWords: core.synapseMemory.length / SYNAPSE_WORD_BYTES,
    formats: core.synapseFormats.length,
    profiles: core.compartmentProfiles.length,
    vthProfiles: core.vthProfiles.length,
  };
}

/** Limits of each kind, by the names of `CoreUse`. */
export const USE_LIMITS = {
  compartments: CORE_LIMITS.compartments, inputAxons: CORE_LIMITS.inputAxons, outputAxons: CORE_LIMITS.outputAxonSlots,
  synapseWords: CORE_LIMITS.synapseWords, formats: CORE_LIMITS.synapseFormats, profiles: CORE_LIMITS.compartmentProfiles,
  vthProfiles: CORE_LIMITS.vthProfiles,
} as const;

/** No core of the image is over a limit; cores are there once. */
export function verifyImage(image: ChipImage): void {
  const addresses = new Set(image.cores.map(({ chip, core }) => `${chip}:${core}`));
  assert(addresses.size === image.cores.length, "compiler bug: two cores at one address");
  for (const core of image.cores) {
    const { outputAxons, ...use } = coreUse(core);
    const all = { ...use, outputAxons: outputAxons.perPopulation };
    for (const [kind, limit] of Object.entries(USE_LIMITS)) {
      const found = all[kind as keyof typeof all];
      assert(found <= limit, `compiler bug: core ${core.chip}:${core.core} has ${found} ${kind}, limit ${limit}`);
    }
  }
}
