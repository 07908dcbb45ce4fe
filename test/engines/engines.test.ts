import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEngine } from "../../src/engines/create.js";
import type { Engine, Gradients, InnerLoop, MetaStepOptions } from "../../src/engines/engine.js";
import { createReferenceEngine } from "../../src/engines/reference/reference-engine.js";
import type { NetworkSpec } from "../../src/model/types.js";
import { randomCase } from "./reference/random-networks.js";
import { relative } from "./reference/relative.js";

/** Engines that this machine has beside the reference; the others are skipped visibly. */
const tiny = randomCase(1, { neuronModel: "loihi", mode: "binary" }).spec;
const candidates = ["native", "wasm"] as const;
const models = ["loihi", "srm"] as const;
const available = new Set<string>();
for (const name of candidates) {
  for (const neuronModel of models) {
    try {
      const spec = { ...tiny, neuronModel, soel: neuronModel === "loihi" ? tiny.soel : null };
      (await createEngine(spec, { engine: name, threads: 1 })).engine.dispose();
      available.add(`${name} ${neuronModel}`);
    } catch {
      // Not built, or not for these networks: the tests below are then skipped visibly.
    }
  }
}

// float32 against float64: every value passes some hundred operations that round by 2^−24 = 6e-8, and the
// largest entry of a tensor may be left over from a cancellation of ten times larger terms: 300 · 10 · 6e-8.
// A wrong rule is off by 4e-4 or more.
const bound = 2e-4;

const close = (found: Gradients, expected: Gradients, what: string): void => {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  const largest = Math.max(...Object.values(expected).flatMap((g) => [...g].map(Math.abs)));
  for (const [name, g] of Object.entries(expected)) {
    // A tensor that is nearly 0 beside the others is what cancellation left: measured against a share of the
    // largest. Where all are, as with empty samples, float32 still leaves some 2^−24 of terms of order 1 that
    // cancel: hence 1e-3.
    const scale = Math.max(1e-3, 1e-3 * largest, ...[...g].map(Math.abs));
    const worst = Math.max(0, ...[...g].map((x, k) => Math.abs(x - found[name][k])));
    expect(worst / scale, `${what}, ${name}`).toBeLessThan(bound);
  }
};

async function both(
  name: (typeof candidates)[number],
  seed: number,
  choices: Parameters<typeof randomCase>[1],
  share?: number,
) {
  const { spec, masters, quantized, task } = randomCase(seed, choices, share);
  const other = (await createEngine(spec, { engine: name, threads: 1 })).engine;
  const reference = createReferenceEngine(spec);
  for (const engine of [other, reference]) engine.setParameters(masters, quantized);
  return { other, reference, task, spec };
}

const seeds = fc.integer({ min: 1, max: 1_000_000 });
const modes = fc.constantFrom("binary" as const, "counts" as const);
const shares = fc.constantFrom(0, 0.02, 0.15, 0.4);
/** Rules with large and small errors, traces that reach 127, products, sums and weights that saturate,
 *  negative rates. */
const rules = fc.record({
  form: fc.constantFrom("chip" as const, "chip" as const, "authors-chip" as const),
  windowSteps: fc.constantFrom(4, 8, 12),
  gamma: fc.integer({ min: 1, max: 7 }),
  theta: fc.integer({ min: 1, max: 3 }),
  impulse: fc.constantFrom(6, 12, 60, 127),
  hi: fc.constantFrom(2, 6, 30),
  lo: fc.constantFrom(0, 1),
  rateMant: fc.constantFrom(-8, -1, 1, 3, 7),
  rateExp: fc.constantFrom(-5, -4, -2, 1, 4),
  passes: fc.constantFrom(1, 2),
  resetPreTrace: fc.boolean(),
});

