import { describe, expect, it } from "vitest";
import { draw32, drawBits, Rng } from "../../src/base/rng.js";
import { hasShared, readShared } from "../support/shared.js";

describe("random generator", () => {
  it("draws the two vectors of the design", () => {
    expect(drawBits(16, 1, 2, 3, 4)).toBe(31542);
    expect(draw32(123456789, 1, 100, 1023)).toBe(3525706073);
  });

  it.skipIf(!hasShared)("draws every row of golden/soel_chip.json", () => {
    const { draws } = readShared<{ draws: number[][] }>("golden/soel_chip.json");
    expect(draws.length).toBeGreaterThan(0);
    for (const [bits, seed, stream, t, i, expected] of draws) {
      expect(drawBits(bits, seed, stream, t, i)).toBe(expected);
    }
  });

  it("resumes from its counter to the same sequence", () => {
    const rng = new Rng(7, 0x10000, 3);
    rng.normal();
    const resumed = new Rng(7, 0x10000, 3, rng.counter);
    expect(Array.from({ length: 5 }, () => resumed.uint32())).toEqual(Array.from({ length: 5 }, () => rng.uint32()));
  });
});
