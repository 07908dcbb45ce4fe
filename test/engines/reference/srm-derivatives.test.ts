import { describe, expect, it } from "vitest";
import type { InnerLoop, OuterGradient } from "../../../src/engines/engine.js";
import { stepSpike } from "../../../src/engines/reference/spike-function.js";
import type { SpikeFunction } from "../../../src/engines/reference/spike-function.js";
import {
  adapt,
  horizonOf,
  mapTensors,
  outerGradients,
  startWeights,
} from "../../../src/engines/reference/srm-adapt.js";
import { batchGradient, prepareBatch, srmNetwork } from "../../../src/engines/reference/srm-network.js";
import type { Tensors } from "../../../src/engines/reference/srm-network.js";
import { randomCase } from "./random-networks.js";
import { relative } from "./relative.js";

const DEFAULT_INNER: InnerLoop = { rule: "gradient", steps: 1, rate: 1, frozen: [], burnIn: 0 };

/** A logistic spike: differentiable as often as one likes, so that finite differences see what the formulas
 *  say. */
const logistic: SpikeFunction = {
  value: (u) => 1 / (1 + Math.exp(-3 * u)),
  slope: (u) => {
    const s = logistic.value(u);
    return 3 * s * (1 - s);
  },
  curve: (u) => {
    const s = logistic.value(u);
    return 9 * s * (1 - s) * (1 - 2 * s);
  },
};

const dot = (x: Tensors, y: Tensors): number =>
  Object.keys(x).reduce((sum, name) => sum + x[name].reduce((s, value, i) => s + value * y[name][i], 0), 0);

/** Outer gradient of a random network and its central difference along one direction, with the same constant
 *  states. */
function compare(seed: number, inner: InnerLoop, outer: OuterGradient = "maml") {
  const { spec, masters, task } = randomCase(seed, { neuronModel: "srm", mode: "counts" });
  const network = srmNetwork(spec, logistic);
  const horizon = horizonOf(spec, inner);
  const theta0 = Object.fromEntries(Object.entries(masters).map(([name, w]) => [name, Float64Array.from(w)]));
  const support = prepareBatch(network, theta0, task.support, task.supportLabels, horizon);
  const query = prepareBatch(network, theta0, task.query, task.queryLabels, horizon);
  const run = (weights: Tensors, loop: InnerLoop) => {
    const options = { inner: loop, outer, roundingSeed: 0 };
    const adaptation = adapt(network, startWeights(network, weights, options), support, options);
    const result = batchGradient(network, adaptation.adapted, query, horizon);
    return {
      loss: result.loss,
      back: () => outerGradients(network, adaptation, support, result.gradients, options),
    };
  };
  const direction = mapTensors(theta0, (_, name, i) => Math.sin(7 * i + name.length) / 3);
  const h = 1e-5;
  const moved = (sign: number) =>
    run(
      mapTensors(theta0, (w, name, i) => w + sign * h * direction[name][i]),
      inner,
    ).loss;
  const loopLoss = (loop: InnerLoop): number => run(theta0, loop).loss;
  const back = run(theta0, inner).back();
  return {
    found: dot(back.masters, direction),
    expected: (moved(1) - moved(-1)) / (2 * h),
    back,
    loopLoss,
    spec,
  };
}

// Central differences at h = 1e-5 leave an error of h² times third derivatives, about 1e-8 here; 1e-6 is a
// hundred times that.
const bound = 1e-6;
const agree = ({ found, expected }: { found: number; expected: number }): void => {
  expect(Math.abs(found - expected)).toBeLessThan(bound * Math.max(1e-3, Math.abs(expected)));
};

