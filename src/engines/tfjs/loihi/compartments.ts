import { VTH_EXP } from "../../../../hw/limits.js";
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
}

/** State at the start of a presentation. */
export const restState: CompartmentState = { u: null, v: null, blocked: null };

/** Runs compartments over steps. Source: design §4.
 *  @param q one tensor a step: wrapped sums of what arrives; taken over, and gone where u is not asked for
 *  @param bias [C] integers; @param mayWrap whether u or u + bias can leave 24 bits
 *  @param keep what to give back of every step beside the spikes: the rest is freed as soon as it can be */
export function runCompartments(
  tf: Tf,
  chip: ChipOps,
  neuron: LoihiNeuron,
  q: readonly Tensor[],
  bias: Tensor,
  start: CompartmentState,
  mayWrap: boolean,
  keep: readonly ("u" | "v" | "vBefore")[],
): CompartmentRun & { readonly end: CompartmentState } {
  const vth = thresholdOf(neuron);
  const run: CompartmentRun = { u: [], v: [], vBefore: [], spikes: [] };
  let state = start;
  q.forEach((arriving, k) => {
    const { u, v, blocked } = state;
    // A tidy for each step: what the tape needs is kept by the operations that need it.
    const now = tf.tidy(() => {
      const uNow = u ? chip.current(u, arriving, neuron.decayU, mayWrap) : arriving;
      const vBefore = chip.voltage(v, chip.driven(uNow, bias, mayWrap), neuron.decayV, blocked);
      const spikes = chip.spike(vBefore, vth);
      const result: Record<string, Tensor> = { u: uNow, vBefore, spikes, v: chip.reset(vBefore, spikes) };
      if (neuron.refractory > 1) result.blocked = nextBlocked(tf, spikes, neuron.refractory, blocked);
      return result;
    });
    if (k > 0) for (const name of ["u", "v"] as const) if (!keep.includes(name)) state[name]?.dispose();
    if (keep.includes("vBefore")) run.vBefore.push(now.vBefore);
    else now.vBefore.dispose();
    if (keep.includes("u")) run.u.push(now.u);
    if (keep.includes("v")) run.v.push(now.v);
    run.spikes.push(now.spikes);
    state = { u: now.u, v: now.v, blocked: now.blocked ?? null };
  });
  return { ...run, end: state };
}

/** R − 1 after a spike, else one less than before, down to 0. */
function nextBlocked(tf: Tf, spikes: Tensor, refractory: number, blocked: Tensor | null): Tensor {
  const fired = tf.mul(spikes, refractory - 1);
  return blocked ? tf.maximum(fired, tf.sub(blocked, 1)) : fired;
}
