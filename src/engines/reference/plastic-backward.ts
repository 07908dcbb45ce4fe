import { PRODUCT_SLOPE, effectiveWeight, effectiveWeightSlope } from "./chip-arithmetic.js";
import type { LearningEvent, PlasticLayer, PlasticTape } from "./plastic-layer.js";
import type { PlasticRule } from "./plastic-rule.js";

/** Gradients of the last layer, carried from the last presentation to the first. */
export class PlasticReverse {
  /** [K, J] of the mantissas, as they are before the presentation done last. */
  readonly mantissa: Float64Array;
  /** [K] of the bias integers. */
  readonly bias: Float64Array;
  readonly scalars = { hi: 0, lo: 0, theta: 0, rho: 0 };
  /** [trace][J] gradient that passes to the presentation before, where traces run on. */
  private traces: Float64Array[];

  constructor(private readonly layer: PlasticLayer) {
    this.mantissa = new Float64Array(layer.outputs * layer.inputs);
    this.bias = new Float64Array(layer.outputs);
    this.traces = this.noTraces();
  }

  private noTraces(): Float64Array[] {
    return (this.layer.rule?.traces ?? []).map(() => new Float64Array(this.layer.inputs));
  }

  /** Goes back through one presentation.
   *  @param gOutputs null, or the gradients of N [K] and of every u [K] (the same at all steps)
   *  @returns [S, J] gradient of what arrives at each step, per spike */
  present(
    tape: PlasticTape,
    gOutputs: { readonly spikes: Float64Array; readonly u: Float64Array } | null,
  ): Float64Array {
    const { inputs: J, outputs: K, rule, precision } = this.layer;
    const { population, arrivals } = tape;
    const steps = population.steps;
    const slope = effectiveWeightSlope(precision.wgtExp);
    const reverse = population.reverse();
    const gSpikes = new Float64Array(steps * K);
    if (gOutputs) for (let k = 0; k < (steps - 1) * K; k++) gSpikes[k] = gOutputs.spikes[k % K];
    const gArrivals = new Float64Array(steps * J);
    if (rule?.resetPreTrace) this.traces = this.noTraces();
    let segment = tape.weights.length - 1;
    let event = tape.events.length - 1;
    let effective = this.effectiveOf(tape, segment);
    for (let r = steps; r >= 1; r--) {
      if (rule && event >= 0 && tape.events[event].r === r) {
        this.undoLearning(rule, tape, tape.events[event--], gSpikes);
        effective = this.effectiveOf(tape, --segment);
      }
      if (rule && tape.label >= 0) this.undoTraces(rule, tape, r, gArrivals);
      reverse.step(r, gSpikes, (r - 1) * K, gOutputs ? gOutputs.u : null);
      for (let j = 0; j < J; j++) {
        const spikes = arrivals[(r - 1) * J + j];
        let g = 0;
        for (let i = 0; i < K; i++) {
          g += effective[i * J + j] * reverse.q[i];
          if (spikes) this.mantissa[i * J + j] += reverse.q[i] * spikes * slope;
        }
        gArrivals[(r - 1) * J + j] += g;
      }
    }
    for (let i = 0; i < K; i++) this.bias[i] += reverse.bias[i];
    return gArrivals;
  }

  private effectiveOf(tape: PlasticTape, segment: number): Float64Array {
    return Float64Array.from(tape.weights[segment].mantissa, (m) =>
      effectiveWeight(m, this.layer.precision.wgtExp),
    );
  }

  /** Turns the gradient of the new weights into those of the old ones, of traces, errors (so spikes), hi, lo,
   *  θ and ρ. */
  private undoLearning(
    rule: PlasticRule,
    tape: PlasticTape,
    event: LearningEvent,
    gSpikes: Float64Array,
  ): void {
    const { inputs: J, outputs: K } = this.layer;
    const row = (event.r - 1) * J;
    for (let i = 0; i < K; i++) {
      const error = event.errors[i];
      let gError = 0;
      for (let j = 0; j < J; j++) {
        const at = i * J + j;
        if (event.saturated[at]) {
          this.mantissa[at] = 0;
          continue;
        }
        const g = this.mantissa[at] * PRODUCT_SLOPE;
        rule.products.forEach(({ mant, exp, trace }, k) => {
          if ((event.productSaturated[at] >> k) & 1) return;
          const rho = mant * 2 ** exp;
          const x = tape.traces[trace][row + j];
          this.traces[trace][j] += g * rho * error.e;
          gError += g * rho * x;
          if (rule.form === "chip") this.scalars.rho += g * x * error.e;
        });
      }
      this.scalars.theta += gError * error.byTheta;
      this.scalars[i === tape.label ? "hi" : "lo"] += gError * error.byTarget;
      // The counter that the program read at r holds the spikes of steps max(1, r−W)…r−1.
      for (let step = Math.max(1, event.r - rule.windowSteps); step < event.r; step++) {
        gSpikes[(step - 1) * K + i] += gError * error.byCount;
      }
    }
  }

  private undoTraces(rule: PlasticRule, tape: PlasticTape, r: number, gArrivals: Float64Array): void {
    const J = this.layer.inputs;
    rule.traces.forEach(({ decay, impulse }, k) => {
      const [g, x] = [this.traces[k], tape.traces[k]];
      for (let j = 0; j < J; j++) {
        if (x[(r - 1) * J + j] === 127) g[j] = 0;
        gArrivals[(r - 1) * J + j] += impulse * g[j];
        g[j] *= decay / 65536;
      }
    });
  }
}
