import type { CoreAddress } from "./image.js";
import { CHIP_LIMITS } from "./limits.js";

/** Tile of a core in the mesh. */
export interface MeshPosition {
  /** Column, 0…7, west to east. */
  readonly x: number;
  /** Row, 0…3. */
  readonly y: number;
  /** Core within its tile, 0…3. */
  readonly p: number;
}

/** Hops of a message on the way; off-chip links apart. */
export interface RouteHops {
  readonly eastWest: number;
  readonly northSouth: number;
  /** Chip-to-chip links passed. */
  readonly offChip: number;
}

/** Core id → tile: p = id % 4, x = ⌊id/16⌋, y = ⌊(id % 16)/4⌋.  nxtf's map, loihi-facts §4.2 (inferred). */
export function meshPosition(core: number): MeshPosition {
  const { coresPerTile, meshRows } = CHIP_LIMITS;
  const column = coresPerTile * meshRows;
  return {
    x: Math.floor(core / column), y: Math.floor((core % column) / coresPerTile), p: core % coresPerTile,
  };
}

/** The core at a tile. */
export const coreAt = ({ x, y, p }: MeshPosition): number =>
  x * CHIP_LIMITS.coresPerTile * CHIP_LIMITS.meshRows + y * CHIP_LIMITS.coresPerTile + p;

/** Mesh hops of a message by x–y routing. Between chips: out over the east or west edge in the source's row, in over the
 *  opposite edge (chips in a row). How a board is wired is not public; this is our own assumption and reports say so. */
export function routeHops(from: CoreAddress, to: CoreAddress): RouteHops {
  const a = meshPosition(from.core);
  const b = meshPosition(to.core);
  const northSouth = Math.abs(a.y - b.y);
  if (from.chip === to.chip) return { eastWest: Math.abs(a.x - b.x), northSouth, offChip: 0 };
  const last = CHIP_LIMITS.meshColumns - 1;
  const links = Math.abs(to.chip - from.chip);
  const eastward = to.chip > from.chip;
  const inside = eastward ? last - a.x + b.x : a.x + (last - b.x);
  return { eastWest: inside + (links - 1) * last, northSouth, offChip: links };
}

/** Tiles that the cores of one chip touch; the barrier's cost depends on it. */
export const tilesUsed = (cores: readonly number[]): number =>
  new Set(cores.map((core) => Math.floor(core / CHIP_LIMITS.coresPerTile))).size;
