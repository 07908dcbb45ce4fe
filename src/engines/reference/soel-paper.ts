import { soelPaperRule } from "../soel-paper.js";
import type { SoelPaper } from "../soel-paper.js";
import { batchReadout, readoutOf, reverseSteps, runToEnd } from "./srm-network.js";
import type { Batch, Horizon, SrmNetwork, Tensors } from "./srm-network.js";
import { dual } from "./srm-stage.js";

/** One update of the last layer by SOEL in the paper's form. */
export interface SoelPaperUpdate {
  /** [out, in] ΔW/α; biases stay. */
  readonly delta: Float64Array;
  /** Gradients that come from a gradient of ΔW/α: of all weights (`order` 2; null with 1) and of θ. */
  pullBack(gDelta: Float64Array): { readonly gradients: Tensors | null; readonly theta: number };
}

/** Runs a batch, updates its last layer by the rule (soel-paper.ts of the engines), and goes back through both. */
export function soelPaperUpdate(
  network: SrmNetwork,
  weights: Tensors,
  batch: Batch,
  horizon: Horizon,
  options: SoelPaper,
): SoelPaperUpdate {
  const { map } = network.stages[network.stages.length - 1];
  const [J, K] = [map.inputSize, map.outputSize];
  const n = batch.frames.length;
  const traces = new Float64Array(n * J);
  const readout = batchReadout(network, weights, batch, horizon, (sample, tapes) => {
    const { p, steps } = tapes[tapes.length - 1];
    traces.set(p.value.subarray((steps - 1) * J), sample * J);
  });
  const { spike } = network;
  const input = { labels: batch.labels, spikes: readout.map((u) => spike.value(u)), slopes: readout.map((u) => spike.slope(u)), traces };
  const { delta, pullBack } = soelPaperRule(input, options);
  return {
    delta,
    pullBack: (gDelta) => {
      const { gU, gP, theta } = pullBack(gDelta);
      if (options.order === 1) return { gradients: null, theta };
      const gradients = Object.fromEntries(
        Object.entries(weights).map(([name, t]) => [name, new Float64Array(t.length)]),
      );
      for (let sample = 0; sample < n; sample++) {
        const tapes = runToEnd(network, weights, batch, sample, horizon);
        const uLast = { ...dual(0, false), value: gU.slice(sample * K, (sample + 1) * K) };
        const pLast = gP.slice(sample * J, (sample + 1) * J);
        reverseSteps(network, weights, tapes, uLast, pLast, null, gradients, null);
      }
      return { gradients, theta };
    },
  };
}
