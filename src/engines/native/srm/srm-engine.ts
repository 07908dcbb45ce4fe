import { userError } from "../../../base/errors.js";
import { adaptedLayers, defaultInner } from "../../inner-loop.js";
import { networkShapes, parameterShapes, sizeOf } from "../../../model/shapes.js";
import type { NetworkSpec, Parameters } from "../../../model/types.js";
import type { SpikeTensor } from "../../../events/types.js";
import type { Task } from "../../../tasks/types.js";
import type { Engine, EvaluationResult, Gradients, InnerLoop, MetaStepOptions, MetaStepResult, OuterGradient, TaskMetrics } from "../../engine.js";
import { FLAG, JOB, SET, SET_MASK, SRM_RESULT } from "./binding.js";
import type { Precision, Reals, SrmBinding } from "./binding.js";
import { kernelLayers } from "./kernel-layers.js";

interface Handle<H> { readonly native: H; readonly burnIn: number }

/** What a run over a set of samples gives. */
interface SetResult { readonly loss: number; readonly reported: Reals; readonly gradient: Reals }

/** Weights and gradients on the way through the inner loop; `reported` is that of the support at the start weights. */
interface Path {
  readonly alpha: Reals;
  readonly steps: readonly { readonly from: Reals; readonly gradient: Reals }[];
  readonly final: Reals;
  readonly reported: Reals | null;
}

/** Engine of `srm` networks on the C++ kernels: exact second-order MAML through Hessian-vector products of the support loss
 *  (v ← v − H·(α∘v), step by step backward). Source: design §4–5. */
export class SrmEngine<H> implements Engine {
  private readonly layout: ReturnType<typeof kernelLayers>;
  private readonly tensors: readonly { readonly name: string; readonly layer: string; readonly offset: number; readonly length: number }[];
  private readonly size: number;
  private readonly outputs: number;
  private readonly features: number;
  private readonly reported: number;
  private readonly handles = new Map<number, Handle<H>>();
  private masters: Reals = new Float32Array(0);
  /** Ends with the last call that was made: the kernels hold one task at a time. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: "native" | "wasm",
    private readonly binding: SrmBinding<H>,
    readonly spec: NetworkSpec,
    readonly threads: number,
    private readonly precision: Precision = "float32",
    private readonly release: () => void = () => {},
  ) {
    this.layout = kernelLayers(spec);
    let offset = 0;
    this.tensors = parameterShapes(spec).filter((t) => t.name.includes(".")).map(({ name, shape }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const tensor = { name, layer: name.slice(0, name.lastIndexOf(".")), offset, length };
      offset += length;
      return tensor;
    });
    this.size = offset;
    const shapes = networkShapes(spec);
    this.outputs = sizeOf(shapes[shapes.length - 1]);
    this.features = sizeOf(shapes[shapes.length - 2]);
    this.reported = 2 * this.outputs + 2 * this.layout.names.length + this.features;
  }

  setParameters(masters: Parameters): void {
    // A new array, as calls that were made before still hold the old one.
    this.masters = this.reals(this.size);
    for (const { name, offset } of this.tensors) this.masters.set(masters[name], offset);
  }

  metaStep(task: Task, options: MetaStepOptions): Promise<MetaStepResult> {
    return this.inTurn((masters) => this.runMetaStep(masters, task, options));
  }

  evaluate(task: Task, options: MetaStepOptions & { readonly learn: boolean; readonly features?: boolean }): Promise<EvaluationResult> {
    return this.inTurn((masters) => this.runEvaluate(masters, task, options));
  }

  gradientStepAccuracy(task: Task, options: MetaStepOptions & { readonly rate: number }): Promise<number> {
    const inner: InnerLoop = { ...(options.inner ?? defaultInner(this.spec)), rule: "gradient", steps: 1, rate: options.rate };
    return this.evaluate(task, { ...options, outer: "anil", inner, learn: true, features: false }).then(({ accuracy }) => accuracy);
  }

  record(): never {
    throw userError({ code: "E-ENG-012", at: `network "${this.spec.name}"`, found: "an srm network", limit: "recording runs of the chip needs a loihi network" });
  }

  /** Ends after the calls already made. */
  dispose(): void {
    void this.inTurn(async () => {
      for (const { native } of this.handles.values()) this.binding.dispose(native);
      this.handles.clear();
      this.release();
    });
  }

  private inTurn<R>(work: (masters: Reals) => Promise<R>): Promise<R> {
    const { masters } = this;
    const next = this.turn.then(() => work(masters));
    this.turn = next.catch(() => undefined);
    return next;
  }

  private async runMetaStep(masters: Reals, task: Task, options: MetaStepOptions): Promise<MetaStepResult> {
    const inner = this.innerOf(options);
    const handle = await this.load(masters, task, inner, inner.steps > 0);
    const path = await this.adapt(masters, handle, task, inner, options.outer);
    const query = await this.query(masters, path.final, handle, task, inner, options.outer !== "reptile");
    const metrics = this.metrics(query, task);
    if (options.outer === "reptile") {
      // Needs no query gradient: it points from the adapted weights to the start (Nichol 2018).
      const away = masters.slice();
      for (let i = 0; i < away.length; i++) away[i] -= path.final[i];
      return { ...metrics, gradients: this.named(away) };
    }
    const rates = await this.throughInnerSteps(handle, task, inner, path, query.gradient, options.outer);
    return { ...metrics, gradients: this.named(query.gradient), innerGradients: { rates, theta: 0 } };
  }

