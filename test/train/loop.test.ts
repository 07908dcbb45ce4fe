import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createReferenceEngine } from "../../src/engines/reference/reference-engine.js";
import { decodeCheckpoint, encodeCheckpoint, parametersHash } from "../../src/model/checkpoint.js";
import { evaluateTasks } from "../../src/train/evaluate.js";
import { startCheckpoint, train } from "../../src/train/loop.js";
import { START } from "../../src/train/start.js";
import { tinyConfig, tinySource } from "./tiny.js";

const source = tinySource();

describe("training", () => {
  it("ends with the same bits when interrupted after an outer step and resumed from the file", async () => {
    for (const config of [tinyConfig(), tinyConfig({ metaBatch: 3, rounding: "stochastic", schedule: "cyclic" })]) {
      const engine = createReferenceEngine(config.spec);
      const start = await startCheckpoint(config, engine, source);
      const whole = await train(config, engine, source, start, undefined);
      expect(parametersHash(config.spec, whole.last.masters)).not.toBe(parametersHash(config.spec, start.masters));
      for (const stopAt of [1, 2]) {
        const cut = await train(config, engine, source, start, undefined, { interrupted: stopAfter(stopAt) });
        expect(cut.interrupted).toBe(true);
        expect(cut.last.step).toBeLessThan(8);
        const file = decodeCheckpoint(encodeCheckpoint(cut.last), "last.mlh");
        const resumed = await train(config, createReferenceEngine(config.spec), source, file, cut.best);
        expect(parametersHash(config.spec, resumed.last.masters)).toBe(parametersHash(config.spec, whole.last.masters));
        expect(resumed.last.history).toEqual(whole.last.history);
        expect(resumed.last.optimizer).toEqual(whole.last.optimizer);
        expect(parametersHash(config.spec, resumed.best.masters)).toBe(parametersHash(config.spec, whole.best.masters));
      }
    }
  });

  it("starts with every hidden layer near the rate that the design asks for, and a quiet output", async () => {
    const config = tinyConfig();
    const engine = createReferenceEngine(config.spec);
    const { masters, quantized } = await startCheckpoint(config, engine, source);
    engine.setParameters(masters, quantized);
    const task = source.draw("train", 0, { seed: 5, ways: 3, shots: 1, queriesPerClass: 3, passes: 1 });
    const { spikeRates } = await engine.evaluate(task, { outer: "maml", chipSeed: 1, learn: false });
    // Weights are integers, so the rate moves in jumps; .02 is the width that 8 bits and 36 inputs leave.
    expect(Math.abs(spikeRates[0] - START.rate)).toBeLessThan(0.02);
    const spread = Math.sqrt(masters["output.weight"].reduce((a, w) => a + w * w, 0) / masters["output.weight"].length);
    expect(spread).toBeGreaterThan(0.0005);
    expect(spread).toBeLessThan(0.002);
  });

  it("names a silent layer with its rate", async () => {
    const config = tinyConfig({ tasks: 50, validateEvery: 50, validationTasks: 1 });
    const engine = createReferenceEngine(config.spec);
    const start = await startCheckpoint(config, engine, source);
    const told: string[] = [];
    const dead = { ...engineOf(engine), metaStep: async () => ({ ...still, spikeRates: [0, 0] }) };
    await train(config, dead, source, start, undefined, { warn: (m) => told.push(m) });
    expect(told).toEqual([expect.stringMatching(/layer "conv1" is silent \(rate 0\.0\)/)]);
  });

  it("stops where a sum wraps around, or goes on as the chip would and warns once [E-ENG-030]", async () => {
    for (const onWrap of ["stop", "wrap"] as const) {
      const tiny = tinyConfig({ tasks: 3, validateEvery: 3, validationTasks: 1, onWrap });
      // Two spikes at the largest weight, 255·2⁷·64, pass 22 bits.
      const config = { ...tiny, spec: { ...tiny.spec, layers: tiny.spec.layers.map((l) => (l.kind === "dense" ? { ...l, weight: { ...l.weight, wgtExp: 7 } } : l)) } };
      const engine = createReferenceEngine(config.spec);
      const start = await startCheckpoint(config, engine, source);
      const heavy = { ...start, masters: { ...start.masters, "output.weight": start.masters["output.weight"].map(() => 1e6) } };
      const told: string[] = [];
      const run = train(config, engine, source, heavy, undefined, { warn: (m) => told.push(m) });
      if (onWrap === "stop") await expect(run).rejects.toThrow(/layer "output".*q left its width.*training\.onWrap.*E-ENG-030/);
      else expect((await run).last.step).toBe(3);
      expect(told).toEqual(onWrap === "stop" ? [] : [expect.stringMatching(/layer "output": q wraps around in task 0; training goes on/)]);
    }
  });

  it("names a layer that no start weight wakes, before any training", async () => {
    const config = tinyConfig();
    const deaf = { ...config, spec: { ...config.spec, layers: config.spec.layers.map((l) => (l.kind === "conv" ? { ...l, loihi: { ...l.loihi, vthMant: 131_071 } } : l)) } };
    const told: string[] = [];
    await startCheckpoint(deaf, createReferenceEngine(deaf.spec), source, (m) => told.push(m));
    expect(told).toEqual([expect.stringMatching(/at the start, layer "conv1" is silent \(rate 0\.0\)/)]);
  });

  it("stops where the loss or a gradient is not a number, with the layer and the rates of all layers by name [E-TRAIN-002]", async () => {
    const config = tinyConfig();
    const engine = createReferenceEngine(config.spec);
    const start = await startCheckpoint(config, engine, source);
    const broken = { ...engineOf(engine), metaStep: async () => ({ ...still, loss: Number.NaN, spikeRates: [0.5, 0.25] }) };
    await expect(train(config, broken, source, start, undefined)).rejects.toThrow(/loss of task 0: not finite.*spike rates: conv1 0\.50, output 0\.25.*E-TRAIN-002/);
    const bad = { ...engineOf(engine), metaStep: async () => ({ ...still, gradients: { "conv1.weight": Float32Array.of(1, Number.NaN) }, spikeRates: [0.5, 0.25] }) };
    await expect(train(config, bad, source, start, undefined)).rejects.toThrow(/layer "conv1", gradient of conv1\.weight in task 0: not finite \(loss 1\)/);
  });
});

