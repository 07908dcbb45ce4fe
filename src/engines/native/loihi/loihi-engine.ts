import { networkShapes, presentationSteps, sizeOf, epochSteps } from "../../../model/shapes.js";
import type { NetworkSpec, Parameters, QuantizedNetwork } from "../../../model/types.js";
import type { Task } from "../../../tasks/types.js";
import type { Engine, EvaluationResult, MetaStepOptions, MetaStepResult, PresentationRecord, TaskMetrics, WrapReport } from "../../engine.js";
import { floatStepOnArrivals } from "../../reference/float-step.js";
import { loihiNetwork } from "../../reference/loihi-task.js";
import { WrapError } from "../../wrap-error.js";
import { RESULT, TASK_FLAG } from "./binding.js";
import type { LoihiBinding, PresentationArrays } from "./binding.js";
import { kernelParameters, kernelSpec, layerSizes, masterSlopes, namedGradients, ruleConstants, weightedLayers } from "./kernel-spec.js";

/** Hidden layers of all samples are kept for the backward while they take less than this; beyond it queries run twice. */
const KEPT_BYTES = 300 * 2 ** 20;
const QUANTITIES = ["q", "u", "u+bias"] as const;

interface ParameterState {
  readonly masters: Parameters;
  readonly quantized: QuantizedNetwork;
  readonly slopes: readonly ReturnType<typeof masterSlopes>[];
  readonly mantissa: Int16Array;
  readonly bias: Int32Array;
}

type RunFlags = { readonly learn: boolean; readonly gradient?: boolean; readonly record?: boolean };

/** Engine of `loihi` networks on the kernels of loihi.cc, in the addon or as WebAssembly. Integers are those of design §4
 *  and §6; gradients float32. */
export class LoihiEngine<H> implements Engine {
  private readonly handle: H;
  private readonly inputs: number;
  private readonly outputs: number;
  private readonly steps: number;
  private state: ParameterState | null = null;
  /** Parameters of the call that runs now, and those that the kernels hold. */
  private current: ParameterState | null = null;
  private loaded: ParameterState | null = null;
  /** Ends with the last call that was made: the kernels hold one task at a time. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: "native" | "wasm",
    private readonly binding: LoihiBinding<H>,
    readonly spec: NetworkSpec,
    readonly threads: number,
    private readonly release: () => void = () => {},
  ) {
    const { head, rows, exps } = kernelSpec(spec, threads);
    this.handle = binding.create(head, rows, exps);
    const shapes = networkShapes(spec);
    this.inputs = sizeOf(shapes[shapes.length - 2]);
    this.outputs = sizeOf(shapes[shapes.length - 1]);
    this.steps = presentationSteps(spec);
  }

  setParameters(masters: Parameters, quantized: QuantizedNetwork): void {
    const slopes = weightedLayers(this.spec).map((layer, k) => masterSlopes(layer, masters, quantized.layers[k].mantissa));
    this.state = { masters, quantized, slopes, ...kernelParameters(this.spec, quantized) };
  }

  metaStep(task: Task, options: MetaStepOptions): Promise<MetaStepResult> {
    return this.inTurn(() => this.runMetaStep(task, options));
  }

  evaluate(task: Task, options: MetaStepOptions & { readonly learn: boolean }): Promise<EvaluationResult> {
    return this.inTurn(() => this.runEvaluate(task, options));
  }

  gradientStepAccuracy(task: Task, options: MetaStepOptions & { readonly rate: number }): Promise<number> {
    return this.inTurn(() => this.runGradientStep(task, options));
  }

  record(task: Task, options: MetaStepOptions & { readonly learn: boolean }) {
    return this.inTurn(() => this.runRecord(task, options));
  }

  /** Ends after the calls already made. */
  dispose(): void {
    void this.inTurn(async () => {
      this.binding.dispose(this.handle);
      this.release();
    });
  }

  private inTurn<R>(work: () => Promise<R>): Promise<R> {
    const { state } = this;
    const next = this.turn.then(() => {
      this.current = state;
      return work();
    });
    this.turn = next.catch(() => undefined);
    return next;
  }

  private async runMetaStep(task: Task, options: MetaStepOptions): Promise<MetaStepResult> {
    await this.run(task, options, { learn: true, gradient: true });
    const row = this.binding.result(this.handle, RESULT.gradient) as Float32Array;
    const [hi, lo, theta, rho] = this.binding.result(this.handle, RESULT.scalars);
    const gradients = namedGradients(this.spec, row, this.ready().slopes);
    const scalars: Record<string, Float32Array> = this.spec.soel
      ? { hi: Float32Array.of(hi), lo: Float32Array.of(lo), theta: Float32Array.of(theta), rho: Float32Array.of(rho) }
      : {};
    return { ...this.metrics(task), ...this.wrapsLet(task, options, true), gradients: { ...gradients, ...scalars } };
  }

