import { describe, expect, it } from "vitest";
import { createReferenceEngine } from "../../src/engines/reference/reference-engine.js";
import { decodeCheckpoint, encodeCheckpoint, parametersHash } from "../../src/model/checkpoint.js";
import { engineFor, refusalOf } from "../../src/train/choose-engine.js";
import { resolveConfig, type TrainConfigInput } from "../../src/train/config.js";
import { innerLoop } from "../../src/train/inner-state.js";
import { startCheckpoint, train } from "../../src/train/loop.js";
import { tinySource } from "./tiny.js";

const source = tinySource();
const config = (training: TrainConfigInput["training"] = {}, soel?: TrainConfigInput["soel"]) => resolveConfig({
  name: "tiny-srm", seed: 5, data: { ways: 3, queries: 2, testQueries: 2 },
  network: {
    model: "srm", input: { polarities: 1, height: 6, width: 6 }, steps: 16,
    layers: [{ kind: "conv", name: "conv1", channels: 3, kernel: 3, stride: 2 }, { kind: "dense", name: "output", outputs: 3 }],
  },
  ...(soel === undefined ? {} : { soel }), training: { tasks: 4, validateEvery: 2, validationTasks: 1, ...training, inner: { burnIn: 0, ...training?.inner } },
});

describe("the inner loop of a configuration", () => {
  it("reaches the engine with every option that engines take", () => {
    const { config: c } = config({
      outer: "fomaml",
      inner: {
        steps: 3, rate: { conv1: 0.5 }, frozen: ["output"], burnIn: 2, truncation: 5,
        quantize: { inner: { grid: "paper", bits: 4 }, outer: { grid: "symmetric", bits: 3, rounding: "stochastic" } },
      },
    });
    expect(innerLoop(c)).toEqual({
      rule: "gradient", steps: 3, rate: { conv1: 0.5 }, frozen: ["output"], burnIn: 2, truncation: 5,
      quantizeInner: { grid: "paper", bits: 4, rounding: "nearest" }, quantizeOuter: { grid: "symmetric", bits: 3, rounding: "stochastic" },
    });
    expect(innerLoop(config({}, { form: "paper", order: 2, theta: 0.1, divide: "integer", learned: ["theta"] }).config)).toMatchObject({
      rule: "soel-paper", soelPaper: { order: 2, theta: 0.1, thetaLearned: true, divide: "integer" },
    });
    // Sixteen steps: the authors' 70 would leave nothing to differentiate.
    expect(innerLoop(config({ inner: { burnIn: 70 } }).config).burnIn).toBe(0);
    // Table 7's θ and the authors' first order where nothing is said.
    expect(innerLoop(config({}, { form: "paper" }).config).soelPaper).toEqual({ order: 1, theta: 0.05, thetaLearned: false, divide: "none" });
  });

  it("trains what is learned of it, one rate a layer, and resumes to the same bits", async () => {
    const resolved = config({ inner: { learnRate: true } });
    const engine = createReferenceEngine(resolved.spec);
    const start = await startCheckpoint(resolved, engine, source);
    expect(Object.keys(start.inner ?? {})).toEqual(["inner.rate.conv1", "inner.rate.output"]);
    const whole = await train(resolved, engine, source, start, undefined);
    const { inner } = whole.last;
    for (const rate of Object.values(inner ?? {})) {
      expect(rate[0]).not.toBe(1);
      expect(Math.abs(rate[0] - 1)).toBeLessThan(0.1);
    }
    let steps = 0;
    const cut = await train(resolved, engine, source, start, undefined, { interrupted: () => ++steps === 2 });
    const resumed = await train(resolved, engine, source, decodeCheckpoint(encodeCheckpoint(cut.last), "last.mlh"), cut.best);
    expect(resumed.last.inner).toEqual(inner);
    expect(parametersHash(resolved.spec, resumed.last.masters, resumed.last.inner)).toBe(parametersHash(resolved.spec, whole.last.masters, inner));
  });

  it("leaves the rate of a frozen layer as it is", async () => {
    const resolved = config({ inner: { learnRate: true, frozen: ["conv1"] } });
    const engine = createReferenceEngine(resolved.spec);
    const { last } = await train(resolved, engine, source, await startCheckpoint(resolved, engine, source), undefined);
    expect(last.inner?.["inner.rate.conv1"][0]).toBe(1);
    expect(last.inner?.["inner.rate.output"][0]).not.toBe(1);
  });

  it("learns θ of the paper's SOEL where it divides", async () => {
    const resolved = config({ inner: { rate: 0.5 } }, { form: "paper", divide: "float", learned: ["theta"] });
    const engine = createReferenceEngine(resolved.spec);
    const { last } = await train(resolved, engine, source, await startCheckpoint(resolved, engine, source), undefined);
    expect(Object.keys(last.inner ?? {})).toEqual(["inner.theta"]);
    expect(last.inner?.["inner.theta"][0]).not.toBeCloseTo(0.05, 6);
  });

  it("rounds stochastically with other draws in every task", async () => {
    const { stepOptions } = await import("../../src/train/loop.js");
    const { config: c } = config({ inner: { quantize: { outer: { grid: "chip", bits: 8, rounding: "stochastic" } } } });
    expect(stepOptions(c, 1, 0).roundingSeed).not.toBe(stepOptions(c, 1, 1).roundingSeed);
  });
});

describe("the engine for a configuration", () => {
  it("is one that can do it, with a notice where that is not the fastest here", async () => {
    const asked = config({ inner: { learnRate: true } });
    const { engine, notice } = await engineFor(asked.config, asked.spec);
    const options = { outer: "maml", inner: innerLoop(asked.config), chipSeed: 1 } as const;
    const task = source.draw("train", 0, { seed: 1, ways: 3, shots: 1, queriesPerClass: 1, passes: 1 });
    const { masters, quantized } = await startCheckpoint(asked, engine, source);
    engine.setParameters(masters, quantized);
    expect((await engine.metaStep(task, options)).innerGradients).toBeDefined();
    if (notice) expect(notice).toMatch(/using the .* engine, which is (much )?slower: /);
    engine.dispose();
  });

  it("is not one that leaves out the gradients of learned rates [E-ENG-002]", async () => {
    const { config: c, spec } = config({ inner: { learnRate: true } });
    const whole = createReferenceEngine(spec);
    const without = { ...whole, metaStep: async (...a: Parameters<typeof whole.metaStep>) => ({ ...await whole.metaStep(...a), innerGradients: undefined }) };
    expect((await refusalOf(without, c, spec))?.message).toMatch(/learnRate.*--engine reference.*E-ENG-002/);
    expect(await refusalOf(whole, c, spec)).toBeUndefined();
  });

  it("is refused by name where it was asked for and cannot, with the one that can", async () => {
    const asked = config({ inner: { quantize: { inner: { grid: "symmetric", bits: 4 } } } }, { form: "paper" });
    // Engines learn with time: one that runs it makes it, one that does not says who does.
    const said = await engineFor(asked.config, asked.spec, { engine: "native" }).then(({ engine }) => engine.name as string, (error: Error) => error.message);
    if (said !== "native") expect(said).toMatch(/--engine reference/);
    const { engine, notice } = await engineFor(asked.config, asked.spec);
    if (engine.name === "reference" && said !== "native") expect(notice).toMatch(/reference engine, which is much slower|using the reference engine/);
  });
});
