import { describe, expect, it } from "vitest";
import {
  decayed,
  effectiveWeight,
  learn,
  stepTrace,
  windowError,
  wrapTo,
} from "../../../src/engines/reference/chip-arithmetic.js";
import type { Learned } from "../../../src/engines/reference/chip-arithmetic.js";
import { Population } from "../../../src/engines/reference/population.js";
import { hasShared, readShared } from "../../support/shared.js";

type Row = number[];
interface Branches {
  learn: Row[];
  err: Row[];
  x1: Row[];
  cell: [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number[],
    number[],
    number[],
    number[],
    number[],
  ][];
}
const { branches } = hasShared
  ? readShared<{ branches: Branches }>("golden/maml_loihi_soel_small.json")
  : { branches: { learn: [], err: [], x1: [], cell: [] } as Branches };
const noWrap = (): void => {};

describe("the chip's scalar operations", () => {
  it("decay toward zero from both sides", () => {
    expect(decayed(5, 2048)).toBe(2);
    expect(decayed(-5, 2048)).toBe(-2);
    expect(decayed(-1234567, 0)).toBe(-1234567);
  });

  it("wrap at the edges of two's complement", () => {
    expect([2 ** 21, 2 ** 21 - 1, -(2 ** 21), -(2 ** 21) - 1].map((x) => wrapTo(x, 22))).toEqual([
      -(2 ** 21),
      2 ** 21 - 1,
      -(2 ** 21),
      2 ** 21 - 1,
    ]);
  });

  it("floor a mantissa that its exponent shifts below one", () => {
    expect(effectiveWeight(-3, -1)).toBe(-128);
    expect(effectiveWeight(3, -1)).toBe(64);
  });
});

// Outside witness: rows computed by PyTorch, checked in numpy (golden/README.md).
describe.skipIf(!hasShared)("every zero of the straight-through rules, and its neighbors", () => {
  it.each(branches.learn)("learn: bits %d, w %d, x1 %d, e %d, m %d, s %d, draw %d", (...row) => {
    const [bits, w, x1, e, mant, exp, draw, expected, byW, byX1, byE, byRho] = row;
    const out: Learned = { w, saturated: false, productSaturated: 0, floored: 0 };
    if (e !== 0) learn(out, w, [{ mant, exp, trace: 0 }], () => x1, e, bits, draw);
    const all = out.saturated ? 0 : 1;
    const product = out.saturated || out.productSaturated ? 0 : 1;
    const rho = mant * 2 ** exp;
    expect([
      out.w,
      all,
      (product * rho * e) / 8 + 0,
      (product * rho * x1) / 8 + 0,
      (product * x1 * e) / 8 + 0,
    ]).toEqual([expected, byW, byX1 + 0, byE + 0, byRho + 0]);
  });

  it.each(branches.err)("error: gamma %d, c %d, target %d, theta %d", (...row) => {
    const [gamma, c, target, theta, e, byCount, byTarget, byTheta] = row;
    const found = windowError(gamma, c, target, theta);
    expect(found.e).toBe(e);
    expect(found.byCount + 0).toBeCloseTo(byCount + 0, 12);
    expect(found.byTarget).toBeCloseTo(byTarget, 12);
    expect(found.byTheta + 0).toBeCloseTo(byTheta + 0, 12);
  });

  it.each(branches.x1)("trace: x1 %d, arrival %d, dx %d, imp %d, draw %d", (...row) => {
    const [x1, arrival, dx, imp, draw, expected, byX1, bySpike] = row;
    const found = stepTrace(x1, arrival > 0, dx, imp, draw);
    expect(found).toBe(expected);
    const open = found === 127 ? 0 : 1;
    expect([(open * dx) / 65536, open * imp]).toEqual([byX1, bySpike]);
  });

  it.each(branches.cell)(
    "cell: δu %d, δv %d, vthMant %d, R %d, bias %d, q %d, %d",
    (decayU, decayV, vthMant, refractory, bias, q1, q2, u, v, spikes, bySpikes) => {
      const cell = new Population({ decayU, decayV, vthMant, refractory, biasExp: 0 }, 1, 2, [bias]);
      cell.step(1, Float64Array.of(q1), noWrap);
      cell.step(2, Float64Array.of(q2), noWrap);
      expect([[...cell.u], [...cell.v], [...cell.spikes]]).toEqual([u, v, spikes]);
      const reverse = cell.reverse();
      const byQ = [2, 1].map((r) => {
        reverse.step(r, Float64Array.of(1), 0, null);
        return reverse.q[0];
      });
      const found = [byQ[1], byQ[0], reverse.bias[0]];
      for (const [k, value] of found.entries()) {
        expect(Math.abs(value - bySpikes[k])).toBeLessThanOrEqual(1e-12 * Math.abs(value));
      }
    },
  );
});