  private async runEvaluate(task: Task, options: MetaStepOptions & { readonly learn: boolean }): Promise<EvaluationResult> {
    await this.run(task, options, { learn: options.learn });
    const learnedWeights = new Int16Array(this.outputs * this.inputs);
    this.binding.weights(this.handle, learnedWeights);
    return {
      ...this.metrics(task),
      ...this.wrapsLet(task, options, options.learn),
      decisions: Array.from(this.binding.result(this.handle, RESULT.decisions)),
      outputSpikes: this.binding.result(this.handle, RESULT.totals) as Int32Array,
      logits: Float64Array.from(this.binding.result(this.handle, RESULT.logits)),
      features: this.binding.result(this.handle, RESULT.features) as Int32Array,
      learnedWeights,
      products: { triggered: this.binding.products(this.handle, 0), lost: this.binding.products(this.handle, 1) },
    };
  }

  private async runGradientStep(task: Task, options: MetaStepOptions & { readonly rate: number }): Promise<number> {
    await this.run(task, options, { learn: false });
    const { masters, quantized } = this.ready();
    const samples = [...task.support, ...task.query];
    const hidden = this.spec.layers.length - 1;
    const arrivals = samples.map((sample, index) => {
      const row = new Uint16Array(this.steps * this.inputs);
      if (hidden === 0) {
        // Frame f is sent at r = f + 1 and arrives a step later.
        for (let f = 0; f < this.spec.steps; f++) {
          for (let k = sample.rowStart[f]; k < sample.rowStart[f + 1]; k++) {
            row[(f + 1) * this.inputs + sample.channel[k]] = this.spec.input.mode === "counts" ? sample.count[k] : 1;
          }
        }
        return row;
      }
      const { step, neuron } = this.binding.spikes(this.handle, index, hidden - 1);
      for (let k = 0; k < step.length; k++) if (step[k] < this.steps) row[step[k] * this.inputs + neuron[k]] = 1;
      return row;
    });
    const network = loihiNetwork(this.spec, masters, quantized);
    return floatStepOnArrivals(network, task, options.chipSeed, options.rate, arrivals);
  }

  private async runRecord(task: Task, options: MetaStepOptions & { readonly learn: boolean }) {
    const learn = options.learn;
    await this.run(task, options, { learn, record: true });
    const order = learn ? task.presentation : [];
    const presentations = [
      ...order.map((sample, k) => this.recordOf(k, sample, learn && this.spec.soel !== null, task.supportLabels[sample])),
      ...task.query.map((_, k) => this.recordOf(order.length + k, task.support.length + k, false, -1)),
    ];
    return { presentations, wraps: this.wraps(task, order) };
  }

  private ready(): ParameterState {
    if (!this.current) throw new Error("engine bug: setParameters comes before anything else");
    return this.current;
  }

  private async run(task: Task, options: MetaStepOptions, flags: RunFlags): Promise<void> {
    const state = this.ready();
    const { quantized } = state;
    if (this.loaded !== state) this.binding.parameters(this.handle, state.mantissa, state.bias);
    this.loaded = state;
    const { ratePenalty: penalty } = options;
    const { kappa, lambda } = this.spec.readout;
    const reals = [kappa, lambda, penalty?.weight ?? 0, penalty?.low ?? 1, penalty?.high ?? 1];
    this.binding.rule(this.handle, ruleConstants(this.spec, quantized), Float64Array.from(reals));
    const samples = [...task.support, ...task.query];
    const bytes = 4 * this.steps * samples.length * layerSizes(this.spec).reduce((a, b) => a + b, 0);
    const keep = flags.record || (flags.gradient && bytes < KEPT_BYTES);
    this.binding.task(this.handle, {
      support: task.support.length, query: task.query.length,
      flags: (flags.learn ? TASK_FLAG.learn : 0) + (flags.gradient ? TASK_FLAG.gradient : 0) +
        (keep ? TASK_FLAG.keepHidden : 0) + (flags.record ? TASK_FLAG.record : 0),
      seed: options.chipSeed >>> 0,
      order: Int32Array.from(flags.learn ? task.presentation : []),
      supportLabels: Int32Array.from(task.supportLabels),
      queryLabels: Int32Array.from(task.queryLabels),
      assigned: Uint8Array.from({ length: this.outputs }, (_, i) => (i < task.classNames.length ? 1 : 0)),
    });
    samples.forEach((s, index) =>
      this.binding.sample(this.handle, index, s.rowStart, Uint32Array.from(s.channel), Uint16Array.from(s.count)));
    await this.binding.run(this.handle);
    if (options.onWrap === "wrap") return;
    const wraps = this.wraps(task, flags.learn ? task.presentation : []);
    if (wraps.length > 0) throw new WrapError(wraps);
  }

