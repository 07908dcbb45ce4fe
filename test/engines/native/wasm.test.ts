import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { packageRoot } from "../../../src/base/node/package-root.js";
import { mamlSoelCase } from "../../../src/engines/cases/maml-soel-case.js";
import type { MamlSoelFile } from "../../../src/engines/cases/maml-soel-case.js";
import { createEngine } from "../../../src/engines/create.js";
import type { Engine, MetaStepOptions } from "../../../src/engines/engine.js";
import { createWasmEngine } from "../../../src/engines/native/node/wasm-engine.js";
import { quantizeNetwork } from "../../../src/model/quantize.js";
import type { ConvLayer, DenseLayer, NetworkSpec } from "../../../src/model/types.js";
import { hasShared, readShared } from "../../support/shared.js";
import { randomCase, randomParameters, randomTask, smallSoel } from "../reference/random-networks.js";
import { relative } from "../reference/relative.js";

const BUILD = join(packageRoot(), "src", "engines", "native", "build-wasm.mjs");
const build = (...args: string[]) => spawnSync(process.execPath, [BUILD, ...args], { encoding: "utf8" });
const TIMEOUT = 60_000;   // each property runs dozens of networks; a busy machine takes several times as long

const tiny = randomCase(1, { neuronModel: "loihi", mode: "binary" }).spec;
const hasNative = await createEngine(tiny, { engine: "native" }).then(({ engine }) => (engine.dispose(), true), () => false);

const bits = (text: string): number[] => [...text].map(Number);
const options = (chipSeed: number): MetaStepOptions => ({ outer: "maml", chipSeed });

/** All that a task shows: records before and after learning, the evaluation and the meta-step. */
async function everything(engine: Engine, task: ReturnType<typeof randomCase>["task"], chipSeed: number) {
  const record = await engine.record(task, { ...options(chipSeed), learn: true, onWrap: "wrap" });
  if (record.wraps.length > 0) return { record };
  return {
    record, before: await engine.evaluate(task, { ...options(chipSeed), learn: false }),
    after: await engine.evaluate(task, { ...options(chipSeed), learn: true }), step: await engine.metaStep(task, options(chipSeed)),
  };
}

// Outside witness: a PyTorch program and a second one in plain integers and numpy (golden/README.md).
describe.skipIf(!hasShared).each([["main", false], ["variant", true]] as const)("wasm on maml_loihi_soel_small.json, %s", (_, variant) => {
  const file = readShared<MamlSoelFile>("golden/maml_loihi_soel_small.json");
  const { spec, masters, quantized, task, chipSeed, expected } = mamlSoelCase(file, variant);
  const made = createWasmEngine(spec, 2).then((engine) => (engine.setParameters(masters, quantized), engine));

  it("fires, learns and decides in every integer as the file says", async () => {
    const { presentations } = await (await made).record(task, { ...options(chipSeed), learn: true });
    const [S, K] = [file.S, file.layers[file.layers.length - 1].out];
    const raster = (pairs: { step: Uint16Array; neuron: Uint32Array }, size: number): number[] => {
      const out = new Array<number>(S * size).fill(0);
      pairs.step.forEach((r, k) => { out[(r - 1) * size + pairs.neuron[k]] = 1; });
      return out;
    };
    expected.supportSteps.forEach((steps, k) => {
      if (steps.u) expect([...presentations[k].u]).toEqual(steps.u);
      if (steps.v) expect([...presentations[k].v]).toEqual(steps.v);
      if (steps.spikes) expect(raster(presentations[k].spikes.at(-1)!, K)).toEqual(bits(steps.spikes));
      expect([...presentations[k].y1]).toEqual(steps.y1);
      expect([...presentations[k].weights]).toEqual(steps.w);
    });
    const queries = presentations.slice(task.presentation.length);
    expected.querySteps?.forEach((steps, k) => {
      expect([...queries[k].u]).toEqual(steps.u);
      expect([...queries[k].v]).toEqual(steps.v);
      expect(raster(queries[k].spikes.at(-1)!, K)).toEqual(bits(steps.spikes!));
    });
    expect(queries.flatMap(({ outputSpikes }) => [...outputSpikes])).toEqual(expected.N);
    expect(queries.map(({ decision }) => decision)).toEqual(expected.decisions);
    for (const [index, layer] of spec.layers.slice(0, -1).entries()) {
      const shown = [...task.support.keys()].map((s) => task.presentation.indexOf(s));
      const all = [...shown.map((k) => presentations[k]), ...queries];
      expected.raster?.[layer.name]?.forEach((text, sample) => {
        expect(raster(all[sample].spikes[index], text.length / S)).toEqual(bits(text));
      });
    }
  });

  // float32: a gradient passes some hundred operations that each round by 2^−24 = 6e-8 of the largest term, and the sums
  // cancel to about a tenth of their terms: 6e-8 · 300 · 10 of a tensor's largest entry.
  it("has the file's loss and gradients to float32", async () => {
    const engine = await made;
    const { loss, gradients } = await engine.metaStep(task, options(chipSeed));
    expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5 * Math.max(1, expected.loss));
    for (const [name, values] of Object.entries(expected.gradients)) {
      expect(relative(gradients[name], values), name).toBeLessThan(2e-4);
    }
    engine.dispose();
  });
});

