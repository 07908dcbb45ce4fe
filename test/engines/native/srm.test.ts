import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEngine } from "../../../src/engines/create.js";
import type { Engine, EvaluationResult, InnerLoop, MetaStepOptions } from "../../../src/engines/engine.js";
import { createNativeEngine } from "../../../src/engines/native/native-engine.js";
import { createReferenceEngine } from "../../../src/engines/reference/reference-engine.js";
import { Rng } from "../../../src/base/rng.js";
import { quantizeNetwork } from "../../../src/model/quantize.js";
import type { ConvLayer, DenseLayer, NetworkSpec } from "../../../src/model/types.js";
import { randomCase, randomParameters, randomTask } from "../reference/random-networks.js";
import { relative } from "../reference/relative.js";

const tiny: NetworkSpec = { ...randomCase(1, { neuronModel: "srm", mode: "counts" }).spec };
const here: ("native" | "wasm")[] = [];
for (const engine of ["native", "wasm"] as const) {
  try {
    (await createEngine(tiny, { engine })).engine.dispose();
    here.push(engine);
  } catch {
    // Not built on this machine: its tests are skipped visibly.
  }
}
const TIMEOUT = 60_000;

const seeds = fc.integer({ min: 1, max: 1_000_000 });
const shares = fc.constantFrom(0, 0.02, 0.15, 0.4);
const modes = fc.constantFrom("binary" as const, "counts" as const);
const inner = (change: Partial<InnerLoop>): InnerLoop => ({ rule: "gradient", steps: 1, rate: 0.5, frozen: [], burnIn: 0, ...change });
const loops = fc.constantFrom(
  inner({}), inner({ burnIn: 6 }), inner({ truncation: 5 }), inner({ steps: 2, truncation: 4 }), inner({ steps: 0 }),
  inner({ steps: 2, rate: { conv1: 0.3, dense: 0.1 }, frozen: ["conv2"] }),
  // Steps between the burn-in and those that are differentiated; and more steps than there are.
  inner({ burnIn: 4, truncation: 5 }), inner({ steps: 2, burnIn: 3, truncation: 4 }), inner({ burnIn: 90 }), inner({ truncation: 90 }),
);

/** What an evaluation says in whole numbers. */
const integers = ({ decisions, outputSpikes, features, accuracy, silent, ties }: EvaluationResult) => ({
  decisions: [...decisions], outputSpikes: [...outputSpikes], features: [...features], accuracy, silent, ties,
});

async function sideBySide(name: "native" | "wasm", seed: number, mode: "binary" | "counts", share: number) {
  const { spec, masters, quantized, task } = randomCase(seed, { neuronModel: "srm", mode }, share);
  const { engine } = await createEngine(spec, { engine: name, threads: 2 });
  const reference = createReferenceEngine(spec);
  for (const e of [engine, reference]) e.setParameters(masters, quantized);
  return { engine, reference, task, spec };
}

/** A network whose convolutions are wide enough for Winograd's tiles, of an odd size, with a pool that drops a row and a column. */
function wideCase(kernel: number, seed: number) {
  const conv = (name: string, outChannels: number, first: boolean): ConvLayer => ({
    ...(tiny.layers.find((l) => l.kind === "conv") as ConvLayer), name, outChannels, kernel: [kernel, kernel], stride: [1, 1],
    padding: [kernel >> 1, kernel >> 1], groups: 1, srm: { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: first ? 10 : 1 },
  });
  const spec: NetworkSpec = {
    ...tiny, name: "wide", input: { polarities: 2, height: 9, width: 11, mode: "binary" }, steps: 14,
    layers: [conv("conv1", 8, true), { kind: "pool", name: "pool1" }, conv("conv2", 18, false), tiny.layers[tiny.layers.length - 1]],
  };
  const rng = new Rng(seed, 0x1fffe);
  const masters = randomParameters(rng, spec);
  const { outputs } = spec.layers[spec.layers.length - 1] as DenseLayer;
  return { spec, masters, quantized: quantizeNetwork(spec, masters), task: randomTask(rng, spec, outputs, 0.15) };
}

