import { userError } from "../../../base/errors.js";
import { defaultInner } from "../../inner-loop.js";
import { networkShapes, sizeOf } from "../../../model/shapes.js";
import type { NetworkSpec, Parameters } from "../../../model/types.js";
import type { Task } from "../../../tasks/types.js";
import type { Engine, EvaluationResult, Gradients, InnerLoop, MetaStepOptions, MetaStepResult, TaskMetrics } from "../../engine.js";
import { FLAG, SET } from "./binding.js";
import type { Precision, Reals, SrmBinding } from "./binding.js";
import { InnerPaths } from "./inner-path.js";
import { KernelNetwork, KernelTask } from "./kernel-task.js";
import type { SetResult } from "./kernel-task.js";

/** Engine of `srm` networks on the C++ kernels, in the addon or as WebAssembly. Source: design §4–5. */
export class SrmEngine<H> implements Engine {
  private readonly network: KernelNetwork<H>;
  private masters: Reals = new Float32Array(0);
  /** Ends with the last call that was made: the kernels hold one task at a time. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: "native" | "wasm",
    binding: SrmBinding<H>,
    readonly spec: NetworkSpec,
    readonly threads: number,
    precision: Precision = "float32",
    private readonly release: () => void = () => {},
  ) {
    this.network = new KernelNetwork(binding, spec, threads, precision);
  }

  setParameters(masters: Parameters): void {
    // A new array, as calls that were made before still hold the old one.
    this.masters = this.network.reals(this.network.size);
    for (const { name, offset } of this.network.tensors) this.masters.set(masters[name], offset);
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
      this.network.dispose();
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
    const inner = options.inner ?? defaultInner(this.spec);
    const paths = new InnerPaths(this.network, inner, options);
    const start = paths.start(masters);
    const loaded = await KernelTask.load(this.network, start.theta, task, inner, inner.steps > 0);
    const path = await paths.adapt(loaded, start);
    const query = await loaded.run(path.final, SET.query, options.outer === "reptile" ? 0 : FLAG.gradient);
    const metrics = this.metrics(query, task);
    if (options.outer === "reptile") {
      // Needs no query gradient: it points from the adapted weights to the start (Nichol 2018).
      const away = start.theta.slice();
      for (let i = 0; i < away.length; i++) away[i] -= path.final[i];
      return { ...metrics, gradients: this.named(away) };
    }
    const innerGradients = await paths.back(loaded, start, path, query.gradient);
    return { ...metrics, gradients: this.named(query.gradient), innerGradients };
  }

  private async runEvaluate(
    masters: Reals, task: Task, options: MetaStepOptions & { readonly learn: boolean; readonly features?: boolean },
  ): Promise<EvaluationResult> {
    const inner = options.inner ?? defaultInner(this.spec);
    const paths = new InnerPaths(this.network, inner, options);
    const start = paths.start(masters);
    const loaded = await KernelTask.load(this.network, start.theta, task, inner, options.learn && inner.steps > 0);
    const path = options.learn ? await paths.adapt(loaded, start) : null;
    const adapted = path !== null && path.steps.length > 0;
    let before: readonly Reals[] = [];
    if (options.features !== false) {
      // Features are those of the start weights.
      const support = path?.reported ?? (await loaded.run(start.theta, SET.support, 0)).reported;
      before = [support, (adapted ? await loaded.run(start.theta, SET.query, 0) : null)?.reported ?? new Float32Array(0)];
    }
    const query = await loaded.run(path?.final ?? start.theta, SET.query, 0);
    if (before.length > 0 && !adapted) before = [before[0], query.reported];
    const { outputs, reported, layout } = this.network;
    const queries = task.query.length;
    const outputSpikes = new Int32Array(queries * outputs);
    const logits = new Float64Array(queries * outputs);
    const spikesAt = outputs + layout.counterCount;
    for (let i = 0; i < queries; i++) {
      const row = query.reported.subarray(i * reported, (i + 1) * reported);
      logits.set(row.subarray(0, outputs), i * outputs);
      outputSpikes.set(row.subarray(spikesAt, spikesAt + outputs), i * outputs);
    }
    return {
      ...this.metrics(query, task), decisions: this.decisions(query.reported, queries), outputSpikes, logits,
      features: this.featuresOf(before, task),
    };
  }

  /** [support + query, features] */
  private featuresOf(sets: readonly Reals[], task: Task): Int32Array {
    const { features: each, reported } = this.network;
    const features = new Int32Array((task.support.length + task.query.length) * each);
    let at = 0;
    for (const set of sets) {
      for (let end = reported; end <= set.length; end += reported, at += each) features.set(set.subarray(end - each, end), at);
    }
    return features;
  }

  private named(values: Reals): Gradients {
    return Object.fromEntries(this.network.tensors.map(({ name, offset, length }) => [name, values.slice(offset, offset + length)]));
  }

  private decisions(rows: Reals, samples: number): number[] {
    const { outputs, reported } = this.network;
    return Array.from({ length: samples }, (_, i) => {
      const u = rows.subarray(i * reported, i * reported + outputs);
      return u.indexOf(Math.max(...u));
    });
  }

  private metrics({ loss, reported: rows }: SetResult, task: Task): TaskMetrics {
    const { outputs, reported, layout } = this.network;
    const labels = task.queryLabels;
    const decisions = this.decisions(rows, labels.length);
    const correct = decisions.filter((d, i) => d === labels[i]).length;
    const shapes = networkShapes(this.spec);
    const spikeRates = layout.counters.map((counter, k) => {
      let sum = 0;
      if (counter >= 0) for (let i = 0; i < labels.length; i++) sum += rows[i * reported + outputs + counter];
      return sum / (labels.length * this.spec.steps * sizeOf(shapes[k + 1]));
    });
    let silent = 0;
    for (let i = 0; i < labels.length; i++) {
      const at = i * reported + outputs + layout.counterCount;
      if (rows.subarray(at, at + outputs).every((n) => n === 0)) silent++;
    }
    return { loss, accuracy: correct / Math.max(1, labels.length), spikeRates, ties: 0, silent };
  }
}
