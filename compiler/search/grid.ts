/** Cuts one layer into boxes, one a core: fewest cores first, then least energy. */
import { CHIP_LIMITS, CORE_LIMITS } from "../../hw/limits.js";
import { compartmentLimit } from "../formats.js";
import type { Box, MapLayer } from "../ir.js";
import { searchChunks } from "./chunks.js";
import { energyOf, isCost, type TileRefusal } from "./tile.js";
import type { Tile, TileMemory } from "./tile-memory.js";

interface Grid {
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
}

/** Part i of n balanced parts of [low, high). */
function part(low: number, high: number, n: number, i: number): readonly [number, number] {
  const size = high - low;
  return [low + Math.floor((i * size) / n), low + Math.floor(((i + 1) * size) / n)];
}

/** Numbers of parts worth trying: those whose largest part is smaller than with one part less. */
function partCounts(size: number): number[] {
  const out: number[] = [];
  for (let n = 1; n <= size; n++) if (n === 1 || Math.ceil(size / n) < Math.ceil(size / (n - 1))) out.push(n);
  return out;
}

/** Grids whose largest box fits a core's compartments, by number of cores. */
function gridsByCores(layer: MapLayer, region: Box): Map<number, Grid[]> {
  const [c, h, w] = [region.c1 - region.c0, region.y1 - region.y0, region.x1 - region.x0];
  const learning = layer.projections.some((projection) => projection.learning);
  const limit = compartmentLimit([layer]);
  const byCores = new Map<number, Grid[]>();
  for (const channels of partCounts(c)) {
    for (const rows of partCounts(h)) {
      for (const columns of partCounts(w)) {
        const cores = channels * rows * columns;
        const largest = Math.ceil(c / channels) * Math.ceil(h / rows) * Math.ceil(w / columns);
        if (largest > limit || cores > CHIP_LIMITS.cores) continue;
        if (learning && rows * columns > 1) continue;
        const list = byCores.get(cores) ?? [];
        list.push({ channels, rows, columns });
        byCores.set(cores, list);
      }
    }
  }
  return byCores;
}

/** Boxes of a balanced grid, by channel, row, column. */
export function gridBoxes(region: Box, channels: number, rows: number, columns: number): Box[] {
  const boxes: Box[] = [];
  for (let c = 0; c < channels; c++) {
    const [c0, c1] = part(region.c0, region.c1, channels, c);
    for (let y = 0; y < rows; y++) {
      const [y0, y1] = part(region.y0, region.y1, rows, y);
      for (let x = 0; x < columns; x++) {
        const [x0, x1] = part(region.x0, region.x1, columns, x);
        boxes.push({ c0, c1, y0, y1, x0, x1 });
      }
    }
  }
  return boxes;
}

/** All tiles of a grid, or what forbids the first that fits nowhere. */
function tilesOf(region: Box, grid: Grid, memory: TileMemory): Tile[] | TileRefusal {
  const tiles: Tile[] = [];
  for (const box of gridBoxes(region, grid.channels, grid.rows, grid.columns)) {
    const cost = memory.best(box);
    if (!isCost(cost)) return cost;
    tiles.push({ box, cost });
  }
  return tiles;
}

/** Fewest cores that hold the neurons of `region` of a layer, and of those grids the one of least energy.
 *  Returns the refusal of the finest grid tried where none fits. */
export function searchLayer(layer: MapLayer, region: Box, memory: TileMemory): readonly Tile[] | TileRefusal {
  const byCores = gridsByCores(layer, region);
  let refusal: TileRefusal = {
    resource: "compartments",
    limit: CHIP_LIMITS.cores * CORE_LIMITS.compartments,
    found: (region.c1 - region.c0) * (region.y1 - region.y0) * (region.x1 - region.x0),
  };
  for (const cores of [...byCores.keys()].sort((a, b) => a - b)) {
    let best: { tiles: Tile[]; energy: number } | undefined;
    for (const grid of byCores.get(cores)!) {
      const tiles = tilesOf(region, grid, memory);
      if (!Array.isArray(tiles)) {
        refusal = tiles;
        continue;
      }
      const energy = tiles.reduce((sum, tile) => sum + energyOf(tile.cost), 0);
      if (!best || energy < best.energy) best = { tiles, energy };
    }
    if (!best) continue;
    const learning = layer.projections.some((projection) => projection.learning);
    return (learning ? null : searchChunks(layer, region, memory, memory.maxWords, cores)) ?? best.tiles;
  }
  return refusal;
}
