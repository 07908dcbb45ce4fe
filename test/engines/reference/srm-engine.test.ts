import { describe, expect, it } from "vitest";
import type { InnerLoop, MetaStepOptions } from "../../../src/engines/engine.js";
import { createReferenceEngine } from "../../../src/engines/reference/reference-engine.js";
import { inputFrames, restStates, runSteps, srmNetwork } from "../../../src/engines/reference/srm-network.js";
import { randomCase } from "./random-networks.js";
import { relative } from "./relative.js";

const inner = (change: Partial<InnerLoop> = {}): InnerLoop => ({
  rule: "gradient",
  steps: 1,
  rate: 0.5,
  frozen: [],
  burnIn: 0,
  ...change,
});
const options = (change: Partial<MetaStepOptions> = {}): MetaStepOptions => ({
  outer: "maml",
  chipSeed: 0,
  inner: inner(),
  ...change,
});
const caseOf = (seed: number) => {
  const found = randomCase(seed, { neuronModel: "srm", mode: "counts" }, 0.3);
  const engine = createReferenceEngine(found.spec);
  engine.setParameters(found.masters, found.quantized);
  return { ...found, engine };
};

describe("the reference engine on srm networks", () => {
  it("runs the design's equations: U of every layer from a step-by-step writing with one neuron at a time", () => {
    const { spec, masters, task } = caseOf(5);
    const network = srmNetwork(spec);
    const weights = Object.fromEntries(
      Object.entries(masters).map(([name, w]) => [name, Float64Array.from(w)]),
    );
    const frames = inputFrames(network, task.query[0]);
    const [stage] = network.stages;
    const [tape] = runSteps(network, weights, frames, 0, spec.steps, restStates(network));
    const layer = stage.layer;
    if (layer.kind !== "conv") throw new Error("the case starts with a convolution");
    const { height, width } = spec.input;
    const [, outHeight, outWidth] = stage.map.outputShape;
    const { alpha, beta, gain, alphaR, wr } = layer.srm;
    const inGroup = spec.input.polarities / layer.groups;
    for (let i = 0; i < stage.map.outputSize; i += 7) {
      const [o, y, x] = [
        Math.floor(i / (outHeight * outWidth)),
        Math.floor(i / outWidth) % outHeight,
        i % outWidth,
      ];
      const group = Math.floor(o / (layer.outChannels / layer.groups));
      const p = new Map<number, { p: number; q: number }>();
      let [r, s] = [0, 0];
      for (let t = 0; t < spec.steps; t++) {
        r = alphaR * r - (1 - alphaR) * wr * s;
        let u = weights["conv1.bias"][o] + r;
        for (let c = 0; c < inGroup; c++) {
          for (let kY = 0; kY < layer.kernel[0]; kY++) {
            for (let kX = 0; kX < layer.kernel[1]; kX++) {
              const [iy, ix] = [
                y * layer.stride[0] + kY - layer.padding[0],
                x * layer.stride[1] + kX - layer.padding[1],
              ];
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              const at = ((group * inGroup + c) * height + iy) * width + ix;
              const trace = p.get(at) ?? { p: 0, q: 0 };
              trace.p = alpha * trace.p + (1 - alpha) * trace.q;
              trace.q = beta * trace.q + (1 - beta) * gain * frames[t * (frames.length / spec.steps) + at];
              p.set(at, trace);
              u +=
                weights["conv1.weight"][((o * inGroup + c) * layer.kernel[0] + kY) * layer.kernel[1] + kX] *
                trace.p;
            }
          }
        }
        expect(tape.u.value[t * stage.map.outputSize + i]).toBeCloseTo(u, 12);
        s = u > 0 ? 1 : 0;
      }
    }
  });

  it("answers without learning as a loop of rate 0 does, and otherwise with learning", async () => {
    const { engine, task } = caseOf(5);
    const still = await engine.evaluate(task, { ...options(), learn: false });
    const zero = await engine.evaluate(task, { ...options({ inner: inner({ rate: 0 }) }), learn: true });
    const learned = await engine.evaluate(task, { ...options(), learn: true });
    expect(zero.logits).toEqual(still.logits);
    expect(learned.logits).not.toEqual(still.logits);
    expect(await engine.gradientStepAccuracy(task, { ...options(), rate: 0 })).toBe(still.accuracy);
    expect(learned.features).toEqual(still.features);
    expect(still.features.length % (task.support.length + task.query.length)).toBe(0);
  });

  it("gives the loss of evaluate in a meta-step, whatever the outer gradient", async () => {
    const { engine, task } = caseOf(6);
    const { loss, accuracy } = await engine.evaluate(task, { ...options(), learn: true });
    for (const outer of ["maml", "fomaml", "reptile"] as const) {
      expect(await engine.metaStep(task, options({ outer }))).toMatchObject({ loss, accuracy });
    }
  });

  it("points from the adapted weights to the start with reptile: the sum of its inner gradients", async () => {
    const { engine, task } = caseOf(5);
    const one = await engine.metaStep(task, options({ outer: "reptile", inner: inner({ rate: 0.5 }) }));
    const two = await engine.metaStep(task, options({ outer: "reptile", inner: inner({ rate: 1 }) }));
    for (const [name, g] of Object.entries(one.gradients)) {
      expect(
        relative(
          two.gradients[name],
          [...g].map((x) => 2 * x),
        ),
        name,
      ).toBeLessThan(1e-9);
    }
  });

  it("adapts the last layer alone with anil, as a loop does that leaves the others alone", async () => {
    const { engine, task } = caseOf(5);
    const anil = await engine.evaluate(task, { ...options({ outer: "anil" }), learn: true });
    const frozen = await engine.evaluate(task, {
      ...options({ inner: inner({ frozen: ["conv1", "conv2"] }) }),
      learn: true,
    });
    expect(anil.logits).toEqual(frozen.logits);
  });

  it("passes no gradient to a master that the outer grid clamps", async () => {
    const { engine, masters, quantized, task } = caseOf(5);
    const large = { ...masters, "dense.weight": masters["dense.weight"].map((w, k) => (k === 0 ? 1.7 : w)) };
    engine.setParameters(large, quantized);
    const quantizeOuter = { grid: "paper", bits: 8, rounding: "nearest" } as const;
    const { gradients } = await engine.metaStep(task, options({ inner: inner({ quantizeOuter }) }));
    expect(Math.abs(gradients["dense.weight"][0])).toBe(0);
    const open = await engine.metaStep(task, options());
    expect(Math.abs(open.gradients["dense.weight"][0])).toBeGreaterThan(0);
  });

  it("rounds stochastically the same for the same seed", async () => {
    const { engine, task } = caseOf(5);
    const quantizeInner = { grid: "symmetric", bits: 4, rounding: "stochastic" } as const;
    const run = (roundingSeed: number) =>
      engine.metaStep(task, options({ roundingSeed, inner: inner({ quantizeInner }) }));
    expect(await run(1)).toEqual(await run(1));
    expect((await run(2)).loss).not.toBe((await run(1)).loss);
  });

  it("counts a pool's spike where any of its window fires", async () => {
    const { engine, task, spec } = caseOf(1);
    const { spikeRates } = await engine.evaluate(task, { ...options(), learn: false });
    spec.layers.forEach((layer, k) => {
      if (layer.kind === "pool") expect(spikeRates[k]).toBeGreaterThanOrEqual(0.5 * spikeRates[k - 1]);
      expect(spikeRates[k]).toBeLessThanOrEqual(1);
    });
  });

  it("takes the authors' burn-in by default only where the network is longer than that", async () => {
    const { engine, task } = caseOf(6);
    const byDefault = await engine.metaStep(task, { outer: "maml", chipSeed: 0 });
    expect(byDefault).toEqual(await engine.metaStep(task, options({ inner: inner({ rate: 1 }) })));
  });
});
