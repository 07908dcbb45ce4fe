import { userError } from "../../../base/errors.js";
import { defaultInner } from "../../inner-loop.js";
import { networkShapes, parameterShapes, sizeOf } from "../../../model/shapes.js";
import type { NetworkSpec, Parameters, SrmNeuron } from "../../../model/types.js";
import type { SpikeTensor } from "../../../events/types.js";
import type { Task } from "../../../tasks/types.js";
import type { Engine, EvaluationResult, Gradients, InnerLoop, MetaStepOptions, MetaStepResult, TaskMetrics } from "../../engine.js";

/** The functions of the addon that this engine calls (srm/addon.cc). */
export interface SrmAddon {
  srmCreate(ints: Int32Array, reals: Float64Array, double: number, parameters: number, reported: number): unknown;
  srmDispose(handle: unknown): void;
  srmWeights(handle: unknown, which: number, values: Reals): void;
  srmLoad(
    handle: unknown, set: number, samples: number, rowStart: Uint32Array, channel: Uint32Array, count: Uint16Array, first: Uint32Array,
  ): void;
  srmBurn(handle: unknown, sets: Int32Array, sizes: Int32Array): void;
  srmGradient(handle: unknown, set: number, labels: Int32Array, reported: Reals, into?: Reals): number;
  srmHessian(handle: unknown, set: number, labels: Int32Array, into: Reals): void;
  srmIsa(): string;
}

type Reals = Float32Array | Float64Array;
export type Precision = "float32" | "float64";

const SUPPORT = 0;
const QUERY = 1;

/** Convolutions with the pool behind each, as the kernels take them: a pool has no layer of its own there.
 *  @throws UserError E-ENG-010 for a pool that does not follow a convolution */
function kernelLayers(spec: NetworkSpec): { readonly ints: number[]; readonly reals: number[]; readonly names: string[] } {
  const shapes = networkShapes(spec);
  const ints: number[] = [];
  const reals: number[] = [];
  const names: string[] = [];
  spec.layers.forEach((layer, k) => {
    const [c, h, w] = shapes[k];
    if (layer.kind === "pool") {
      if (k === 0 || spec.layers[k - 1].kind !== "conv") {
        throw userError({
          code: "E-ENG-010", at: `layer "${layer.name}"`, found: "a pool that follows no convolution",
          limit: "srm networks in the native engine pool right after a convolution", hint: "take --engine reference",
        });
      }
      ints[ints.length - 1] = 1;
      return;
    }
    if (layer.kind === "conv" && layer.groups !== 1) {
      throw userError({
        code: "E-ENG-011", at: `layer "${layer.name}"`, found: `${layer.groups} groups`,
        limit: "1 group in srm networks of the native engine", hint: "take --engine reference",
      });
    }
    const [oc, oh, ow] = shapes[k + 1];
    const form = layer.kind === "conv"
      ? [...layer.kernel, ...layer.stride, ...layer.padding]
      : [h, w, 1, 1, 0, 0];
    ints.push(c, h, w, oc, oh, ow, ...form, 0);
    const n: SrmNeuron = layer.srm;
    reals.push(n.alpha, n.beta, n.alphaR, n.wr, n.gain);
    names.push(layer.name);
  });
  return { ints, reals, names };
}

interface Handle { readonly native: unknown; readonly burnIn: number }

/** Engine of `srm` networks on the native kernels: exact second-order MAML through Hessian-vector products of the support
 *  loss (v ← v − H·(α∘v), step by step backward). Source: design §4–5. */
export class SrmEngine implements Engine {
  readonly name = "native" as const;
  private readonly layout: ReturnType<typeof kernelLayers>;
  private readonly tensors: readonly { readonly name: string; readonly offset: number; readonly length: number }[];
  private readonly size: number;
  private readonly reported: number;
  private readonly outputs: number;
  private readonly features: number;
  private readonly handles = new Map<number, Handle>();
  private masters: Reals = new Float32Array(0);

  constructor(
    private readonly addon: SrmAddon,
    readonly spec: NetworkSpec,
    readonly threads: number,
    private readonly precision: Precision = "float32",
  ) {
    this.layout = kernelLayers(spec);
    let offset = 0;
    this.tensors = parameterShapes(spec).filter((t) => t.name.includes(".")).map(({ name, shape }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const tensor = { name, offset, length };
      offset += length;
      return tensor;
    });
    this.size = offset;
    const shapes = networkShapes(spec);
    this.outputs = sizeOf(shapes[shapes.length - 1]);
    this.features = sizeOf(shapes[shapes.length - 2]);
    this.reported = this.outputs + this.layout.names.length + this.features;
  }

  setParameters(masters: Parameters): void {
    this.masters = this.reals(this.size);
    for (const { name, offset } of this.tensors) this.masters.set(masters[name], offset);
  }

