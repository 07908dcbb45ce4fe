import type { EventStream } from "../../types.js";
import { type SaccadeModel, SaccadeSimulator } from "../saccades.js";
import { countCubes, distancesOf, relativeSquares, type SetStatistics, statisticsOf } from "./statistics.js";

const CUBE = { binUs: 20_000, bins: 16 } as const;

/** Real recordings, and the images they show. */
export interface Paired {
  readonly streams: readonly EventStream[];
  readonly images: readonly Uint8Array[];
}

/** Simulates a recording of every image. */
export function simulateAll(model: SaccadeModel, images: readonly Uint8Array[], seed: number): EventStream[] {
  const simulator = new SaccadeSimulator(model, seed);
  return images.map((image, k) => simulator.record(image, k));
}

/** What the fit makes small: events by place, 20 ms and polarity against those of the real recording of the same image,
 *  and the distances of the distributions. The same seed at every call: a change of the model is all that changes it. */
export function objective({ streams, images }: Paired, seed: number): (model: SaccadeModel) => number {
  const cubes = countCubes(streams, CUBE.binUs, CUBE.bins);
  const real: SetStatistics = statisticsOf(streams);
  return (model) => {
    const simulated = simulateAll(model, images, seed);
    const d = distancesOf(real, statisticsOf(simulated));
    const places = relativeSquares(cubes, countCubes(simulated, CUBE.binUs, CUBE.bins));
    return places + 2 * Math.abs(Math.log(d.countRatio)) + 4 * Math.abs(d.onShareDifference) + d.pixelCounts + d.sameIntervals +
      d.otherIntervals + 2 * d.rates + d.counts / 2 + d.countError + Math.abs(d.persistenceDifference);
  };
}
