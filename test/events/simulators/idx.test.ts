import { gzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { parseIdxImages, parseIdxLabels } from "../../../src/events/simulators/mnist-idx.js";

const images = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 10, 20, 30, 40]);
const labels = Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]);

describe("IDX files", () => {
  it("are read plain and gzipped", () => {
    for (const bytes of [images, gzipSync(images)]) {
      expect(parseIdxImages(bytes, "i")).toEqual({ count: 2, rows: 2, columns: 1, pixels: Uint8Array.from([10, 20, 30, 40]) });
    }
    expect([...parseIdxLabels(labels, "l")]).toEqual([7, 8, 9]);
  });

  it("are refused where the header is another, the length wrong, or the gzip damaged", () => {
    expect(() => parseIdxImages(labels, "l")).toThrow(/l: no IDX file of that kind.*0x00000803.*E-CAM-002/);
    expect(() => parseIdxLabels(images.subarray(0, 5), "i")).toThrow(/E-CAM-002/);
    expect(() => parseIdxImages(images.subarray(0, 19), "i")).toThrow(/i: 19 bytes; allowed: 20 by its header.*E-CAM-002/);
    expect(() => parseIdxImages(gzipSync(images).subarray(0, 20), "i")).toThrow(/cannot be decompressed.*E-CAM-002/);
  });
});
