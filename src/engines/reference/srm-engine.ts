import { networkShapes, sizeOf } from "../../model/shapes.js";
import type { NetworkSpec, Parameters } from "../../model/types.js";
import type { Task } from "../../tasks/types.js";
import type { Engine, MetaStepOptions, TaskMetrics } from "../engine.js";
import { defaultInner } from "../inner-loop.js";
import { crossEntropy } from "./readout.js";
import { adapt, horizonOf, mapTensors, outerGradients, startWeights } from "./srm-adapt.js";
import type { AdaptOptions } from "./srm-adapt.js";
import { batchGradient, batchReadout, prepareBatch, srmNetwork } from "./srm-network.js";
import type { Observe, SrmNetwork, Tensors } from "./srm-network.js";
import type { StageTape } from "./srm-stage.js";

/** Counts spikes while samples run: by layer for the rates, of the outputs and of the last hidden layer by
 *  sample. */
class SpikeCounter {
  readonly perLayer: Float64Array;
  private steps = 0;

  /** @param outputs [samples, outputs] @param features [samples, features] */
  constructor(
    private readonly network: SrmNetwork,
    readonly outputs: Int32Array,
    readonly features: Int32Array,
    private readonly samples: number,
  ) {
    this.perLayer = new Float64Array(network.spec.layers.length);
  }

  observe: Observe = (sample, tapes) => {
    this.steps += tapes[0].steps;
    let layer = this.network.inputPools.length;
    const [K, F] = [this.outputs.length / this.samples, this.features.length / this.samples];
    tapes.forEach((tape, k) => {
      const last = k === tapes.length - 1;
      const fired = this.count(
        tape,
        k,
        layer,
        last
          ? (i) => {
              this.outputs[sample * K + i]++;
            }
          : null,
      );
      if (k === tapes.length - 2)
        for (let i = 0; i < fired.length; i++) this.features[sample * F + (i % F)] += fired[i];
      layer += 1 + this.network.stages[k].pools.length;
    });
  };

  /** Adds one stage's spikes to its layers; returns what it passes on, 0 and 1, [steps, passed]. */
  private count(
    tape: StageTape,
    stage: number,
    layer: number,
    each: ((neuron: number) => void) | null,
  ): Uint8Array {
    const n = tape.u.value.length / tape.steps;
    let fired = Uint8Array.from(tape.u.value, (u) => (u > 0 ? 1 : 0));
    let size = n;
    for (let k = 0; k < fired.length; k++) {
      this.perLayer[layer] += fired[k];
      if (fired[k] && each) each(k % n);
    }
    this.network.stages[stage].pools.forEach((windows, index) => {
      const pooled = new Uint8Array((tape.steps * windows.length) / 4);
      for (let t = 0; t < tape.steps; t++) {
        for (let k = 0; k < windows.length; k++) {
          if (fired[t * size + windows[k]]) pooled[(t * windows.length + k) >> 2] = 1;
        }
      }
      for (const spike of pooled) this.perLayer[layer + 1 + index] += spike;
      fired = pooled;
      size = windows.length / 4;
    });
    return fired;
  }

  /** [layer] mean spikes per neuron and step; pools on the input are not observed and count 0. */
  rates(): number[] {
    const shapes = networkShapes(this.network.spec);
    return Array.from(this.perLayer, (sum, k) =>
      this.steps > 0 ? sum / (this.steps * sizeOf(shapes[k + 1])) : 0,
    );
  }
}

/** Decisions (largest U, the lower index on a tie), loss and rates of readouts [query, output]. */
function metricsOf(
  readout: Float64Array,
  outputs: number,
  task: Task,
  counter: SpikeCounter,
): TaskMetrics & { decisions: number[] } {
  const used = Array.from({ length: outputs }, () => true);
  const decisions = task.queryLabels.map((_, row) => {
    let best = 0;
    for (let i = 1; i < outputs; i++)
      if (readout[row * outputs + i] > readout[row * outputs + best]) best = i;
    return best;
  });
  const silent = task.queryLabels.filter((_, row) =>
    counter.outputs.subarray(row * outputs, (row + 1) * outputs).every((n) => n === 0),
  ).length;
  return {
    loss: crossEntropy(readout, outputs, task.queryLabels, used).loss,
    decisions,
    accuracy: decisions.filter((d, k) => d === task.queryLabels[k]).length / Math.max(1, decisions.length),
    spikeRates: counter.rates(),
    ties: 0,
    silent,
  };
}