const seeds = fc.integer({ min: 1, max: 1_000_000 });
const modes = fc.constantFrom("binary" as const, "counts" as const);
const shares = fc.constantFrom(0, 0.03, 0.15, 0.4);

describe.skipIf(!hasNative)("wasm against native on random networks", () => {
  it("has every recorded integer, and loss and gradients to float32", async () => {
    await fc.assert(fc.asyncProperty(seeds, modes, shares, async (seed, mode, share) => {
      const { spec, masters, quantized, task } = randomCase(seed, { neuronModel: "loihi", mode }, share);
      const engines = [await createWasmEngine(spec, 1), (await createEngine(spec, { engine: "native" })).engine];
      for (const engine of engines) engine.setParameters(masters, quantized);
      const [wasm, native] = await Promise.all(engines.map((engine) => everything(engine, task, seed)));
      for (const engine of engines) engine.dispose();
      expect(wasm.record).toEqual(native.record);
      if (!wasm.step || !native.step) return;
      for (const when of ["before", "after"] as const) {
        const integers = ({ decisions, outputSpikes, features, learnedWeights, products, ties, silent, accuracy }: typeof wasm.after) =>
          ({ decisions, outputSpikes, features, learnedWeights, products, ties, silent, accuracy });
        expect(integers(wasm[when])).toEqual(integers(native[when]));
        expect(relative(wasm[when].logits, native[when].logits)).toBeLessThan(1e-5);
      }
      expect(Math.abs(wasm.step.loss - native.step.loss)).toBeLessThan(1e-5 * Math.max(1, native.step.loss));
      const largest = Math.max(...Object.values(native.step.gradients).flatMap((g) => [...g].map(Math.abs)));
      for (const [name, g] of Object.entries(native.step.gradients)) {
        // A tensor that is nearly 0 beside the others is what cancellation left: measured against a share of the largest.
        const scale = Math.max(1e-3, 1e-3 * largest, ...[...g].map(Math.abs));
        g.forEach((x, k) => expect(Math.abs(x - wasm.step.gradients[name][k]) / scale).toBeLessThan(2e-4));
      }
    }), { numRuns: 40, seed: 11 });
  }, TIMEOUT);
});

/** More than a vector of channels, more samples than threads: strided layers as the demo's network has, but small. */
const last = tiny.layers[tiny.layers.length - 1] as DenseLayer;
const wideSpec: NetworkSpec = {
  ...tiny, name: "wide", input: { polarities: 2, height: 9, width: 13, mode: "binary" }, steps: 20, soel: smallSoel,
  layers: [
    ...([[5, 18], [3, 33]] as const).map(([k, outChannels], index): ConvLayer => ({
      kind: "conv", name: `conv${index + 1}`, outChannels, kernel: [k, k], stride: [2, 2], padding: [(k - 1) / 2, (k - 1) / 2],
      groups: 1, weight: { bits: 8, signMode: "mixed", wgtExp: 0 }, srm: last.srm,
      loihi: { decayU: 1024, decayV: 410, vthMant: 512, refractory: 1, biasExp: 4 },
    })),
    { ...last, outputs: 3 },
  ],
};

describe("wasm on a wide strided network", () => {
  const rng = new Rng(7, 0x1fffe);
  const masters = randomParameters(rng, wideSpec);
  const quantized = quantizeNetwork(wideSpec, masters);
  const task = randomTask(rng, wideSpec, 3, 0.2);
  const results = (engine: Engine) => {
    engine.setParameters(masters, quantized);
    return everything(engine, task, 5).finally(() => engine.dispose());
  };

  it("gives equal bits with 1, 2 and 4 threads", async () => {
    const [one, two, four] = await Promise.all([1, 2, 4].map(async (threads) => results(await createWasmEngine(wideSpec, threads))));
    expect(one.after!.outputSpikes.some((n) => n > 0)).toBe(true);
    expect(two).toEqual(one);
    expect(four).toEqual(one);
  }, TIMEOUT);

  it.skipIf(!hasNative)("has the native engine's integers", async () => {
    const [wasm, native] = [await results(await createWasmEngine(wideSpec, 2)),
      await results((await createEngine(wideSpec, { engine: "native" })).engine)];
    expect(wasm.record).toEqual(native.record);
    expect(wasm.after!.learnedWeights).toEqual(native.after!.learnedWeights);
  }, TIMEOUT);

  const compiler = ["clang++", "wasm-ld"].every((tool) => spawnSync(tool, ["--version"]).status === 0);
  it.skipIf(!compiler)("is what the sources give when they are built here", async () => {
    const folder = mkdtempSync(join(tmpdir(), "metaloihi-wasm-test-"));
    try {
      const path = join(folder, "metaloihi.wasm");
      const { status, stderr } = build("--out", path);
      expect(stderr).toBe("");
      expect(status).toBe(0);
      expect(WebAssembly.validate(readFileSync(path))).toBe(true);
      expect(await results(await createWasmEngine(wideSpec, 1, path))).toEqual(await results(await createWasmEngine(wideSpec, 1)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, TIMEOUT);
});

describe("the module in the package", () => {
  it("was built from the sources and flags of this tree", () => {
    const { status, stdout } = build("--check");
    expect(stdout.trim()).toBe("metaloihi.wasm is up to date");
    expect(status).toBe(0);
  });
});
