import { networkShapes, presentationSteps, sizeOf } from "../../model/shapes.js";
import type { DenseLayer, NetworkSpec, Parameters, QuantizedNetwork } from "../../model/types.js";
import type { Task } from "../../tasks/types.js";
import type { RatePenalty, WrapReport } from "../engine.js";
import { WrapError } from "../wrap-error.js";
import { arrivalsOf, hiddenGradient, runHidden, spikeCounts } from "./loihi-hidden.js";
import type { HiddenTape } from "./loihi-hidden.js";
import { loihiLayers, zeroGradients } from "./loihi-parameters.js";
import type { LoihiLayers, WeightedLayer } from "./loihi-parameters.js";
import { PlasticReverse } from "./plastic-backward.js";
import { PlasticLayer } from "./plastic-layer.js";
import type { PlasticTape } from "./plastic-layer.js";
import { plasticRule } from "./plastic-rule.js";
import { ratePenalty } from "./rate-penalty.js";
import { crossEntropy } from "./readout.js";

/** A `loihi` network with its integers. */
export interface LoihiNetwork {
  readonly spec: NetworkSpec;
  readonly quantized: QuantizedNetwork;
  readonly layers: LoihiLayers;
  readonly last: WeightedLayer;
  readonly steps: number;
}

/** Joins spec, masters and integers. */
export function loihiNetwork(
  spec: NetworkSpec,
  masters: Parameters,
  quantized: QuantizedNetwork,
): LoihiNetwork {
  const layers = loihiLayers(spec, masters, quantized);
  return { spec, quantized, layers, last: layers[layers.length - 1]!, steps: presentationSteps(spec) };
}

/** A task as it ran: the static layers of every sample, the last layer through all its presentations, the
 *  readout. */
export interface TaskRun {
  /** [support, query] in the task's order. */
  readonly arrivals: readonly Uint16Array[];
  /** [support + query][layer][neuron] spikes over all steps, layers before the last. */
  readonly counts: readonly (readonly Float64Array[])[];
  /** Kept only where `keepHidden`. */
  readonly hidden: readonly (HiddenTape | null)[];
  readonly plastic: PlasticLayer;
  readonly support: readonly PlasticTape[];
  readonly query: readonly PlasticTape[];
  /** [query, output]; 0 for outputs without a class. */
  readonly logits: Float64Array;
  readonly loss: number;
  readonly logitGradient: Float64Array;
  readonly wraps: readonly WrapReport[];
}

/** How to run a task. */
export interface RunOptions {
  readonly chipSeed: number;
  /** Support presentations first, with learning; else the queries alone. */
  readonly learn: boolean;
  readonly keepHidden?: boolean;
  readonly onWrap?: "stop" | "wrap";
}

/** Which outputs have a class. */
export const assignedOutputs = (network: LoihiNetwork, task: Task): boolean[] =>
  Array.from({ length: network.last.map.outputSize }, (_, i) => i < task.classNames.length);

/** Runs a task as the chip does: support presentations in their order from t = 1, then the queries (design
 *  §6).
 *  @throws WrapError where the strict simulator would stop, unless `onWrap` is "wrap" */
export function runTask(network: LoihiNetwork, task: Task, options: RunOptions): TaskRun {
  const { spec, layers, last, steps } = network;
  const samples = [...task.support, ...task.query];
  const order = options.learn ? task.presentation : [];
  const presentationsOf = (sample: number): readonly number[] =>
    sample < task.support.length
      ? order.flatMap((shown, k) => (shown === sample ? [k] : []))
      : [order.length + sample - task.support.length];
  const wraps: WrapReport[] = [];
  const report =
    (presentations: readonly number[]) =>
    (layer: string) =>
    (quantity: WrapReport["quantity"], step: number, neuron: number): void => {
      for (const presentation of presentations) wraps.push({ layer, quantity, step, neuron, presentation });
    };
  const assigned = assignedOutputs(network, task);
  const hidden: (HiddenTape | null)[] = [];
  const arrivals: Uint16Array[] = [];
  const counts: (readonly Float64Array[])[] = [];
  samples.forEach((sample, index) => {
    const tape = runHidden(spec, layers, sample, report(presentationsOf(index)));
    hidden.push(options.keepHidden ? tape : null);
    arrivals.push(arrivalsOf(tape, steps));
    counts.push(spikeCounts(spec, tape));
  });
  const plastic = plasticLayer(network, assigned, options.chipSeed);
  const name = spec.layers[spec.layers.length - 1].name;
  const support = order.map((sample, k) =>
    plastic.present(arrivals[sample], steps, spec.soel ? task.supportLabels[sample] : -1, report([k])(name)),
  );
  const query = task.query.map((_, k) =>
    plastic.present(arrivals[task.support.length + k], steps, -1, report([order.length + k])(name), false),
  );
  if (wraps.length > 0 && options.onWrap !== "wrap") throw new WrapError(inOrder(wraps));
  const logits = logitsOf(network, query, assigned);
  const { loss, gradient } = crossEntropy(logits, last.map.outputSize, task.queryLabels, assigned);
  return {
    arrivals,
    counts,
    hidden,
    plastic,
    support,
    query,
    logits,
    loss,
    logitGradient: gradient,
    wraps: inOrder(wraps),
  };
}

const inOrder = (wraps: WrapReport[]): WrapReport[] =>
  wraps.sort((a, b) => a.presentation - b.presentation || a.step - b.step);

