import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findDamage, partCheck } from "../../src/base/damage.js";

const content = Uint8Array.from({ length: 10_000 }, (_, k) => (k * 37 + (k >> 8)) & 0xff);
const check = partCheck(content);

describe("findDamage", () => {
  it("finds nothing in an undamaged file, an empty one too", () => {
    expect(findDamage(content.slice(), check)).toBeNull();
    expect(findDamage(new Uint8Array(0), partCheck(new Uint8Array(0)))).toBeNull();
  });

  it("names any single flipped bit by its byte, exactly", () => {
    fc.assert(fc.property(fc.nat(content.length - 1), fc.nat(7), (byte, bit) => {
      const damaged = content.slice();
      damaged[byte] ^= 1 << bit;
      const damage = findDamage(damaged, check);
      expect(damage).toMatchObject({ byte, exact: true });
      expect(damage?.found).toContain(`byte ${byte} is`);
    }), { numRuns: 60 });
  });

  it("says where a file is cut short, or goes on", () => {
    expect(findDamage(content.subarray(0, 5000), check)).toMatchObject({ byte: 5000, found: "cut short at byte 5000 of 10000" });
    const longer = new Uint8Array(10_003);
    longer.set(content);
    expect(findDamage(longer, check)).toMatchObject({ byte: 10_000, found: "3 bytes too many from byte 10000 on" });
  });

  it("gives the first damaged block where several bytes changed, and never calls that exact", () => {
    fc.assert(fc.property(fc.uniqueArray(fc.nat(content.length - 1), { minLength: 2, maxLength: 5 }), (bytes) => {
      const damaged = content.slice();
      for (const byte of bytes) damaged[byte] ^= 0x55;
      const damage = findDamage(damaged, check);
      const first = Math.min(...bytes);
      expect(damage?.exact).toBe(false);
      expect(first - (damage?.byte ?? -1)).toBeGreaterThanOrEqual(0);
      expect(first - (damage?.byte ?? -1)).toBeLessThan(4096);
    }), { numRuns: 40 });
  });

  it("finds two bytes that trade places: the plain sum is the same, the weighted one is not", () => {
    const damaged = content.slice();
    [damaged[4100], damaged[4101]] = [damaged[4101], damaged[4100]];
    expect(findDamage(damaged, check)).toMatchObject({ byte: 4096, exact: false });
  });
});
