import { describe, expect, it } from "vitest";
import { frameFeatures, scoreClassifier, trainClassifier } from "../../../src/events/simulators/fit/classifier.js";
import { simulateAll } from "../../../src/events/simulators/fit/objective.js";
import { distancesOf, ksOfHistograms, ksOfSamples, statisticsOf } from "../../../src/events/simulators/fit/statistics.js";
import { NMNIST_MODEL } from "../../../src/events/simulators/nmnist-model.js";
import { loadPaired } from "../../../src/events/simulators/node/paired.js";
import { hasShared, sharedPath } from "../../support/shared.js";

describe("the Kolmogorov–Smirnov distance", () => {
  it("is the largest gap between two distribution functions", () => {
    // By hand: after 2, three quarters of the first are seen and a quarter of the second.
    expect(ksOfSamples(Float64Array.from([1, 2, 2, 5]), Float64Array.from([2, 3, 4, 5]))).toBe(0.5);
    expect(ksOfHistograms(Float64Array.from([1, 2, 0, 1]), Float64Array.from([0, 1, 2, 1]))).toBe(0.5);
    expect(ksOfSamples(Float64Array.from([1, 2]), Float64Array.from([2, 1]))).toBe(0);
  });
});

describe.skipIf(!hasShared)("simulated recordings beside real ones that the fit did not see (README's bands, with room for a sample of 100)", () => {
  const pairs = loadPaired(sharedPath("data/nmnist/nmnist-real-800.zip"), sharedPath("data/mnist/train-images-idx3-ubyte.gz"), 601, 700);

  it("have as many events, with as much of ON, in the same places of the distributions", async () => {
    const { streams, images } = await pairs;
    expect(streams.length).toBe(100);
    const d = distancesOf(statisticsOf(streams), statisticsOf(simulateAll(NMNIST_MODEL, images, 9)));
    expect(Math.abs(d.countRatio - 1)).toBeLessThan(0.05);
    expect(d.countCorrelation).toBeGreaterThan(0.97);
    expect(Math.abs(d.onShareDifference)).toBeLessThan(0.015);
    expect(d.pixelCounts).toBeLessThan(0.04);
    expect(d.sameIntervals).toBeLessThan(0.12);
    expect(d.otherIntervals).toBeLessThan(0.09);
    expect(d.rates).toBeLessThan(0.08);
  });

  it("teach a classifier digits that it recognizes in real recordings", async () => {
    const { streams, labels } = await pairs;
    const train = await loadPaired(sharedPath("data/nmnist/nmnist-real-800.zip"), sharedPath("data/mnist/train-images-idx3-ubyte.gz"), 1, 300);
    const simulated = simulateAll(NMNIST_MODEL, train.images, 9).map(frameFeatures);
    const score = scoreClassifier(trainClassifier(simulated, train.labels, 10, 1), streams.map(frameFeatures), labels);
    // 100 recordings: a standard error of 4 points; chance is .1.
    expect(score).toBeGreaterThan(0.7);
  });
});
