import type { InnerLoop } from "./engine.js";

/** Options of SOEL in the paper's form. */
export type SoelPaper = NonNullable<InnerLoop["soelPaper"]>;

/** What an inner loop uses where it names no options: the authors' code. */
export const DEFAULT_SOEL_PAPER: SoelPaper = { order: 1, theta: 0.05, thetaLearned: false, divide: "none" };

/** What the rule reads of a batch of n samples, row by row. */
export interface SoelPaperInput {
  readonly labels: readonly number[];
  /** [n, K] S of the outputs at the last step, and the slope of S there (read for second order alone). */
  readonly spikes: Float64Array;
  readonly slopes: Float64Array;
  /** [n, J] P of the last layer's inputs at the last step. */
  readonly traces: Float64Array;
}

/** One update of the last layer, and the gradients that come from a gradient of it. */
export interface SoelPaperRule {
  /** [K, J] ΔW/α = −Σ Ê·Pᵀ; biases stay. */
  readonly delta: Float64Array;
  /** From a gradient of ΔW/α: of U [n, K] and P [n, J] at the last step, and of θ. */
  pullBack(gDelta: ArrayLike<number>): { readonly gU: Float64Array; readonly gP: Float64Array; readonly theta: number };
}

/** S = U > 0 at the last step; E = (softmax(S) − onehot)/n, zeroed where |E| ≤ θ, divided by θ as `divide`
 *  says ("integer" drops the fraction); P the trace at the last step. Straight-through: S has the neuron's
 *  surrogate slope, ⌊|E|/θ⌋ the slope of |E|/θ, the zeroing none of its own. Source: design §6, `paper`. */
export function soelPaperRule(input: SoelPaperInput, options: Pick<SoelPaper, "theta" | "divide">): SoelPaperRule {
  const { labels, spikes, slopes, traces } = input;
  const { theta, divide } = options;
  const n = labels.length;
  const [K, J] = [spikes.length / n, traces.length / n];
  const softmax = new Float64Array(n * K);
  const error = new Float64Array(n * K);
  const scaled = new Float64Array(n * K);
  labels.forEach((label, sample) => {
    const at = sample * K;
    let sum = 0;
    for (let i = 0; i < K; i++) sum += Math.exp(spikes[at + i]);
    for (let i = 0; i < K; i++) {
      softmax[at + i] = Math.exp(spikes[at + i]) / sum;
      error[at + i] = (softmax[at + i] - (i === label ? 1 : 0)) / n;
      if (Math.abs(error[at + i]) <= theta) error[at + i] = 0;
      scaled[at + i] = divided(error[at + i], theta, divide);
    }
  });
  const delta = new Float64Array(K * J);
  for (let sample = 0; sample < n; sample++) {
    for (let i = 0; i < K; i++)
      for (let j = 0; j < J; j++) delta[i * J + j] -= scaled[sample * K + i] * traces[sample * J + j];
  }
  return {
    delta,
    pullBack: (gDelta) => {
      const [gU, gP] = [new Float64Array(n * K), new Float64Array(n * J)];
      let gTheta = 0;
      for (let sample = 0; sample < n; sample++) {
        const at = sample * K;
        const gScaled = new Float64Array(K);
        for (let i = 0; i < K; i++) {
          for (let j = 0; j < J; j++) {
            gScaled[i] -= gDelta[i * J + j] * traces[sample * J + j];
            gP[sample * J + j] -= gDelta[i * J + j] * scaled[at + i];
          }
        }
        if (divide !== "none") for (let i = 0; i < K; i++) gTheta -= (gScaled[i] * error[at + i]) / theta ** 2;
        const gError = gScaled.map((g, i) => (error[at + i] === 0 ? 0 : g / (divide === "none" ? 1 : theta)));
        const mean = gError.reduce((sum, g, i) => sum + softmax[at + i] * g, 0);
        for (let i = 0; i < K; i++) gU[at + i] = (softmax[at + i] * (gError[i] - mean) * slopes[at + i]) / n;
      }
      return { gU, gP, theta: gTheta };
    },
  };
}

function divided(error: number, theta: number, divide: SoelPaper["divide"]): number {
  if (divide === "none") return error;
  const quotient = error / theta;
  return divide === "float" ? quotient : Math.trunc(quotient);
}