describe("outer gradients of srm against central differences on a smooth stand-in", () => {
  it.each([1, 2, 3, 4, 5, 6])("second order, one inner step, random network %d", (seed) => {
    agree(compare(seed, DEFAULT_INNER));
  });

  it.each([7, 8])("second order through three inner steps, network %d", (seed) => {
    agree(compare(seed, { ...DEFAULT_INNER, steps: 3, rate: 0.4 }));
  });

  it("second order after a burn-in whose states are constants", () => {
    agree(compare(9, { ...DEFAULT_INNER, burnIn: 4 }));
  });

  it("a layer left alone, rates by layer, and anil", () => {
    agree(compare(10, { ...DEFAULT_INNER, frozen: ["conv1"] }));
    agree(compare(11, { ...DEFAULT_INNER, rate: { conv1: 0.3, dense: 0.8 }, steps: 2 }));
    agree(compare(12, DEFAULT_INNER, "anil"));
  });

  it("differs from the first-order gradient, which is therefore not tested by accident", () => {
    const { found, expected } = compare(1, DEFAULT_INNER, "fomaml");
    expect(Math.abs(found - expected)).toBeGreaterThan(1e-4 * Math.abs(expected));
  });

  it("learned rates of the inner loop", () => {
    const rate = { conv1: 0.5, conv2: 0.5, dense: 0.7 };
    const { back, loopLoss } = compare(13, { ...DEFAULT_INNER, rate });
    const h = 1e-5;
    for (const name of ["conv1", "dense"] as const) {
      const moved = (sign: number) =>
        loopLoss({ ...DEFAULT_INNER, rate: { ...rate, [name]: rate[name] + sign * h } });
      agree({ found: back.rates[name], expected: (moved(1) - moved(-1)) / (2 * h) });
    }
  });

  it.each(["none", "float"] as const)("SOEL in the paper's form, second order, divide %s", (divide) => {
    for (const seed of [14, 15]) {
      const soelPaper = { order: 2, theta: 0.05, thetaLearned: true, divide } as const;
      const loop: InnerLoop = { ...DEFAULT_INNER, rule: "soel-paper", soelPaper, rate: 0.5 };
      const result = compare(seed, loop);
      agree(result);
      const h = 1e-6;
      const moved = (sign: number) =>
        result.loopLoss({ ...loop, soelPaper: { ...soelPaper, theta: 0.05 + sign * h } });
      agree({ found: result.back.theta, expected: (moved(1) - moved(-1)) / (2 * h) });
    }
  });

  it("SOEL of first order takes the update as a constant", () => {
    const soelPaper = { order: 1, theta: 0.05, thetaLearned: false, divide: "none" } as const;
    const { found, expected } = compare(14, { ...DEFAULT_INNER, rule: "soel-paper", soelPaper, rate: 0.5 });
    expect(Math.abs(found - expected)).toBeGreaterThan(1e-4 * Math.abs(expected));
  });
});

describe("the surrogate", () => {
  // The antiderivative of 1/(10|u|+1)² is u/(10|u|+1); its differences and those of the slope are the
  // witnesses.
  it("has the slope and the curve that the design writes", () => {
    const antiderivative = (u: number): number => u / (10 * Math.abs(u) + 1);
    for (const u of [-1.3, -0.2, -0.01, 0.004, 0.3, 2]) {
      const h = 1e-6;
      expect(stepSpike.slope(u)).toBeCloseTo((antiderivative(u + h) - antiderivative(u - h)) / (2 * h), 7);
      expect(stepSpike.curve(u)).toBeCloseTo((stepSpike.slope(u + h) - stepSpike.slope(u - h)) / (2 * h), 6);
    }
    expect(Math.abs(stepSpike.curve(0))).toBe(0);
    expect([stepSpike.value(0), stepSpike.value(1e-12)]).toEqual([0, 1]);
  });
});

describe("truncation", () => {
  it("differentiates the last steps from states that the same weights made, as a burn-in with those weights does", () => {
    const { spec, masters, task } = randomCase(20, { neuronModel: "srm", mode: "counts" });
    const network = srmNetwork(spec);
    const weights = Object.fromEntries(
      Object.entries(masters).map(([name, w]) => [name, Float64Array.from(w)]),
    );
    const result = [{ burnIn: 0, truncation: 5 }, { burnIn: spec.steps - 5 }].map((part) => {
      const horizon = horizonOf(spec, { ...DEFAULT_INNER, ...part });
      return batchGradient(
        network,
        weights,
        prepareBatch(network, weights, task.support, task.supportLabels, horizon),
        horizon,
      );
    });
    expect(result[0].loss).toBe(result[1].loss);
    for (const name of Object.keys(weights)) {
      expect(relative(result[0].gradients[name], result[1].gradients[name]), name).toBe(0);
    }
    const whole = horizonOf(spec, DEFAULT_INNER);
    const all = batchGradient(
      network,
      weights,
      prepareBatch(network, weights, task.support, task.supportLabels, whole),
      whole,
    );
    expect(all.loss).toBeCloseTo(result[0].loss, 12);
    expect(relative(all.gradients["conv1.weight"], result[0].gradients["conv1.weight"])).toBeGreaterThan(
      1e-6,
    );
  });
});
