import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { assetPath } from "../../src/base/node/package-root.js";
import { unpackNmnist } from "../../src/events/embedded-nmnist.js";
import { loadNmnist } from "../../src/events/node/embedded-nmnist.js";
import { UserError } from "../../src/base/errors.js";
import { readFileBytes } from "../../src/base/node/files.js";
import { hasShared, sharedPath } from "../support/shared.js";

const WINDOW_US = 100_000;

/** The 5-byte events of one file, read here by the format's own words and not by our decoder. */
function eventsBefore(bytes: Uint8Array, endUs: number): number[][] {
  const events: number[][] = [];
  for (let i = 0; i + 5 <= bytes.length; i += 5) {
    const word = [...bytes.subarray(i, i + 5)].reduce<bigint>((sum, b) => sum * 256n + BigInt(b), 0n);
    const t = Number(word & 0x7fffffn);
    if (t < endUs) events.push([t, Number(word >> 32n), Number((word >> 24n) & 0xffn), Number((word >> 23n) & 1n)]);
  }
  return events;
}

describe("the embedded N-MNIST recordings", () => {
  it("are 800, one for each of MNIST's first 800 training images, 34×34 and within the first 100 ms", () => {
    const recordings = loadNmnist();
    expect(recordings.map((r) => r.index)).toEqual(Array.from({ length: 800 }, (_, k) => k + 1));
    for (const { stream, label } of recordings) {
      expect(label).toBeLessThan(10);
      expect([stream.width, stream.height]).toEqual([34, 34]);
      expect(stream.tUs.length).toBeGreaterThan(100);
      expect(stream.tUs[stream.tUs.length - 1]).toBeLessThan(WINDOW_US);
    }
  });

  it.skipIf(!hasShared)("equal those of the zip event by event", () => {
    const zip = unzipSync(readFileBytes(sharedPath("data/nmnist/nmnist-real-800.zip")));
    const byIndex = new Map(loadNmnist().map((r) => [r.index, r]));
    for (const [path, bytes] of Object.entries(zip)) {
      const [, digit, file] = path.split("/");
      const recording = byIndex.get(Number.parseInt(file, 10));
      expect(recording?.label, path).toBe(Number(digit));
      const expected = eventsBefore(bytes, WINDOW_US);
      const s = recording!.stream;
      let differences = s.tUs.length === expected.length ? 0 : 1;
      expected.forEach(([t, x, y, on], i) => {
        if (s.tUs[i] !== t || s.x[i] !== x || s.y[i] !== y || s.polarity[i] !== on) differences++;
      });
      expect(differences, path).toBe(0);
    }
  });

  it("refuse a file with one bit flipped", () => {
    const damaged = readFileBytes(assetPath("nmnist-800.bin")).slice();
    damaged[damaged.length - 9] ^= 4;
    expect(() => unpackNmnist(damaged, "nmnist-800.bin")).toThrow(UserError);
  });
});