  private wrapsLet(task: Task, { onWrap }: MetaStepOptions, learn: boolean): { readonly wraps?: readonly WrapReport[] } {
    const wraps = onWrap === "wrap" ? this.wraps(task, learn ? task.presentation : []) : [];
    return wraps.length > 0 ? { wraps } : {};
  }

  private metrics(task: Task): TaskMetrics {
    const { handle, binding } = this;
    const decisions = binding.result(handle, RESULT.decisions);
    const losses = binding.result(handle, RESULT.losses);
    const totals = binding.result(handle, RESULT.totals);
    const sum = (values: ArrayLike<number>): number => Array.prototype.reduce.call(values, (a, b) => (a as number) + (b as number), 0) as number;
    const samples = task.support.length + task.query.length;
    const sizes = layerSizes(this.spec);
    const hidden = sizes.slice(0, -1).map((size, layer) => {
      let spikes = 0;
      for (let s = 0; s < samples; s++) spikes += binding.spikeCount(handle, s, layer);
      return spikes / (samples * this.steps * size);
    });
    const queries = Math.max(1, task.query.length);
    const correct = task.queryLabels.filter((label, i) => decisions[i] === label).length;
    return {
      loss: sum(losses) / queries, accuracy: correct / queries,
      spikeRates: [...hidden, sum(totals) / (queries * this.steps * this.outputs)],
      ties: sum(binding.result(handle, RESULT.ties)), silent: sum(binding.result(handle, RESULT.silent)),
    };
  }

  private recordOf(index: number, sample: number, learn: boolean, label: number): PresentationRecord {
    const [S, K] = [this.steps, this.outputs];
    const out: PresentationArrays = {
      u: new Int32Array(S * K), v: new Int32Array(S * K), spike: new Uint8Array(S * K),
      y1: new Uint8Array(this.spec.soel ? (S / epochSteps(this.spec)) * K : 0),
      x1: new Uint8Array(S * this.inputs), counter: new Int32Array(S * K), weights: new Int16Array(K * this.inputs), totals: new Int32Array(K),
    };
    const decision = this.binding.presentation(this.handle, index, out);
    const hidden = layerSizes(this.spec).slice(0, -1).map((size, layer) => sortPairs(this.binding.spikes(this.handle, sample, layer), size));
    const fired = Array.from(out.spike.keys()).filter((k) => out.spike[k] > 0);
    const last = { step: Uint16Array.from(fired, (k) => Math.floor(k / K) + 1), neuron: Uint32Array.from(fired, (k) => k % K) };
    return {
      learn, label, spikes: [...hidden, last], u: out.u, v: out.v, y1: out.y1, weights: out.weights, outputSpikes: out.totals, decision,
    };
  }

  private wraps(task: Task, order: readonly number[]): WrapReport[] {
    const shapes = networkShapes(this.spec);
    const out: WrapReport[] = [];
    const samples = task.support.length + task.query.length;
    for (let sample = 0; sample < samples; sample++) {
      const rows = this.binding.wraps(this.handle, sample);
      const shown = sample < task.support.length
        ? order.flatMap((s, k) => (s === sample ? [k] : []))
        : [order.length + sample - task.support.length];
      for (let k = 0; k < rows.length; k += 5) {
        const [layer, quantity, step, cell, learning] = rows.subarray(k, k + 5);
        const [channels, height, width] = shapes[layer + 1];
        const neuron = (cell % channels) * height * width + Math.floor(cell / channels);
        for (const presentation of learning < 0 ? shown : [learning]) {
          out.push({ layer: this.spec.layers[layer].name, quantity: QUANTITIES[quantity], step, neuron, presentation });
        }
      }
    }
    return out.sort((a, b) => a.presentation - b.presentation || a.step - b.step);
  }
}

/** Pairs sorted by step, then neuron. The kernels give them by step, then position. */
function sortPairs(pairs: { readonly step: Uint16Array; readonly neuron: Uint32Array }, size: number) {
  const keys = Float64Array.from(pairs.step, (step, k) => step * size + pairs.neuron[k]).sort();
  return { step: Uint16Array.from(keys, (key) => Math.floor(key / size)), neuron: Uint32Array.from(keys, (key) => key % size) };
}
