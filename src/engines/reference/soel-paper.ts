import type { InnerLoop } from "../engine.js";
import { batchReadout, readoutOf, reverseSteps, runToEnd } from "./srm-network.js";
import type { Batch, Horizon, SrmNetwork, Tensors } from "./srm-network.js";
import { dual } from "./srm-stage.js";

type SoelPaper = NonNullable<InnerLoop["soelPaper"]>;

/** One update of the last layer by SOEL in the paper's form. */
export interface SoelPaperUpdate {
  /** [out, in] ΔW/α = −Σ Ê·Pᵀ; biases stay. */
  readonly delta: Float64Array;
  /** Gradients that come from a gradient of ΔW/α: of all weights (`order` 2; null with 1) and of θ. */
  pullBack(gDelta: Float64Array): { readonly gradients: Tensors | null; readonly theta: number };
}

/** S = U > 0 at the last step; E = (softmax(S) − onehot)/n, zeroed where |E| ≤ θ, divided by θ as `divide`
 *  says ("integer" drops the fraction); P the trace at the last step. Source: design §6, `paper`.
 *  Straight-through: S has the neuron's surrogate slope, ⌊|E|/θ⌋ the slope of |E|/θ, the zeroing none of its
 *  own. */
export function soelPaperUpdate(
  network: SrmNetwork,
  weights: Tensors,
  batch: Batch,
  horizon: Horizon,
  options: SoelPaper,
  theta: number,
): SoelPaperUpdate {
  const { map } = network.stages[network.stages.length - 1];
  const [J, K] = [map.inputSize, map.outputSize];
  const n = batch.frames.length;
  const traces: Float64Array[] = [];
  const readout = batchReadout(network, weights, batch, horizon, (sample, tapes) => {
    const { p, steps } = tapes[tapes.length - 1];
    traces[sample] = p.value.slice((steps - 1) * J);
  });
  const softmax = new Float64Array(n * K);
  const error = new Float64Array(n * K);
  const scaled = new Float64Array(n * K);
  batch.labels.forEach((label, sample) => {
    const at = sample * K;
    let sum = 0;
    for (let i = 0; i < K; i++) sum += Math.exp(network.spike.value(readout[at + i]));
    for (let i = 0; i < K; i++) {
      softmax[at + i] = Math.exp(network.spike.value(readout[at + i])) / sum;
      error[at + i] = (softmax[at + i] - (i === label ? 1 : 0)) / n;
      if (Math.abs(error[at + i]) <= theta) error[at + i] = 0;
      scaled[at + i] = divided(error[at + i], theta, options.divide);
    }
  });
  const delta = new Float64Array(K * J);
  for (let sample = 0; sample < n; sample++) {
    for (let i = 0; i < K; i++)
      for (let j = 0; j < J; j++) delta[i * J + j] -= scaled[sample * K + i] * traces[sample][j];
  }
  return {
    delta,
    pullBack: (gDelta) => {
      const gScaled = new Float64Array(n * K);
      for (let sample = 0; sample < n; sample++) {
        for (let i = 0; i < K; i++)
          for (let j = 0; j < J; j++) gScaled[sample * K + i] -= gDelta[i * J + j] * traces[sample][j];
      }
      let gTheta = 0;
      if (options.divide !== "none")
        for (let k = 0; k < n * K; k++) gTheta -= (gScaled[k] * error[k]) / theta ** 2;
      if (options.order === 1) return { gradients: null, theta: gTheta };
      const gradients = Object.fromEntries(
        Object.entries(weights).map(([name, t]) => [name, new Float64Array(t.length)]),
      );
      for (let sample = 0; sample < n; sample++) {
        const gError = error
          .slice(sample * K, (sample + 1) * K)
          .map((e, i) => (e === 0 ? 0 : gScaled[sample * K + i] / (options.divide === "none" ? 1 : theta)));
        const s = softmax.subarray(sample * K, (sample + 1) * K);
        const mean = s.reduce((sum, p, i) => sum + p * gError[i], 0);
        const tapes = runToEnd(network, weights, batch, sample, horizon);
        const out = readoutOf(network, tapes).value;
        const gU = s.map((p, i) => (p * (gError[i] - mean) * network.spike.slope(out[i])) / n);
        const gP = new Float64Array(J);
        for (let i = 0; i < K; i++)
          for (let j = 0; j < J; j++) gP[j] -= gDelta[i * J + j] * scaled[sample * K + i];
        reverseSteps(network, weights, tapes, { ...dual(0, false), value: gU }, gP, null, gradients, null);
      }
      return { gradients, theta: gTheta };
    },
  };
}

function divided(error: number, theta: number, divide: SoelPaper["divide"]): number {
  if (divide === "none") return error;
  const quotient = error / theta;
  return divide === "float" ? quotient : Math.trunc(quotient);
}
