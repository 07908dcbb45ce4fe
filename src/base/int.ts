/** Exact integer helpers of the simulated chip. The engines do not use this file: trainer and simulator are two
 *  independent writings of the same arithmetic (design §3). */

/** Two's complement wrap of an integer to `bits` bits: result in [−2^(bits−1), 2^(bits−1)−1]. Exact for |x| < 2^53. */
export function wrap(x: number, bits: number): number {
  const size = 2 ** bits;
  const half = size / 2;
  const shifted = (x + half) % size;
  return (shifted < 0 ? shifted + size : shifted) - half;
}

/** Limits x to [low, high]. */
export const clip = (x: number, low: number, high: number): number => (x < low ? low : x > high ? high : x);

/** Arithmetic shift right that floors, for any |x| < 2^53 (JavaScript's `>>` cuts to 32 bits first). */
export const floorShift = (x: number, bits: number): number => Math.floor(x / 2 ** bits);

/** Integer division rounding toward zero; exact for |x| < 2^53. Never −0. */
export const divideTowardZero = (x: number, divisor: number): number => Math.trunc(x / divisor) + 0;
