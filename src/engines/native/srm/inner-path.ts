import type { InnerLoop, MetaStepOptions, OuterGradient } from "../../engine.js";
import { quantizeTensors } from "../../grid-quantizer.js";
import { adaptedLayers } from "../../inner-loop.js";
import { stepSpike } from "../../reference/spike-function.js";
import { DEFAULT_SOEL_PAPER, soelPaperRule } from "../../soel-paper.js";
import type { SoelPaper, SoelPaperRule } from "../../soel-paper.js";
import { FLAG, SET } from "./binding.js";
import type { Reals } from "./binding.js";
import type { FlatTensor, KernelNetwork, KernelTask, SetResult } from "./kernel-task.js";

/** Weights as the kernels run them, as float64 where they lie on a grid, and 1 where a gradient passes the quantizer. */
interface Weights {
  readonly theta: Reals;
  readonly exact: Reals;
  /** Null: no quantizer. */
  readonly open: Float64Array | null;
}

/** θ' = quantize(from + rate·update). */
interface InnerStep {
  readonly from: Reals;
  readonly update: Reals;
  readonly open: Float64Array | null;
  /** Null: `update` is minus the gradient of the support loss. */
  readonly soel: SoelPaperRule | null;
}

/** Weights on their way through the inner loop; `reported` is that of the support at the start weights. */
export interface InnerPath {
  readonly steps: readonly InnerStep[];
  readonly final: Reals;
  readonly reported: Reals | null;
}

/** Gradients of what the inner loop is made of. */
export type InnerGradients = { readonly rates: Readonly<Record<string, number>>; readonly theta: number };

/** The inner loop of one call on the kernels: exact second-order MAML through Hessian-vector products of the support loss
 *  (v ← v − H·(α∘v), step by step backward), or SOEL in the paper's form, whose gradient goes back through what it read of the
 *  last step; quantizers straight-through, 0 where they clamp. Source: design §4–6. */
export class InnerPaths<H> {
  private readonly inner: InnerLoop;
  private readonly outer: OuterGradient;
  private readonly roundingSeed: number;
  private readonly adapted: ReadonlySet<string>;
  /** α of every parameter; 0 where the inner loop leaves it alone. */
  private readonly alpha: Reals;
  /** Options of SOEL; null: gradient steps. */
  private readonly soel: SoelPaper | null;

  constructor(private readonly network: KernelNetwork<H>, inner: InnerLoop, options: MetaStepOptions) {
    this.inner = inner;
    this.outer = options.outer;
    this.roundingSeed = options.roundingSeed ?? 0;
    this.adapted = adaptedLayers(network.spec, inner, options.outer);
    this.soel = inner.rule === "soel-paper" ? (inner.soelPaper ?? DEFAULT_SOEL_PAPER) : null;
    this.alpha = network.reals(network.size);
    for (const { name, layer, offset, length } of network.tensors) {
      const rate = typeof inner.rate === "number" ? inner.rate : (inner.rate[layer] ?? 0);
      const isOpen = this.adapted.has(layer) && !(this.soel && name.endsWith(".bias"));
      this.alpha.fill(isOpen ? rate : 0, offset, offset + length);
    }
  }

  /** Masters on the outer grid: what the burn-in runs with. */
  start(masters: Reals): Weights {
    return this.onGrid(masters, this.inner.quantizeOuter, 0);
  }

  private onGrid(values: Reals, quantizer: InnerLoop["quantizeOuter"], step: number): Weights {
    if (!quantizer) {
      const theta = values instanceof Float64Array ? this.network.reals(values) : values;
      return { theta, exact: theta, open: null };
    }
    const { spec, tensors, size } = this.network;
    const named = Object.fromEntries(tensors.map(({ name, offset, length }) =>
      [name, Float64Array.from(values.subarray(offset, offset + length))]));
    const rounded = quantizeTensors(spec, named, quantizer, this.roundingSeed, step);
    const [exact, open] = [new Float64Array(size), new Float64Array(size)];
    for (const { name, offset } of tensors) {
      exact.set(rounded.tensors[name], offset);
      open.set(rounded.open[name], offset);
    }
    return { theta: this.network.reals(exact), exact, open };
  }