  async metaStep(task: Task, options: MetaStepOptions): Promise<MetaStepResult> {
    const inner = this.innerOf(options);
    const handle = this.load(task, inner);
    const queryLabels = Int32Array.from(task.queryLabels);
    const path = this.adapt(handle, task, inner, options.outer === "anil");
    const gradient = this.reals(this.size);
    const reported = this.reals(this.reported * task.query.length);
    const loss = this.query(handle, path.final, inner, queryLabels, reported, gradient);
    let outer: Reals = gradient;
    if (options.outer === "reptile") outer = this.masters.map((w, k) => w - path.final[k]) as Reals;
    else if (options.outer !== "fomaml") this.throughInnerSteps(handle, task, inner, path, gradient);
    return { ...this.metrics(loss, reported, queryLabels), gradients: this.named(outer) };
  }

  async evaluate(task: Task, options: MetaStepOptions & { readonly learn: boolean }): Promise<EvaluationResult> {
    const inner = this.innerOf(options);
    const handle = this.load(task, inner);
    const queryLabels = Int32Array.from(task.queryLabels);
    const path = options.learn ? this.adapt(handle, task, inner, options.outer === "anil") : { final: this.masters };
    const reported = this.reals(this.reported * task.query.length);
    const loss = this.query(handle, path.final, inner, queryLabels, reported);
    const supportReported = this.reals(this.reported * task.support.length);
    this.addon.srmWeights(handle.native, 0, path.final);
    this.addon.srmGradient(handle.native, SUPPORT, Int32Array.from(task.supportLabels), supportReported);
    const logits = new Float64Array(queryLabels.length * this.outputs);
    const features = new Int32Array((task.support.length + task.query.length) * this.features);
    const copyFeatures = (from: Reals, samples: number, first: number): void => {
      for (let i = 0; i < samples; i++) {
        const at = i * this.reported + this.reported - this.features;
        features.set(from.subarray(at, at + this.features), (first + i) * this.features);
      }
    };
    copyFeatures(supportReported, task.support.length, 0);
    copyFeatures(reported, task.query.length, task.support.length);
    for (let i = 0; i < queryLabels.length; i++) {
      logits.set(reported.subarray(i * this.reported, i * this.reported + this.outputs), i * this.outputs);
    }
    return {
      ...this.metrics(loss, reported, queryLabels), decisions: this.decisions(reported, queryLabels.length),
      outputSpikes: new Int32Array(queryLabels.length * this.outputs), logits, features,
    };
  }

  async gradientStepAccuracy(task: Task, options: MetaStepOptions & { readonly rate: number }): Promise<number> {
    const last = this.layout.names[this.layout.names.length - 1];
    const frozen = this.layout.names.filter((name) => name !== last);
    const inner: InnerLoop = { ...this.innerOf(options), rule: "gradient", steps: 1, rate: options.rate, frozen };
    return (await this.evaluate(task, { ...options, inner, learn: true })).accuracy;
  }

  record(): never {
    throw userError({ code: "E-ENG-012", at: `network "${this.spec.name}"`, found: "an srm network", limit: "recording runs of the chip needs a loihi network" });
  }

  dispose(): void {
    for (const { native } of this.handles.values()) this.addon.srmDispose(native);
    this.handles.clear();
  }

  private reals(length: number): Reals {
    return this.precision === "float64" ? new Float64Array(length) : new Float32Array(length);
  }

  private innerOf(options: MetaStepOptions): InnerLoop {
    const inner = options.inner ?? defaultInner(this.spec);
    if (inner.rule !== "gradient" || inner.quantizeInner || inner.quantizeOuter) {
      throw userError({
        code: "E-ENG-013", at: "inner", found: inner.rule !== "gradient" ? `rule "${inner.rule}"` : "a quantizer",
        limit: 'rule "gradient" without quantizers in srm networks of the native engine', hint: "take --engine reference",
      });
    }
    return inner;
  }

  /** Steps that run without gradient before the window that is differentiated. */
  private static undifferentiated(spec: NetworkSpec, inner: InnerLoop): number {
    return inner.burnIn > 0 ? Math.min(inner.burnIn, spec.steps - 1) : spec.steps - (inner.truncation ?? spec.steps);
  }

  private handleFor(burnIn: number): Handle {
    const known = this.handles.get(burnIn);
    if (known) return known;
    const ints = Int32Array.from([this.layout.names.length, this.spec.steps, burnIn, this.threads, ...this.layout.ints]);
    const native = this.addon.srmCreate(
      ints, Float64Array.from(this.layout.reals), this.precision === "float64" ? 1 : 0, this.size, this.reported,
    );
    const handle = { native, burnIn };
    this.handles.set(burnIn, handle);
    return handle;
  }

  private load(task: Task, inner: InnerLoop): Handle {
    const handle = this.handleFor(SrmEngine.undifferentiated(this.spec, inner));
    this.loadSet(handle, SUPPORT, task.support);
    this.loadSet(handle, QUERY, task.query);
    this.addon.srmWeights(handle.native, 0, this.masters);
    const both = Int32Array.of(SUPPORT, QUERY);
    this.addon.srmBurn(handle.native, both, Int32Array.of(task.support.length, task.query.length));
    return handle;
  }

