import type { EventStream } from "../../types.js";
import type { Display } from "../image-map.js";
import { fitPath } from "./path.js";

/** How recordings differ from their common path: by the place of the image and the start of the motion. Each recording
 *  gets a path of its own (few knots suffice); the offset is what its path has in common, the delay what is left along
 *  the common path's velocity.
 *  @returns standard deviations: start in µs, place in pixels, extent as a share */
export function fitOffsets(
  streams: readonly EventStream[], images: readonly Uint8Array[], display: Display,
  path: readonly (readonly [number, number])[], stepUs: number, restUs: number,
): { startSpreadUs: number; placeSpread: number; extentSpread: number } {
  const [starts, placesX, placesY, extents]: number[][] = [[], [], [], []];
  streams.forEach((stream, r) => {
    const own = fitPath([stream], [images[r]], display, path, stepUs, restUs, 3).path;
    // own(k) − home = (1 + e)·(path(k) − home) − v(k)·d: least squares for extent e and delay d.
    let [ee, ed, dd, ge, gd] = [1e-9, 0, 1e-9, 0, 0];
    for (let k = 2; k < path.length - 2; k++) {
      for (const axis of [0, 1] as const) {
        const extent = path[k][axis] - path[0][axis];
        const speed = -(path[k + 1][axis] - path[k - 1][axis]) / 2;
        const rest = own[k][axis] - own[0][axis] - extent;
        ee += extent * extent;
        ed += extent * speed;
        dd += speed * speed;
        ge += extent * rest;
        gd += speed * rest;
      }
    }
    const det = ee * dd - ed * ed;
    extents.push((dd * ge - ed * gd) / det);
    starts.push(((ee * gd - ed * ge) / det) * stepUs);
    placesX.push(own[0][0] - path[0][0]);
    placesY.push(own[0][1] - path[0][1]);
  });
  return { startSpreadUs: spread(starts), placeSpread: (spread(placesX) + spread(placesY)) / 2, extentSpread: spread(extents) };
}

/** Standard deviation by quartiles: a few recordings that could not be fitted must not count. */
function spread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor(0.75 * sorted.length)] - sorted[Math.floor(0.25 * sorted.length)]) / 1.349;
}
