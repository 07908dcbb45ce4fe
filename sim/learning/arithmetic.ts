import { WIDTH } from "../../hw/limits.js";
import { clip } from "../../src/base/int.js";
import type { PlannedFactor } from "./learning-state.js";

const ACC_LIMIT = 2 ** (WIDTH.accumulator - 1);

/** Limits to 16 bits signed; it saturates. Design §6, step 6. */
export const clip16 = (x: number): number => clip(x, -ACC_LIMIT, ACC_LIMIT - 1);

/** (variable + constant) limited to −2^bits … 2^bits − 1, or its sign. */
export function factorValue(factor: PlannedFactor, value: number): number {
  const sum = value + factor.constant;
  if (factor.sign) return Math.sign(sum);
  return clip(sum, -factor.limit, factor.limit - 1);
}

/** One product: shifted down (floors), up, and saturated. Design §6; loihi-facts §3.5 (10).
 *  @param raw mantissa·Π factors, exact
 *  @param downScale 2^−shift, @param upScale 2^(s+7): exact factors, as powers would be slow */
export const productValue = (raw: number, downScale: number, upScale: number): number =>
  clip16(Math.floor(raw * downScale) * upScale);

/** floor((acc + draw)/2^(7+lsb))·2^lsb, limited: stochastic rounding of the accumulator (1/128 units) to a grid of 2^lsb.
 *  @param random 32 random bits; the top 7 + lsb count */
export function roundStochastic(acc: number, random: number, lsb: number, min: number, max: number): number {
  const bits = WIDTH.trace + lsb;
  return clip(((acc + (random >>> (32 - bits))) >> bits) << lsb, min, max);
}
