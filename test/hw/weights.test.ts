import { describe, expect, it } from "vitest";
import { nengoAxonBits } from "../../hw/synapse-words.js";
import type { SynapseFormat } from "../../hw/image.js";
import { WEIGHT_BITS_BY_CODE } from "../../hw/limits.js";
import { decodeMantissa, effectiveWeight, encodeMantissa, isRepresentable, mantissaGrid, weightBitsCode } from "../../hw/weights.js";
import { hasShared, readShared } from "../support/shared.js";

const read = <T>(path: string): T | null => (hasShared ? readShared<T>(path) : null);
const MODES = { MIXED: 1, EXCITATORY: 2, INHIBITORY: 3 } as const;
const stepOf = (bits: number, mode: number) => 2 ** (8 - bits + (mode === 1 ? 1 : 0));

describe.skipIf(!hasShared)("effective weights of Brian2Loihi", () => {
  const file = read<{ rows: { sign_mode: 1 | 2 | 3; num_weight_bits: number; w_exp: number; w: number[]; w_act: number[] }[] }>("golden/weights_brian2loihi.json");
  it("agree for all 168 combinations of sign mode, bits and exponent", () => {
    for (const { sign_mode, num_weight_bits, w_exp, w, w_act } of file!.rows) {
      const step = stepOf(num_weight_bits, sign_mode);
      // The peer truncates to its grid first, toward zero; only mantissas on the grid ever reach our chip.
      // It limits the sum's one extreme, −256·2^7, as well; nengo-loihi and design §4 do not.
      const ours = w.map((value) => Math.max(-(2 ** 21) + 64, effectiveWeight(Math.trunc(value / step) * step, w_exp)) + 0);
      expect(ours, `mode ${sign_mode}, ${num_weight_bits} bits, exponent ${w_exp}`).toEqual(w_act.map((x) => x + 0));
    }
  });
});

describe.skipIf(!hasShared)("effective weights of nengo-loihi", () => {
  const file = read<{
    discretize: { weight_bits_code: number; real_bits: number; fanout_type: 1 | 2 | 3; weight_exp: number; shift_bits: number; w: number[]; effective: number[] }[];
    bits_per_axon: { rows: [number, number, number, number, number][] };
  }>("golden/weights_nengo.json");

  it("agree wherever the exponent loses no bits, and elsewhere lie one step of 64 nearer zero at most", () => {
    let exact = 0;
    for (const row of file!.discretize) {
      expect(WEIGHT_BITS_BY_CODE[row.weight_bits_code]).toBe(row.real_bits);
      const grid = mantissaGrid(row.real_bits, row.fanout_type);
      expect(grid.lsb).toBe(row.shift_bits);
      const limit = 256 - grid.step;
      row.w.forEach((w, k) => {
        const size = Math.min(limit, Math.round(Math.abs(w) / grid.step) * grid.step);
        // Halves: the peer rounds them to even or away; take the neighbor that it took.
        const candidates = [size, size - grid.step, size + grid.step].filter((m) => m >= 0 && m <= limit).map((m) => m * Math.sign(w) + 0);
        const unit = 2 ** row.weight_exp;
        const match = candidates.find((m) => Number.isInteger(m * unit) && effectiveWeight(m, row.weight_exp) === row.effective[k]);
        if (match !== undefined) exact++;
        else {
          const lossy = candidates.map((m) => effectiveWeight(m, row.weight_exp) - row.effective[k]);
          expect(lossy.some((d) => d === 0 || d === -64), `w ${w}, ${JSON.stringify({ ...row, w: 0, effective: 0 })}`).toBe(true);
        }
      });
    }
    expect(exact).toBeGreaterThan(1000);
  });

  it("count of synapse bits an axon agrees in nengo's accounting", () => {
    for (const [wgtBitsCode, compression, idxBitsCode, count, bits] of file!.bits_per_axon.rows) {
      const format: SynapseFormat = {
        compression: compression === 0 ? "sparse" : "dense", wgtBitsCode, idxBitsCode, skipBits: 0, dlyBits: 0, tagBits: 0, wgtExp: 0,
        fanoutType: 1, cIdxOffset: 0, cIdxMult: 0, learning: false, stdpProfile: 0,
      };
      expect(nengoAxonBits(format, count)).toBe(bits);
    }
  });
});

describe.skipIf(!hasShared)("weights of Lava", () => {
  const file = read<{
    truncate: { sign_mode: keyof typeof MODES; num_weight_bits: number; w: number[]; out: number[] }[];
    optimize: { sign_mode: keyof typeof MODES; w: number[]; weights: number[]; num_weight_bits: number; weight_exp: number }[];
  }>("golden/weights_lava.json");

  it("truncated mantissas are points of our grid, and reach its ends", () => {
    for (const { sign_mode, num_weight_bits, out } of file!.truncate) {
      const grid = mantissaGrid(num_weight_bits, MODES[sign_mode]);
      expect(out.filter((m) => !isRepresentable(m + 0, grid)), `${sign_mode}, ${num_weight_bits} bits`).toEqual([]);
      if (num_weight_bits === 7) continue; // stored as 8: our grid is finer than the peer's
      expect([Math.min(...out) + 0, Math.max(...out) + 0]).toEqual([grid.min + 0, grid.max]);
    }
  });

  it("optimized mantissas and exponents mean the same effective weights here", () => {
    for (const { sign_mode, w, weights, num_weight_bits, weight_exp } of file!.optimize) {
      const grid = mantissaGrid(num_weight_bits, MODES[sign_mode]);
      expect(weights.every((m) => isRepresentable(m, grid))).toBe(true);
      expect(weights.map((m) => effectiveWeight(m, weight_exp))).toEqual(w.map((value) => value * 64));
    }
  });
});

describe("stored weights", () => {
  it("every mantissa of every grid survives its bits", () => {
    for (const bits of [1, 2, 3, 4, 5, 6, 8]) {
      for (const mode of [1, 2, 3] as const) {
        const { min, max, step } = mantissaGrid(bits, mode);
        expect((max - min) / step + 1).toBe(2 ** bits);
        for (let m = min; m <= max; m += step) {
          const code = encodeMantissa(m, bits, mode);
          expect(code).toBeLessThan(2 ** bits);
          expect(decodeMantissa(code, bits, mode) + 0).toBe(m + 0);
        }
      }
    }
  });

  it("has no 7-bit format: 7 bits are stored as 8, and 9 are refused", () => {
    expect(weightBitsCode(7)).toBe(weightBitsCode(8));
    expect(() => weightBitsCode(9)).toThrow(RangeError);
    expect(() => encodeMantissa(3, 8, 1)).toThrow(/grid/);
  });

  it("leaves the lowest weight of the highest exponent as it is: −2^21 fits q's 22 bits (design §4)", () => {
    expect([effectiveWeight(255, 7), effectiveWeight(-256, 7)]).toEqual([255 * 128 * 64, -(2 ** 21)]);
  });
});