  private async runEvaluate(
    masters: Reals, task: Task, options: MetaStepOptions & { readonly learn: boolean; readonly features?: boolean },
  ): Promise<EvaluationResult> {
    const inner = this.innerOf(options);
    const handle = await this.load(masters, task, inner, options.learn && inner.steps > 0);
    const path = options.learn ? await this.adapt(masters, handle, task, inner, options.outer) : null;
    const adapted = path !== null && path.steps.length > 0;
    let start: readonly Reals[] = [];
    if (options.features !== false) {
      // Features are those of the start weights.
      const support = path?.reported ?? (await this.run(handle, masters, SET.support, task.supportLabels, 0)).reported;
      start = [support, (adapted ? await this.run(handle, masters, SET.query, task.queryLabels, 0) : null)?.reported ?? new Float32Array(0)];
    }
    const query = await this.query(masters, path?.final ?? masters, handle, task, inner, false);
    if (start.length > 0 && !adapted) start = [start[0], query.reported];
    const queries = task.query.length;
    const outputSpikes = new Int32Array(queries * this.outputs);
    const logits = new Float64Array(queries * this.outputs);
    const spikesAt = this.outputs + 2 * this.layout.names.length;
    for (let i = 0; i < queries; i++) {
      const row = query.reported.subarray(i * this.reported, (i + 1) * this.reported);
      logits.set(row.subarray(0, this.outputs), i * this.outputs);
      outputSpikes.set(row.subarray(spikesAt, spikesAt + this.outputs), i * this.outputs);
    }
    return {
      ...this.metrics(query, task), decisions: this.decisions(query.reported, queries), outputSpikes, logits,
      features: this.featuresOf(start, task),
    };
  }

