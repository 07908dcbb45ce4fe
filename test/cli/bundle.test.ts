import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync, existsSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { compileNetwork } from "../../compiler/pipeline.js";
import { encodeImage } from "../../hw/image-codec.js";
import { CheckFailed, UserError } from "../../src/base/errors.js";
import { BUNDLE_PART, checkBundle, readBundle, writeBundle } from "../../src/cli/bundle.js";
import { crcHex } from "../../src/cli/part-sums.js";
import { conv, dense, geometry, network, quantized } from "../compiler/networks.js";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-bundle-"));
const path = join(folder, "bundle");
const { image } = compileNetwork(
  quantized(network("small", [2, 6, 6], [conv("c1", 4, 3, 1, 1), dense("out", 3)])),
  geometry,
);
const files = {
  [BUNDLE_PART.image]: encodeImage(image),
  [BUNDLE_PART.source]: new TextEncoder().encode(image.embedded.source),
  [BUNDLE_PART.elf]: image.embedded.elf,
};
beforeEach(() => writeBundle(path, files));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Changes one bit of a part on disk. */
function flip(part: string, byte: number, bit: number): void {
  const bytes = readFileSync(join(path, part));
  bytes[byte] ^= 1 << bit;
  writeFileSync(join(path, part), bytes);
}

describe("a bundle", () => {
  it("reads back as it was written", () => {
    const bundle = readBundle(path);
    expect(bundle.image).toEqual(image);
    expect(Object.keys(bundle.files).sort()).toEqual(Object.keys(files).sort());
  });

  it("replaces a bundle but nothing else", () => {
    writeBundle(path, files);
    const other = join(folder, "other");
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, "thesis.txt"), "mine");
    expect(() => writeBundle(other, files)).toThrow(/E-FILE-012/);
    expect(readFileSync(join(other, "thesis.txt"), "utf8")).toBe("mine");
    expect(existsSync(join(other, "manifest.json"))).toBe(false);
  });

  it("names the part and the byte of one flipped bit, wherever it is", () => {
    const sizes = Object.entries(files).map(([name, bytes]) => [name, bytes.length] as const);
    fc.assert(
      fc.property(fc.constantFrom(...sizes), fc.nat(), fc.nat({ max: 7 }), ([part, size], where, bit) => {
        writeBundle(path, files);
        flip(part, where % size, bit);
        expect(checkBundle(path)).toMatchObject([{ part, byte: where % size }]);
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  it("names the manifest where a bit of it is flipped", () => {
    const size = readFileSync(join(path, "manifest.json")).length;
    fc.assert(
      fc.property(fc.nat({ max: size - 1 }), fc.nat({ max: 6 }), (byte, bit) => {
        writeBundle(path, files);
        flip("manifest.json", byte, bit);
        expect(checkBundle(path).length).toBeGreaterThan(0);
      }),
      { numRuns: 60, seed: 6 },
    );
    writeBundle(path, files);
    const at = readFileSync(join(path, "manifest.json"), "utf8").indexOf('"sha256": "') + 12;
    flip("manifest.json", at, 0);
    expect(checkBundle(path)).toMatchObject([{ part: "manifest.json", byte: at }]);
  });

  it("fails the check, E-BUNDLE-002, with the part and the byte", () => {
    flip(BUNDLE_PART.image, 777, 3);
    expect(() => readBundle(path)).toThrow(CheckFailed);
    expect(() => readBundle(path)).toThrow(/image\.mlh: damaged at byte 777.*E-BUNDLE-002/);
  });

  it("says what is missing, cut short, or was added", () => {
    writeFileSync(join(path, BUNDLE_PART.elf), image.embedded.elf.subarray(0, 100));
    writeFileSync(join(path, "extra.txt"), "x");
    unlinkSync(join(path, BUNDLE_PART.source));
    expect(checkBundle(path)).toMatchObject([
      { part: "program.c", found: "it is missing" },
      { part: "program.elf", byte: 100 },
      { part: "extra.txt" },
    ]);
  });

  it("tells what is no bundle, E-BUNDLE-001", () => {
    for (const what of [join(folder, "nowhere"), folder, join(path, "manifest.json")]) {
      expect(() => readBundle(what)).toThrow(UserError);
      expect(() => readBundle(what)).toThrow(/E-BUNDLE-001/);
    }
  });
});

describe("crcHex", () => {
  it("is the CRC-32 of zip", () => {
    expect(crcHex(new TextEncoder().encode("123456789"))).toBe("cbf43926");
  });
});
