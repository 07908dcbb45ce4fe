import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventSink } from "../../../src/events/simulators/event-sink.js";
import { PixelRecorder } from "../../../src/events/simulators/pixel-events.js";
import { createSensor, normalBelow, normalOf, type PixelModel } from "../../../src/events/simulators/pixel-model.js";
import type { EventStream } from "../../../src/events/types.js";

const IDEAL: PixelModel = {
  thresholdOn: 0.2, thresholdOff: 0.2, mismatch: 0, thresholdNoise: 0, tauUs: 0, tauMaxUs: 0, refractoryUs: 0, latencyUs: 0,
  noiseHz: 0, noiseSpread: 0, noiseOnShare: 1, hotPixels: [],
};
const STEP = 1000;

/** Events of one pixel that sees a log intensity sampled every millisecond. */
function events(model: Partial<PixelModel>, level: readonly number[], seed = 1, initial = 0): EventStream {
  const sink = new EventSink();
  const durationUs = (level.length - 1) * STEP;
  const recorder = new PixelRecorder(createSensor({ ...IDEAL, ...model }, 1, 1, seed), STEP, durationUs, seed, 0, sink);
  recorder.record(0, Float32Array.from(level), level.length - 1, initial);
  return sink.stream(1, 1);
}
const ramp = (from: number, to: number, ms: number): number[] => Array.from({ length: ms + 1 }, (_, k) => from + ((to - from) * k) / ms);

describe("an ideal pixel", () => {
  it("fires at the times at which a ramp crosses multiples of the threshold", () => {
    const { tUs, polarity } = events({}, ramp(-1.1, 0, 110));
    // The ramp rises by .01 a millisecond: .2, .4 … 1.0 above the start after 20, 40 … 100 ms.
    expect([...polarity]).toEqual([1, 1, 1, 1, 1]);
    [20, 40, 60, 80, 100].forEach((ms, k) => expect(Math.abs(tUs[k] - 1000 * ms)).toBeLessThanOrEqual(1));
  });

  it("fires twice as often, within one event, for twice the contrast", () => {
    fc.assert(fc.property(fc.double({ min: 0.3, max: 3, noNaN: true }), (contrast) => {
      const [one, two] = [contrast, 2 * contrast].map((c) => events({}, ramp(-c, 0, 200)).tUs.length);
      expect(Math.abs(two - 2 * one)).toBeLessThanOrEqual(1);
    }));
  });

  it("answers a mirrored course of light with the mirrored polarities at the same times", () => {
    // Every level but the first lies an odd multiple of 1/128 away from it, which is never a multiple of .21: rounding
    // decides nothing, not even where the course comes back to where it began.
    const courses = fc.array(fc.integer({ min: -192, max: 0 }), { minLength: 2, maxLength: 60 });
    fc.assert(fc.property(courses, (course) => {
      const thresholds = { thresholdOn: 0.21, thresholdOff: 0.21 };
      const level = course.map((v, k) => (k === 0 ? v : v - 0.5) / 64);
      const [up, down] = [events(thresholds, level), events(thresholds, level.map((v) => -193 / 64 - v))];
      expect([...down.polarity]).toEqual([...up.polarity].map((p) => 1 - p));
      up.tUs.forEach((t, k) => expect(Math.abs(t - down.tUs[k])).toBeLessThanOrEqual(1));
    }));
  });

  it("is silent where the light does not change", () => {
    expect(events({}, new Array(300).fill(-1)).tUs.length).toBe(0);
  });
});

describe("a pixel's refractory time", () => {
  it("lies between any two of its events, whatever it sees", () => {
    const courses = fc.array(fc.double({ min: -3, max: 0, noNaN: true }), { minLength: 2, maxLength: 80 });
    fc.assert(fc.property(courses, fc.integer({ min: 1, max: 6000 }), fc.integer({ min: 0, max: 2000 }), (course, refractoryUs, latencyUs) => {
      const { tUs } = events({ refractoryUs, latencyUs, noiseHz: 500, thresholdNoise: 0.2 }, course, 3, 1);
      // Stamps are whole µs, floored.
      for (let k = 1; k < tUs.length; k++) expect(tUs[k] - tUs[k - 1]).toBeGreaterThanOrEqual(refractoryUs - 1);
    }));
  });
});

describe("a photoreceptor of finite bandwidth", () => {
  /** Median time of the events that a step of the light gives, ms after it. */
  const delay = (from: number, to: number): number => {
    const { tUs } = events({ tauUs: 1000, tauMaxUs: 50_000 }, [...new Array(10).fill(from), ...new Array(190).fill(to)]);
    return tUs[tUs.length >> 1] / 1000 - 9;
  };

  it("follows a step late by τ·ln 2 at the middle of the step", () => {
    // First-order low-pass; samples are a millisecond apart, so a step takes one of them.
    const tau = 20;
    const { tUs } = events({ tauUs: tau * 1000, tauMaxUs: 1e9, thresholdOff: 0.05 }, [0, ...new Array(400).fill(-0.1)]);
    expect(tUs[0] / 1000).toBeGreaterThan(tau * Math.exp(0.1) * Math.LN2 - 1);
    expect(tUs[0] / 1000).toBeLessThan(tau * Math.exp(0.1) * Math.LN2 + 1);
  });

  it("is slower in the dark: darkening is followed later than brightening by the same ratio", () => {
    expect(delay(0, -2)).toBeGreaterThan(3 * delay(-2, 0));
  });
});

describe("the fixed pattern", () => {
  it("has the mean and the spread that the model says", () => {
    const { on, off } = createSensor({ ...IDEAL, mismatch: 0.1 }, 100, 100, 7);
    for (const thresholds of [on, off]) {
      const mean = thresholds.reduce((s, v) => s + v, 0) / thresholds.length;
      const deviation = Math.sqrt(thresholds.reduce((s, v) => s + (v - mean) ** 2, 0) / thresholds.length);
      // 10,000 pixels: standard errors are .0002 and .00014; six of them.
      expect(Math.abs(mean - 0.2)).toBeLessThan(0.0012);
      expect(Math.abs(deviation - 0.02)).toBeLessThan(0.0009);
    }
  });

  it("gives background events at the rate and with the ON share that the model says", () => {
    const sink = new EventSink();
    const recorder = new PixelRecorder(createSensor({ ...IDEAL, noiseHz: 5, noiseOnShare: 0.8 }, 100, 100, 1), STEP, 1_000_000, 1, 0, sink);
    for (let pixel = 0; pixel < 10_000; pixel++) recorder.recordDark(pixel);
    const { tUs, polarity } = sink.stream(100, 100);
    // Poisson with mean 50,000: five standard deviations are 1,118; of the share .009.
    expect(Math.abs(tUs.length - 50_000)).toBeLessThan(1118);
    expect(Math.abs(polarity.reduce((s, p) => s + p, 0) / tUs.length - 0.8)).toBeLessThan(0.009);
  });
});

describe("the normal distribution", () => {
  it("has the tabulated values", () => {
    // Abramowitz and Stegun, table 26.1.
    expect(normalBelow(1)).toBeCloseTo(0.841344746, 9);
    expect(normalBelow(-2)).toBeCloseTo(0.022750132, 9);
    expect(normalOf(2 ** 31)).toBeCloseTo(0, 3);
    expect(normalOf(Math.floor(0.975 * 2 ** 32))).toBeCloseTo(1.96, 2);
  });
});
