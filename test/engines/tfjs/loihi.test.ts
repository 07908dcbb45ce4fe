import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEngine } from "../../../src/engines/create.js";
import type { Engine, EvaluationResult, MetaStepOptions } from "../../../src/engines/engine.js";
import { createReferenceEngine } from "../../../src/engines/reference/reference-engine.js";
import { loihiMethods } from "../../../src/engines/tfjs/loihi/loihi-engine.js";
import { createTfjsEngine } from "../../../src/engines/tfjs/tfjs-engine.js";
import type { Parameters } from "../../../src/model/types.js";
import { quantizeNetwork } from "../../../src/model/quantize.js";
import { randomCase } from "../reference/random-networks.js";
import { closeGradients } from "./close.js";
import { tf } from "./library.js";

const tiny = randomCase(1, { neuronModel: "loihi", mode: "binary" }).spec;
const hasNative = await createEngine(tiny, { engine: "native" }).then(({ engine }) => {
  engine.dispose();
  return true;
}, () => false);

/** Rules with large and small errors, traces that reach 127, products, sums and weights that saturate, negative rates,
 *  no window at all, and the authors' form. */
const rules = fc.record({
  form: fc.constantFrom("chip" as const, "chip" as const, "authors-chip" as const),
  windowSteps: fc.constantFrom(4, 8, 12, 40),
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
const cases = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  mode: fc.constantFrom("binary" as const, "counts" as const),
  share: fc.constantFrom(0, 0.02, 0.15, 0.4),
  soel: rules,
});

type Case = ReturnType<typeof randomCase>;

/** tfjs first, then the reference, then native where it is built and can run this network. */
async function engines({ spec, masters, quantized }: Case): Promise<Engine[]> {
  const made = [await createTfjsEngine(spec, 1), createReferenceEngine(spec)];
  if (hasNative && spec.soel?.form !== "authors-chip") made.push((await createEngine(spec, { engine: "native" })).engine);
  for (const engine of made) engine.setParameters(masters, quantized);
  return made;
}

const withoutFloats = ({ loss: _, logits: __, spikeRates: ___, ...integers }: EvaluationResult) => ({
  ...integers, decisions: [...integers.decisions],
});

describe("tfjs, reference and native on random loihi networks", () => {
  it("record the same spikes, currents, voltages, y1, learned weights and wraps", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ({ seed, mode, share, soel }, learn) => {
        const random = randomCase(seed, { neuronModel: "loihi", mode, soel }, share);
        const options = { outer: "maml", chipSeed: seed, learn, onWrap: "wrap" } as const;
        const [found, ...others] = await Promise.all((await engines(random)).map((e) => e.record(random.task, options)));
        for (const other of others) expect(found).toEqual(other);
      }),
      { numRuns: 9, seed: 21 },
    );
  });

  it("evaluate to the same integers, and give the same gradients to float32", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ({ seed, mode, share, soel }, penalized) => {
        const random = randomCase(seed, { neuronModel: "loihi", mode, soel }, share);
        const { task } = random;
        const options: MetaStepOptions = {
          outer: "maml", chipSeed: seed, ratePenalty: penalized ? { weight: 0.5, low: 0.1, high: 0.3 } : undefined,
        };
        const [found, ...others] = await Promise.all((await engines(random)).map(async (engine) => ({
          evaluation: await engine.evaluate(task, { ...options, learn: true }), step: await engine.metaStep(task, options),
        })));
        for (const { evaluation, step } of others) {
          expect(withoutFloats(found.evaluation)).toEqual(withoutFloats(evaluation));
          expect(Math.abs(found.step.loss - step.loss)).toBeLessThan(1e-5 * Math.max(1, step.loss));
          found.evaluation.spikeRates.forEach((rate, k) => expect(rate).toBeCloseTo(evaluation.spikeRates[k], 6));
          closeGradients(found.step.gradients, step.gradients, `seed ${seed}`);
        }
        // The reference's logits are exact integers divided in float64, and so are ours.
        expect(found.evaluation.logits).toEqual(others[0].evaluation.logits);
      }),
      { numRuns: 6, seed: 22 },
    );
  });

  it("agree in the accuracy after one float step of the last layer, before learning, and where nothing is plastic", async () => {
    for (const seed of [31, 32, 33]) {
      const random = randomCase(seed, { neuronModel: "loihi", mode: "binary" }, 0.2);
      const spec = seed === 33 ? { ...random.spec, soel: null } : random.spec;
      const masters: Parameters = Object.fromEntries(
        Object.entries(random.masters).filter(([name]) => spec.soel || name.includes(".")));
      const changed: Case = { ...random, spec, masters, quantized: quantizeNetwork(spec, masters) };
      const options = { outer: "maml", chipSeed: seed } as const;
      const [found, expected] = await Promise.all((await engines(changed)).slice(0, 2).map(async (engine) => ({
        step: await engine.gradientStepAccuracy(random.task, { ...options, rate: 1e-3 }),
        before: withoutFloats(await engine.evaluate(random.task, { ...options, learn: false })),
        record: await engine.record(random.task, { ...options, learn: true }),
        gradients: (await engine.metaStep(random.task, options)).gradients,
      })));
      expect({ ...found, gradients: null }).toEqual({ ...expected, gradients: null });
      closeGradients(found.gradients, expected.gradients, `seed ${seed}`);
    }
  });
});

