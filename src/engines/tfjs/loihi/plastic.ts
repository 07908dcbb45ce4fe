import { WIDTH } from "../../../../hw/limits.js";
import { CHIP_STREAM, drawAt, drawPrefix } from "../../../base/rng.js";
import type { DenseLayer } from "../../../model/types.js";
import type { PlasticRule } from "../../reference/plastic-rule.js";
import type { ChipOps } from "../ops/chip.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import type { SmoothOps } from "../ops/smooth.js";
import { type CompartmentRun, type CompartmentState, restState, runCompartments } from "./compartments.js";
import { arriving } from "./hidden.js";

/** What the last layer is made of during one task. J inputs, K outputs. */
export interface PlasticSetting {
  readonly layer: DenseLayer;
  readonly inputs: number;
  readonly outputs: number;
  /** Outputs 0…ways−1 have a class. */
  readonly ways: number;
  /** S. */
  readonly steps: number;
  readonly rule: PlasticRule | null;
  readonly seed: number;
}

/** Integers of the last layer, and the rule's scalars [1] each, as it is differentiated by them. */
export interface PlasticParameters {
  readonly mantissa: Tensor;
  readonly bias: Tensor;
  readonly hi: Tensor;
  readonly lo: Tensor;
  readonly theta: Tensor;
  readonly rho: Tensor;
}

/** A window's end with learning on. */
export interface WindowEnd {
  readonly r: number;
  /** [K] */
  readonly e: Tensor;
  /** [J] each */
  readonly traces: readonly Tensor[];
}

const KEEP = ["u", "v"] as const;

/** What one presentation, or the queries side by side, did: one tensor a step, [K] or [n, K]. */
export interface PlasticRun {
  readonly compartments: Pick<CompartmentRun, "u" | "v" | "spikes">;
  /** Sums of what arrived, before the wrap. */
  readonly qSum: readonly Tensor[];
  readonly windows: readonly WindowEnd[];
  /** Mantissas at the end. */
  readonly mantissa: Tensor;
}

/** The last layer of a task as functions of its parameters and of what the layer below fired. Source: design §6. */
export class PlasticLayer {
  constructor(
    private readonly tf: Tf,
    private readonly chip: ChipOps,
    private readonly smooth: SmoothOps,
    readonly setting: PlasticSetting,
  ) {}

  /** The support presentations one after another, t from 1.
   *  @param fired [S, J] spikes of the layer below, one tensor a sample; @param order samples as presented
   *  @param hear sees every presentation while its tensors last
   *  @returns the mantissas at the end */
  learnSupport(
    p: PlasticParameters,
    fired: readonly Tensor[],
    order: readonly number[],
    labels: readonly number[],
    hear: (presentation: number, run: PlasticRun) => void = () => {},
  ): Tensor {
    let mantissa = p.mantissa;
    let traces: Tensor[] | null = null;
    order.forEach((sample, k) => {
      const now: [Tensor, Tensor[] | null] = [mantissa, traces];
      const next = this.tf.tidy(() => {
        const { run, traces: after } = this.present({ ...p, mantissa: now[0] }, fired[sample], labels[sample], k, now[1]);
        hear(k, run);
        return [run.mantissa, ...after];
      });
      mantissa = next[0];
      traces = this.setting.rule?.resetPreTrace ? null : next.slice(1);
    });
    return mantissa;
  }

  private present(p: PlasticParameters, fired: Tensor, label: number, presentation: number, before: Tensor[] | null) {
    const { tf, chip } = this;
    const { layer, rule, steps, inputs } = this.setting;
    const arrivals = arriving(tf, fired);
    const arrived = rule ? tf.unstack(chip.arrived(arrivals), 0) : [];
    const run = { u: [] as Tensor[], v: [] as Tensor[], spikes: [] as Tensor[] };
    const qSum: Tensor[] = [];
    const windows: WindowEnd[] = [];
    let state: CompartmentState = restState;
    let mantissa = p.mantissa;
    let traces = before ?? (rule?.traces ?? []).map((): Tensor => tf.zeros([inputs]));
    const thresholds = new Int32Array(this.setting.outputs);
    // Weights stand still between the ends of windows, so those steps take one product.
    for (let from = 0; from < steps; ) {
      const to = rule ? Math.min(steps, from + rule.windowSteps) : steps;
      const effective = chip.effective(mantissa, layer.weight.wgtExp);
      const sums = tf.matMul(tf.slice(arrivals, [from, 0], [to - from, inputs]), effective, false, true);
      qSum.push(...tf.unstack(sums, 0));
      const part = runCompartments(tf, chip, layer.loihi, tf.unstack(chip.wrap(sums, WIDTH.q), 0), p.bias, state, true, KEEP);
      state = part.end;
      for (const name of ["u", "v", "spikes"] as const) run[name].push(...part[name]);
      if (rule) {
        for (let r = from; r < to; r++) traces = this.stepTraces(rule, traces, arrived[r], presentation * steps + r + 1);
        if (to % rule.windowSteps === 0) {
          const e = this.errors(rule, p, run.spikes, to, label, thresholds);
          windows.push({ r: to, e, traces });
          mantissa = this.learn(rule, p, mantissa, traces, e, presentation * steps + to);
        }
      }
      from = to;
    }
    return { run: { compartments: run, qSum, windows, mantissa }, traces };
  }