describe.each(["native", "wasm"] as const)("srm on engine %s", (name) => {
  const run = here.includes(name) ? it : it.skip;

  // Spikes are decided in double where float32 cannot tell (srm/exact.h), so that every count is the reference's.
  run("evaluates random networks, grouped ones too, with the reference's decisions, spikes, features and rates", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, modes, shares, loops, fc.boolean(), async (seed, mode, share, loop, learn) => {
        const { engine, reference, task } = await sideBySide(name, seed, mode, share);
        const options = { outer: "maml", chipSeed: 0, inner: loop, learn } as const;
        const [found, expected] = await Promise.all([engine, reference].map((e) => e.evaluate(task, options)));
        expect(integers(found)).toEqual(integers(expected));
        expect(found.spikeRates.length).toBe(expected.spikeRates.length);
        for (const [k, rate] of found.spikeRates.entries()) expect(rate).toBeCloseTo(expected.spikeRates[k], 9);
        expect(relative(found.logits, expected.logits)).toBeLessThan(1e-4);
        engine.dispose();
      }),
      { numRuns: 40, seed: 4 },
    );
  }, TIMEOUT);

  run("gives the reference's gradients of the inner rates", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, loops, fc.constantFrom("maml" as const, "fomaml" as const, "anil" as const), async (seed, loop, outer) => {
        const { engine, reference, task } = await sideBySide(name, seed, "counts", 0.15);
        const options: MetaStepOptions = { outer, chipSeed: 0, inner: loop };
        const [found, expected] = await Promise.all([engine, reference].map((e) => e.metaStep(task, options)));
        expect(Object.keys(found.innerGradients!.rates)).toEqual(Object.keys(expected.innerGradients!.rates));
        const largest = Math.max(1e-2, ...Object.values(expected.innerGradients!.rates).map(Math.abs));
        for (const [layer, rate] of Object.entries(expected.innerGradients!.rates)) {
          expect(Math.abs(found.innerGradients!.rates[layer] - rate) / largest).toBeLessThan(2e-4);
        }
        engine.dispose();
      }),
      { numRuns: 12, seed: 5 },
    );
  }, TIMEOUT);

  run.each([3, 5])("differentiates a network of square kernels of %i taps through tiles, to second order", async (kernel) => {
    const { spec, masters, quantized, task } = wideCase(kernel, kernel);
    const { engine } = await createEngine(spec, { engine: name, threads: 1 });
    const reference = createReferenceEngine(spec);
    for (const e of [engine, reference]) e.setParameters(masters, quantized);
    const options: MetaStepOptions = { outer: "maml", chipSeed: 0, inner: inner({ burnIn: 5 }) };
    const [found, expected] = await Promise.all([engine, reference].map((e) => e.metaStep(task, options)));
    for (const [tensor, g] of Object.entries(expected.gradients)) {
      // Winograd's float32 sums are off by up to 1e-5 of the largest; a wrong tile by its whole share.
      expect(relative(found.gradients[tensor], g), tensor).toBeLessThan(1e-4);
    }
    engine.dispose();
  }, TIMEOUT);

  run("gives equal bits whatever the number of threads, and on a second call", async () => {
    const { spec, masters, quantized, task } = wideCase(5, 7);
    const of = async (engine: Engine) => {
      engine.setParameters(masters, quantized);
      const first = await engine.metaStep(task, { outer: "maml", chipSeed: 0, inner: inner({ burnIn: 5 }) });
      const again = await engine.metaStep(task, { outer: "maml", chipSeed: 0, inner: inner({ burnIn: 5 }) });
      expect(again).toEqual(first);
      engine.dispose();
      return first;
    };
    const one = await of((await createEngine(spec, { engine: name, threads: 1 })).engine);
    for (const threads of [2, 4]) expect(await of((await createEngine(spec, { engine: name, threads })).engine)).toEqual(one);
  }, TIMEOUT);

  // All biases start at .2 and go onto the grid's 0, and no event comes: from then on U is the refractory trace, which dies away
  // below what float32 can tell from 0, and no neuron may fire.
  run("decides spikes between burn-in and window exactly with the weights of the window", async () => {
    const { spec: short, masters: random, quantized, task } = randomCase(17, { neuronModel: "srm", mode: "counts" }, 0);
    const spec = { ...short, steps: 90 };
    const masters = Object.fromEntries(Object.entries(random).map(([tensor, w]) => [tensor, w.map(() => (tensor.endsWith("bias") ? 0.2 : 0.01))]));
    const quantizeInner = { grid: "paper", bits: 2, rounding: "nearest" } as const;
    const options = { outer: "maml", chipSeed: 0, inner: inner({ rate: 0.1, burnIn: 10, truncation: 10, quantizeInner }), learn: true } as const;
    const [found, expected] = await Promise.all([(await createEngine(spec, { engine: name })).engine, createReferenceEngine(spec)].map((e) => {
      e.setParameters(masters, quantized);
      return e.evaluate(task, options);
    }));
    expect(integers(found)).toEqual(integers(expected));
    found.spikeRates.forEach((rate, k) => expect(rate).toBeCloseTo(expected.spikeRates[k], 9));
    expect(found.spikeRates[0]).toBeGreaterThan(0);
  }, TIMEOUT);

  run("leaves features empty where nobody reads them", async () => {
    const { engine, task } = await sideBySide(name, 11, "binary", 0.15);
    const full = await engine.evaluate(task, { outer: "maml", chipSeed: 0, inner: inner({}), learn: true });
    const { features, ...rest } = await engine.evaluate(task, { outer: "maml", chipSeed: 0, inner: inner({}), learn: true, features: false });
    expect([...features].every((n) => n === 0)).toBe(true);
    expect({ ...full, features: undefined }).toEqual({ ...rest, features: undefined });
    engine.dispose();
  });
});

