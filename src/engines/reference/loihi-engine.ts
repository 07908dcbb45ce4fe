import { presentationSteps } from "../../model/shapes.js";
import type { NetworkSpec, Parameters, QuantizedNetwork } from "../../model/types.js";
import type { Task } from "../../tasks/types.js";
import type { Engine, EvaluationResult, PresentationRecord, TaskMetrics } from "../engine.js";
import { floatStepAccuracy } from "./float-step.js";
import { assignedOutputs, loihiNetwork, runTask, spikeRates, taskGradient } from "./loihi-task.js";
import type { LoihiNetwork, TaskRun } from "./loihi-task.js";
import type { PlasticTape } from "./plastic-layer.js";

/** Loss, decisions and rates of a task that ran. */
function metricsOf(network: LoihiNetwork, task: Task, run: TaskRun): TaskMetrics {
  const assigned = assignedOutputs(network, task);
  let [right, ties, silent] = [0, 0, 0];
  run.query.forEach(({ outputSpikes, decision }, k) => {
    const spikes = [...outputSpikes].filter((_, i) => assigned[i]);
    const most = Math.max(...spikes);
    if (decision === task.queryLabels[k]) right++;
    if (spikes.filter((n) => n === most).length > 1) ties++;
    if (most === 0) silent++;
  });
  return {
    loss: run.loss,
    accuracy: right / Math.max(1, run.query.length),
    spikeRates: spikeRates(network, run),
    ties,
    silent,
    ...(run.wraps.length > 0 ? { wraps: run.wraps } : {}),
  };
}

/** [support + query, J] spikes of the last hidden layer over all steps; of the input where there is no hidden
 *  layer. */
function featuresOf(network: LoihiNetwork, run: TaskRun): Int32Array {
  const J = network.last.map.inputSize;
  const features = new Int32Array(run.arrivals.length * J);
  run.arrivals.forEach((arrivals, sample) => {
    const counts = run.counts[sample];
    if (counts.length > 0) features.set(counts[counts.length - 1], sample * J);
    else for (let k = 0; k < arrivals.length; k++) features[sample * J + (k % J)] += arrivals[k];
  });
  return features;
}

/** Spikes [S, n] as pairs in the order of steps, then neurons. */
function spikePairs(spikes: Uint16Array, steps: number): { step: Uint16Array; neuron: Uint32Array } {
  const n = spikes.length / steps;
  const [step, neuron]: [number[], number[]] = [[], []];
  for (let k = 0; k < spikes.length; k++) {
    if (spikes[k] === 0) continue;
    step.push(Math.floor(k / n) + 1);
    neuron.push(k % n);
  }
  return { step: Uint16Array.from(step), neuron: Uint32Array.from(neuron) };
}

function recordOf(
  network: LoihiNetwork,
  run: TaskRun,
  tape: PlasticTape,
  sample: number,
): PresentationRecord {
  const hidden = run.hidden[sample]!.layers.slice(1).map(({ spikes }) => spikePairs(spikes, network.steps));
  return {
    learn: tape.label >= 0 && network.spec.soel !== null,
    label: tape.label,
    spikes: [...hidden, spikePairs(tape.population.spikes, network.steps)],
    u: tape.population.u,
    v: tape.population.v,
    y1: tape.y1,
    weights: Int16Array.from(tape.weights[tape.weights.length - 1].mantissa),
    outputSpikes: tape.outputSpikes,
    decision: tape.decision,
  };
}

/** The methods of an engine for `loihi` networks. */
export function loihiMethods(spec: NetworkSpec): Omit<Engine, "name" | "spec" | "threads" | "dispose"> {
  let network: LoihiNetwork | null = null;
  const ready = (): LoihiNetwork => {
    if (!network) throw new Error("engine bug: setParameters comes before anything else");
    return network;
  };
  return {
    setParameters(masters: Parameters, quantized: QuantizedNetwork) {
      network = loihiNetwork(spec, masters, quantized);
    },
    metaStep: async (task, { chipSeed, ratePenalty, onWrap }) => {
      const net = ready();
      const run = runTask(net, task, { chipSeed, learn: true, onWrap, keepHidden: fitsInMemory(net, task) });
      const { gradients } = taskGradient(net, task, run, ratePenalty);
      return { ...metricsOf(net, task, run), gradients };
    },
    evaluate: async (task, { chipSeed, learn, onWrap }): Promise<EvaluationResult> => {
      const net = ready();
      const run = runTask(net, task, { chipSeed, learn, onWrap });
      const K = net.last.map.outputSize;
      const outputSpikes = new Int32Array(run.query.length * K);
      for (const [k, tape] of run.query.entries()) outputSpikes.set(tape.outputSpikes, k * K);
      return {
        ...metricsOf(net, task, run),
        decisions: run.query.map(({ decision }) => decision),
        outputSpikes,
        logits: run.logits,
        features: featuresOf(net, run),
        learnedWeights: Int16Array.from(run.plastic.mantissa),
        products: { ...run.plastic.products },
      };
    },
    gradientStepAccuracy: async (task, { chipSeed, rate }) =>
      floatStepAccuracy(ready(), task, chipSeed, rate),
    record: async (task, { chipSeed, learn, onWrap }) => {
      const net = ready();
      const run = runTask(net, task, { chipSeed, learn, onWrap, keepHidden: true });
      const support = run.support.map((tape, k) => recordOf(net, run, tape, task.presentation[k]));
      const query = run.query.map((tape, k) => recordOf(net, run, tape, task.support.length + k));
      return { presentations: [...support, ...query], wraps: run.wraps };
    },
  };
}

/** Keeping every layer of every sample saves the backward a second forward; past this many values it costs
 *  too much. */
const KEPT_VALUES = 20e6;
const fitsInMemory = (network: LoihiNetwork, task: Task): boolean => {
  const neurons = network.layers.reduce((sum, layer) => sum + (layer ? layer.map.outputSize : 0), 0);
  return neurons * presentationSteps(network.spec) * (task.support.length + task.query.length) < KEPT_VALUES;
};