  /** Step 3 of design §6. */
  private stepTraces(rule: PlasticRule, traces: readonly Tensor[], arrived: Tensor, t: number): Tensor[] {
    const { tf, chip } = this;
    const { inputs, seed } = this.setting;
    return tf.tidy(() =>
      traces.map((x, k) => chip.trace(x, arrived, rule.traces[k], this.draws(16, seed, rule.traces[k].stream, t, [inputs]))));
  }

  private draws(bits: number, seed: number, stream: number, t: number, shape: number[]): Tensor {
    const prefix = drawPrefix(seed, stream, t);
    const size = shape.reduce((a, b) => a * b, 1);
    return this.tf.tensor(Float32Array.from({ length: size }, (_, i) => drawAt(prefix, i) >>> (32 - bits)), shape);
  }

  /** Step 5 of design §6 at the end of the window of step r: e of every output, 0 for those without a class. */
  private errors(
    rule: PlasticRule,
    p: PlasticParameters,
    spikes: readonly Tensor[],
    r: number,
    label: number,
    thresholds: Int32Array,
  ): Tensor {
    const { tf, chip, smooth } = this;
    const { outputs, ways } = this.setting;
    // The counter that the program reads at r holds the spikes of steps max(1, r−W)…r−1.
    const counted = spikes.slice(Math.max(0, r - 1 - rule.windowSteps), r - 1);
    const count = counted.length > 0 ? tf.addN(counted) : tf.zeros([outputs]);
    const only = (chosen: (i: number) => boolean): Tensor =>
      tf.tensor1d(Array.from({ length: outputs }, (_, i) => (chosen(i) ? 1 : 0)));
    const target = tf.add(tf.mul(p.hi, only((i) => i === label)), tf.mul(p.lo, only((i) => i !== label)));
    const e = chip.windowError(count, target, p.theta, rule.gamma);
    if (rule.form === "chip") return smooth.masked(e, only((i) => i < ways));
    // `authors-chip`: only the target, and only past its adaptive threshold.
    const size = Math.abs(e.dataSync()[label]);
    const written = size !== 0 && size > thresholds[label];
    thresholds[label] = written ? thresholds[label] + 1 : Math.max(thresholds[label] - 1, 0);
    return smooth.masked(e, only((i) => i === label && written));
  }

  /** Step 6 of design §6. */
  private learn(rule: PlasticRule, p: PlasticParameters, mantissa: Tensor, traces: readonly Tensor[], e: Tensor, t: number): Tensor {
    const { bits } = this.setting.layer.weight;
    const { inputs, outputs, seed } = this.setting;
    const stream = rule.traces[0].stream - CHIP_STREAM.x1 + CHIP_STREAM.weight;
    const draw = this.draws(16 - bits, seed, stream, t, [outputs, inputs]);
    return this.chip.learn(mantissa, traces, e, p.rho, { products: rule.products, bits }, draw);
  }

  /** All queries side by side with learning off. @param fired [S, n, J] */
  answer(p: Pick<PlasticParameters, "mantissa" | "bias">, fired: Tensor): PlasticRun {
    const { tf, chip } = this;
    const { layer, steps, inputs, outputs } = this.setting;
    const n = fired.shape[1]!;
    const effective = chip.effective(p.mantissa, layer.weight.wgtExp);
    const rows = tf.reshape(arriving(tf, fired), [steps * n, inputs]);
    const sums = tf.reshape(tf.matMul(rows, effective, false, true), [steps, n, outputs]);
    const q = tf.unstack(chip.wrap(sums, WIDTH.q), 0);
    const compartments = runCompartments(tf, chip, layer.loihi, q, p.bias, restState, true, KEEP);
    return { compartments, qSum: tf.unstack(sums, 0), windows: [], mantissa: p.mantissa };
  }
}