describe.skipIf(!here.includes("native"))("srm on the native engine in double precision", () => {
  it("agrees with the reference to 1e-9 in every gradient", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, modes, loops, async (seed, mode, loop) => {
        const { spec, masters, quantized, task } = randomCase(seed, { neuronModel: "srm", mode }, 0.15);
        const engines = [createNativeEngine(spec, 1, "float64"), createReferenceEngine(spec)];
        for (const e of engines) e.setParameters(masters, quantized);
        const [found, expected] = await Promise.all(engines.map((e) => e.metaStep(task, { outer: "maml", chipSeed: 0, inner: loop })));
        expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-9 * Math.max(1, expected.loss));
        for (const [tensor, g] of Object.entries(expected.gradients)) {
          const scale = Math.max(1e-6, ...[...g].map(Math.abs));
          const worst = Math.max(0, ...[...g].map((x, k) => Math.abs(x - found.gradients[tensor][k])));
          expect(worst / scale, tensor).toBeLessThan(1e-9);
        }
        engines[0].dispose();
      }),
      { numRuns: 15, seed: 6 },
    );
  }, TIMEOUT);
});

describe.skipIf(!here.includes("native"))("what the native engine does not run in srm networks", () => {
  const make = (layers: NetworkSpec["layers"]) => () => createNativeEngine({ ...tiny, layers }, 1);
  const dense = tiny.layers[tiny.layers.length - 1];

  it("is a row of more neurons than 16 bits number (E-ENG-010)", () => {
    const [conv] = tiny.layers;
    expect(make([{ ...(conv as ConvLayer), outChannels: 65_536, groups: 1 }, dense])).toThrow(/--engine reference.*E-ENG-010/s);
  });

  it("is a last layer that is a map (E-ENG-011)", () => {
    expect(make(tiny.layers.slice(0, 1))).toThrow(/E-ENG-011/);
  });

  it("is recording (E-ENG-012)", () => {
    const { masters, quantized, task } = randomCase(1, { neuronModel: "srm", mode: "counts" });
    const engine = createNativeEngine(tiny, 1);
    engine.setParameters(masters, quantized);
    expect(() => engine.record(task, { outer: "maml", chipSeed: 0, learn: true })).toThrow(/E-ENG-012/);
    engine.dispose();
  });
});
