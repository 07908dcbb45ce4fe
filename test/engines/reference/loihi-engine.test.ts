import { describe, expect, it } from "vitest";
import { WrapError } from "../../../src/engines/wrap-error.js";
import { createReferenceEngine } from "../../../src/engines/reference/reference-engine.js";
import { quantizeNetwork } from "../../../src/model/quantize.js";
import type { NetworkSpec } from "../../../src/model/types.js";
import type { Task } from "../../../src/tasks/types.js";
import { randomCase } from "./random-networks.js";

const options = { outer: "maml", chipSeed: 99 } as const;
const caseOf = (seed: number, change: Partial<NetworkSpec> = {}, share?: number) => {
  const { spec, masters, task } = randomCase(seed, { neuronModel: "loihi", mode: "counts" }, share);
  const changed = { ...spec, ...change };
  const engine = createReferenceEngine(changed);
  engine.setParameters(masters, quantizeNetwork(changed, masters));
  return { engine, spec: changed, masters, task };
};
const twice = (task: Task): Task => ({ ...task, presentation: [...task.presentation, ...task.presentation] });

describe("the reference engine on loihi networks", () => {
  it("records what it evaluates: same weights, spikes of the outputs and decisions", async () => {
    for (const seed of [1, 2, 3]) {
      const { engine, task } = caseOf(seed);
      const evaluated = await engine.evaluate(task, { ...options, learn: true });
      const { presentations, wraps } = await engine.record(task, { ...options, learn: true });
      expect(wraps).toEqual([]);
      expect(presentations.length).toBe(task.support.length + task.query.length);
      const queries = presentations.slice(task.support.length);
      expect(queries.map(({ decision }) => decision)).toEqual(evaluated.decisions);
      expect(queries.flatMap(({ outputSpikes }) => [...outputSpikes])).toEqual([...evaluated.outputSpikes]);
      expect(queries[0].weights).toEqual(evaluated.learnedWeights);
    }
  });

  it("leaves the weights alone in a separate load without learning, and records the queries alone", async () => {
    const { engine, spec, masters, task } = caseOf(4);
    const { presentations } = await engine.record(task, { ...options, learn: false });
    expect(presentations.length).toBe(task.query.length);
    const { layers } = quantizeNetwork(spec, masters);
    expect(presentations[0].weights).toEqual(layers[layers.length - 1].mantissa);
    expect(new Set(presentations.flatMap(({ y1 }) => [...y1]))).toEqual(new Set([64]));
  });

  it("learns more from a support shown twice", async () => {
    const { engine, task } = caseOf(5, {}, 0.4);
    const [once, again] = await Promise.all(
      [task, twice(task)].map((t) => engine.evaluate(t, { ...options, learn: true })),
    );
    expect(again.learnedWeights).not.toEqual(once.learnedWeights);
    expect(again.products!.triggered).toBeGreaterThan(once.products!.triggered);
  });

  it("counts features, rates and silent queries of empty samples as nothing", async () => {
    const { engine, task } = caseOf(6, {}, 0);
    const quiet = { ...task };
    const { features, silent, ties, spikeRates } = await engine.evaluate(quiet, { ...options, learn: true });
    // Biases alone may still drive a layer; the case is drawn so that none does.
    expect(features.every((n) => n === 0)).toBe(true);
    expect([silent, ties]).toEqual([task.query.length, task.query.length]);
    expect(spikeRates.every((rate) => rate === 0)).toBe(true);
  });

  it("reads one spike a pixel from counts in binary mode, each event in counts mode", async () => {
    const runs = await Promise.all(
      (["binary", "counts"] as const).map(async (mode) => {
        const { spec } = randomCase(10, { neuronModel: "loihi", mode: "counts" });
        const { engine, task } = caseOf(10, { input: { ...spec.input, mode } });
        const ones: Task = {
          ...task,
          query: task.query.map((q) => ({ ...q, count: new Uint8Array(q.count.length).fill(1) })),
        };
        const record = async (t: Task) =>
          (await engine.record(t, { ...options, learn: false })).presentations.map(({ u }) => u);
        return { same: JSON.stringify(await record(task)) === JSON.stringify(await record(ones)) };
      }),
    );
    expect(runs.map(({ same }) => same)).toEqual([true, false]);
  });

  it("adds the gradient of the rate penalty and not its value to the loss", async () => {
    const { engine, task } = caseOf(8);
    const plain = await engine.metaStep(task, options);
    const ratePenalty = { weight: 0.5, low: 0.5, high: 0.6 };
    const penalized = await engine.metaStep(task, { ...options, ratePenalty });
    expect(penalized.loss).toBe(plain.loss);
    expect(penalized.gradients["conv1.bias"]).not.toEqual(plain.gradients["conv1.bias"]);
    // Too few spikes: the penalty asks for larger biases, and it is linear in its weight.
    const double = await engine.metaStep(task, { ...options, ratePenalty: { ...ratePenalty, weight: 1 } });
    plain.gradients["conv1.bias"].forEach((g, i) => {
      const part = penalized.gradients["conv1.bias"][i] - g;
      expect(part).toBeLessThan(0);
      expect(double.gradients["conv1.bias"][i] - g).toBeCloseTo(2 * part, 9);
    });
    expect(penalized.gradients["dense.weight"]).toEqual(plain.gradients["dense.weight"]);
  });

  it("gives outputs without a class no logit, no error and no decision", async () => {
    const { engine, task } = caseOf(9);
    const fewer: Task = {
      ...task,
      classNames: task.classNames.slice(0, -1),
      support: task.support.slice(0, -1),
      supportLabels: task.supportLabels.slice(0, -1),
      presentation: task.support.slice(0, -1).map((_, k) => k),
      query: task.query.filter((_, k) => task.queryLabels[k] < task.classNames.length - 1),
      queryLabels: task.queryLabels.filter((label) => label < task.classNames.length - 1),
    };
    const { presentations } = await engine.record(fewer, { ...options, learn: true });
    const K = task.classNames.length;
    for (const { y1, decision } of presentations) {
      expect(decision).toBeLessThan(K - 1);
      for (let k = K - 1; k < y1.length; k += K) expect(y1[k]).toBe(64);
    }
    const { logits } = await engine.evaluate(fewer, { ...options, learn: true });
    expect([...logits].filter((_, k) => k % K === K - 1).every((x) => x === 0)).toBe(true);
  });

  it("stops where q wraps, with layer and step, and goes on only when told (E-ENG-030)", async () => {
    const { spec, masters, task } = randomCase(10, { neuronModel: "loihi", mode: "counts" }, 0.9);
    const layers = spec.layers.map((layer) =>
      layer.kind === "conv"
        ? {
            ...layer,
            weight: { ...layer.weight, bits: 8, wgtExp: 7 },
            loihi: { ...layer.loihi, vthMant: 131071 },
          }
        : layer,
    );
    const strong = { ...spec, layers };
    const engine = createReferenceEngine(strong);
    const large = Object.fromEntries(
      Object.entries(masters).map(([name, w]) => [name, name === "conv1.weight" ? w.map(() => 1) : w]),
    );
    const network = quantizeNetwork(strong, large);
    network.layers[0].mantissa.fill(254);
    engine.setParameters(large, network);
    const loud: Task = { ...task, query: task.query.map((q) => ({ ...q, count: q.count.map(() => 255) })) };
    const error = await engine.record(loud, { ...options, learn: false }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(WrapError);
    expect(String(error)).toMatch(/conv1.*step 2.*q left its width.*E-ENG-030/);
    const { wraps } = await engine.record(loud, { ...options, learn: false, onWrap: "wrap" });
    expect(wraps[0]).toMatchObject({ layer: "conv1", quantity: "q", step: 2, presentation: 0 });
  });

  it("gets more of the support's own samples right by one float gradient step on them", async () => {
    for (const seed of [4, 6, 8, 10]) {
      const { engine, task } = caseOf(seed);
      const own: Task = { ...task, query: task.support, queryLabels: task.supportLabels };
      const still = await engine.gradientStepAccuracy(own, { ...options, rate: 0 });
      expect(still).toBe((await engine.evaluate(own, { ...options, learn: false })).accuracy);
      expect(await engine.gradientStepAccuracy(own, { ...options, rate: 0.03 })).toBeGreaterThan(still);
    }
  });

  it("runs pre traces on through presentations where they are not reset", async () => {
    const { spec } = randomCase(12, { neuronModel: "loihi", mode: "counts" });
    const [reset, on] = await Promise.all(
      [true, false].map(async (resetPreTrace) => {
        const { engine, task } = caseOf(12, { soel: { ...spec.soel!, resetPreTrace } }, 0.4);
        return (await engine.evaluate(task, { ...options, learn: true })).learnedWeights;
      }),
    );
    expect(on).not.toEqual(reset);
  });
});