describe("evaluation", () => {
  it("gives every comparison on the same tasks, and the same numbers again", async () => {
    const config = tinyConfig();
    const engine = createReferenceEngine(config.spec);
    const { masters, chipSeed } = await startCheckpoint(config, engine, source);
    const run = () => evaluateTasks(engine, source, config.config, config.spec, masters, chipSeed, { split: "test", tasks: 10 });
    const report = await run();
    expect(report.floors.chance).toBeCloseTo(1 / 3, 12);
    // These classes differ in which pixels fire: summed frames tell them apart nearly always.
    expect(report.floors.frames).toBeGreaterThan(0.8);
    for (const share of [report.accuracy.mean, report.before.mean, report.floors.features, report.floors.gradientStep, report.ties, report.silent]) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    expect(report.byPosition.length).toBe(3);
    expect(await run()).toEqual(report);
  });
});

const still = { loss: 1, accuracy: 0.5, ties: 0, silent: 0, gradients: {} };

/** The methods of an engine as own properties, so that one of them can be replaced. */
const engineOf = (engine: Engine): Engine => ({
  name: engine.name, spec: engine.spec, threads: engine.threads,
  setParameters: engine.setParameters.bind(engine), metaStep: engine.metaStep.bind(engine), evaluate: engine.evaluate.bind(engine),
  gradientStepAccuracy: engine.gradientStepAccuracy.bind(engine), record: engine.record.bind(engine), dispose: engine.dispose.bind(engine),
});

function stopAfter(steps: number): () => boolean {
  let asked = 0;
  return () => ++asked >= steps;
}
