import { Rng, STREAM } from "../../base/rng.js";
import type { SpikeTensor } from "../../events/types.js";
import { parameterShapes } from "../../model/shapes.js";
import type { NetworkSpec, Parameters } from "../../model/types.js";
import { inputFrames, restStates, runSteps, srmNetwork } from "./srm-network.js";
import type { Tensors } from "./srm-network.js";

/** What U of every layer is brought to at the last step. Source: design §4, start weights. */
export const LSUV_TARGET = {
  variance: 1,
  mean: -0.559,
  varianceTolerance: 0.1,
  meanTolerance: 0.2,
  rounds: 20,
} as const;

/** Mean and variance of one layer's U at the last step over the support batch. */
export interface LayerStatistics {
  readonly name: string;
  readonly mean: number;
  readonly variance: number;
}

/** Start weights of a `srm` network: orthogonal, then layer by layer rescaled to variance 1 and the bias
 *  shifted to mean −0.559 of U at the last step. A layer that gets no spikes at all stays as drawn;
 *  `statistics` shows it. Source: Mishkin 2016 (LSUV); design §4. */
export function lsuvStart(
  spec: NetworkSpec,
  samples: readonly SpikeTensor[],
  seed: number,
): { readonly parameters: Parameters; readonly statistics: readonly LayerStatistics[] } {
  const network = srmNetwork(spec);
  const tensors: Tensors = {};
  parameterShapes(spec).forEach(({ name, shape }, item) => {
    tensors[name] =
      shape.length > 1
        ? orthogonal(
            shape[0],
            shape.slice(1).reduce((a, b) => a * b, 1),
            new Rng(seed, STREAM.startWeights, item),
          )
        : new Float64Array(shape[0]);
  });
  const frames = samples.map((sample) => inputFrames(network, sample));
  const statistics = network.stages.map((stage, k) => {
    const { name } = stage.layer;
    let found = statisticsOf(k);
    for (let round = 0; round < LSUV_TARGET.rounds && !within(found) && found.variance > 0; round++) {
      const scale = Math.sqrt(LSUV_TARGET.variance / found.variance);
      tensors[`${name}.weight`].forEach((w, i, all) => {
        all[i] = w * scale;
      });
      // The mean moves with the weights too, so it is shifted by what is missing after the scale.
      const shift = LSUV_TARGET.mean - statisticsOf(k).mean;
      tensors[`${name}.bias`].forEach((b, i, all) => {
        all[i] = b + shift;
      });
      found = statisticsOf(k);
    }
    return { name, ...found };
  });
  const parameters = Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => [name, Float32Array.from(t)]),
  );
  return { parameters, statistics };

  function statisticsOf(stage: number): { mean: number; variance: number } {
    let [sum, squares, n] = [0, 0, 0];
    const below = { ...network, stages: network.stages.slice(0, stage + 1) };
    for (const f of frames) {
      const { u, steps } = runSteps(below, tensors, f, 0, spec.steps, restStates(below))[stage];
      for (const value of u.value.subarray(((steps - 1) * u.value.length) / steps)) {
        sum += value;
        squares += value * value;
        n++;
      }
    }
    const mean = n > 0 ? sum / n : 0;
    return { mean, variance: n > 0 ? squares / n - mean * mean : 0 };
  }
}

const within = ({ mean, variance }: { mean: number; variance: number }): boolean =>
  Math.abs(variance - LSUV_TARGET.variance) <= LSUV_TARGET.varianceTolerance &&
  Math.abs(mean - LSUV_TARGET.mean) <= LSUV_TARGET.meanTolerance;

/** A random matrix [rows, columns] whose rows (or columns, where there are fewer of them) are orthonormal:
 *  modified Gram–Schmidt, done twice for exactness. */
export function orthogonal(rows: number, columns: number, rng: Rng): Float64Array {
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const v = Float64Array.from({ length }, () => rng.normal());
    for (const other of [...vectors, ...vectors]) {
      const along = v.reduce((sum, x, i) => sum + x * other[i], 0);
      for (let i = 0; i < length; i++) v[i] -= along * other[i];
    }
    const norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    if (norm > 1e-9) vectors.push(v.map((x) => x / norm));
  }
  const out = new Float64Array(rows * columns);
  for (const [k, v] of vectors.entries()) {
    for (const [i, x] of v.entries()) out[rows <= columns ? k * columns + i : i * columns + k] = x;
  }
  return out;
}
