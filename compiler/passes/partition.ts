/** Cuts layers into pieces and gives every piece a core.
 *  Needs: verified integers. Promises: no core is over a limit of CORE_LIMITS or over the margin of synapse words; every
 *  neuron is in exactly one piece. Loses: nothing. Cost, in this order: chips, cores, energy (search/tile.ts).
 *  Order: layers as given, then boxes by channel, row, column, so that equal input gives equal output. */
import { BOARDS, CHIP_LIMITS, CORE_LIMITS, type BoardName } from "../../hw/limits.js";
import type { Diagnostics } from "../../src/base/errors.js";
import {
  inputSpikes,
  type Box,
  type LoweredNetwork,
  type MapLayer,
  type PartitionedCore,
  type PartitionedNetwork,
  type Piece,
} from "../ir.js";
import { searchLayer } from "../search/grid.js";
import { mergePieces } from "../search/merge.js";
import type { TileRefusal } from "../search/tile.js";
import { TileMemory, type Tile } from "../search/tile-memory.js";

export interface PartitionOptions {
  /** Undefined: as many chips as it takes. */
  readonly board: BoardName | undefined;
  /** Share of a core's synapse words that may be used, 0…1. */
  readonly synapseMargin: number;
}

export function partition(
  network: LoweredNetwork,
  options: PartitionOptions,
  diagnostics: Diagnostics,
): PartitionedNetwork {
  const maxWords = Math.floor(CORE_LIMITS.synapseWords * options.synapseMargin);
  const memories = network.layers.map((layer) => new TileMemory(layer, maxWords, inputSpikes(network.spec.input.mode)));
  const chipsAllowed = options.board ? BOARDS[options.board] : BOARDS["pohoiki-springs"];
  let coresNeeded = Infinity;
  for (let chips = fewestChips(network); chips <= Math.min(chipsAllowed, widestLayer(network)); chips++) {
    const cut = cutLayers(network, memories, chips, options, diagnostics);
    diagnostics.throwIfErrors();
    if (!cut) continue;
    const cores = mergePieces(network, cut, maxWords);
    coresNeeded = Math.min(coresNeeded, cores.length);
    const perChip = Array.from(
      { length: chips },
      (_, chip) => cores.filter((core) => core.region === chip).length,
    );
    if (Math.max(...perChip) <= CHIP_LIMITS.cores)
      return { ...network, ...ordered(cut, cores), chips, ...options };
  }
  refuseBoard(network, options, coresNeeded, diagnostics);
  diagnostics.throwIfErrors();
  throw new Error("compiler bug: partition found neither cores nor a reason");
}

const compartmentsIn = (network: LoweredNetwork): number =>
  network.layers.reduce((sum, { shape: [c, h, w] }) => sum + c * h * w, 0);

const fewestChips = (network: LoweredNetwork): number =>
  Math.ceil(compartmentsIn(network) / (CHIP_LIMITS.cores * CORE_LIMITS.compartments));

const widestLayer = (network: LoweredNetwork): number =>
  Math.max(...network.layers.map((layer) => layer.shape[2]));

/** Part of a layer that belongs to a chip: chips cut the map in columns, so that only borders cross. Layers too narrow to
 *  cut stay on chip 0. */
function regionOf(layer: MapLayer, chips: number, chip: number): Box | null {
  const [c1, y1, width] = layer.shape;
  const whole = width < 4 * chips;
  if (whole && chip > 0) return null;
  const edge = (k: number): number => (whole ? k * width : Math.round((k * width) / chips));
  return { c0: 0, c1, y0: 0, y1, x0: edge(chip), x1: edge(chip + 1) };
}

/** Pieces of all layers, or null where a layer takes more cores than one chip has. */
function cutLayers(
  network: LoweredNetwork,
  memories: readonly TileMemory[],
  chips: number,
  options: PartitionOptions,
  diagnostics: Diagnostics,
): Piece[] | null {
  const pieces: Piece[] = [];
  let overfull = false;
  network.layers.forEach((layer, index) => {
    for (let chip = 0; chip < chips; chip++) {
      const region = regionOf(layer, chips, chip);
      if (!region) continue;
      const tiles = searchLayer(layer, region, memories[index]);
      if (isRefusal(tiles)) {
        if (tiles.resource === "compartments") overfull = true;
        else refuseLayer(layer, tiles, options, inputSpikes(network.spec.input.mode), diagnostics);
        return;
      }
      for (const { box, cost } of tiles) pieces.push({ layer: index, box, layout: cost.layout, region: chip });
    }
  });
  return overfull ? null : pieces;
}

