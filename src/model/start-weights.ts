import { Rng, STREAM } from "../base/rng.js";
import { parameterShapes } from "./shapes.js";
import type { NetworkSpec, Parameters } from "./types.js";

/** Standard normal numbers for every weight, biases 0, and the rule's scalars from the spec: what the start weights are
 *  scaled from. Tensor k draws item k of the stream, so that a layer's numbers do not depend on the others. */
export function unitWeights(spec: NetworkSpec, seed: number): Record<string, Float32Array> {
  const masters: Record<string, Float32Array> = {};
  parameterShapes(spec).forEach(({ name, shape }, k) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (name.endsWith(".weight")) {
      const rng = new Rng(seed, STREAM.startWeights, k);
      for (let i = 0; i < values.length; i++) values[i] = rng.normal();
    }
    masters[name] = values;
  });
  const { soel } = spec;
  if (soel) {
    masters.hi[0] = soel.hi;
    masters.lo[0] = soel.lo;
    masters.theta[0] = soel.theta;
    masters.rho[0] = soel.rateMant * 2 ** soel.rateExp;
  }
  return masters;
}

/** The masters with one layer's weights scaled by σ. */
export const scaled = (masters: Parameters, name: string, sigma: number): Record<string, Float32Array> =>
  ({ ...masters, [name]: masters[name].map((w) => w * sigma) });
