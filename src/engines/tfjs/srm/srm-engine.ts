import { networkShapes, sizeOf } from "../../../model/shapes.js";
import type { NetworkSpec, Parameters } from "../../../model/types.js";
import type { Task } from "../../../tasks/types.js";
import type { Engine, EvaluationResult, MetaStepOptions, MetaStepResult, TaskMetrics } from "../../engine.js";
import { defaultInner } from "../../inner-loop.js";
import { crossEntropy } from "../../reference/readout.js";
import { horizonOf } from "../../reference/srm-adapt.js";
import { channelFirst } from "../frames.js";
import type { Tf } from "../ops/custom-op.js";
import { type SpikeTensors, stepSpike } from "../ops/smooth.js";
import { scoped } from "../scope.js";
import { type AdaptOptions, adapt, mapTensors, outerGradients, startWeights } from "./adapt.js";
import { CHUNK_VALUES, type ObserveBatch, type Tensors, batchGradient, batchReadout, prepareBatch, upload } from "./batch.js";
import { type SrmNetwork, srmNetwork } from "./network.js";

/** Counts spikes while samples run. */
class SpikeCounter {
  /** [layer] over all samples and steps. */
  private readonly fired: Float64Array;
  /** [sample, output], and [sample, feature] of the last layer before the output. */
  readonly outputs: Int32Array;
  readonly features: Int32Array;

  constructor(
    private readonly tf: Tf,
    private readonly network: SrmNetwork,
    private readonly samples: number,
  ) {
    this.fired = new Float64Array(network.spec.layers.length);
    this.outputs = new Int32Array(samples * network.outputs);
    this.features = new Int32Array(samples * sizeOf(network.featureShape));
  }

  observe: ObserveBatch = (first, layer, fired) => {
    const { tf, network } = this;
    tf.tidy(() => {
      const perNeuron = tf.sum(fired, 0);
      this.fired[layer] += tf.sum(perNeuron).dataSync()[0];
      if (layer === network.spec.layers.length - 1) addAt(this.outputs, first * network.outputs, perNeuron.dataSync());
      if (layer === network.featureLayer) {
        const shape = network.featureShape;
        addAt(this.features, first * sizeOf(shape), channelFirst(tf, perNeuron, shape));
      }
    });
  };

  /** [layer] mean spikes per neuron and step; pools on the input are not observed and count 0. */
  rates(): number[] {
    const shapes = networkShapes(this.network.spec);
    const runs = this.samples * this.network.spec.steps;
    return Array.from(this.fired, (sum, k) => (runs > 0 ? sum / (runs * sizeOf(shapes[k + 1])) : 0));
  }
}

function addAt(to: Int32Array, offset: number, from: ArrayLike<number>): void {
  for (let k = 0; k < from.length; k++) to[offset + k] += from[k];
}

/** Decisions (largest U, the lower index on a tie), loss and rates of readouts [query, output]. */
function metricsOf(
  readout: Float64Array,
  outputs: number,
  task: Task,
  counter: SpikeCounter,
): TaskMetrics & { decisions: number[] } {
  const rows = task.queryLabels.map((_, k) => readout.subarray(k * outputs, (k + 1) * outputs));
  const decisions = rows.map((row) => row.indexOf(Math.max(...row)));
  const fired = task.queryLabels.map((_, k) => counter.outputs.subarray(k * outputs, (k + 1) * outputs));
  return {
    loss: crossEntropy(readout, outputs, task.queryLabels, new Array<boolean>(outputs).fill(true)).loss,
    decisions,
    accuracy: decisions.filter((d, k) => d === task.queryLabels[k]).length / Math.max(1, decisions.length),
    spikeRates: counter.rates(),
    ties: 0,
    silent: fired.filter((counts) => counts.every((n) => n === 0)).length,
  };
}

