import type { CoreFill, ReportData } from "../report-data.js";
import { rect, svgFigure, text } from "../svg.js";

const COLUMNS = 16;
const SIZE = 24;
const CHIP_GAP = 28;

/** Share of the fullest resource of a core, 0…1, and which one it is. */
export function fullest(core: CoreFill, limits: ReportData["limits"]): { readonly share: number; readonly resource: string } {
  const shares = [
    { resource: "compartments", share: core.compartments / limits.compartments },
    { resource: "synapse words", share: core.synapseWords / limits.synapseWords },
    { resource: "input axons", share: core.inputAxons / limits.inputAxons },
    { resource: "output axon slots", share: core.outputAxonSlots / limits.outputAxonSlots },
  ];
  return shares.reduce((a, b) => (b.share > a.share ? b : a));
}

/** All cores of the chips in use as squares; used ones filled by their fullest resource, the plastic one outlined. */
export function floorplanChart({ cores, limits }: ReportData): string {
  const chips = [...new Set(cores.map((c) => c.chip))].sort((a, b) => a - b);
  const rows = Math.ceil(limits.coresPerChip / COLUMNS);
  const width = COLUMNS * SIZE;
  const grid = chips.map((chip, k) => Array.from({ length: limits.coresPerChip }, (_, core) => {
    const [x, y] = [k * (width + CHIP_GAP) + (core % COLUMNS) * SIZE, 22 + Math.floor(core / COLUMNS) * SIZE];
    const used = cores.find((c) => c.chip === chip && c.core === core);
    if (!used) return rect(x, y, SIZE - 3, SIZE - 3, 'class="panel" rx="3"', `core ${core}: not used`);
    const { share, resource } = fullest(used, limits);
    const title = `core ${core}: ${used.layers.join(", ")}; ${Math.round(100 * share)} % of ${resource}`;
    return rect(x, y, SIZE - 3, SIZE - 3, 'class="panel" rx="3"') +
      rect(x, y, SIZE - 3, SIZE - 3, `class="core" rx="3" fill-opacity="${(0.2 + 0.8 * Math.min(1, share)).toFixed(2)}"`, title) +
      (used.plastic ? rect(x, y, SIZE - 3, SIZE - 3, 'class="outline" rx="3"', `${title}; learns`) : "");
  }).join("") + text(k * (width + CHIP_GAP), 12, `chip ${chip}`, 'class="tick"'));
  return svgFigure(chips.length * (width + CHIP_GAP) - CHIP_GAP, 22 + rows * SIZE, "Cores in use", grid.join(""));
}
