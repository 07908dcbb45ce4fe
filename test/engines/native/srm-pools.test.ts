import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { createEngine } from "../../../src/engines/create.js";
import type { EvaluationResult, InnerLoop, MetaStepOptions } from "../../../src/engines/engine.js";
import { createReferenceEngine } from "../../../src/engines/reference/reference-engine.js";
import { quantizeNetwork } from "../../../src/model/quantize.js";
import type { ConvLayer, DenseLayer, LayerSpec, NetworkSpec } from "../../../src/model/types.js";
import { randomCase, randomParameters, randomTask } from "../reference/random-networks.js";
import { relative } from "../reference/relative.js";
import { compareStep, inFloat32, inFloat64, sameBits } from "./compare-srm.js";
import { hereAre } from "./engines-here.js";
import type { Case } from "./steady-step.js";

const here = await hereAre("srm");
const TIMEOUT = 120_000;
const tiny = randomCase(1, { neuronModel: "srm", mode: "counts" }).spec;

/** A network with pools on its input and pools on pools, of odd sizes, so that rows and columns drop out on several levels. */
function pooledCase(seed: number, share: number, wide = false): Case {
  const rng = new Rng(seed, 0x1fffd);
  const between = (low: number, high: number): number => low + rng.below(high - low + 1);
  const layers: LayerSpec[] = [];
  const size = [between(9, 19), between(9, 19)];
  const input = { polarities: between(1, 2), height: size[0], width: size[1], mode: "counts" as const };
  const pool = (most: number): void => {
    for (let k = between(0, most); k > 0 && Math.min(...size) >= 2; k--) {
      layers.push({ kind: "pool", name: `pool${layers.length}` });
      size[0] >>= 1;
      size[1] >>= 1;
    }
  };
  const conv = (index: number): void => {
    const kernel = [between(1, Math.min(3, size[0])), between(1, Math.min(3, size[1]))] as const;
    const padding = [rng.below(kernel[0]), rng.below(kernel[1])] as const;
    layers.push({
      ...(tiny.layers.find(({ kind }) => kind === "conv") as ConvLayer), name: `conv${index}`, outChannels: wide ? 17 : between(1, 3),
      kernel, stride: [1, 1], padding, groups: 1, srm: { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: index === 1 ? 10 : 1 },
    });
    for (const axis of [0, 1]) size[axis] += 2 * padding[axis] - kernel[axis] + 1;
  };
  pool(1);
  conv(1);
  pool(3);
  if (rng.below(2) === 0 && Math.min(...size) >= 1) {
    conv(2);
    pool(2);
  }
  layers.push({ ...(tiny.layers[tiny.layers.length - 1] as DenseLayer), outputs: 3 });
  const spec: NetworkSpec = { ...tiny, name: "pools", input, steps: between(12, 21), layers };
  const masters = randomParameters(rng, spec);
  return { spec, masters, quantized: quantizeNetwork(spec, masters), task: randomTask(rng, spec, 3, share) };
}

const inner = (change: Partial<InnerLoop>): InnerLoop => ({ rule: "gradient", steps: 1, rate: 0.5, frozen: [], burnIn: 0, ...change });
const cases = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }), share: fc.constantFrom(0, 0.02, 0.15),
  inner: fc.constantFrom(inner({}), inner({ burnIn: 6 }), inner({ truncation: 5, steps: 2 }), inner({ rule: "soel-paper",
    soelPaper: { order: 2, theta: 0.05, thetaLearned: false, divide: "none" } })),
});
const options = (loop: InnerLoop): MetaStepOptions => ({ outer: "maml", chipSeed: 0, inner: loop });
const integers = ({ decisions, outputSpikes, features, silent }: EvaluationResult) => ({
  decisions: [...decisions], outputSpikes: [...outputSpikes], features: [...features], silent,
});

describe.each(["native", "wasm"] as const)("pools on pools and on the input, srm on engine %s", (name) => {
  const run = here.includes(name) ? it : it.skip;

  run("evaluate with the reference's decisions, spikes, features and rates", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ({ seed, share, inner: loop }, learn) => {
        const { spec, masters, quantized, task } = pooledCase(seed, share);
        const { engine } = await createEngine(spec, { engine: name, threads: 2 });
        const [found, expected] = await Promise.all([engine, createReferenceEngine(spec)].map((e) => {
          e.setParameters(masters, quantized);
          return e.evaluate(task, { ...options(loop), learn });
        }));
        engine.dispose();
        expect(integers(found)).toEqual(integers(expected));
        expect(found.spikeRates.length).toBe(spec.layers.length);
        found.spikeRates.forEach((rate, k) => expect(rate).toBeCloseTo(expected.spikeRates[k], 9));
        expect(relative(found.logits, expected.logits)).toBeLessThan(1e-4);
      }),
      { numRuns: 40, seed: 51 },
    );
  }, TIMEOUT);

  run("differentiate as the reference does, to float32", async () => {
    await fc.assert(
      fc.asyncProperty(cases, ({ seed, share, inner: loop }) => compareStep(pooledCase(seed, share), options(loop), inFloat32(name))),
      { numRuns: 30, seed: 52 },
    );
  }, TIMEOUT);

  run("give equal bits with 1, 2 and 4 threads", async () => {
    await sameBits(name, pooledCase(8, 0.15, true), options(inner({ burnIn: 5 })));
  }, TIMEOUT);
});

describe.skipIf(!here.includes("native"))("pools on pools and on the input, srm on the native engine in double precision", () => {
  it("differentiate as the reference does, to 1e-8, with one vector of channels and with several", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), ({ seed, share, inner: loop }, wide) => compareStep(pooledCase(seed, share, wide), options(loop), inFloat64)),
      { numRuns: 50, seed: 53 },
    );
  }, TIMEOUT);
});
