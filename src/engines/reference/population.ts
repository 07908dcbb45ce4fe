import { DECAY_ONE, VTH_EXP, WIDTH } from "../../../hw/limits.js";
import type { LoihiNeuron } from "../../model/types.js";
import type { WrapReport } from "../engine.js";
import { clipVoltage, decayed, spikeSlope, wrapTo } from "./chip-arithmetic.js";

/** Hears of every wrap. `step` is r, from 1. */
export type OnWrap = (quantity: WrapReport["quantity"], step: number, neuron: number) => void;

/** vth = vthMant·64. */
export const thresholdOf = (neuron: LoihiNeuron): number => neuron.vthMant * 2 ** VTH_EXP;

/** The compartments of one layer during one presentation: forward step by step, everything kept that the
 *  backward reads. All arrays are [S, n], row r−1 for step r. */
export class Population {
  readonly spikes: Uint16Array;
  readonly u: Int32Array;
  /** After reset. */
  readonly v: Int32Array;
  /** v⁻, before reset; 0 where blocked. */
  readonly vBeforeReset: Int32Array;
  /** 1 where v⁻ does not depend on what came in: blocked by refractory, or clipped. */
  readonly cut: Uint8Array;
  readonly vth: number;
  private readonly blocked: Uint8Array;

  /** @param bias [n] integers as added to u */
  constructor(
    private readonly neuron: LoihiNeuron,
    readonly size: number,
    readonly steps: number,
    private readonly bias: ArrayLike<number>,
  ) {
    this.vth = thresholdOf(neuron);
    this.spikes = new Uint16Array(steps * size);
    this.u = new Int32Array(steps * size);
    this.v = new Int32Array(steps * size);
    this.vBeforeReset = new Int32Array(steps * size);
    this.cut = new Uint8Array(steps * size);
    this.blocked = new Uint8Array(size);
  }

  /** Step r: `q` [n] is the unwrapped sum of what arrives. Source: design §4. */
  step(r: number, q: Float64Array, onWrap: OnWrap): void {
    const { decayU, decayV, refractory } = this.neuron;
    const [now, before] = [(r - 1) * this.size, (r - 2) * this.size];
    for (let i = 0; i < this.size; i++) {
      const qWrapped = wrapTo(q[i], WIDTH.q);
      if (qWrapped !== q[i]) onWrap("q", r, i);
      const uRaw = decayed(r > 1 ? this.u[before + i] : 0, decayU) + qWrapped;
      const u = wrapTo(uRaw, WIDTH.u);
      if (u !== uRaw) onWrap("u", r, i);
      const drive = wrapTo(u + this.bias[i], WIDTH.u);
      if (drive !== u + this.bias[i]) onWrap("u+bias", r, i);
      const vRaw = decayed(r > 1 ? this.v[before + i] : 0, decayV) + drive;
      const isBlocked = this.blocked[i] > 0;
      const v = isBlocked ? 0 : clipVoltage(vRaw);
      const spike = v > this.vth;
      this.u[now + i] = u;
      this.vBeforeReset[now + i] = v;
      this.v[now + i] = spike ? 0 : v;
      this.spikes[now + i] = spike ? 1 : 0;
      this.cut[now + i] = isBlocked || v !== vRaw ? 1 : 0;
      if (spike) this.blocked[i] = refractory - 1;
      else if (isBlocked) this.blocked[i]--;
    }
  }

  /** The reverse of this presentation; call `step` of it for r = S…1. */
  reverse(): PopulationReverse {
    return new PopulationReverse(this, this.neuron);
  }
}

/** Carries gradients back through one presentation, last step first. */
export class PopulationReverse {
  /** [n] gradient of the bias integers, summed over the steps so far. */
  readonly bias: Float64Array;
  /** [n] gradient of q at the step done last. */
  readonly q: Float64Array;
  private readonly gv: Float64Array;
  private readonly gu: Float64Array;
  private readonly keepU: number;
  private readonly keepV: number;

  constructor(
    private readonly forward: Population,
    neuron: LoihiNeuron,
  ) {
    this.bias = new Float64Array(forward.size);
    this.q = new Float64Array(forward.size);
    this.gv = new Float64Array(forward.size);
    this.gu = new Float64Array(forward.size);
    this.keepU = (DECAY_ONE - neuron.decayU) / DECAY_ONE;
    this.keepV = (DECAY_ONE - neuron.decayV) / DECAY_ONE;
  }

  /** @param gSpikes gradient of the spikes; entries [offset, offset + n) are those of step r
   *  @param gCurrent [n] gradient of u of this step from outside, or null */
  step(r: number, gSpikes: Float64Array, offset: number, gCurrent: Float64Array | null): void {
    const { size, vth, spikes, vBeforeReset, cut } = this.forward;
    const row = (r - 1) * size;
    for (let i = 0; i < size; i++) {
      // The reset factor (1 − spike) is a constant: no gradient through it (design §4).
      let g = spikes[row + i] ? 0 : this.gv[i];
      g += gSpikes[offset + i] * spikeSlope(vBeforeReset[row + i], vth);
      if (cut[row + i]) g = 0;
      this.bias[i] += g;
      const gu = g + this.gu[i] + (gCurrent ? gCurrent[i] : 0);
      this.q[i] = gu;
      this.gv[i] = g * this.keepV;
      this.gu[i] = gu * this.keepU;
    }
  }
}