  private loadSet(handle: Handle, set: number, samples: readonly SpikeTensor[]): void {
    const steps = this.spec.steps;
    const rowStart = new Uint32Array(samples.length * (steps + 1));
    const first = new Uint32Array(samples.length);
    let total = 0;
    samples.forEach((s, i) => {
      rowStart.set(s.rowStart, i * (steps + 1));
      first[i] = total;
      total += s.channel.length;
    });
    const channel = new Uint32Array(total);
    const count = new Uint16Array(total);
    samples.forEach((s, i) => {
      channel.set(s.channel, first[i]);
      count.set(s.count, first[i]);
    });
    this.addon.srmLoad(handle.native, set, samples.length, rowStart, channel, count, first);
  }

  /** α of every parameter; 0 where the inner loop leaves a layer alone. */
  private rates(inner: InnerLoop, lastOnly: boolean): Reals {
    const alpha = this.reals(this.size);
    const last = this.layout.names[this.layout.names.length - 1];
    for (const { name, offset, length } of this.tensors) {
      const layer = name.slice(0, name.lastIndexOf("."));
      const open = !inner.frozen.includes(layer) && (!lastOnly || layer === last);
      const rate = typeof inner.rate === "number" ? inner.rate : (inner.rate[layer] ?? 0);
      alpha.fill(open ? rate : 0, offset, offset + length);
    }
    return alpha;
  }

  private adapt(handle: Handle, task: Task, inner: InnerLoop, lastOnly: boolean): { alpha: Reals; steps: Reals[]; final: Reals } {
    const alpha = this.rates(inner, lastOnly);
    const labels = Int32Array.from(task.supportLabels);
    const reported = this.reals(this.reported * labels.length);
    const gradient = this.reals(this.size);
    const steps: Reals[] = [];
    let theta = this.masters;
    for (let k = 0; k < inner.steps; k++) {
      steps.push(theta);
      this.restart(handle, theta, inner, SUPPORT, labels.length, k > 0);
      this.addon.srmGradient(handle.native, SUPPORT, labels, reported, gradient);
      theta = theta.map((w, i) => w - alpha[i] * gradient[i]) as Reals;
    }
    return { alpha, steps, final: theta };
  }

  /** Sets the weights; without a burn-in of its own, the steps before the window run with them too. */
  private restart(handle: Handle, theta: Reals, inner: InnerLoop, set: number, samples: number, changed: boolean): void {
    this.addon.srmWeights(handle.native, 0, theta);
    if (changed && inner.burnIn === 0 && handle.burnIn > 0) this.addon.srmBurn(handle.native, Int32Array.of(set), Int32Array.of(samples));
  }

  private query(handle: Handle, theta: Reals, inner: InnerLoop, labels: Int32Array, reported: Reals, into?: Reals): number {
    this.restart(handle, theta, inner, QUERY, labels.length, theta !== this.masters);
    return this.addon.srmGradient(handle.native, QUERY, labels, reported, into);
  }

  /** v ← v − H(θ_k)·(α∘v) for the inner steps, last first; H of the mean support loss. */
  private throughInnerSteps(
    handle: Handle, task: Task, inner: InnerLoop, path: { alpha: Reals; steps: readonly Reals[] }, v: Reals,
  ): void {
    const labels = Int32Array.from(task.supportLabels);
    const product = this.reals(this.size);
    for (let k = path.steps.length - 1; k >= 0; k--) {
      this.restart(handle, path.steps[k], inner, SUPPORT, labels.length, path.steps.length > 1);
      this.addon.srmWeights(handle.native, 1, v.map((x, i) => x * path.alpha[i]) as Reals);
      this.addon.srmHessian(handle.native, SUPPORT, labels, product);
      for (let i = 0; i < v.length; i++) v[i] -= product[i];
    }
  }

  private named(values: Reals): Gradients {
    return Object.fromEntries(this.tensors.map(({ name, offset, length }) => [name, values.slice(offset, offset + length)]));
  }

  private decisions(reported: Reals, samples: number): number[] {
    return Array.from({ length: samples }, (_, i) => {
      const u = reported.subarray(i * this.reported, i * this.reported + this.outputs);
      return u.indexOf(Math.max(...u));
    });
  }

  private metrics(loss: number, reported: Reals, labels: Int32Array): TaskMetrics {
    const decisions = this.decisions(reported, labels.length);
    const correct = decisions.filter((d, i) => d === labels[i]).length;
    const spikeRates = this.layout.names.map((_, l) => {
      let sum = 0;
      for (let i = 0; i < labels.length; i++) sum += reported[i * this.reported + this.outputs + l];
      return sum / labels.length;
    });
    return { loss, accuracy: correct / labels.length, spikeRates, ties: 0, silent: 0 };
  }
}