/** The last layer with the network's start weights. */
export function plasticLayer(
  network: LoihiNetwork,
  assigned: readonly boolean[],
  chipSeed: number,
): PlasticLayer {
  const { spec, quantized, last } = network;
  const layer = last.spec as DenseLayer;
  const rule = spec.soel && quantized.soel ? plasticRule(spec.soel, quantized.soel) : null;
  return new PlasticLayer(
    last.map.inputSize,
    last.map.outputSize,
    layer.loihi,
    layer.weight,
    last.mantissa,
    last.bias,
    rule,
    assigned,
    chipSeed,
  );
}

/** Logit = κ·N + λ·mean over r of u/vth; 0 for outputs without a class. [tape, output] */
export function logitsOf(
  network: LoihiNetwork,
  tapes: readonly PlasticTape[],
  assigned: readonly boolean[],
): Float64Array {
  const { kappa, lambda } = network.spec.readout;
  const K = assigned.length;
  const logits = new Float64Array(tapes.length * K);
  tapes.forEach(({ population, outputSpikes }, row) => {
    for (let i = 0; i < K; i++) {
      if (!assigned[i]) continue;
      let sum = 0;
      for (let r = 0; r < network.steps; r++) sum += population.u[r * K + i];
      logits[row * K + i] = kappa * outputSpikes[i] + (lambda * sum) / (network.steps * population.vth);
    }
  });
  return logits;
}

/** Gradient of a loss on logits of one presentation, as gradients of its N and of its every u. */
export function outputGradients(network: LoihiNetwork, logitGradient: Float64Array) {
  const { kappa, lambda } = network.spec.readout;
  const vth = network.last.spec.loihi.vthMant * 64;
  return {
    spikes: logitGradient.map((g) => g * kappa),
    u: logitGradient.map((g) => (g * lambda) / (network.steps * vth)),
  };
}

/** Gradient of the query loss and of the rate penalty for all parameters, through the learned weights.
 *  `direct`: with the hidden spikes of the support taken as constants, for finding mistakes. Source: design
 *  §6.
 *  @returns gradients by parameter, float64, and the penalty */
export function taskGradient(
  network: LoihiNetwork,
  task: Task,
  run: TaskRun,
  penalty?: RatePenalty,
  direct = false,
): { readonly gradients: Record<string, Float64Array>; readonly penalty: number } {
  const { spec, layers, last, steps } = network;
  const gradients = zeroGradients(spec);
  const J = last.map.inputSize;
  const K = last.map.outputSize;
  const gSamples = run.arrivals.map(() => new Float64Array(steps * J));
  const reverse = new PlasticReverse(run.plastic);
  // What arrives at r was fired at r − 1.
  const addShifted = (sample: number, g: Float64Array): void => {
    for (let k = J; k < g.length; k++) gSamples[sample][k - J] += g[k];
  };
  run.query.forEach((tape, k) => {
    const outer = outputGradients(network, run.logitGradient.subarray(k * K, (k + 1) * K));
    addShifted(task.support.length + k, reverse.present(tape, outer));
  });
  for (let k = run.support.length - 1; k >= 0; k--) {
    const g = reverse.present(run.support[k], null);
    if (!direct) addShifted(task.presentation[k], g);
  }
  setLastLayer(network, reverse, gradients);
  const penalties = layerPenalties(network, run, penalty);
  [...task.support, ...task.query].forEach((sample, index) => {
    const tape = run.hidden[index] ?? runHidden(spec, layers, sample, () => () => {});
    hiddenGradient(
      spec,
      layers,
      tape,
      gSamples[index],
      penalties.map((p) => p?.perSpike ?? null),
      gradients,
    );
  });
  return { gradients, penalty: penalties.reduce((sum, p) => sum + (p ? p.loss : 0), 0) };
}

/** Gradients of the last layer and of the rule's scalars, from the mantissas' and the biases'. */
function setLastLayer(
  network: LoihiNetwork,
  reverse: PlasticReverse,
  gradients: Record<string, Float64Array>,
): void {
  const { last, spec } = network;
  const [weight, bias] = [gradients[`${last.spec.name}.weight`], gradients[`${last.spec.name}.bias`]];
  for (let k = 0; k < weight.length; k++) weight[k] = reverse.mantissa[k] * last.mantissaSlope[k];
  for (let i = 0; i < bias.length; i++) bias[i] = reverse.bias[i] * last.biasSlope[i];
  if (spec.soel)
    for (const name of ["hi", "lo", "theta", "rho"] as const) gradients[name][0] = reverse.scalars[name];
}

/** [layer] penalty of every hidden weighted layer, over the distinct samples of the task; null for pools. */
function layerPenalties(network: LoihiNetwork, run: TaskRun, penalty?: RatePenalty) {
  return network.layers.slice(0, -1).map((layer, index) => {
    if (!penalty || layer === null) return null;
    const sum = new Float64Array(layer.map.outputSize);
    for (const counts of run.counts) for (let i = 0; i < sum.length; i++) sum[i] += counts[index][i];
    return ratePenalty(penalty, sum, layer.positions, run.counts.length * network.steps);
  });
}

/** [layer] mean spikes per neuron and step: hidden layers over the distinct samples, the last over the
 *  queries' N. */
export function spikeRates(network: LoihiNetwork, run: TaskRun): number[] {
  const shapes = networkShapes(network.spec);
  const hidden = network.layers.slice(0, -1).map((_, index) => {
    let sum = 0;
    for (const counts of run.counts) for (const count of counts[index]) sum += count;
    return sum / (run.counts.length * network.steps * sizeOf(shapes[index + 1]));
  });
  const fired = run.query.reduce((sum, { outputSpikes }) => sum + outputSpikes.reduce((a, b) => a + b, 0), 0);
  return [...hidden, fired / (Math.max(1, run.query.length) * network.steps * network.last.map.outputSize)];
}