describe.each(candidates)("engine %s against the reference on random networks", (name) => {
  const runFor = (neuronModel: (typeof models)[number]) => (available.has(`${name} ${neuronModel}`) ? it : it.skip);

  runFor("loihi")("loihi: every recorded integer is equal, with learning and without", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, modes, shares, rules, fc.boolean(), async (seed, mode, share, soel, learn) => {
        const { other, reference, task } = await both(
          name,
          seed,
          { neuronModel: "loihi", mode, soel },
          share,
        );
        const options = { outer: "maml", chipSeed: seed, learn, onWrap: "wrap" } as const;
        const [found, expected] = await Promise.all(
          [other, reference].map((engine) => engine.record(task, options)),
        );
        expect(found).toEqual(expected);
        other.dispose();
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  runFor("loihi")("loihi: evaluations are equal, and gradients agree to float32", async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        modes,
        shares,
        rules,
        fc.boolean(),
        async (seed, mode, share, soel, penalized) => {
          const { other, reference, task } = await both(
            name,
            seed,
            { neuronModel: "loihi", mode, soel },
            share,
          );
          const options: MetaStepOptions = {
            outer: "maml",
            chipSeed: seed,
            ratePenalty: penalized ? { weight: 0.5, low: 0.1, high: 0.3 } : undefined,
          };
          const [found, expected] = await Promise.all(
            [other, reference].map((e) => e.evaluate(task, { ...options, learn: true })),
          );
          const integers = ({
            decisions,
            outputSpikes,
            features,
            learnedWeights,
            products,
            ties,
            silent,
            accuracy,
          }: typeof found) => ({
            decisions: [...decisions],
            outputSpikes,
            features,
            learnedWeights,
            products,
            ties,
            silent,
            accuracy,
          });
          expect(integers(found)).toEqual(integers(expected));
          expect(relative(found.logits, expected.logits)).toBeLessThan(1e-5);
          for (const [k, rate] of found.spikeRates.entries()) expect(rate).toBeCloseTo(expected.spikeRates[k], 6);
          const steps = await Promise.all([other, reference].map((e) => e.metaStep(task, options)));
          expect(Math.abs(steps[0].loss - steps[1].loss)).toBeLessThan(1e-5 * Math.max(1, steps[1].loss));
          close(steps[0].gradients, steps[1].gradients, `seed ${seed}`);
          other.dispose();
        },
      ),
      { numRuns: 30, seed: 2 },
    );
  });

  const inner = (change: Partial<InnerLoop>): InnerLoop => ({
    rule: "gradient",
    steps: 1,
    rate: 0.5,
    frozen: [],
    burnIn: 0,
    ...change,
  });
  const loops: readonly (readonly [string, Partial<MetaStepOptions> & { inner: InnerLoop }])[] = [
    ["second order", { outer: "maml", inner: inner({}) }],
    ["first order", { outer: "fomaml", inner: inner({}) }],
    ["anil", { outer: "anil", inner: inner({}) }],
    ["burn-in", { outer: "maml", inner: inner({ burnIn: 6 }) }],
    ["truncation", { outer: "maml", inner: inner({ truncation: 5 }) }],
    ["burn-in and truncation", { outer: "maml", inner: inner({ burnIn: 3, truncation: 5 }) }],
    ["a truncation beyond the sample", { outer: "maml", inner: inner({ truncation: 200 }) }],
    ["grids", { outer: "maml", inner: inner({ quantizeInner: { grid: "symmetric", bits: 8, rounding: "nearest" } }) }],
    ["the paper's SOEL", { outer: "maml", inner: inner({ rule: "soel-paper" }) }],
    ["two inner steps", { outer: "maml", inner: inner({ steps: 2 }) }],
    ["a frozen layer", { outer: "maml", inner: inner({ frozen: ["conv1"] }) }],
    ["reptile", { outer: "reptile", inner: inner({ steps: 2 }) }],
  ];

  runFor("srm").each(loops)("srm, %s: loss and gradients agree to float32", async (_, options) => {
    await fc.assert(
      fc.asyncProperty(seeds, shares, async (seed, share) => {
        const { other, reference, task } = await both(
          name,
          seed,
          { neuronModel: "srm", mode: "counts" },
          share,
        );
        const full = { chipSeed: 0, outer: "maml", ...options } as MetaStepOptions;
        const [found, expected] = await Promise.all(
          [other, reference].map((engine) => engine.metaStep(task, full)),
        );
        expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-4 * Math.max(1, expected.loss));
        close(found.gradients, expected.gradients, `seed ${seed}`);
        other.dispose();
      }),
      { numRuns: 8, seed: 3 },
    );
  });

  for (const neuronModel of models) {
    runFor(neuronModel)(`${neuronModel}: gives equal bits with 1, 2 and 4 threads`, async () => {
      const choices = { neuronModel, mode: "counts" } as const;
      const { spec, masters, quantized, task } = randomCase(17, choices, 0.3);
      const run = async (threads: number) => {
        const { engine } = await createEngine(spec, { engine: name, threads });
        engine.setParameters(masters, quantized);
        const result = await engine.metaStep(task, { outer: "maml", chipSeed: 5, inner: inner({}) });
        engine.dispose();
        return result;
      };
      const one = await run(1);
      expect(await run(2)).toEqual(one);
      expect(await run(4)).toEqual(one);
    });
  }
});

describe("createEngine", () => {
  it("makes the reference engine when asked for it, without a notice", async () => {
    const { engine, notice } = await createEngine(tiny, { engine: "reference" });
    expect([engine.name, notice]).toEqual(["reference", ""]);
  });

  it("finds some engine on every machine, and says why it is not the fastest", async () => {
    const { engine, notice } = await createEngine(tiny);
    expect(notice === "").toBe(engine.name === "native");
  });

  it("falls back to the reference where the kernels do not take a network, and says which layer it is", async () => {
    const { spec } = randomCase(1, { neuronModel: "srm", mode: "counts" });
    const map = { ...spec, layers: spec.layers.slice(0, 1) };
    const { engine, notice } = await createEngine(map);
    expect(engine.name).toBe("reference");
    expect(notice).toMatch(/^using the reference engine, which is slower: .*wasm: layer "conv1": \d+ outputs in \d+×\d+ places/);
    await expect(createEngine(map, { engine: "wasm" })).rejects.toThrow(/take --engine reference.*E-ENG-011/s);
  });

  it("says which engine cannot run here (E-ENG-001)", async () => {
    process.env.METALOIHI_TFJS_BACKEND = "none";
    await expect(createEngine(tiny, { engine: "tfjs" })).rejects.toThrow(/--engine tfjs.*E-ENG-001/);
    delete process.env.METALOIHI_TFJS_BACKEND;
  });
});

describe("the reference engine", () => {
  it("gives equal bits for equal arguments", async () => {
    const engines: Engine[] = [];
    const specOf = (neuronModel: NetworkSpec["neuronModel"]) =>
      randomCase(23, { neuronModel, mode: "counts" }, 0.3);
    for (const neuronModel of ["loihi", "srm"] as const) {
      const { spec, masters, quantized, task } = specOf(neuronModel);
      const results = [];
      for (let k = 0; k < 2; k++) {
        engines.push(createReferenceEngine(spec));
        engines[engines.length - 1].setParameters(masters, quantized);
        results.push(await engines[engines.length - 1].metaStep(task, { outer: "maml", chipSeed: 5 }));
      }
      expect(results[1]).toEqual(results[0]);
    }
  });
});
