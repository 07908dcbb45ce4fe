import type { CoreFill, ReportData } from "../report-data.js";
import { rect, svgFigure, text } from "../svg.js";

const CORE = 24;
const TILE_GAP = 8;
const TILE = 2 * CORE + TILE_GAP;
const TOP = 22;
const CHIP_GAP = 36;

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

/** The mesh of every chip in use: tiles of four cores, used ones filled by their fullest resource, those that learn
 *  outlined. */
export function floorplanChart({ cores, limits, mesh }: ReportData): string {
  const chipWidth = mesh.columns * TILE - TILE_GAP;
  const chips = [...new Set(cores.map((c) => c.chip))].sort((a, b) => a - b);
  const grid = chips.map((chip, k) => {
    const left = k * (chipWidth + CHIP_GAP) + 1;
    const squares = mesh.positions.map((at, core) =>
      coreSquare(core, at, left, cores.find((c) => c.chip === chip && c.core === core), limits));
    return text(left, 12, `chip ${chip}`, 'class="tick"') + squares.join("");
  });
  const height = TOP + mesh.rows * TILE - TILE_GAP + 1;
  return svgFigure(chips.length * (chipWidth + CHIP_GAP) - CHIP_GAP + 2, height, "Cores in use", grid.join(""));
}

function coreSquare(
  core: number, at: ReportData["mesh"]["positions"][number], left: number, used: CoreFill | undefined, limits: ReportData["limits"],
): string {
  const x = left + at.x * TILE + (at.p % 2) * CORE;
  const y = TOP + at.y * TILE + Math.floor(at.p / 2) * CORE;
  const square = (attributes: string, title: string) => rect(x, y, CORE - 3, CORE - 3, `${attributes} rx="3"`, title);
  if (!used) return square('class="panel"', `core ${core}: not used`);
  const { share, resource } = fullest(used, limits);
  const title = `core ${core}: ${used.layers.join(", ")}; ${Math.round(100 * share)} % of ${resource}${used.plastic ? "; learns" : ""}`;
  return square('class="panel"', "") + square(`class="core" fill-opacity="${(0.2 + 0.8 * Math.min(1, share)).toFixed(2)}"`, title) +
    (used.plastic ? square('class="outline"', title) : "");
}
