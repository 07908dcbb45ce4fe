import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { readChipProblem } from "../../src/cli/bench/chip-problem.js";

const folder = mkdtempSync(join(tmpdir(), "chip-problem-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A .npy as numpy writes it: magic, version 1, header padded to 64 bytes. */
function npy(values: readonly number[], shape: readonly number[], descr = "<i8"): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11, " ")}\n`;
  const data = descr === "|u1" ? Uint8Array.from(values) : new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return Uint8Array.from([
    0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length & 255, header.length >> 8, ...new TextEncoder().encode(header), ...data,
  ]);
}

function save(name: string, arrays: Record<string, Uint8Array>): string {
  const path = join(folder, name);
  writeFileSync(path, zipSync(Object.fromEntries(Object.entries(arrays).map(([key, bytes]) => [`${key}.npy`, bytes]))));
  return path;
}

const POOL = [0, 2, 0, 2, 4096, 4096, 63];

describe("the peers' speed problems", () => {
  it("come over with their integers: layers, weights, input and what the peers' reference counted", () => {
    const raster = Array.from({ length: 3 * 8 }, (_, k) => (k === 1 || k === 14 ? 1 : 0));
    const problem = readChipProblem(save("network.npz", {
      raster: npy(raster, [3, 2, 2, 2], "|u1"), counts: npy([4, 2, 1], [3]), out: npy([0, 0, 1], [3, 1], "|u1"),
      w0: npy([2, -4], [1, 2, 1, 1]), m0: npy([0, 1, 0, 1, 1024, 256, 700], [7]),
      w1: npy([64, 64, 64, 64], [1, 1, 2, 2]), m1: npy(POOL, [7]), w2: npy([6], [1, 1, 1, 1]), m2: npy([1, 1, 0, 1, 1024, 256, 99], [7]),
    }));
    if (problem.kind !== "network") throw new Error("no network");
    expect(problem.layers.map((layer) => layer.kind)).toEqual(["conv", "pool", "dense"]);
    expect(problem.quantized.map(({ mantissa }) => [...mantissa])).toEqual([[2, -4], [6]]);
    expect(problem.layers[2]).toMatchObject({ outputs: 1, loihi: { decayU: 1024, decayV: 256, vthMant: 99, refractory: 1 } });
    expect([...problem.frames.rowStart]).toEqual([0, 1, 2, 2]);
    expect([...problem.frames.channel]).toEqual([1, 6]);
    expect(problem.expected).toEqual({ spikesPerLayer: [4, 2, 1], output: [0, 0, 1] });
    const plastic = readChipProblem(save("plastic.npz", { stimulus: npy([0, 1, 1, 0, 0, 0], [2, 3], "|u1"), weights: npy([2, 4, 6, -8, 0, 2], [2, 3]) }));
    expect(plastic).toMatchObject({ kind: "plastic", inputs: 3, outputs: 2, steps: 2, weights: [2, 4, 6, -8, 0, 2] });
  });

  it("are refused with the file and what is missing (E-BENCH-001)", () => {
    const text = join(folder, "text.npz");
    writeFileSync(text, "no zip");
    expect(() => readChipProblem(text)).toThrow(/text\.npz.*not an \.npz file.*E-BENCH-001/s);
    expect(() => readChipProblem(save("empty.npz", {}))).toThrow(/no array "raster".*E-BENCH-001/s);
    expect(() => readChipProblem(save("float.npz", { raster: npy([1], [1], "<f8") }))).toThrow(/<f8.*E-BENCH-001/s);
    const strided = { raster: npy([0], [1, 1, 1, 1], "|u1"), counts: npy([0], [1]), out: npy([0], [1, 1], "|u1"), w0: npy([3, 64, 64, 64], [1, 1, 2, 2]), m0: npy(POOL, [7]) };
    expect(() => readChipProblem(save("strided.npz", strided))).toThrow(/layer0.*no OR pool.*E-BENCH-001/s);
  });
});
