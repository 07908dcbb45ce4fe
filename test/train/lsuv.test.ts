import { describe, expect, it } from "vitest";
import { createEngine } from "../../src/engines/create.js";
import { LSUV_TARGET, lsuvStart } from "../../src/engines/reference/lsuv.js";
import { createReferenceEngine } from "../../src/engines/reference/reference-engine.js";
import type { NetworkSpec } from "../../src/model/types.js";
import { resolveConfig } from "../../src/train/config.js";
import { startCheckpoint } from "../../src/train/loop.js";
import { lsuvWeights, orthogonalWeights } from "../../src/train/lsuv.js";
import { tinyConfig, tinySource } from "./tiny.js";

const source = tinySource();
const task = source.draw("train", 0, { seed: 1, ways: 3, shots: 1, queriesPerClass: 1, passes: 1 });
/** Strides, a pool, a padded and an unpadded convolution. */
const { spec } = resolveConfig({
  name: "small", data: { ways: 3 },
  network: {
    model: "srm", steps: 16, input: { polarities: 1, height: 6, width: 6 },
    layers: [
      { kind: "conv", name: "c1", channels: 5, kernel: 3 }, { kind: "pool", name: "p" },
      { kind: "conv", name: "c2", channels: 7, kernel: [3, 2], stride: [1, 2], padding: [1, 0] }, { kind: "dense", name: "o", outputs: 3 },
    ],
  },
});

describe("LSUV start weights", () => {
  it("are those of the reference's own LSUV, which reads U directly, on every engine that runs srm here", async () => {
    const twin = lsuvStart(spec, task.support, 3);
    for (const name of ["reference", "native"] as const) {
      const make = async (part: NetworkSpec) => (name === "reference" ? createReferenceEngine(part) : (await createEngine(part)).engine);
      const { masters, statistics } = await lsuvWeights(spec, make, task, 3);
      statistics.forEach(({ mean, variance }, k) => {
        // float32 on native: the sums of a few hundred voltages of size 1.
        expect(mean).toBeCloseTo(twin.statistics[k].mean, 5);
        expect(variance).toBeCloseTo(twin.statistics[k].variance, 5);
        expect(Math.abs(mean - LSUV_TARGET.mean)).toBeLessThanOrEqual(LSUV_TARGET.meanTolerance);
        expect(Math.abs(variance - LSUV_TARGET.variance)).toBeLessThanOrEqual(LSUV_TARGET.varianceTolerance);
      });
      for (const [tensor, values] of Object.entries(twin.parameters)) {
        values.forEach((x, i) => { expect(masters[tensor][i]).toBeCloseTo(x, 4); });
      }
    }
  });

  it("are those, with a quieter last layer where training.outputScale asks for it", async () => {
    const weights = async (outputScale: number) => {
      const config = resolveConfig({
        name: "s", data: { ways: 3 }, training: { outputScale },
        network: { model: "srm", steps: 16, input: { polarities: 1, height: 6, width: 6 }, layers: [{ kind: "conv", name: "c", channels: 3, kernel: 3 }, { kind: "dense", name: "o", outputs: 3 }] },
      });
      return (await startCheckpoint(config, createReferenceEngine(config.spec), source)).masters;
    };
    const [full, quiet] = [await weights(1), await weights(0.25)];
    for (const name of Object.keys(full)) {
      const factor = name.startsWith("o.") ? 0.25 : 1;
      expect([...quiet[name]]).toEqual([...full[name]].map((w) => Math.fround(w * factor)));
    }
  });

  it("keep the orthogonality of what they were drawn as: rows of a layer stay orthogonal", () => {
    const w = orthogonalWeights(spec, 3)["c2.weight"];
    for (let a = 0; a < 7; a++) {
      for (let b = 0; b < 7; b++) {
        let dot = 0;
        for (let k = 0; k < 30; k++) dot += w[a * 30 + k] * w[b * 30 + k];
        expect(dot).toBeCloseTo(a === b ? 1 : 0, 5);
      }
    }
  });

  it("are what srm networks start from by default, and gaussian on request; loihi starts gaussian, orthogonal on request", async () => {
    const srm = (start?: "lsuv" | "gaussian") => resolveConfig({
      name: "s", data: { ways: 3 }, training: start ? { start } : {},
      network: { model: "srm", steps: 16, input: { polarities: 1, height: 6, width: 6 }, layers: [{ kind: "conv", name: "c", channels: 3, kernel: 3 }, { kind: "dense", name: "o", outputs: 3 }] },
    });
    const weights = async (config: ReturnType<typeof srm>) => (await startCheckpoint(config, createReferenceEngine(config.spec), source)).masters;
    expect(await weights(srm())).toEqual(await weights(srm("lsuv")));
    expect(await weights(srm("gaussian"))).not.toEqual(await weights(srm()));
    const loihi = await weights(tinyConfig());
    expect(loihi).toEqual(await weights(tinyConfig({ start: "gaussian" })));
    const rows = (await weights(tinyConfig({ start: "orthogonal" })))["conv1.weight"];
    const dot = (a: number, b: number): number => Array.from({ length: 9 }, (_, k) => rows[a * 9 + k] * rows[b * 9 + k]).reduce((x, y) => x + y, 0);
    expect(Math.abs(dot(0, 1)) / dot(0, 0)).toBeLessThan(1e-5);
  });

  it("tell of a layer that gets no spikes, and leave it as drawn", async () => {
    const silent = { ...task, support: task.support.map((s) => ({ ...s, rowStart: new Uint32Array(17), channel: new Uint16Array(0), count: new Uint8Array(0) })) };
    const { statistics, masters } = await lsuvWeights(spec, async (part) => createReferenceEngine(part), silent, 3);
    expect(statistics[0].variance).toBe(0);
    expect(masters["c1.weight"]).toEqual(orthogonalWeights(spec, 3)["c1.weight"]);
  });
});
