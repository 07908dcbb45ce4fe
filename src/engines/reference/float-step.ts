import type { DenseLayer } from "../../model/types.js";
import type { Task } from "../../tasks/types.js";
import { effectiveWeightSlope } from "./chip-arithmetic.js";
import { assignedOutputs, logitsOf, outputGradients, plasticLayer, runTask } from "./loihi-task.js";
import type { LoihiNetwork } from "./loihi-task.js";
import { PlasticReverse } from "./plastic-backward.js";
import { decide } from "./plastic-layer.js";
import { Population } from "./population.js";
import { crossEntropy } from "./readout.js";

/** Accuracy on the queries after one plain gradient step of the last layer on the support: weights and biases
 *  in units of the threshold, w − rate·∂L/∂w, kept as floats; only q is rounded to an integer, so that the
 *  neurons stay the chip's. A comparison beside the chip's own rule, which it does not use. Source: design
 *  §5, "one float gradient step". */
export function floatStepAccuracy(network: LoihiNetwork, task: Task, chipSeed: number, rate: number): number {
  const { arrivals } = runTask(network, task, { chipSeed, learn: false });
  return floatStepOnArrivals(network, task, chipSeed, rate, arrivals);
}

/** The same, where an engine has run the hidden layers already: `arrivals` [sample][S, J], row r−1 for step
 *  r. */
export function floatStepOnArrivals(
  network: LoihiNetwork,
  task: Task,
  chipSeed: number,
  rate: number,
  arrivals: readonly Uint16Array[],
): number {
  const { last, steps } = network;
  const { loihi, weight } = last.spec as DenseLayer;
  const [J, K] = [last.map.inputSize, last.map.outputSize];
  const assigned = assignedOutputs(network, task);
  const layer = plasticLayer(network, assigned, chipSeed);
  const tapes = task.support.map((_, k) => layer.present(arrivals[k], steps, -1, () => {}, false));
  const { gradient } = crossEntropy(logitsOf(network, tapes, assigned), K, task.supportLabels, assigned);
  const reverse = new PlasticReverse(layer);
  tapes.forEach((tape, k) => {
    reverse.present(tape, outputGradients(network, gradient.subarray(k * K, (k + 1) * K)));
  });
  // mantissa = master·scale, so a step of the master is a step of scale² on the mantissa; likewise for
  // biases.
  const scale = loihi.vthMant * 2 ** -weight.wgtExp;
  const vth = loihi.vthMant * 64;
  const unit = effectiveWeightSlope(weight.wgtExp);
  const effective = Float64Array.from(
    last.mantissa,
    (m, k) => unit * (m - rate * scale ** 2 * reverse.mantissa[k]),
  );
  const bias = Array.from(last.bias, (b, i) => Math.round(b - rate * vth ** 2 * reverse.bias[i]));
  const right = task.query.filter((_, index) => {
    const population = new Population(loihi, K, steps, bias);
    const spikes = new Int32Array(K);
    const q = new Float64Array(K);
    const row = arrivals[task.support.length + index];
    for (let r = 1; r <= steps; r++) {
      q.fill(0);
      last.map.forward(effective, row, (r - 1) * J, q, 0);
      population.step(r, q.map(Math.round), () => {});
      if (r < steps) for (let i = 0; i < K; i++) spikes[i] += population.spikes[(r - 1) * K + i];
    }
    return decide(spikes, population.u.subarray((steps - 1) * K), assigned) === task.queryLabels[index];
  });
  return right.length / Math.max(1, task.query.length);
}
