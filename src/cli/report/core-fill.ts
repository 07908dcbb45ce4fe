import { coreUse } from "../../../compiler/core-use.js";
import type { ChipImage } from "../../../hw/image.js";
import { CHIP_LIMITS, CORE_LIMITS } from "../../../hw/limits.js";
import { meshPosition } from "../../../hw/topology.js";
import type { CoreFill, ReportData } from "../../report/report-data.js";

/** The limits that fills stand beside. */
export const REPORT_LIMITS: ReportData["limits"] = {
  compartments: CORE_LIMITS.compartments, synapseWords: CORE_LIMITS.synapseWords, inputAxons: CORE_LIMITS.inputAxons,
  outputAxonSlots: CORE_LIMITS.outputAxonSlots,
};

/** The mesh that the floorplan draws. */
export const REPORT_MESH: ReportData["mesh"] = {
  columns: CHIP_LIMITS.meshColumns, rows: CHIP_LIMITS.meshRows, positions: Array.from({ length: CHIP_LIMITS.cores }, (_, core) => meshPosition(core)),
};

/** Fill of every used core, counted from the image's tables alone; output axons once a population. */
export const coreFills = (image: ChipImage): CoreFill[] => image.cores.map((core) => {
  const use = coreUse(core);
  const here = image.symbols.filter((s) => s.chip === core.chip && s.core === core.core);
  return {
    chip: core.chip, core: core.core, plastic: core.learning !== null,
    layers: [...new Set(here.map((s) => image.layers[s.layer].name))],
    compartments: use.compartments, synapseWords: use.synapseWords, inputAxons: use.inputAxons,
    outputAxonSlots: use.outputAxons.perPopulation,
  };
});
