import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import type { InputContract } from "../../hw/image.js";
import { encodeSample } from "../../src/replay/encode-sample.js";

/** N-MNIST's file format, written here byte by byte: x, y, polarity bit and 23 bits of µs. */
const nmnist = (...events: [x: number, y: number, on: number, tUs: number][]): Uint8Array =>
  Uint8Array.from(events.flatMap(([x, y, on, t]) => [x, y, (on << 7) | (t >> 16), (t >> 8) & 0xff, t & 0xff]));

const contract = {
  sensor: { width: 34, height: 34 }, crop: { x: 0, y: 0, width: 32, height: 32 }, downsample: 2, compose: 2,
  timestepUs: 1000, mode: "binary", shape: [2, 16, 32], steps: 100,
} as unknown as InputContract;

const entries = (s: ReturnType<typeof encodeSample>): number[][] => {
  const [, , height, width] = s.shape;
  return Array.from(s.channel, (c, k) => [
    s.rowStart.findIndex((end) => end > k) - 1, Math.floor(c / (height * width)), Math.floor(c / width) % height, c % width, s.count[k],
  ]);
};

describe("encodeSample", () => {
  it("crops, halves and bins by the contract, and shows a single recording in both places", () => {
    const bytes = nmnist([4, 6, 1, 500], [5, 7, 1, 900], [33, 33, 0, 950], [31, 0, 0, 2100]);
    const sample = encodeSample(contract, [{ name: "a.bin", bytes }]);
    expect(sample.shape).toEqual([100, 2, 16, 32]);
    // [step, polarity, y, x, count]: pixel (33, 33) lies outside the crop.
    expect(entries(sample)).toEqual([[0, 1, 3, 2, 2], [0, 1, 3, 18, 2], [2, 0, 0, 15, 1], [2, 0, 0, 31, 1]]);
  });

  it("sets two recordings side by side, the first on the left", () => {
    const sample = encodeSample(contract, [
      { name: "a.bin", bytes: nmnist([0, 0, 1, 10], [0, 0, 1, 20]) }, { name: "b.bin", bytes: nmnist([2, 2, 0, 10], [2, 2, 0, 20]) },
    ]);
    expect(entries(sample)).toEqual([[0, 0, 1, 17, 2], [0, 1, 0, 0, 2]]);
  });

  it("reads a recording whose clock starts late from its first event", () => {
    const sample = encodeSample(contract, [{ name: "a.bin", bytes: nmnist([0, 0, 1, 5_000_000], [0, 0, 1, 5_003_000]) }]);
    expect(entries(sample).map(([step]) => step)).toEqual([0, 0, 3, 3]);
  });

  const refusal = (files: Uint8Array[], of = contract): UserError => {
    try {
      encodeSample(of, files.map((bytes, k) => ({ name: `f${k}.bin`, bytes })));
    } catch (error) {
      if (error instanceof UserError) return error;
      throw error;
    }
    throw new Error("not refused");
  };

  it("refuses another sensor with what to crop and scale (E-TEACH-003)", () => {
    // All events far outside 34×34: a 152×120 recording, as N-Caltech101 has them.
    const error = refusal([nmnist([151, 119, 1, 10], [100, 100, 1, 20], [100, 50, 0, 30])]);
    expect(error.code).toBe("E-TEACH-003");
    expect(error.message).toContain("f0.bin: a recording of 152×120 pixels");
    expect(error.message).toContain("crop it to 102×102 around the action, then scale it down by 3 to 34×34");
  });

  it("refuses a wrong number of recordings in one sample (E-TEACH-004)", () => {
    const bytes = nmnist([0, 0, 1, 10], [0, 0, 1, 20]);
    expect(refusal([bytes, bytes, bytes]).code).toBe("E-TEACH-004");
    const single = { ...contract, compose: 1, shape: [2, 16, 16] } as unknown as InputContract;
    expect(refusal([bytes, bytes], single).message).toContain("2 recordings for one sample; allowed: one");
  });

  it("refuses a recording without an event in its window (E-TEACH-005)", () => {
    expect(refusal([nmnist([33, 33, 1, 10], [33, 33, 1, 20])]).message).toContain("no event in the first 100 ms");
  });

  it("refuses a file that is cut short, in one sentence that names it", () => {
    const bytes = nmnist([0, 0, 1, 10], [0, 0, 1, 20]);
    expect(refusal([bytes.subarray(0, 8)]).message).toMatch(/^f0\.bin, byte 5: the file ends within an event/);
  });
});