  /** Adapts on the support. */
  async adapt(task: KernelTask<H>, start: Weights): Promise<InnerPath> {
    const steps: InnerStep[] = [];
    let at = start;
    let reported: Reals | null = null;
    for (let k = 1; k <= this.inner.steps; k++) {
      const wanted = this.soel ? FLAG.traces : FLAG.gradient;
      const result = await task.run(at.theta, SET.support, k > 1 ? wanted : wanted | FLAG.burnQueries);
      reported ??= result.reported;
      const soel = this.soel && this.soelOf(task, result, this.soel);
      const update = soel ? this.lastWeights(soel.delta) : result.gradient;
      if (!soel) for (let i = 0; i < update.length; i++) update[i] = -update[i];
      // On a grid a rounding error of float32 decides ties; else the kernels' precision is kept.
      const moved = this.inner.quantizeInner ? Float64Array.from(at.exact) : this.network.reals(at.exact);
      for (let i = 0; i < moved.length; i++) moved[i] += this.alpha[i] * update[i];
      const next = this.onGrid(moved, this.inner.quantizeInner, k);
      steps.push({ from: at.theta, update, open: next.open, soel });
      at = next;
    }
    return { steps, final: at.theta, reported };
  }

  /** Takes `v`, a gradient at the adapted weights, back to the masters, in place. */
  async back(task: KernelTask<H>, start: Weights, path: InnerPath, v: Reals): Promise<InnerGradients> {
    const rates: Record<string, number> = {};
    let theta = 0;
    for (const { from, update, open, soel } of [...path.steps].reverse()) {
      passOpen(v, open);
      for (const { layer, offset, length } of this.network.tensors) {
        let sum = 0;
        if (this.adapted.has(layer)) for (let i = offset; i < offset + length; i++) sum += v[i] * update[i];
        rates[layer] = (rates[layer] ?? 0) + sum;
      }
      if (!soel && this.outer === "fomaml") continue;
      const direction = v.slice();
      for (let i = 0; i < v.length; i++) direction[i] *= this.alpha[i];
      if (soel) {
        const { offset, length } = this.lastWeight();
        const back = soel.pullBack(direction.subarray(offset, offset + length));
        theta += back.theta;
        if (this.soel!.order === 1) continue;
        const product = await task.pullBack(from, this.cotangents(back));
        for (let i = 0; i < v.length; i++) v[i] += product[i];
      } else {
        const product = await task.hessian(from, direction);
        for (let i = 0; i < v.length; i++) v[i] -= product[i];
      }
    }
    passOpen(v, start.open);
    return { rates, theta };
  }

  /** SOEL from what the support's samples have at the last step. */
  private soelOf({ supportLabels }: KernelTask<H>, { reported, traces }: SetResult, options: SoelPaper): SoelPaperRule {
    const K = this.network.outputs;
    const readout = Float64Array.from({ length: supportLabels.length * K }, (_, k) =>
      reported[Math.floor(k / K) * this.network.reported + (k % K)]);
    const [spikes, slopes] = [readout.map((u) => stepSpike.value(u)), readout.map((u) => stepSpike.slope(u))];
    return soelPaperRule({ labels: supportLabels, spikes, slopes, traces: Float64Array.from(traces) }, options);
  }

  private lastWeight(): FlatTensor {
    return this.network.tensors[this.network.tensors.length - 2];
  }

  /** Zeros but for the weights of the last layer. */
  private lastWeights(values: Float64Array): Reals {
    const out = this.network.reals(this.network.size);
    out.set(values, this.lastWeight().offset);
    return out;
  }

  /** [sample, outputs + inputs] gradients of U, then of P. */
  private cotangents({ gU, gP }: { readonly gU: Float64Array; readonly gP: Float64Array }): Reals {
    const { outputs: K, features: J } = this.network;
    const out = this.network.reals(gU.length + gP.length);
    for (let sample = 0; sample * K < gU.length; sample++) {
      out.set(gU.subarray(sample * K, (sample + 1) * K), sample * (K + J));
      out.set(gP.subarray(sample * J, (sample + 1) * J), sample * (K + J) + K);
    }
    return out;
  }
}

function passOpen(v: Reals, open: Float64Array | null): void {
  if (open) for (let i = 0; i < v.length; i++) v[i] *= open[i];
}
