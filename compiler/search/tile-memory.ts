/** Tiles found so far: many boxes of a layer cost the same. */
import { axisReach, sourceChannels } from "../geometry.js";
import type { Box, MapLayer } from "../ir.js";
import { PaddingLoads } from "./padding.js";
import { bestLayout, type TileCost, type TileRefusal } from "./tile.js";

/** A box with the layout found for it. */
export interface Tile {
  readonly box: Box;
  readonly cost: TileCost;
}

/** Remembers tiles by what their cost depends on: size and the reach of their sources. */
export class TileMemory {
  private readonly known = new Map<string, TileCost | TileRefusal>();

  private readonly padding: PaddingLoads;

  /** @param inputSpikes  most spikes that an input pixel sends in a step */
  constructor(
    private readonly layer: MapLayer,
    readonly maxWords: number,
    inputSpikes: number,
  ) {
    this.padding = new PaddingLoads(layer, inputSpikes);
  }

  best(box: Box): TileCost | TileRefusal {
    const key = this.keyOf(box);
    let result = this.known.get(key);
    if (!result) {
      result = bestLayout(this.layer, box, this.maxWords, this.padding);
      this.known.set(key, result);
    }
    return result;
  }

  private keyOf(box: Box): string {
    const parts: (string | number)[] = [box.c1 - box.c0, box.y1 - box.y0, box.x1 - box.x0];
    for (const projection of this.layer.projections) {
      const [from, to] = sourceChannels(projection, this.layer, box);
      const perGroupOut = this.layer.shape[0] / projection.groups;
      parts.push(to - from, projection.groups === 1 ? 0 : box.c0 % perGroupOut);
      for (const axis of [0, 1] as const) {
        const [low, high] = axis === 0 ? [box.y0, box.y1] : [box.x0, box.x1];
        for (const r of axisReach(projection, axis, low, high, 0)) parts.push(`${r.tap},${r.first},${r.count}`);
        parts.push("/");
      }
    }
    return parts.join(" ");
  }
}
