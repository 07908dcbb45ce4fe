import { epochSteps, networkShapes, sizeOf } from "../../../model/shapes.js";
import type { NetworkSpec, Parameters, QuantizedNetwork } from "../../../model/types.js";
import type { Task } from "../../../tasks/types.js";
import type { Engine, EvaluationResult, MetaStepResult, PresentationRecord, TaskMetrics } from "../../engine.js";
import { floatStepOnArrivals } from "../../reference/float-step.js";
import { crossEntropy } from "../../reference/readout.js";
import { loihiNetwork as referenceNetwork } from "../../reference/loihi-task.js";
import { PRODUCT_SHIFT } from "../ops/chip.js";
import type { Tf } from "../ops/custom-op.js";
import { scoped } from "../scope.js";
import { taskGradient } from "./gradient.js";
import { arriving } from "./hidden.js";
import { CHUNK_VALUES, type LoihiNetwork, loihiNetwork } from "./network.js";
import { type PresentationResult, type TaskRun, runTask } from "./task.js";

/** Loss, decisions and rates of a task that ran. */
function metricsOf(net: LoihiNetwork, task: Task, run: TaskRun): TaskMetrics {
  const K = net.outputs;
  const assigned = Array.from({ length: K }, (_, i) => i < task.classNames.length);
  let [right, ties, silent] = [0, 0, 0];
  run.query.forEach(({ outputSpikes, decision }, k) => {
    const counts = outputSpikes.slice(0, task.classNames.length);
    const most = Math.max(...counts);
    if (decision === task.queryLabels[k]) right++;
    if (counts.filter((n) => n === most).length > 1) ties++;
    if (most === 0) silent++;
  });
  return {
    loss: crossEntropy(run.logits, K, task.queryLabels, assigned).loss,
    accuracy: right / Math.max(1, run.query.length),
    spikeRates: spikeRates(net, run),
    ties,
    silent,
    ...(run.wraps.length > 0 ? { wraps: run.wraps } : {}),
  };
}

/** [layer] mean spikes per neuron and step: hidden layers over the distinct samples, the last over the queries' N. */
function spikeRates(net: LoihiNetwork, run: TaskRun): number[] {
  const shapes = networkShapes(net.spec);
  const hidden = run.counts.map((counts, k) => {
    const sum = counts.dataSync<"float32">().reduce((a, b) => a + b, 0);
    return sum / (run.fired.length * net.steps * sizeOf(shapes[k + 1]));
  });
  const fired = run.query.reduce((sum, { outputSpikes }) => sum + outputSpikes.reduce((a, b) => a + b, 0), 0);
  return [...hidden, fired / (Math.max(1, run.query.length) * net.steps * net.outputs)];
}

/** Products of triggered windows with a trace that is not 0, and those of them that floor to 0 or −1. */
function productsOf({ rule }: LoihiNetwork, support: readonly PresentationResult[]) {
  const products = { triggered: 0, lost: 0 };
  const last = rule?.products[rule.products.length - 1];
  if (!last) return products;
  for (const { e, traces } of support.flatMap(({ windows }) => windows)) {
    for (const error of e) {
      if (error === 0) continue;
      for (let j = 0; j < traces[0].length; j++) {
        if (!traces.some((x) => x[j] > 0)) continue;
        products.triggered++;
        const floored = Math.floor((last.mant * traces[last.trace][j] * error) / 2 ** PRODUCT_SHIFT);
        if (floored === 0 || floored === -1) products.lost++;
      }
    }
  }
  return products;
}

/** [S/E0, K] y1 as written: neutral, and e more where a window ended with learning on. */
function writtenY1({ rule, outputs, steps, spec }: LoihiNetwork, { windows }: PresentationResult): Uint8Array {
  if (!rule) return new Uint8Array(0);
  const y1 = new Uint8Array((steps / epochSteps(spec)) * outputs).fill(rule.neutral);
  for (const { r, e } of windows) {
    e.forEach((error, i) => {
      y1[(r / rule.epochSteps - 1) * outputs + i] += error;
    });
  }
  return y1;
}

/** The methods of an engine for `loihi` networks. Smaller chunks are for tests. */
export function loihiMethods(tf: Tf, spec: NetworkSpec, chunkValues = CHUNK_VALUES): Omit<Engine, "name" | "spec" | "threads" | "dispose"> {
  let network: LoihiNetwork | null = null;
  let given: { masters: Parameters; quantized: QuantizedNetwork } | null = null;
  const ready = (): LoihiNetwork => {
    if (!network) throw new Error("engine bug: setParameters comes before anything else");
    return network;
  };

  const metaStep: Engine["metaStep"] = async (task, { chipSeed, ratePenalty, onWrap }) =>
    scoped(tf, (): MetaStepResult => {
      const net = ready();
      const run = runTask(net, task, { chipSeed, learn: true, onWrap });
      const { gradients } = taskGradient(net, task, run, chipSeed, ratePenalty);
      return { ...metricsOf(net, task, run), gradients };
    });

  const evaluate: Engine["evaluate"] = async (task, { chipSeed, learn, onWrap }) =>
    scoped(tf, (): EvaluationResult => {
      const net = ready();
      const run = runTask(net, task, { chipSeed, learn, onWrap });
      return {
        ...metricsOf(net, task, run),
        decisions: run.query.map(({ decision }) => decision),
        outputSpikes: Int32Array.from(run.query.flatMap(({ outputSpikes }) => [...outputSpikes])),
        logits: run.logits,
        features: run.features,
        learnedWeights: run.mantissa,
        products: productsOf(net, run.support),
      };
    });

  const record: Engine["record"] = async (task, { chipSeed, learn, onWrap }) =>
    scoped(tf, () => {
      const net = ready();
      const run = runTask(net, task, { chipSeed, learn, onWrap, record: true });
      const recordOf = (result: PresentationResult, sample: number, label: number): PresentationRecord => ({
        learn: label >= 0,
        label,
        spikes: [...run.pairs[sample], result.spikes],
        u: result.u,
        v: result.v,
        y1: writtenY1(net, result),
        weights: result.mantissa,
        outputSpikes: result.outputSpikes,
        decision: result.decision,
      });
      const support = run.support.map((result, k) => {
        const sample = task.presentation[k];
        return recordOf(result, sample, spec.soel ? task.supportLabels[sample] : -1);
      });
      const query = run.query.map((result, k) => recordOf(result, task.support.length + k, -1));
      return { presentations: [...support, ...query], wraps: run.wraps };
    });

  return {
    setParameters(masters, quantized) {
      network = loihiNetwork(tf, spec, masters, quantized, chunkValues);
      given = { masters, quantized };
    },
    metaStep,
    evaluate,
    record,
    // The comparison is the same for all engines; only what arrives is ours.
    gradientStepAccuracy: async (task, { chipSeed, rate }) =>
      scoped(tf, () => {
        const { fired } = runTask(ready(), task, { chipSeed, learn: false });
        const arrivals = fired.map((x) => Uint16Array.from(arriving(tf, x).dataSync()));
        const { masters, quantized } = given!;
        return floatStepOnArrivals(referenceNetwork(spec, masters, quantized), task, chipSeed, rate, arrivals);
      }),
  };
}
