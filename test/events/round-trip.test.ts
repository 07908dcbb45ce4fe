import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAny } from "../../src/events/decode-any.js";
import { RecordingReader } from "../../src/events/decode.js";
import type { FormatName } from "../../src/events/decoder.js";
import { detectFormat } from "../../src/events/detect.js";
import { encodeEvents, WRITABLE } from "../../src/events/write.js";
import { plain, streams } from "./support.js";

/** Format → sensor and clock that it can hold; the size is checked where the file names it. */
const HELD: Readonly<Record<string, readonly [number, number, number, boolean]>> = {
  nmnist: [34, 34, 2 ** 23, true], aedat2: [240, 180, 2 ** 31, true], aedat3: [128, 128, 2 ** 40, true], aedat4: [346, 260, 2 ** 50, true],
  evt2: [1280, 720, 2 ** 33, true], "evt2.1": [1280, 720, 2 ** 33, true], evt3: [1280, 720, 2 ** 24, true], dat: [304, 240, 2 ** 31, true],
  es: [320, 240, 2 ** 22, true], mat5: [240, 180, 2 ** 40, true], hdf5: [500, 400, 2 ** 40, false], npy: [500, 400, 2 ** 40, false],
  npz: [500, 400, 2 ** 40, false], csv: [500, 400, 2 ** 40, true],
};

describe("writing and reading back", () => {
  it.each(WRITABLE)("%s gives the same events, and its content says what it is", async (format: FormatName) => {
    const [width, height, endUs, keepsSize] = HELD[format];
    await fc.assert(fc.asyncProperty(streams(width, height, endUs), async (stream) => {
      const bytes = await encodeEvents(stream, format, "out");
      expect(detectFormat(bytes, "no-ending")).toBe(format);
      const back = await decodeAny(bytes, { name: "out" });
      expect(plain(back.stream)).toEqual(plain(stream));
      if (keepsSize) expect([back.stream.width, back.stream.height]).toEqual([width, height]);
    }), { seed: 5, numRuns: 25 });
  }, 30_000);

  it.each(WRITABLE.filter((f) => f !== "hdf5"))("%s read in pieces of any size gives the same as read at once", async (format) => {
    const [width, height, endUs] = HELD[format];
    await fc.assert(fc.asyncProperty(streams(width, height, endUs, 60), fc.integer({ min: 1, max: 97 }), async (stream, piece) => {
      const bytes = await encodeEvents(stream, format, "out");
      const seen = { t: [] as number[], x: [] as number[], y: [] as number[], p: [] as number[] };
      const reader = new RecordingReader({ name: "out", width, height }, ({ t, x, y, on, length }) => {
        for (let i = 0; i < length; i++) [seen.t, seen.x, seen.y, seen.p].forEach((c, k) => { c.push([t, x, y, on][k][i]); });
      });
      // Formats are told apart by the first piece, so that one must hold the header.
      const first = Math.min(bytes.length, 1500);
      reader.push(bytes.subarray(0, first), first === bytes.length);
      for (let at = first; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece), at + piece >= bytes.length);
      expect(seen).toEqual(plain(stream));
    }), { seed: 6, numRuns: 15 });
  }, 30_000);
});
