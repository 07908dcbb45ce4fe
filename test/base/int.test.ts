import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clip, divideTowardZero, floorShift, wrap } from "../../src/base/int.js";

const safe = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });

describe("integer helpers agree with BigInt", () => {
  it("wraps to two's complement as BigInt.asIntN does", () => {
    fc.assert(fc.property(safe, fc.integer({ min: 2, max: 48 }), (x, bits) => {
      expect(wrap(x, bits)).toBe(Number(BigInt.asIntN(bits, BigInt(x))));
    }), { seed: 1, numRuns: 2000 });
  });

  it("wraps 2^23 to −2^23 in 24 bits", () => {
    expect(wrap(2 ** 23, 24)).toBe(-(2 ** 23));
    expect(wrap(-(2 ** 23) - 1, 24)).toBe(2 ** 23 - 1);
  });

  it("floors where it shifts", () => {
    fc.assert(fc.property(safe, fc.integer({ min: 0, max: 40 }), (x, bits) => {
      expect(BigInt(floorShift(x, bits))).toBe(BigInt(x) >> BigInt(bits));
    }), { seed: 2, numRuns: 2000 });
  });

  it("divides toward zero, never giving −0", () => {
    fc.assert(fc.property(safe, fc.integer({ min: 1, max: 1 << 20 }), (x, divisor) => {
      const quotient = divideTowardZero(x, divisor);
      expect(BigInt(quotient)).toBe(BigInt(x) / BigInt(divisor));
      expect(Object.is(quotient, -0)).toBe(false);
    }), { seed: 3, numRuns: 2000 });
  });

  it("clips to both ends", () => {
    expect([clip(-5, -3, 3), clip(5, -3, 3), clip(2, -3, 3)]).toEqual([-3, 3, 2]);
  });
});