describe("the tfjs engine on loihi networks", () => {
  it("stops where the strict simulator stops, with the same wraps as the reference (E-ENG-030)", async () => {
    // The largest weights that the grid has on every synapse, and counts in the thousands: q leaves its 22 bits.
    const random = randomCase(4, { neuronModel: "loihi", mode: "counts" }, 0.4);
    const masters = Object.fromEntries(Object.entries(random.masters).map(([name, w]) => [name, w.map((x) => (name.includes("weight") ? 9 : x))]));
    const query = random.task.query.map((sample) => ({ ...sample, count: Uint16Array.from(sample.count, (n) => 900 * n) }));
    const changed: Case = { ...random, masters, quantized: quantizeNetwork(random.spec, masters), task: { ...random.task, query } };
    const [ours, reference] = await engines(changed);
    const options = { outer: "maml", chipSeed: 1, learn: true } as const;
    await expect(ours.record(changed.task, options)).rejects.toThrow(/wrapped around.*E-ENG-030/);
    const [found, expected] = await Promise.all([ours, reference].map((e) => e.record(changed.task, { ...options, onWrap: "wrap" })));
    expect(found.wraps.length).toBeGreaterThan(0);
    expect(found).toEqual(expected);
  });

  it("refuses an input whose sums float32 could not hold (E-ENG-040)", async () => {
    const random = randomCase(4, { neuronModel: "loihi", mode: "counts" }, 0.4);
    const query = random.task.query.map((sample) => ({ ...sample, count: Uint16Array.from(sample.count, () => 60_000) }));
    const [ours] = await engines(random);
    const task = { ...random.task, query };
    await expect(ours.evaluate(task, { outer: "maml", chipSeed: 1, learn: true })).rejects.toThrow(/events in one step.*E-ENG-040/);
  });

  it("keeps no tensor after a call, also after one that throws", async () => {
    const random = randomCase(7, { neuronModel: "loihi", mode: "counts" }, 0.3);
    const [ours] = await engines(random);
    const options = { outer: "maml", chipSeed: 3, ratePenalty: { weight: 0.5, low: 0.1, high: 0.3 } } as const;
    const all = async (): Promise<void> => {
      await ours.metaStep(random.task, options);
      await ours.evaluate(random.task, { ...options, learn: true });
      await ours.record(random.task, { ...options, learn: false });
      await ours.gradientStepAccuracy(random.task, { ...options, rate: 1 });
      const query = random.task.query.map((sample) => ({ ...sample, count: Uint16Array.from(sample.count, () => 60_000) }));
      await expect(ours.metaStep({ ...random.task, query }, options)).rejects.toThrow(/E-ENG/);
    };
    await all();
    const { numTensors, numBytes } = tf.memory();
    await all();
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    expect(numTensors).toBe(0);
  });

  it("gives the same sample by sample as all at once", async () => {
    const { spec, masters, quantized, task } = randomCase(16, { neuronModel: "loihi", mode: "binary" }, 0.3);
    const options = { outer: "maml", chipSeed: 5, ratePenalty: { weight: 0.5, low: 0.1, high: 0.3 } } as const;
    const [one, all] = await Promise.all([1, Number.MAX_SAFE_INTEGER].map(async (chunkValues) => {
      const ours = loihiMethods(tf, spec, chunkValues);
      ours.setParameters(masters, quantized);
      return { record: await ours.record(task, { ...options, learn: true }), step: await ours.metaStep(task, options) };
    }));
    expect(one.record).toEqual(all.record);
    expect(one.step.spikeRates).toEqual(all.step.spikeRates);
    closeGradients(one.step.gradients, all.step.gradients, "chunks of one");
  });

  it("gives equal bits for equal arguments", async () => {
    const random = randomCase(12, { neuronModel: "loihi", mode: "counts" }, 0.3);
    const [ours] = await engines(random);
    const options = { outer: "maml", chipSeed: 5 } as const;
    expect(await ours.metaStep(random.task, options)).toEqual(await ours.metaStep(random.task, options));
  });
});
