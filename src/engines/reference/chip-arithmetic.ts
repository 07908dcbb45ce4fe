/** The chip's scalar operations with their straight-through derivatives, in float64: every integer that
 *  occurs is below 2^53, so the results are exact. An independent writing of design §4 and §6: nothing here
 *  comes from the simulator. */
import { DECAY_ONE, PRODUCT_DOWN_SHIFT, TRACE_MAX, V_LIMIT, WEIGHT_EXP_BASE } from "../../../hw/limits.js";

/** One step of decay, toward zero: rtz(x·(4096−δ)/4096). Source: design §4. */
export const decayed = (x: number, decay: number): number =>
  Math.trunc((x * (DECAY_ONE - decay)) / DECAY_ONE);

/** Two's complement of `bits` bits: −2^(bits−1)…2^(bits−1)−1. */
export function wrapTo(x: number, bits: number): number {
  const half = 2 ** (bits - 1);
  if (x >= -half && x < half) return x;
  return x - Math.floor((x + half) / (2 * half)) * 2 * half;
}

/** Limits a voltage to ±(2^23−1). */
export const clipVoltage = (v: number): number => Math.min(V_LIMIT, Math.max(-V_LIMIT, v));

/** floor(mantissa·2^wgtExp)·64: what one spike adds to q. */
export const effectiveWeight = (mantissa: number, wgtExp: number): number =>
  Math.floor(mantissa * 2 ** wgtExp) * 2 ** WEIGHT_EXP_BASE;

/** ∂w_eff/∂mantissa of the real-valued formula. */
export const effectiveWeightSlope = (wgtExp: number): number => 2 ** (WEIGHT_EXP_BASE + wgtExp);

/** ∂spike/∂v⁻ = 1/(vth·(10|x|+1)²), x = v⁻/vth − 1. */
export function spikeSlope(vBeforeReset: number, vth: number): number {
  const d = 10 * Math.abs(vBeforeReset / vth - 1) + 1;
  return 1 / (vth * d * d);
}

/** A pre trace after one step; `arrived` once however many spikes. Both derivatives are 0 where the result is
 *  127. */
export function stepTrace(
  x: number,
  arrived: boolean,
  decay: number,
  impulse: number,
  draw16: number,
): number {
  return Math.min(TRACE_MAX, Math.floor((x * decay + draw16) / 65536) + (arrived ? impulse : 0));
}

/** What the program writes at a window's end, less 64, with its derivatives. Source: design §6, step 5. */
export interface WindowError {
  readonly e: number;
  readonly byCount: number;
  readonly byTarget: number;
  readonly byTheta: number;
}

/** e = clip(γ·sign(d)·⌊|d|/θ⌋, ±63), d = target − c; derivatives 0 where clipped. */
export function windowError(gamma: number, count: number, target: number, theta: number): WindowError {
  const d = target - count;
  const raw = gamma * Math.sign(d) * Math.floor(Math.abs(d) / theta);
  const e = Math.min(63, Math.max(-63, raw));
  if (raw !== e) return { e, byCount: 0, byTarget: 0, byTheta: 0 };
  return { e: e + 0, byCount: -gamma / theta, byTarget: gamma / theta, byTheta: (-gamma * d) / theta ** 2 };
}

const clip16 = (x: number): number => Math.min(32767, Math.max(-32768, x));

/** Down-shift of a product with two trace factors, x1 and y1 − 64: 7·2 + 4 − 15 = 3. Source: design §6. */
const DOWN_SHIFT = Math.max(
  0,
  2 * PRODUCT_DOWN_SHIFT.traceBits + PRODUCT_DOWN_SHIFT.mantissaBits - PRODUCT_DOWN_SHIFT.resultBits,
);

/** One product m·2^s · trace · e of a learning rule. */
export interface Product {
  readonly mant: number;
  readonly exp: number;
  /** Which trace it reads. */
  readonly trace: number;
}

/** Result of `learn`: the new weight, and which derivatives hold. */
export interface Learned {
  w: number;
  /** a or w' was changed by its limit: all derivatives are 0. */
  saturated: boolean;
  /** Bit k: product k was changed by its limit: all derivatives through it are 0. */
  productSaturated: number;
  /** The last product after its down-shift, before any limit: 0 or −1 means that its low bits were lost. */
  floored: number;
}

/** One weight at the learning epoch: products one after another, the sum clipped after each, stochastic
 *  rounding, clamped to the grid. `traces` and `e` are integers; draw has N = 16 − bits bits. Written into
 *  `out`, which it returns. Source: design §6, step 6. */
export function learn(
  out: Learned,
  w: number,
  products: readonly Product[],
  traces: (trace: number) => number,
  e: number,
  bits: number,
  draw: number,
): Learned {
  out.saturated = false;
  out.productSaturated = 0;
  let a = 128 * w;
  for (let k = 0; k < products.length; k++) {
    const { mant, exp, trace } = products[k];
    out.floored = Math.floor((mant * traces(trace) * e) / 2 ** DOWN_SHIFT);
    const raw = out.floored * 2 ** (exp + 7);
    const p = clip16(raw);
    if (p !== raw) out.productSaturated |= 1 << k;
    const sum = a + p;
    a = clip16(sum);
    if (a !== sum) out.saturated = true;
  }
  const n = 16 - bits;
  const rounded = Math.floor((a + draw) / 2 ** n) * 2 ** (n - 7);
  out.w = Math.min(256 - 2 ** (9 - bits), Math.max(-256, rounded));
  if (out.w !== rounded) out.saturated = true;
  return out;
}

/** ∂w'/∂trace = ρe/8, ∂w'/∂e = ρ·trace/8, ∂w'/∂ρ = trace·e/8: the common factor 1/8. */
export const PRODUCT_SLOPE = 2 ** -DOWN_SHIFT;
