import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { compareWithModel } from "../../compiler/compare.js";
import { UserError } from "../../src/base/errors.js";
import { BUNDLE_PART, readBundle, writeBundle } from "../../src/cli/bundle.js";
import { compile, type CompileArgs } from "../../src/cli/commands/compile.js";
import { estimateCommandResult } from "../../src/cli/commands/estimate.js";
import { readCompilable } from "../../src/cli/compilable.js";
import { decodeCheckpoint } from "../../src/model/checkpoint.js";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-compile-"));
const config = join(folder, "config.json");
const layers = [
  { kind: "conv", name: "c1", channels: 4, kernel: 3 },
  { kind: "pool", name: "p1" },
  { kind: "dense", name: "out", outputs: 3 },
];
writeFileSync(
  config,
  JSON.stringify({ name: "tiny", network: { input: { height: 6, width: 8 }, steps: 20, layers } }),
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const out = (name: string): string => join(folder, name);
const run = (name: string, more: Partial<CompileArgs> = {}): ReturnType<typeof compile> =>
  compile({ source: config, out: out(name), ...more });
/** Code of the mistake that a call reports. */
function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
  return "none";
}

describe("compile", () => {
  it("makes a bundle from a configuration: image, program and the checkpoint it was made from", () => {
    const { json } = run("bundle");
    expect(json).toMatchObject({
      cores: 2,
      chips: 1,
      untrained: true,
      resources: { synapseWords: { limit: 16_384 } },
    });
    const bundle = readBundle(out("bundle"));
    const checkpoint = decodeCheckpoint(bundle.files[BUNDLE_PART.checkpoint], "checkpoint");
    expect(compareWithModel(bundle.image, checkpoint.quantized).differences).toBe(0);
    expect(new TextDecoder().decode(bundle.files[BUNDLE_PART.source])).toBe(bundle.image.embedded.source);
  });

  it("compiles a checkpoint, and a bundle's, to the same image", () => {
    run("first");
    const checkpoint = join(out("first"), BUNDLE_PART.checkpoint);
    compile({ source: checkpoint, out: out("second") });
    compile({ source: out("second"), out: out("third") });
    const image = (name: string): string => readBundle(out(name)).hashes[BUNDLE_PART.image];
    expect([image("second"), image("third")]).toEqual([image("first"), image("first")]);
    expect(readFileSync(join(out("third"), BUNDLE_PART.checkpoint))).toEqual(readFileSync(checkpoint));
  });

  it("says where it replaced a bundle, and replaces nothing else [E-FILE-012]", () => {
    const first = run("twice");
    const second = run("twice", { seed: 4 });
    expect([first, second].map(({ json }) => (json as { replaced: boolean }).replaced)).toEqual([false, true]);
    expect([first, second].map(({ text }) => /^the bundle that was there is replaced$/m.test(text))).toEqual([false, true]);
    expect(readBundle(out("twice")).image.chipSeed).toBe(4);
    mkdirSync(out("notes"));
    writeFileSync(join(out("notes"), "a.txt"), "mine");
    expect(codeOf(() => run("notes"))).toBe("E-FILE-012");
  });

  it("rounds anew for --bits, and keeps that network beside the image", () => {
    run("four", { bits: 4, seed: 9 });
    const bundle = readBundle(out("four"));
    const checkpoint = decodeCheckpoint(bundle.files[BUNDLE_PART.checkpoint], "checkpoint");
    expect(checkpoint.spec.layers.map((layer) => (layer.kind === "pool" ? 0 : layer.weight.bits))).toEqual([
      4, 0, 4,
    ]);
    expect([bundle.image.chipSeed, checkpoint.chipSeed]).toEqual([9, 9]);
    expect(compareWithModel(bundle.image, checkpoint.quantized).differences).toBe(0);
    expect([...checkpoint.quantized.layers[0].mantissa].every((m) => m % 32 === 0)).toBe(true);
  });

  it("writes nothing where it refuses", () => {
    expect(codeOf(() => run("refused", { bits: 7 }))).toBe("E-VERIFY-010");
    expect(codeOf(() => run("refused", { board: "nahuku" }))).toBe("E-COMPILE-001");
    expect(codeOf(() => run("refused", { board: "toString" }))).toBe("E-COMPILE-001");
    expect(codeOf(() => run("refused", { bits: 12 }))).toBe("E-CLI-032");
    expect(existsSync(out("refused"))).toBe(false);
  });
});

describe("what can be compiled", () => {
  it("is a preset by its name", () => {
    const { checkpoint, untrained } = readCompilable("demo");
    expect(untrained).toBe(true);
    expect(checkpoint.spec.layers.map((layer) => layer.name)).toEqual(["conv1", "conv2", "conv3", "output"]);
  });

  it("is not a name that nothing has, E-CLI-030, with the nearest preset", () => {
    expect(codeOf(() => readCompilable("constructor"))).toBe("E-CLI-030");
    expect(() => readCompilable("double-nmnst")).toThrow(/"double-nmnist" \[E-CLI-030\]/);
  });

  it("is not a bundle without its checkpoint, E-CLI-031", () => {
    run("bare");
    const { [BUNDLE_PART.checkpoint]: _, ...files } = readBundle(out("bare")).files;
    writeBundle(out("bare"), files);
    expect(codeOf(() => readCompilable(out("bare")))).toBe("E-CLI-031");
  });
});

describe("estimate", () => {
  it("gives cores, joule and seconds by cost model, and alternatives", () => {
    const { json, text } = estimateCommandResult({ source: config });
    expect(json).toMatchObject({
      network: "tiny",
      cores: 2,
      energyPerSampleJ: { d18: expect.any(Number), sanafe: expect.any(Number) },
      energyPerClassJ: { d18: expect.any(Number) },
      secondsPerSample: { sanafe: expect.any(Number) },
    });
    expect(text).toMatch(/weights of 4 bits/);
  });

  it("knows the boards, E-CLI-033", () => {
    expect(codeOf(() => estimateCommandResult({ source: config, board: "kapoho" }))).toBe("E-CLI-033");
  });
});
