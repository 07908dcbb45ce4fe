import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { estimate } from "../../compiler/estimate.js";
import { compileNetwork } from "../../compiler/pipeline.js";
import { assetPath } from "../../src/base/node/package-root.js";
import { BUNDLE_PART, writeBundle } from "../../src/cli/bundle.js";
import { inspect } from "../../src/cli/commands/inspect.js";
import { compiledParts } from "../../src/cli/compiled-parts.js";
import { geometry, netB, quantized } from "../compiler/networks.js";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-inspect-"));
const path = join(folder, "bundle");
const compilation = compileNetwork(quantized(netB), geometry);
writeBundle(path, compiledParts(compilation, estimate(netB), new TextEncoder().encode("checkpoint")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Inspected {
  kind: string;
  hashes: Record<string, string>;
  limits: Record<string, number>;
  microcode: string;
  cores: {
    id: number;
    layers: string[];
    compartments: number;
    inputAxons: number;
    synapseWords: number;
    formats: number;
    profiles: number;
    padding: number;
    outputAxons: { perPopulation: number; perCompartment: number };
  }[];
}

describe("inspect", () => {
  const json = inspect({ file: path }).json as Inspected;

  it("gives every core of a bundle with its resources", () => {
    expect(json.kind).toBe("bundle");
    expect(json.cores.map((core) => core.layers)).toEqual([
      ["conv1"],
      ["conv1"],
      ["conv2"],
      ["conv3"],
      ["out"],
    ]);
    // Net B: 2048 + 1024 + 512 + 5 neurons; the plastic layer's 512 inputs take two entries each.
    expect(json.cores.reduce((sum, core) => sum + core.compartments - core.padding, 0)).toBe(3589);
    expect(json.cores[4]).toMatchObject({
      inputAxons: 1024,
      formats: 1,
      profiles: 1,
      outputAxons: { perPopulation: 0, perCompartment: 0 },
    });
    expect(json.cores[3].outputAxons).toEqual({ perPopulation: 512, perCompartment: 512 });
    for (const core of json.cores) {
      expect(core.synapseWords).toBeLessThanOrEqual(json.limits.synapseWords);
      expect(core.inputAxons).toBeLessThanOrEqual(json.limits.inputAxons);
    }
  });

  it("counts the messages of one spike a neuron", () => {
    // 3072 neurons of conv1 and conv2 have one destination each, conv3's 512 the plastic core.
    expect((inspect({ file: path }).json as { traffic: object }).traffic).toMatchObject({
      messages: 3584,
      offChipShare: 0,
    });
  });

  it("prints the rule as text and a hash of every part", () => {
    expect(json.microcode).toContain("dw = 2^-4*u2*x1*(y1-64)");
    expect(Object.keys(json.hashes).sort()).toEqual(
      Object.values(BUNDLE_PART)
        .filter((p) => !/certificate|report/.test(p))
        .sort(),
    );
    const { text } = inspect({ file: path });
    expect(text).toMatch(/floorplan of chip 0/);
    expect(text).toMatch(/vthProfiles \d of 8 .*\nadvisory, not enforced: \d+ output-axon slots/);
  });

  it("tells an image from a file that is not ours", () => {
    expect(inspect({ file: join(path, BUNDLE_PART.image) }).json).toMatchObject({
      kind: "chip-image",
      name: "net-b",
    });
    const other = join(folder, "notes.txt");
    writeFileSync(other, "notes");
    expect(() => inspect({ file: other })).toThrow(/E-FILE-001/);
    expect(() => inspect({ file: join(folder, "none") })).toThrow(/E-FILE-010/);
  });

  it("refuses a checkpoint with any one byte flipped, and says what a sound one holds", () => {
    const bytes = readFileSync(assetPath("pretrained.mlh"));
    const file = join(folder, "checkpoint.mlh");
    writeFileSync(file, bytes);
    expect(inspect({ file }).json).toMatchObject({ kind: "checkpoint", network: "double-nmnist-small", step: 3000, data: "real" });
    const places = [0, 10, 12, 20, 60, 100, 200, 260, ...Array.from({ length: 40 }, (_, k) => Math.floor((bytes.length - 1) * ((k + 1) / 40)))];
    for (const at of places) {
      const flipped = Uint8Array.from(bytes);
      flipped[at] ^= 1 << (at % 8);
      writeFileSync(file, flipped);
      expect(() => inspect({ file }), `byte ${at}`).toThrow(/E-FILE-00[13]/);
    }
  });
});
