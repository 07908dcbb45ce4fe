import type { ChipImage, CoreImage } from "../../hw/image.js";
import { AXON_SLOTS, CHIP_LIMITS, CORE_LIMITS } from "../../hw/limits.js";
import type { CoreFill, ReportData } from "./report-data.js";

/** The limits that fills stand beside. */
export const REPORT_LIMITS: ReportData["limits"] = {
  compartments: CORE_LIMITS.compartments, synapseWords: CORE_LIMITS.synapseWords, inputAxons: CORE_LIMITS.inputAxons,
  outputAxonSlots: CORE_LIMITS.outputAxonSlots, coresPerChip: CHIP_LIMITS.cores,
};

const WORD_BYTES = 8;

/** Fill of every used core, counted from the image's tables alone. */
export const coreFills = (image: ChipImage): CoreFill[] => image.cores.map((core) => ({
  chip: core.chip, core: core.core, plastic: core.learning !== null,
  layers: [...new Set(image.symbols.filter((s) => s.chip === core.chip && s.core === core.core).map((s) => image.layers[s.layer].name))],
  compartments: core.compartments.length, synapseWords: Math.ceil(core.synapseMemory.length / WORD_BYTES),
  inputAxons: core.inputAxons.reduce((sum, axon) => sum + (axon.preTraceConfig >= 0 ? 2 : 1), 0),
  outputAxonSlots: outputAxonSlots(core),
}));

/** Slots counted once a population and destination axon (the sharing reading; loihi-facts §2.4). */
function outputAxonSlots(core: CoreImage): number {
  const seen = new Set<string>();
  let slots = 0;
  for (const axon of core.outputAxons) {
    const key = `${axon.population},${axon.chip},${axon.core},${axon.axon}`;
    if (axon.kind !== "discrete" && seen.has(key)) continue;
    seen.add(key);
    slots += AXON_SLOTS[axon.kind] + (axon.chip === core.chip ? 0 : AXON_SLOTS.offChipExtra);
  }
  return slots;
}
