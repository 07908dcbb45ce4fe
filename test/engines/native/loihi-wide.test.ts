import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { createEngine } from "../../../src/engines/create.js";
import type { MetaStepOptions, WrapReport } from "../../../src/engines/engine.js";
import { createReferenceEngine } from "../../../src/engines/reference/reference-engine.js";
import { convLayer, denseLayer, poolLayer } from "../../../src/model/presets.js";
import { quantizeNetwork } from "../../../src/model/quantize.js";
import type { NetworkSpec } from "../../../src/model/types.js";
import { randomParameters, randomTask, smallSoel } from "../reference/random-networks.js";
import { relative } from "../reference/relative.js";

/** Wide enough for what narrow networks never reach: 16-bit sums (16 channels and more), Winograd tiles (stride 1, 3×3 and 5×5, any
 *  padding, sizes that are no multiple of a tile), pools on convolutions and on pools with odd rows and columns. */
interface Shape {
  readonly seed: number;
  readonly height: number;
  readonly width: number;
  readonly channels: readonly [number, number, number];
  readonly kernels: readonly [3 | 5, 3 | 5];
  readonly paddings: readonly [number, number];
  readonly pools: readonly [boolean, boolean, boolean];
  readonly refractory: number;
  readonly penalized: boolean;
  readonly passes: number;
}
const kernel = fc.constantFrom(3 as const, 5 as const);
const shapes = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  height: fc.integer({ min: 8, max: 10 }), width: fc.integer({ min: 8, max: 11 }),
  channels: fc.tuple(fc.constantFrom(16, 17), fc.constantFrom(16, 33), fc.constantFrom(16, 18)),
  kernels: fc.tuple(kernel, kernel), paddings: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 4 })),
  pools: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()), refractory: fc.constantFrom(1, 1, 2), penalized: fc.boolean(),
  passes: fc.integer({ min: 1, max: 2 }),
});

function networkOf(s: Shape): NetworkSpec {
  const conv = (k: number, size: number, padding: number) => {
    const layer = convLayer(`conv${k + 1}`, s.channels[k], size, { padding, bits: 6 + (k % 3), first: k === 0 });
    return { ...layer, loihi: { ...layer.loihi, refractory: s.refractory, vthMant: 400 } };
  };
  const pool = (k: number) => (s.pools[k] ? [poolLayer(`pool${k + 1}`)] : []);
  return {
    name: "wide", neuronModel: "loihi", input: { polarities: 2, height: s.height, width: s.width, mode: "binary" }, steps: 8,
    layers: [
      conv(0, 3, 1), ...pool(0), conv(1, s.kernels[0], s.paddings[0]), ...pool(1), conv(2, s.kernels[1], Math.max(2, s.paddings[1])), ...pool(2),
      ...(s.pools[1] && !s.pools[2] ? [poolLayer("pool4"), poolLayer("pool5")] : []),
      denseLayer("dense", 2, 8),
    ],
    readout: { kappa: 0.5, lambda: 1 }, soel: { ...smallSoel, passes: s.passes },
  };
}

// As in engines.test.ts; Winograd's tiles add the norms of their transforms, some 20 ulp of the largest entry.
const BOUND = 3e-4;

/** Within a step the engines name wraps in orders of their own. */
const sorted = (wraps: readonly WrapReport[] = []): readonly string[] => wraps.map((w) => JSON.stringify(Object.entries(w).sort())).sort();

/** Networks of two convolutions under pools. Plain: everything fits. Then sums past 16 bits in the second layer alone (its kernel rows
 *  may add up to more, or the rows together do), and voltages past 2²². */
const FALLBACKS = [
  { vthMant: 400, wgtExp: 0, scale: 1, width: 12, wraps: false },
  { vthMant: 400, wgtExp: 4, scale: 8, width: 12, wraps: false },
  { vthMant: 4000, wgtExp: 1, scale: 3, width: 8, wraps: true },
  { vthMant: 80_000, wgtExp: 2, scale: 40, width: 12, wraps: true },
] as const;

