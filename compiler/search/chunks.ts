/** Cuts a layer into full boxes and remainders that share cores: fewer cores than a balanced grid where that wastes room. */
import { CHIP_LIMITS } from "../../hw/limits.js";
import { compartmentLimit } from "../formats.js";
import type { Box, MapLayer } from "../ir.js";
import { energyOf, isCost } from "./tile.js";
import type { Tile, TileMemory } from "./tile-memory.js";

/** Shapes whose tiles are costed: those that promise fewest cores. */
const SHAPES_TRIED = 16;
/** Most pieces that one layer may have for each core that it takes: small pieces cost messages. */
const PIECES_PER_CORE = 2;

/** [low, high) in steps of `size`, the last one shorter. */
function chunks(low: number, high: number, size: number): (readonly [number, number])[] {
  const out: (readonly [number, number])[] = [];
  for (let at = low; at < high; at += size) out.push([at, Math.min(high, at + size)]);
  return out;
}

interface Need {
  readonly compartments: number;
  readonly words: number;
}

/** Cores that pieces take, first fit, largest first. */
function packedCores(needs: readonly Need[], limit: Need): number {
  const bins: { compartments: number; words: number }[] = [];
  for (const need of [...needs].sort((a, b) => b.compartments - a.compartments)) {
    const bin = bins.find(
      (b) => b.compartments + need.compartments <= limit.compartments && b.words + need.words <= limit.words,
    );
    if (!bin) {
      bins.push({ ...need });
      continue;
    }
    bin.compartments += need.compartments;
    bin.words += need.words;
  }
  return bins.length;
}

const sizeOfBox = ({ c0, c1, y0, y1, x0, x1 }: Box): number => (c1 - c0) * (y1 - y0) * (x1 - x0);

/** Boxes of a shape that cover a region. */
function boxesOf(region: Box, channels: number, rows: number, columns: number): Box[] {
  const [ys, xs] = [chunks(region.y0, region.y1, rows), chunks(region.x0, region.x1, columns)];
  return chunks(region.c0, region.c1, channels).flatMap(([c0, c1]) =>
    ys.flatMap(([y0, y1]) => xs.map(([x0, x1]) => ({ c0, c1, y0, y1, x0, x1 }))),
  );
}

/** Neurons of each of `boxesOf`, in its order. */
function sizesOf(region: Box, channels: number, rows: number, columns: number): number[] {
  const lengths = (low: number, high: number, size: number): number[] =>
    chunks(low, high, size).map(([from, to]) => to - from);
  const [ys, xs] = [lengths(region.y0, region.y1, rows), lengths(region.x0, region.x1, columns)];
  const sizes: number[] = [];
  for (const c of lengths(region.c0, region.c1, channels)) for (const y of ys) for (const x of xs) sizes.push(c * y * x);
  return sizes;
}

/** Covers that would take fewer than `fewerThan` cores by compartments alone, the most promising first. */
function promising(layer: MapLayer, region: Box, fewerThan: number): Box[][] {
  const limit = { compartments: compartmentLimit([layer]), words: Infinity };
  const found: { shape: readonly [number, number, number]; cores: number; pieces: number }[] = [];
  for (let channels = 1; channels <= region.c1 - region.c0; channels++) {
    for (let rows = 1; rows <= region.y1 - region.y0; rows++) {
      const widest = Math.min(region.x1 - region.x0, Math.floor(limit.compartments / (channels * rows)));
      // Narrower boxes of this height waste more: only the widest, and the one that fills the region evenly.
      for (const columns of new Set([widest, evenSize(region.x1 - region.x0, widest)])) {
        if (columns < 1) continue;
        const pieces = [channels, rows, columns]
          .map((size, k) => Math.ceil(extentOf(region)[k] / size))
          .reduce((a, b) => a * b, 1);
        if (pieces > PIECES_PER_CORE * fewerThan) continue;
        const sizes = sizesOf(region, channels, rows, columns);
        // Boxes of more than half a core never share one.
        if (sizes.reduce((n, size) => (2 * size > limit.compartments ? n + 1 : n), 0) >= fewerThan) continue;
        const cores = packedCores(
          sizes.map((compartments) => ({ compartments, words: 0 })),
          limit,
        );
        if (cores < fewerThan && cores <= CHIP_LIMITS.cores)
          found.push({ shape: [channels, rows, columns], cores, pieces });
      }
    }
  }
  return found
    .sort((a, b) => a.cores - b.cores || a.pieces - b.pieces)
    .slice(0, SHAPES_TRIED)
    .map(({ shape: [channels, rows, columns] }) => boxesOf(region, channels, rows, columns));
}

const extentOf = (region: Box): readonly number[] => [
  region.c1 - region.c0,
  region.y1 - region.y0,
  region.x1 - region.x0,
];

/** Largest even part of an extent that is at most `widest`. */
const evenSize = (extent: number, widest: number): number =>
  widest < 1 ? 0 : Math.ceil(extent / Math.ceil(extent / widest));

/** Tiles that share fewer than `fewerThan` cores, least energy among the fewest; null where there are none. */
export function searchChunks(
  layer: MapLayer,
  region: Box,
  memory: TileMemory,
  maxWords: number,
  fewerThan: number,
): readonly Tile[] | null {
  const limit = { compartments: compartmentLimit([layer]), words: maxWords };
  if (Math.ceil(sizeOfBox(region) / limit.compartments) >= fewerThan) return null;
  let best: { tiles: Tile[]; cores: number; energy: number } | undefined;
  for (const boxes of promising(layer, region, fewerThan)) {
    const tiles: Tile[] = [];
    for (const box of boxes) {
      const cost = memory.best(box);
      if (!isCost(cost)) break;
      tiles.push({ box, cost });
    }
    if (tiles.length < boxes.length) continue;
    const cores = packedCores(
      tiles.map((tile) => tile.cost),
      limit,
    );
    const energy = tiles.reduce((sum, tile) => sum + energyOf(tile.cost), 0);
    if (cores >= fewerThan) continue;
    if (!best || cores < best.cores || (cores === best.cores && energy < best.energy))
      best = { tiles, cores, energy };
  }
  return best?.tiles ?? null;
}
