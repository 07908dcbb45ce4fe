import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { decodeImage, encodeImage } from "../../hw/image-codec.js";
import { CheckFailed } from "../../src/base/errors.js";
import { Rng } from "../../src/base/rng.js";
import { readBundle, writeBundle } from "../../src/cli/bundle.js";
import { inspect } from "../../src/cli/commands/inspect.js";
import { verifyBundle } from "../../src/cli/commands/verify.js";
import { smallBundle } from "./small-bundle.js";

const { folder, bundle, remove } = smallBundle();
afterAll(remove);
const options = { tasks: 1, queries: 1, seed: 1, engine: "reference", json: true } as const;

function copyOfBundle(name: string): string {
  cpSync(bundle, join(folder, name), { recursive: true });
  return join(folder, name);
}

describe("verify", () => {
  it("holds a sound bundle for sound: hashes, limits, parity with the typed program and the machine code", async () => {
    const sound = copyOfBundle("sound");
    const result = await verifyBundle({ ...options, bundle: sound });
    expect(result.failed).toBe(false);
    expect(result.json).toMatchObject({
      hashes: { damaged: [] }, limits: { errors: [] }, parity: { differences: 0, runs: 2, first: null },
      certificate: { verdict: "equal", data: "real", protocol: "B", programs: ["typed", "x86"] },
    });
    const { parity } = result.json as { parity: { spikes: number; weights: number } };
    expect(parity.spikes).toBeGreaterThan(1000);
    // Two loads a run: 4 queries; 4 lessons and 4 queries; [4, 128] weights after each; two runs.
    expect(parity.weights).toBe(2 * (4 + 8) * 4 * 128);
    expect(result.text).toContain("Parity: equal");
    // The certificate is a part of the bundle now, which is still sound.
    expect(Object.keys(readBundle(sound).files)).toContain("certificate.json");
  });

  it.each([["image.mlh", 3000], ["checkpoint.mlh", 700], ["program.c", 10]] as const)("names a flipped bit: %s, byte %i", async (part, byte) => {
    const damaged = copyOfBundle(`damaged-${part}`);
    const bytes = readFileSync(join(damaged, part));
    bytes[byte] ^= 0x20;
    writeFileSync(join(damaged, part), bytes);
    const result = await verifyBundle({ ...options, bundle: damaged });
    expect(result.failed).toBe(true);
    expect(result.json).toMatchObject({ damaged: { part, byte }, parity: null });
    expect(result.text).toContain(`${part}: damaged at byte ${byte}`);
  });

  it("finds a bit flipped anywhere in any file of a bundle, and names the part", async () => {
    // Every part that a bundle can have; the manifest too.
    const whole = copyOfBundle("whole");
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    writeBundle(whole, {
      ...readBundle(whole).files, "program.elf": readBundle(whole).image.embedded.elf, "passes.json": text('{"passes":[]}\n'),
      "estimate.json": text("{}\n"), "certificate.json": text('{"verdict":"equal"}\n'), "report.html": text("<!doctype html><p>é</p>\n"),
    });
    const names = readdirSync(whole);
    expect(names.length).toBe(9);
    for (const name of names) {
      const path = join(whole, name);
      const bytes = readFileSync(path);
      for (let k = 0; k < 25; k++) {
        const rng = new Rng(11, 0x2000d, k);
        const [byte, bit] = [rng.below(bytes.length), rng.below(8)];
        const flipped = Uint8Array.from(bytes);
        flipped[byte] ^= 1 << bit;
        writeFileSync(path, flipped);
        const { failed, json } = await verifyBundle({ ...options, bundle: whole });
        expect(failed, `${name}, byte ${byte}, bit ${bit}`).toBe(true);
        const { damaged } = json as { damaged: { part: string; byte?: number } };
        expect(damaged.part, `${name}, byte ${byte}, bit ${bit}`).toBe(name);
        if (name !== "manifest.json") expect(damaged.byte).toBe(byte);
      }
      writeFileSync(path, bytes);
    }
    // People read of the damage on stderr: the command fails the check.
    const bytes = readFileSync(join(whole, "program.c"));
    bytes[3] ^= 1;
    writeFileSync(join(whole, "program.c"), bytes);
    await expect(verifyBundle({ ...options, json: false, bundle: whole })).rejects.toThrow(CheckFailed);
    expect(() => inspect({ file: whole })).toThrow(/^\S+program\.c: damaged at byte 3: a changed byte\..*\[E-BUNDLE-003\]$/);
  });

  it("finds an image of other weights than the checkpoint's, although all hashes are right", async () => {
    const swapped = copyOfBundle("swapped");
    const { files, image } = readBundle(swapped);
    const cores = image.cores.map((core) => ({
      ...core, compartments: core.compartments.slice(),
      vthProfiles: core.vthProfiles.map((vth) => vth + 40),
    }));
    writeBundle(swapped, { ...files, "image.mlh": encodeImage({ ...image, cores }) });
    const result = await verifyBundle({ ...options, bundle: swapped, program: "typed" });
    expect(result.failed).toBe(true);
    expect(result.json).toMatchObject({ certificate: { verdict: "different" }, parity: { first: { layer: "conv1", quantity: "spike" } } });
    expect(result.text).toMatch(/First difference: presentation 0, step \d+, layer "conv1", neuron \d+: spike 1 against 0/);
  });

  it("never says equal where there is no checkpoint to hold the chip against", async () => {
    const bare = copyOfBundle("bare");
    const { "checkpoint.mlh": _, ...files } = readBundle(bare).files;
    writeBundle(bare, files);
    const result = await verifyBundle({ ...options, bundle: bare });
    expect(result).toMatchObject({ failed: true, json: { parity: null } });
    expect(decodeImage(readBundle(bare).files["image.mlh"], "image.mlh").name).toBe("small");
  });

  it("refuses counts that are none (E-CLI-001)", async () => {
    await expect(verifyBundle({ ...options, bundle, tasks: 0 })).rejects.toMatchObject({ code: "E-CLI-001" });
    await expect(verifyBundle({ ...options, bundle, queries: Number.NaN })).rejects.toMatchObject({ code: "E-CLI-001" });
  });

  it("refuses a folder that is no bundle", async () => {
    await expect(verifyBundle({ ...options, bundle: folder })).rejects.toMatchObject({ code: "E-BUNDLE-001" });
  });
});