/** The methods of an engine for `srm` networks. `spike` other than the step and smaller chunks are for tests. */
export function srmMethods(
  tf: Tf,
  spec: NetworkSpec,
  { spike = stepSpike, chunkValues = CHUNK_VALUES }: { readonly spike?: SpikeTensors; readonly chunkValues?: number } = {},
): Omit<Engine, "name" | "spec" | "threads" | "dispose"> {
  const network = srmNetwork(tf, spec, spike);
  let masters: Tensors | null = null;

  /** Everything up to the adapted weights; `learn: false` stops before the inner loop. */
  const prepare = (task: Task, options: MetaStepOptions, learn: boolean) => {
    if (!masters) throw new Error("engine bug: setParameters comes before anything else");
    const adaptOptions: AdaptOptions = {
      inner: options.inner ?? defaultInner(spec),
      outer: options.outer,
      roundingSeed: options.roundingSeed ?? 0,
    };
    const horizon = horizonOf(spec, adaptOptions.inner);
    const start = startWeights(network, masters, adaptOptions);
    const weights = upload(tf, network, start.tensors);
    const counter = new SpikeCounter(tf, network, task.query.length);
    const [samples, labels] = learn ? [task.support, task.supportLabels] : [[], []];
    const support = prepareBatch(tf, network, weights, samples, labels, horizon, chunkValues);
    const query = prepareBatch(tf, network, weights, task.query, task.queryLabels, horizon, chunkValues, counter.observe);
    const adaptation = learn ? adapt(tf, network, start, support, adaptOptions) : null;
    return { adaptOptions, start, counter, support, query, adaptation };
  };

  /** [support + query, features] spikes of the last hidden layer with the start weights; input counts without one. */
  const featuresOf = (task: Task, start: Tensors): Int32Array => {
    const samples = [...task.support, ...task.query];
    const counter = new SpikeCounter(tf, network, samples.length);
    const horizon = { burnIn: spec.steps - 1, differentiated: spec.steps - 1 };
    const observe = network.featureLayer >= 0 ? counter.observe : null;
    const batch = prepareBatch(tf, network, upload(tf, network, start), samples, samples.map(() => 0), horizon, chunkValues, observe);
    if (network.featureLayer >= 0) batchReadout(tf, network, start, batch, counter.observe);
    else {
      const size = sizeOf(network.featureShape);
      for (const { frames, first } of batch.chunks) {
        tf.tidy(() => addAt(counter.features, first * size, channelFirst(tf, tf.sum(frames, 0), network.featureShape)));
      }
    }
    return counter.features;
  };

  const metaStep = (task: Task, options: MetaStepOptions): MetaStepResult => {
    const { adaptation, query, counter, start, support, adaptOptions } = prepare(task, options, true);
    const { adapted } = adaptation!;
    const { readout, gradients } = batchGradient(tf, network, adapted, query, counter.observe);
    const { decisions: _, ...metrics } = metricsOf(readout, network.outputs, task, counter);
    // Reptile's outer gradient needs no query: it points from the adapted weights to the start (Nichol 2018).
    if (options.outer === "reptile") {
      return { ...metrics, gradients: rounded(mapTensors(start.tensors, (w, name, i) => w - adapted[name][i])) };
    }
    const outer = outerGradients(tf, network, adaptation!, support, gradients, adaptOptions);
    return {
      ...metrics,
      gradients: rounded(outer.masters),
      innerGradients: { rates: outer.rates, theta: outer.theta },
    };
  };

  const evaluate = (task: Task, options: MetaStepOptions & { readonly learn: boolean }): EvaluationResult => {
    const { adaptation, query, counter, start } = prepare(task, options, options.learn);
    const weights = adaptation?.adapted ?? start.tensors;
    const readout = batchReadout(tf, network, weights, query, counter.observe);
    return {
      ...metricsOf(readout, network.outputs, task, counter),
      outputSpikes: counter.outputs,
      logits: readout,
      features: featuresOf(task, start.tensors),
    };
  };

  return {
    setParameters(parameters: Parameters) {
      masters = Object.fromEntries(Object.entries(parameters).map(([name, w]) => [name, Float64Array.from(w)]));
    },
    metaStep: async (task, options) => scoped(tf, () => metaStep(task, options)),
    evaluate: async (task, options) => scoped(tf, () => evaluate(task, options)),
    gradientStepAccuracy: async (task, options) =>
      scoped(tf, () => {
        const inner = { ...(options.inner ?? defaultInner(spec)), rule: "gradient", steps: 1, rate: options.rate } as const;
        const { adaptation, query, counter } = prepare(task, { ...options, outer: "anil", inner }, true);
        const readout = batchReadout(tf, network, adaptation!.adapted, query);
        return metricsOf(readout, network.outputs, task, counter).accuracy;
      }),
    record: () => Promise.reject(new Error("engine bug: only loihi networks are recorded, no chip runs srm")),
  };
}

const rounded = (tensors: Tensors): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, Float32Array.from(t)]));
