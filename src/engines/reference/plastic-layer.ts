import { CHIP_STREAM, drawBits } from "../../base/rng.js";
import type { LoihiNeuron, WeightPrecision } from "../../model/types.js";
import { effectiveWeight, learn, stepTrace, windowError } from "./chip-arithmetic.js";
import type { Learned, WindowError } from "./chip-arithmetic.js";
import type { PlasticRule } from "./plastic-rule.js";
import { Population } from "./population.js";
import type { OnWrap } from "./population.js";

/** What happened at one learning epoch with an error: kept for the backward. */
export interface LearningEvent {
  readonly r: number;
  /** [K] error and its derivatives; all 0 for outputs without a class, or not written. */
  readonly errors: readonly WindowError[];
  /** [K, J] 1 where a or w' saturated. */
  readonly saturated: Uint8Array;
  /** [K, J] bit k: product k saturated. */
  readonly productSaturated: Uint8Array;
}

/** One presentation of the last layer, with all that parity and the backward read. J inputs, K outputs, row
 *  r−1 for step r. */
export interface PlasticTape {
  readonly population: Population;
  /** [S, J] what arrives at step r: number of spikes. */
  readonly arrivals: Uint16Array;
  /** [trace][S, J] */
  readonly traces: readonly Uint8Array[];
  /** [S, K] counters after step 4, before the reset of step 5. */
  readonly counters: Uint16Array;
  /** [S/E0, K] */
  readonly y1: Uint8Array;
  /** Weights in force from step `from` on, in order; the first is what the presentation began with. */
  readonly weights: readonly { readonly from: number; readonly mantissa: Int16Array }[];
  readonly events: readonly LearningEvent[];
  /** [K] spikes of r = 1…S−1. */
  readonly outputSpikes: Int32Array;
  readonly decision: number;
  readonly label: number;
}

/** The last layer with its weights, as it runs through the presentations of a task. Steps t count on and
 *  never restart. */
export class PlasticLayer {
  mantissa: Int16Array;
  /** Products of triggered windows with a trace that is not 0, and those of them that floor to 0 or −1. */
  readonly products = { triggered: 0, lost: 0 };
  private t = 0;
  private traceState: Float64Array[];

  /** @param bias [K] integers as added to u
   *  @param assigned [K] whether a class belongs to the output */
  constructor(
    readonly inputs: number,
    readonly outputs: number,
    private readonly neuron: LoihiNeuron,
    readonly precision: WeightPrecision,
    mantissa: Int16Array,
    private readonly bias: ArrayLike<number>,
    readonly rule: PlasticRule | null,
    private readonly assigned: readonly boolean[],
    private readonly seed: number,
  ) {
    this.mantissa = Int16Array.from(mantissa);
    this.traceState = this.freshTraces();
  }

  private freshTraces(): Float64Array[] {
    return (this.rule?.traces ?? []).map(() => new Float64Array(this.inputs));
  }

  /** Runs one presentation. `arrivals` [S, J]: row r−1 holds what arrives at step r. With `label` ≥ 0
   *  learning is on. `traced: false` leaves the pre traces out, which nothing reads where learning is off. */
  present(arrivals: Uint16Array, steps: number, label: number, onWrap: OnWrap, traced = true): PlasticTape {
    const { rule, outputs: K, inputs: J } = this;
    const learning = rule !== null && label >= 0;
    const population = new Population(this.neuron, K, steps, this.bias);
    if (!rule || rule.resetPreTrace) this.traceState = this.freshTraces();
    const traces = this.traceState.map(() => new Uint8Array(steps * J));
    const counters = new Uint16Array(steps * K);
    const y1: number[] = [];
    const weights = [{ from: 1, mantissa: this.mantissa }];
    const events: LearningEvent[] = [];
    const count = new Int32Array(K);
    const total = new Int32Array(K);
    const thresholds = new Int32Array(K);
    const q = new Float64Array(K);
    let effective = this.effective();
    for (let r = 1; r <= steps; r++) {
      this.t++;
      q.fill(0);
      for (let j = 0; j < J; j++) {
        const spikes = arrivals[(r - 1) * J + j];
        if (spikes) for (let i = 0; i < K; i++) q[i] += effective[i * J + j] * spikes;
      }
      if (rule && traced) this.stepTraces(rule, arrivals, r, traces);
      population.step(r, q, onWrap);
      for (let i = 0; i < K; i++) {
        const fired = r > 1 ? population.spikes[(r - 2) * K + i] : 0;
        count[i] += fired;
        total[i] += fired;
        counters[(r - 1) * K + i] = count[i];
      }
      if (!rule || this.t % rule.epochSteps !== 0) continue;
      const windowEnds = r % rule.windowSteps === 0;
      const errors = learning && windowEnds ? this.errors(rule, count, label, thresholds) : null;
      for (let i = 0; i < K; i++) y1.push(rule.neutral + (errors ? errors[i].e : 0));
      if (errors) {
        events.push(this.learnFrom(rule, errors, r));
        weights.push({ from: r + 1, mantissa: this.mantissa });
        effective = this.effective();
      }
      if (windowEnds) count.fill(0);
    }
    const decision = decide(total, population.u.subarray((steps - 1) * K), this.assigned);
    return {
      population,
      arrivals,
      traces,
      counters,
      y1: Uint8Array.from(y1),
      weights,
      events,
      outputSpikes: total,
      decision,
      label,
    };
  }

