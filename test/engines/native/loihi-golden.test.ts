import { describe, expect, it } from "vitest";
import { mamlSoelCase } from "../../../src/engines/cases/maml-soel-case.js";
import type { MamlSoelFile } from "../../../src/engines/cases/maml-soel-case.js";
import { createEngine } from "../../../src/engines/create.js";
import { hasShared, readShared } from "../../support/shared.js";
import { randomCase } from "../reference/random-networks.js";
import { relative } from "../reference/relative.js";

const tiny = randomCase(1, { neuronModel: "loihi", mode: "binary" });
const hasNative = await createEngine(tiny.spec, { engine: "native" }).then(({ engine }) => (engine.dispose(), true), () => false);
const bits = (text: string): number[] => [...text].map(Number);

// Outside witness: a PyTorch program and a second one in plain integers and numpy (golden/README.md).
describe.skipIf(!hasShared || !hasNative).each([["main", false], ["variant", true]] as const)(
  "native on maml_loihi_soel_small.json, %s",
  (_, variant) => {
    const file = readShared<MamlSoelFile>("golden/maml_loihi_soel_small.json");
    const { spec, masters, quantized, task, chipSeed, expected } = mamlSoelCase(file, variant);
    const engineWith = async (threads: number) => {
      const { engine } = await createEngine(spec, { engine: "native", threads });
      engine.setParameters(masters, quantized);
      return engine;
    };

    it("fires, learns and decides in every integer as the file says", async () => {
      const engine = await engineWith(2);
      const { presentations, wraps } = await engine.record(task, { outer: "maml", chipSeed, learn: true });
      engine.dispose();
      expect(wraps).toEqual([]);
      const raster = (pairs: { step: Uint16Array; neuron: Uint32Array }, size: number): number[] => {
        const out = new Array<number>(file.S * size).fill(0);
        pairs.step.forEach((r, k) => { out[(r - 1) * size + pairs.neuron[k]] = 1; });
        return out;
      };
      const K = file.layers[file.layers.length - 1].out;
      const queries = presentations.slice(task.presentation.length);
      expected.supportSteps.forEach((steps, k) => {
        if (steps.u) expect([...presentations[k].u]).toEqual(steps.u);
        if (steps.v) expect([...presentations[k].v]).toEqual(steps.v);
        if (steps.spikes) expect(raster(presentations[k].spikes.at(-1)!, K)).toEqual(bits(steps.spikes));
        expect([...presentations[k].y1]).toEqual(steps.y1);
        expect([...presentations[k].weights]).toEqual(steps.w);
      });
      expected.querySteps?.forEach((steps, k) => {
        expect([...queries[k].u]).toEqual(steps.u);
        expect([...queries[k].v]).toEqual(steps.v);
        expect(raster(queries[k].spikes.at(-1)!, K)).toEqual(bits(steps.spikes!));
      });
      expect(queries.flatMap(({ outputSpikes }) => [...outputSpikes])).toEqual(expected.N);
      expect(queries.map(({ decision }) => decision)).toEqual(expected.decisions);
      const samples = [...task.support.keys()].map((s) => presentations[task.presentation.indexOf(s)]).concat(queries);
      for (const [index, layer] of spec.layers.slice(0, -1).entries()) {
        expected.raster?.[layer.name]?.forEach((text, sample) => {
          expect(raster(samples[sample].spikes[index], text.length / file.S)).toEqual(bits(text));
        });
      }
    });

    // A gradient is the end of a chain of at most 2·S steps through three layers, some hundred float32 operations that each
    // round by 2^−24 = 6e-8 of the largest term, and its sum cancels to about a tenth of its terms: 6e-8 · 300 · 10. The
    // mildest wrong rule that the file's makers tried is off by 4e-4 (golden/README.md).
    it("has the file's loss and gradients to float32, and the same bits with 1, 2 and 4 threads", async () => {
      const results = await Promise.all([1, 2, 4].map(async (threads) => {
        const engine = await engineWith(threads);
        const result = await engine.metaStep(task, { outer: "maml", chipSeed });
        engine.dispose();
        return result;
      }));
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
      const [{ loss, gradients }] = results;
      expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5 * Math.max(1, expected.loss));
      for (const [name, values] of Object.entries(expected.gradients)) {
        expect(relative(gradients[name], values), name).toBeLessThan(2e-4);
      }
    });
  },
);

describe.skipIf(!hasNative)("calls on one native engine", () => {
  const { spec, masters, quantized, task } = tiny;
  const options = { outer: "maml", chipSeed: 9 } as const;
  const start = async () => {
    const { engine } = await createEngine(spec, { engine: "native", threads: 2 });
    engine.setParameters(masters, quantized);
    return engine;
  };

  it("made at once give what they give one after another, each with the parameters of its moment", async () => {
    const engine = await start();
    const silent = { ...quantized, layers: quantized.layers.map((l) => ({ ...l, mantissa: new Int16Array(l.mantissa.length) })) };
    const alone = [await engine.metaStep(task, options), await engine.evaluate(task, { ...options, learn: false })];
    engine.setParameters(masters, silent);
    alone.push(await engine.evaluate(task, { ...options, learn: false }));
    engine.setParameters(masters, quantized);
    const together = [engine.metaStep(task, options), engine.evaluate(task, { ...options, learn: false })];
    engine.setParameters(masters, silent);
    together.push(engine.evaluate(task, { ...options, learn: false }));
    expect(await Promise.all<unknown>(together)).toEqual(alone);
    engine.dispose();
  });

  it("leave the event loop free, and may be followed by dispose", async () => {
    const engine = await start();
    const order: string[] = [];
    const done = engine.metaStep(task, options).then(() => order.push("metaStep"));
    engine.dispose();
    // A run in this thread would be over within a few microtasks; one off it ends only after all of them.
    for (let hop = 0; hop < 1000; hop++) await null;
    order.push("event loop");
    await done;
    expect(order).toEqual(["event loop", "metaStep"]);
  });

  it("refuse to run before setParameters", async () => {
    const { engine } = await createEngine(spec, { engine: "native" });
    await expect(engine.metaStep(task, options)).rejects.toThrow(/setParameters/);
    engine.dispose();
  });
});