  /** [support + query, features] */
  private featuresOf(reported: readonly Reals[], task: Task): Int32Array {
    const features = new Int32Array((task.support.length + task.query.length) * this.features);
    let at = 0;
    for (const set of reported) {
      for (let end = this.reported; end <= set.length; end += this.reported, at += this.features) {
        features.set(set.subarray(end - this.features, end), at);
      }
    }
    return features;
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

  private handleFor(burnIn: number): Handle<H> {
    const known = this.handles.get(burnIn);
    if (known) return known;
    const ints = Int32Array.from([this.layout.names.length, this.spec.steps, burnIn, this.threads, ...this.layout.ints]);
    const handle = { native: this.binding.create(ints, Float64Array.from(this.layout.reals)), burnIn };
    this.handles.set(burnIn, handle);
    return handle;
  }

  /** Samples into the kernels, and their burn-in with the start weights; that of the queries waits for the first inner step
   *  where there is one (FLAG.burnQueries). */
  private async load(masters: Reals, task: Task, inner: InnerLoop, adapts: boolean): Promise<Handle<H>> {
    const handle = this.handleFor(SrmEngine.undifferentiated(this.spec, inner));
    this.loadSet(handle, SET.support, task.support);
    this.loadSet(handle, SET.query, task.query);
    this.binding.weights(handle.native, 0, masters);
    await this.burn(handle, adapts ? SET_MASK.support : SET_MASK.both);
    return handle;
  }

  private loadSet(handle: Handle<H>, set: number, samples: readonly SpikeTensor[]): void {
    this.binding.setSize(handle.native, set, samples.length);
    samples.forEach(({ rowStart, channel, count }, i) => {
      const known = rowStart.length === this.spec.steps + 1 ? rowStart : padded(rowStart, this.spec.steps + 1);
      this.binding.sample(handle.native, set, i, known, new Uint32Array(channel), new Uint16Array(count));
    });
  }

  private burn(handle: Handle<H>, mask: number): Promise<void> {
    return this.binding.run(handle.native, JOB.burn, mask, new Int32Array(0), 0);
  }

  /** Forward of a set with some weights, and its gradient where that is wanted. */
  private async run(handle: Handle<H>, theta: Reals, set: number, labels: readonly number[], flags: number): Promise<SetResult> {
    this.binding.weights(handle.native, 0, theta);
    await this.binding.run(handle.native, JOB.gradient, set, Int32Array.from(labels), flags);
    const losses = this.binding.result(handle.native, SRM_RESULT.losses);
    let loss = 0;
    for (const x of losses) loss += x;
    return {
      loss: loss / labels.length, reported: this.binding.result(handle.native, SRM_RESULT.reported),
      gradient: flags & FLAG.gradient ? this.binding.result(handle.native, SRM_RESULT.gradient) : this.reals(0),
    };
  }

  /** α of every parameter; 0 where the inner loop leaves a layer alone. */
  private rates(inner: InnerLoop, outer: OuterGradient): Reals {
    const alpha = this.reals(this.size);
    const adapted = adaptedLayers(this.spec, inner, outer);
    for (const { layer, offset, length } of this.tensors) {
      const rate = typeof inner.rate === "number" ? inner.rate : (inner.rate[layer] ?? 0);
      alpha.fill(adapted.has(layer) ? rate : 0, offset, offset + length);
    }
    return alpha;
  }

  private async adapt(masters: Reals, handle: Handle<H>, task: Task, inner: InnerLoop, outer: OuterGradient): Promise<Path> {
    const alpha = this.rates(inner, outer);
    const steps: { from: Reals; gradient: Reals }[] = [];
    let theta = masters;
    let reported: Reals | null = null;
    for (let k = 0; k < inner.steps; k++) {
      await this.restart(handle, theta, inner, SET_MASK.support, k > 0);
      const result = await this.run(handle, theta, SET.support, task.supportLabels, k > 0 ? FLAG.gradient : FLAG.gradient | FLAG.burnQueries);
      reported ??= result.reported;
      steps.push({ from: theta, gradient: result.gradient });
      const next = theta.slice();
      for (let i = 0; i < next.length; i++) next[i] -= alpha[i] * result.gradient[i];
      theta = next;
    }
    return { alpha, steps, final: theta, reported };
  }

  /** Without a burn-in of its own, the steps before the window run with the weights of the window too. */
  private async restart(handle: Handle<H>, theta: Reals, inner: InnerLoop, mask: number, changed: boolean): Promise<void> {
    if (!changed || inner.burnIn > 0 || handle.burnIn === 0) return;
    this.binding.weights(handle.native, 0, theta);
    await this.burn(handle, mask);
  }

  private async query(masters: Reals, theta: Reals, handle: Handle<H>, task: Task, inner: InnerLoop, gradient: boolean): Promise<SetResult> {
    await this.restart(handle, theta, inner, SET_MASK.query, theta !== masters);
    return this.run(handle, theta, SET.query, task.queryLabels, gradient ? FLAG.gradient : 0);
  }

  /** Takes `v` back through the inner steps, last first: unless first order is asked for, v ← v − H(θ_k)·(α∘v), H of
   *  the mean support loss.
   *  @returns gradient of every layer's inner rate: −⟨v, gradient of the step⟩, 0 where the inner loop leaves it alone */
  private async throughInnerSteps(
    handle: Handle<H>, task: Task, inner: InnerLoop, path: Path, v: Reals, outer: OuterGradient,
  ): Promise<Record<string, number>> {
    const adapted = adaptedLayers(this.spec, inner, outer);
    const rates: Record<string, number> = {};
    for (let k = path.steps.length - 1; k >= 0; k--) {
      const { from, gradient } = path.steps[k];
      for (const { layer, offset, length } of this.tensors) {
        let sum = 0;
        if (adapted.has(layer)) for (let i = offset; i < offset + length; i++) sum -= v[i] * gradient[i];
        rates[layer] = (rates[layer] ?? 0) + sum;
      }
      if (outer === "fomaml") continue;
      await this.restart(handle, from, inner, SET_MASK.support, path.steps.length > 1);
      const direction = v.slice();
      for (let i = 0; i < v.length; i++) direction[i] *= path.alpha[i];
      this.binding.weights(handle.native, 0, from);
      this.binding.weights(handle.native, 1, direction);
      await this.binding.run(handle.native, JOB.hessian, SET.support, Int32Array.from(task.supportLabels), FLAG.gradient);
      const product = this.binding.result(handle.native, SRM_RESULT.gradient);
      for (let i = 0; i < v.length; i++) v[i] -= product[i];
    }
    return rates;
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

  private metrics({ loss, reported }: SetResult, task: Task): TaskMetrics {
    const labels = task.queryLabels;
    const decisions = this.decisions(reported, labels.length);
    const correct = decisions.filter((d, i) => d === labels[i]).length;
    const shapes = networkShapes(this.spec);
    const spikeRates = this.layout.counters.map(({ layer, pooled }, k) => {
      let sum = 0;
      for (let i = 0; i < labels.length; i++) sum += reported[i * this.reported + this.outputs + 2 * layer + (pooled ? 1 : 0)];
      return sum / (labels.length * this.spec.steps * sizeOf(shapes[k + 1]));
    });
    let silent = 0;
    for (let i = 0; i < labels.length; i++) {
      const at = i * this.reported + this.outputs + 2 * this.layout.names.length;
      if (reported.subarray(at, at + this.outputs).every((n) => n === 0)) silent++;
    }
    return { loss, accuracy: correct / Math.max(1, labels.length), spikeRates, ties: 0, silent };
  }
}

/** Row starts for more steps, the last ones empty, or for fewer. */
function padded(rowStart: Uint32Array, length: number): Uint32Array {
  const out = new Uint32Array(length).fill(rowStart[rowStart.length - 1]);
  out.set(rowStart.subarray(0, Math.min(length, rowStart.length)));
  return out;
}