  private effective(): Float64Array {
    return Float64Array.from(this.mantissa, (m) => effectiveWeight(m, this.precision.wgtExp));
  }

  private stepTraces(rule: PlasticRule, arrivals: Uint16Array, r: number, out: readonly Uint8Array[]): void {
    const J = this.inputs;
    rule.traces.forEach(({ decay, impulse, stream }, k) => {
      const state = this.traceState[k];
      for (let j = 0; j < J; j++) {
        const draw = drawBits(16, this.seed, stream, this.t, j);
        state[j] = stepTrace(state[j], arrivals[(r - 1) * J + j] > 0, decay, impulse, draw);
        out[k][(r - 1) * J + j] = state[j];
      }
    });
  }

  /** Step 5 of design §6 for all outputs; `thresholds` are the adaptive ones of `authors-chip`, updated. */
  private errors(rule: PlasticRule, count: Int32Array, label: number, thresholds: Int32Array): WindowError[] {
    const none: WindowError = { e: 0, byCount: 0, byTarget: 0, byTheta: 0 };
    return Array.from(count, (c, i) => {
      if (!this.assigned[i]) return none;
      if (rule.form === "chip")
        return windowError(rule.gamma, c, i === label ? rule.hi : rule.lo, rule.theta);
      if (i !== label) return none;
      const error = windowError(1, c, rule.hi, 1);
      const written = error.e !== 0 && Math.abs(error.e) > thresholds[i];
      thresholds[i] = written ? thresholds[i] + 1 : Math.max(thresholds[i] - 1, 0);
      return written ? { ...error, byTarget: 0, byTheta: 0 } : none;
    });
  }

  /** Step 6 of design §6. */
  private learnFrom(rule: PlasticRule, errors: readonly WindowError[], r: number): LearningEvent {
    const { inputs: J, outputs: K } = this;
    const { bits } = this.precision;
    const next = Int16Array.from(this.mantissa);
    const saturated = new Uint8Array(K * J);
    const productSaturated = new Uint8Array(K * J);
    const streamOfWeights = rule.traces[0].stream - CHIP_STREAM.x1 + CHIP_STREAM.weight;
    const out: Learned = { w: 0, saturated: false, productSaturated: 0, floored: 0 };
    for (let i = 0; i < K; i++) {
      if (errors[i].e === 0) continue;
      for (let j = 0; j < J; j++) {
        const at = i * J + j;
        const draw = drawBits(16 - bits, this.seed, streamOfWeights, this.t, at);
        learn(
          out,
          this.mantissa[at],
          rule.products,
          (trace) => this.traceState[trace][j],
          errors[i].e,
          bits,
          draw,
        );
        next[at] = out.w;
        saturated[at] = out.saturated ? 1 : 0;
        productSaturated[at] = out.productSaturated;
        if (rule.traces.some((_, k) => this.traceState[k][j] > 0)) {
          this.products.triggered++;
          if (out.floored === 0 || out.floored === -1) this.products.lost++;
        }
      }
    }
    this.mantissa = next;
    return { r, errors, saturated, productSaturated };
  }
}

/** The assigned output with most spikes; ties by larger u of step S, then lower index. Source: design §6,
 *  step 7. */
export function decide(
  outputSpikes: ArrayLike<number>,
  uLast: ArrayLike<number>,
  assigned: readonly boolean[],
): number {
  let best = -1;
  for (let i = 0; i < assigned.length; i++) {
    if (!assigned[i]) continue;
    const more =
      best < 0 ||
      outputSpikes[i] > outputSpikes[best] ||
      (outputSpikes[i] === outputSpikes[best] && uLast[i] > uLast[best]);
    if (more) best = i;
  }
  return best;
}
