import { VTH_EXP, WIDTH } from "../../../../hw/limits.js";
import type { LoihiNeuron } from "../../../model/types.js";
import type { ChipOps } from "../ops/chip.js";
import type { Tensor, Tf } from "../ops/custom-op.js";

/** vth = vthMant·64. */
export const thresholdOf = (neuron: LoihiNeuron): number => neuron.vthMant * 2 ** VTH_EXP;

/** State of some compartments between two steps; null: 0, and not blocked. */
export interface CompartmentState {
  readonly u: Tensor | null;
  readonly v: Tensor | null;
  /** Steps that the compartment is still blocked. A constant: nothing differentiates through it. */
  readonly blocked: Tensor | null;
}

/** Compartments over some steps, one tensor a step. */
export interface CompartmentRun {
  readonly u: Tensor[];
  /** After reset. */
  readonly v: Tensor[];
  /** v⁻, before reset; 0 where blocked. */
  readonly vBefore: Tensor[];
  readonly spikes: Tensor[];
  /** u + bias after its wrap. */
  readonly end: CompartmentState;
}

/** State at the start of a presentation. */
export const restState: CompartmentState = { u: null, v: null, blocked: null };

/** Runs compartments over steps. Source: design §4.
 *  @param q one tensor a step: wrapped sums of what arrives; @param bias integers that fit beside them */
export function runCompartments(
  tf: Tf,
  chip: ChipOps,
  neuron: LoihiNeuron,
  q: readonly Tensor[],
  bias: Tensor,
  start: CompartmentState,
): CompartmentRun {
  const vth = thresholdOf(neuron);
  let { u, v, blocked } = start;
  const run = { u: [] as Tensor[], v: [] as Tensor[], vBefore: [] as Tensor[], spikes: [] as Tensor[] };
  for (const arriving of q) {
    const [uBefore, vOld, block] = [u, v, blocked];
    // A tidy for each step: what the tape needs is kept by the operations that need it.
    const now = tf.tidy(() => {
      const uNow = uBefore ? chip.wrap(tf.add(chip.decay(uBefore, neuron.decayU), arriving), WIDTH.u) : arriving;
      const drive = chip.wrap(tf.add(uNow, bias), WIDTH.u);
      const vBefore = chip.admit(vOld ? tf.add(chip.decay(vOld, neuron.decayV), drive) : drive, block);
      const spikes = chip.spike(vBefore, vth);
      const result: Record<string, Tensor> = { u: uNow, vBefore, spikes, v: chip.reset(vBefore, vth) };
      if (neuron.refractory > 1) result.blocked = nextBlocked(tf, vBefore, vth, neuron.refractory, block);
      return result;
    });
    [u, v, blocked] = [now.u, now.v, now.blocked ?? null];
    run.u.push(now.u);
    run.v.push(now.v);
    run.vBefore.push(now.vBefore);
    run.spikes.push(now.spikes);
  }
  return { ...run, end: { u, v, blocked } };
}

/** R − 1 after a spike, else one less than before, down to 0. */
function nextBlocked(tf: Tf, vBefore: Tensor, vth: number, refractory: number, blocked: Tensor | null): Tensor {
  const fired = tf.mul(tf.cast(tf.greater(vBefore, vth), "float32"), refractory - 1);
  return blocked ? tf.maximum(fired, tf.sub(blocked, 1)) : fired;
}
