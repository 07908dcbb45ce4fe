import type { Gradients } from "../engines/engine.js";
import type { Parameters } from "../model/types.js";

/** β1, β2 and ε. Source: design §5. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** State of the optimizer: moments by tensor. */
export interface AdamState {
  readonly first: Parameters;
  readonly second: Parameters;
}

/** One step of Adam (Kingma & Ba 2015) in float32 storage, float64 arithmetic.
 *  @param step  number of this step, from 1
 *  @param rateOf  learning rate of a tensor; 0 leaves it alone
 *  @returns new masters and moments; the arguments are not changed */
export function adamStep(
  masters: Parameters, gradients: Gradients, state: AdamState, step: number, rateOf: (tensor: string) => number,
): { readonly masters: Parameters; readonly state: AdamState } {
  const { beta1, beta2, epsilon } = ADAM;
  const [unbias1, unbias2] = [1 - beta1 ** step, 1 - beta2 ** step];
  const out: Record<string, Float32Array> = {};
  const [first, second]: [Record<string, Float32Array>, Record<string, Float32Array>] = [{}, {}];
  for (const [name, w] of Object.entries(masters)) {
    const rate = rateOf(name);
    const g = gradients[name];
    if (rate === 0 || !g) {
      out[name] = w;
      if (state.first[name]) [first[name], second[name]] = [state.first[name], state.second[name]];
      continue;
    }
    const m = Float32Array.from(state.first[name] ?? new Float32Array(w.length));
    const v = Float32Array.from(state.second[name] ?? new Float32Array(w.length));
    const next = new Float32Array(w.length);
    for (let i = 0; i < w.length; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      next[i] = w[i] - (rate * (m[i] / unbias1)) / (Math.sqrt(v[i] / unbias2) + epsilon);
    }
    [out[name], first[name], second[name]] = [next, m, v];
  }
  return { masters: out, state: { first, second } };
}