const isRefusal = (result: readonly Tile[] | TileRefusal): result is TileRefusal => !Array.isArray(result);

/** Cores by region, then by their first piece; pieces renumbered in core order. */
function ordered(
  pieces: readonly Piece[],
  cores: readonly PartitionedCore[],
): Pick<PartitionedNetwork, "pieces" | "cores"> {
  const sorted = [...cores].sort((a, b) => a.region - b.region || a.pieces[0] - b.pieces[0]);
  const order = sorted.flatMap((core) => core.pieces);
  const newIndex = new Map(order.map((old, index) => [old, index]));
  return {
    pieces: order.map((old) => pieces[old]),
    cores: sorted.map((core) => ({
      region: core.region,
      pieces: core.pieces.map((old) => newIndex.get(old)!),
    })),
  };
}

function refuseLayer(
  layer: MapLayer,
  refusal: TileRefusal,
  options: PartitionOptions,
  spikes: number,
  diagnostics: Diagnostics,
): void {
  const margin = `${Math.round(options.synapseMargin * 100)} % of ${CORE_LIMITS.synapseWords}`;
  diagnostics.error("E-PART-001", {
    at: `layer "${layer.name}"`,
    found: `${refusal.found} ${refusal.resource} in the smallest piece tried`,
    limit: `${refusal.limit} (${refusal.resource === "synapse words" ? `${margin}, ` : ""}hw/limits.ts)`,
    hint: remedyFor(layer, options, spikes),
  });
}

/** A remedy that was tried: the whole margin, then fewer bits; else one that makes the layer's input smaller. */
function remedyFor(layer: MapLayer, options: PartitionOptions, spikes: number): string {
  const [c1, y1, x1] = layer.shape;
  const fits = (candidate: MapLayer, margin: number): boolean => {
    const memory = new TileMemory(candidate, Math.floor(CORE_LIMITS.synapseWords * margin), spikes);
    return !isRefusal(searchLayer(candidate, { c0: 0, c1, y0: 0, y1, x0: 0, x1 }, memory));
  };
  if (options.synapseMargin < 1 && fits(layer, 1)) return "a synapse margin of 1";
  for (const bits of [6, 5, 4, 3, 2]) {
    const fewer = layer.projections.map((projection) => ({
      ...projection,
      bits: Math.min(bits, projection.bits),
    }));
    if (fits({ ...layer, projections: fewer }, options.synapseMargin))
      return `weights of ${bits} bits in this layer`;
  }
  return "a pool, or a larger stride, before this layer";
}

function refuseBoard(
  network: LoweredNetwork,
  options: PartitionOptions,
  cores: number,
  diagnostics: Diagnostics,
): void {
  const least = Number.isFinite(cores) ? cores : Math.ceil(compartmentsIn(network) / CORE_LIMITS.compartments);
  const larger = (Object.keys(BOARDS) as BoardName[]).find((name) => {
    const chips = BOARDS[name];
    return (!options.board || chips > BOARDS[options.board]) && fitsOn(network, options, name);
  });
  diagnostics.error("E-PART-002", {
    at: `network "${network.spec.name}"`,
    found: `at least ${least} cores`,
    limit: options.board
      ? `${BOARDS[options.board]} × ${CHIP_LIMITS.cores} cores of board "${options.board}" (hw/limits.ts)`
      : `${CHIP_LIMITS.cores} cores a chip (hw/limits.ts)`,
    hint: larger ? `board "${larger}"` : "fewer channels, or a pool earlier",
  });
}

function fitsOn(network: LoweredNetwork, options: PartitionOptions, board: BoardName): boolean {
  try {
    const quiet = { errors: [], warnings: [], error: () => {}, warn: () => {}, throwIfErrors: () => {} };
    partition(network, { ...options, board }, quiet as unknown as Diagnostics);
    return true;
  } catch {
    return false;
  }
}
