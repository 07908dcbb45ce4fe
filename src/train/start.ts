import type { Engine } from "../engines/engine.js";
import { quantizeNetwork } from "../model/quantize.js";
import { networkShapes, sizeOf } from "../model/shapes.js";
import { scaled, unitWeights } from "../model/start-weights.js";
import type { NetworkSpec, Parameters } from "../model/types.js";
import type { Task } from "../tasks/types.js";
import { orthogonalWeights } from "./lsuv.js";

/** Spike rates that the start weights aim at, and σ of the output. Source: design §6, "Start". */
export const START = { rate: 0.07, rateBeforePool: 0.03, outputSigma: 0.001, bisections: 14 } as const;

/** Start weights of a `loihi` network: w̃ = σ·N(0,1), bias 0; σ by bisection, layer by layer, for a spike rate on the samples
 *  of `task`. The output's σ is fixed. Deterministic. Source: design §6, "Start".
 *  @param directions  `orthogonal`: hidden weights of orthonormal rows (or columns) instead of independent ones, scaled alike
 *  @param aim  spike rates that hidden layers are scaled to, and σ of the output */
export async function loihiStartWeights(
  spec: NetworkSpec, engine: Engine, task: Task, seed: number, directions: "gaussian" | "orthogonal" = "gaussian",
  aim: { readonly rate: number; readonly rateBeforePool: number; readonly outputSigma: number } = START,
): Promise<Parameters> {
  let masters = directions === "gaussian" ? unitWeights(spec, seed) : { ...unitWeights(spec, seed), ...unitVariance(orthogonalWeights(spec, seed)) };
  const last = spec.layers[spec.layers.length - 1].name;
  masters = scaled(masters, `${last}.weight`, aim.outputSigma);
  for (let index = 0; index < spec.layers.length - 1; index++) {
    const layer = spec.layers[index];
    if (layer.kind === "pool") continue;
    const target = spec.layers[index + 1].kind === "pool" ? aim.rateBeforePool : aim.rate;
    const name = `${layer.name}.weight`;
    let [low, high] = [0, 4];
    for (let k = 0; k < START.bisections; k++) {
      const sigma = (low + high) / 2;
      const trial = scaled(masters, name, sigma);
      engine.setParameters(trial, quantizeNetwork(spec, trial));
      const { spikeRates } = await engine.evaluate(task, { outer: "maml", chipSeed: 1, learn: false });
      if (spikeRates[index] > target) high = sigma;
      else low = sigma;
    }
    masters = scaled(masters, name, (low + high) / 2);
  }
  return masters;
}

/** Every tensor with mean square 1, as independent standard normal numbers have; biases are 0 and stay so. */
const unitVariance = (tensors: Parameters): Record<string, Float32Array> => Object.fromEntries(Object.entries(tensors).map(([name, w]) => {
  const power = w.reduce((sum, x) => sum + x * x, 0) / w.length;
  return [name, power > 0 ? w.map((x) => x / Math.sqrt(power)) : w];
}));

/** Start weights of an `srm` network by another way than LSUV: N(0,1)/√fan-in, biases −0.559 (the mean that LSUV aims at), then per layer scaled so
 *  that about a quarter of the units passes on a spike. Source: design §4, start weights. */
export async function srmStartWeights(spec: NetworkSpec, engine: Engine, task: Task, seed: number): Promise<Parameters> {
  let masters = unitWeights(spec, seed);
  const shapes = networkShapes(spec);
  const rateTarget = 0.2;
  let kernelLayer = 0;
  for (let index = 0; index < spec.layers.length; index++) {
    const layer = spec.layers[index];
    if (layer.kind === "pool") continue;
    const fanIn = layer.kind === "conv" ? shapes[index][0] * layer.kernel[0] * layer.kernel[1] : sizeOf(shapes[index]);
    masters = scaled(masters, `${layer.name}.weight`, 1 / Math.sqrt(fanIn));
    masters[`${layer.name}.bias`] = masters[`${layer.name}.bias`].map(() => -0.559);
    if (index < spec.layers.length - 1) {
      const name = `${layer.name}.weight`;
      let [low, high] = [0, 32];
      for (let k = 0; k < START.bisections; k++) {
        const trial = scaled(masters, name, (low + high) / 2);
        engine.setParameters(trial, quantizeNetwork(spec, trial));
        const { spikeRates } = await engine.evaluate(task, { outer: "maml", chipSeed: 1, learn: false });
        if (spikeRates[kernelLayer] > rateTarget) high = (low + high) / 2;
        else low = (low + high) / 2;
      }
      masters = scaled(masters, name, (low + high) / 2);
    }
    kernelLayer++;
  }
  return masters;
}