/** The methods of an engine for `srm` networks. */
export function srmMethods(spec: NetworkSpec): Omit<Engine, "name" | "spec" | "threads" | "dispose"> {
  const network = srmNetwork(spec);
  const { inputSize, outputSize } = network.stages[network.stages.length - 1].map;
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
    const counter = new SpikeCounter(
      network,
      new Int32Array(task.query.length * outputSize),
      new Int32Array(task.query.length * inputSize),
      task.query.length,
    );
    const support = prepareBatch(
      network,
      start.tensors,
      learn ? task.support : [],
      learn ? task.supportLabels : [],
      horizon,
    );
    const query = prepareBatch(
      network,
      start.tensors,
      task.query,
      task.queryLabels,
      horizon,
      counter.observe,
    );
    const adaptation = learn ? adapt(network, start, support, adaptOptions) : null;
    return { adaptOptions, horizon, start, counter, support, query, adaptation, masters };
  };

  /** [support + query, features] spikes of the last hidden layer with the start weights; input counts without
   *  one. */
  const featuresOf = (task: Task, start: Tensors): Int32Array => {
    const samples = [...task.support, ...task.query];
    const features = new Int32Array(samples.length * inputSize);
    const horizon = { burnIn: 0, differentiated: 0 };
    const counter = new SpikeCounter(
      network,
      new Int32Array(samples.length * outputSize),
      features,
      samples.length,
    );
    samples.forEach((sample, index) => {
      const batch = prepareBatch(network, start, [sample], [0], horizon);
      if (network.stages.length > 1)
        batchReadout(network, start, batch, horizon, (_, tapes) => counter.observe(index, tapes));
      else
        batch.frames[0].forEach((count, k) => {
          features[index * inputSize + (k % inputSize)] += count;
        });
    });
    return features;
  };

  return {
    setParameters(parameters: Parameters) {
      masters = Object.fromEntries(
        Object.entries(parameters).map(([name, w]) => [name, Float64Array.from(w)]),
      );
    },
    metaStep: async (task, options) => {
      const run = prepare(task, options, true);
      const adapted = run.adaptation!.adapted;
      const { readout, gradients: atAdapted } = batchGradient(
        network,
        adapted,
        run.query,
        run.horizon,
        null,
        run.counter.observe,
      );
      const { decisions: _, ...metrics } = metricsOf(readout, outputSize, task, run.counter);
      // Reptile's outer gradient needs no query: it points from the adapted weights to the start (Nichol
      // 2018).
      if (options.outer === "reptile") {
        return { ...metrics, gradients: mapTensors(run.start.tensors, (w, name, i) => w - adapted[name][i]) };
      }
      const outer = outerGradients(network, run.adaptation!, run.support, atAdapted, run.adaptOptions);
      return {
        ...metrics,
        gradients: outer.masters,
        innerGradients: { rates: outer.rates, theta: outer.theta },
      };
    },
    evaluate: async (task, options) => {
      const run = prepare(task, options, options.learn);
      const weights = run.adaptation ? run.adaptation.adapted : run.start.tensors;
      const readout = batchReadout(network, weights, run.query, run.horizon, run.counter.observe);
      return {
        ...metricsOf(readout, outputSize, task, run.counter),
        outputSpikes: run.counter.outputs,
        logits: readout,
        features: featuresOf(task, run.start.tensors),
      };
    },
    gradientStepAccuracy: async (task, options) => {
      const inner = {
        ...(options.inner ?? defaultInner(spec)),
        rule: "gradient",
        steps: 1,
        rate: options.rate,
      } as const;
      const run = prepare(task, { ...options, outer: "anil", inner }, true);
      const readout = batchReadout(network, run.adaptation!.adapted, run.query, run.horizon);
      return metricsOf(readout, outputSize, task, run.counter).accuracy;
    },
    record: () => Promise.reject(new Error("engine bug: only loihi networks are recorded, no chip runs srm")),
  };
}