describe.each(["native", "wasm"] as const)("wide loihi networks on engine %s", (name) => {
  it("have the reference's integers and, to float32, its gradients, with the penalty and without", async ({ skip }) => {
    const probe = await createEngine(networkOf({ seed: 1, height: 9, width: 9, channels: [16, 16, 16], kernels: [3, 3], paddings: [1, 1],
      pools: [false, false, false], refractory: 1, penalized: false, passes: 1 }), { engine: name, threads: 1 }).catch(() => skip(`no ${name} engine here`));
    probe.engine.dispose();
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const spec = networkOf(shape);
        const rng = new Rng(shape.seed, 0x1fffd);
        const masters = randomParameters(rng, spec);
        const quantized = quantizeNetwork(spec, masters);
        const task = randomTask(rng, spec, 2, 0.12);
        const { engine } = await createEngine(spec, { engine: name, threads: 2 });
        const reference = createReferenceEngine(spec);
        for (const e of [engine, reference]) e.setParameters(masters, quantized);
        const options: MetaStepOptions = { outer: "maml", chipSeed: shape.seed };
        const record = { ...options, learn: true, onWrap: "wrap" } as const;
        expect(await engine.record(task, record)).toEqual(await reference.record(task, record));
        const ratePenalty = shape.penalized ? { weight: 0.5, low: 0.1, high: 0.3 } : undefined;
        const [found, expected] = await Promise.all([engine, reference].map((e) => e.metaStep(task, { ...options, ratePenalty })));
        expect(relative([found.loss], [expected.loss])).toBeLessThan(BOUND);
        const largest = Math.max(...Object.values(expected.gradients).flatMap((g) => [...g].map(Math.abs)));
        for (const [key, g] of Object.entries(expected.gradients)) {
          const scale = Math.max(1e-3, 1e-3 * largest, ...[...g].map(Math.abs));
          const worst = Math.max(0, ...[...g].map((x, k) => Math.abs(x - found.gradients[key][k])));
          expect(worst / scale, key).toBeLessThan(BOUND);
        }
        expect(found.spikeRates).toEqual(expected.spikeRates);
        engine.dispose();
      }),
      { numRuns: name === "native" ? 6 : 2, seed: 3 },
    );
  }, 120_000);

  it("run again in wider sums where 16 bits or the windows' limits do not hold, and then report what wraps", async ({ skip }) => {
    for (const { vthMant, wgtExp, scale, width, wraps } of FALLBACKS) {
      const conv = (k: number, channels: number) => {
        const layer = convLayer(`conv${k}`, channels, 5, { bits: 8 });
        return { ...layer, weight: { ...layer.weight, wgtExp }, loihi: { ...layer.loihi, vthMant } };
      };
      const spec: NetworkSpec = {
        name: "fallback", neuronModel: "loihi", input: { polarities: 2, height: 8, width, mode: "binary" }, steps: 8,
        layers: [conv(1, 16), poolLayer("pool1"), conv(2, 48), poolLayer("pool2"), denseLayer("dense", 2, 8)],
        readout: { kappa: 0.5, lambda: 1 }, soel: smallSoel,
      };
      const { engine } = await createEngine(spec, { engine: name, threads: 1 }).catch(() => skip(`no ${name} engine here`));
      const rng = new Rng(11, 0x1fffd);
      const masters = randomParameters(rng, spec);
      for (const key of Object.keys(masters)) if (key.startsWith("conv") && key.endsWith("weight")) masters[key].forEach((w, k) => { masters[key][k] = w * scale; });
      const task = randomTask(rng, spec, 1, 0.6);
      const reference = createReferenceEngine(spec);
      for (const e of [engine, reference]) e.setParameters(masters, quantizeNetwork(spec, masters));
      const options = { outer: "maml", chipSeed: 3, onWrap: "wrap", learn: true, features: true } as const;
      const [found, expected] = await Promise.all([engine, reference].map((e) => e.evaluate(task, options)));
      for (const key of ["features", "learnedWeights", "decisions", "spikeRates"] as const) expect(found[key], key).toEqual(expected[key]);
      const [step, known] = await Promise.all([engine, reference].map((e) => e.metaStep(task, options)));
      expect(step.spikeRates).toEqual(known.spikeRates);
      for (const { wraps } of [found, step]) expect(sorted(wraps)).toEqual(sorted(known.wraps));
      expect((known.wraps ?? []).length > 0).toBe(wraps);
      const largest = Math.max(...Object.values(known.gradients).flatMap((g) => [...g].map(Math.abs)));
      for (const [key, g] of Object.entries(known.gradients)) {
        const size = Math.max(1e-3, 1e-3 * largest, ...[...g].map(Math.abs));
        expect(Math.max(0, ...[...g].map((x, k) => Math.abs(x - step.gradients[key][k]))) / size, key).toBeLessThan(BOUND);
      }
      engine.dispose();
    }
  }, 120_000);

  it("name each wrap of a last layer once, in the presentation it came in, even where the sum passes 32 bits", async ({ skip }) => {
    // 1,152 inputs that all fire, at the largest weight: 1,152·255·2⁷·64 > 2³¹.
    const dense = { ...denseLayer("dense", 2, 8), weight: { bits: 8, signMode: "mixed", wgtExp: 7 } } as const;
    const spec: NetworkSpec = {
      name: "heavy", neuronModel: "loihi", input: { polarities: 2, height: 24, width: 24, mode: "binary" }, steps: 8, layers: [dense],
      readout: { kappa: 0.5, lambda: 1 }, soel: { ...smallSoel, passes: 2 },
    };
    const made = await createEngine(spec, { engine: name, threads: 1 }).catch(() => skip(`no ${name} engine here`));
    const rng = new Rng(5, 0x1fffd);
    const masters = randomParameters(rng, spec);
    for (const key of Object.keys(masters)) if (key.endsWith("weight")) masters[key].fill(1e6);
    const task = randomTask(rng, spec, 1, 1);
    const reference = createReferenceEngine(spec);
    for (const e of [made.engine, reference]) e.setParameters(masters, quantizeNetwork(spec, masters));
    const options = { outer: "maml", chipSeed: 3, learn: true, onWrap: "wrap" } as const;
    const [found, expected] = [await made.engine.record(task, options), await reference.record(task, options)];
    expect(found).toEqual(expected);
    const [step, evaluated] = [await made.engine.metaStep(task, options), await made.engine.evaluate(task, options)];
    expect(step.wraps).toEqual((await reference.metaStep(task, options)).wraps);
    expect(step.wraps).toEqual(expected.wraps);
    expect(evaluated.wraps).toEqual(expected.wraps);
    await expect(made.engine.metaStep(task, { outer: "maml", chipSeed: 3 })).rejects.toThrow("E-ENG-030");
    expect(new Set(expected.wraps.map((w) => w.presentation)).size).toBeGreaterThanOrEqual(4);
    expect(expected.wraps.some((w) => w.quantity === "q")).toBe(true);
    made.engine.dispose();
  });
});
