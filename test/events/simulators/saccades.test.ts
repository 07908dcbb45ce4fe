import { describe, expect, it } from "vitest";
import { NMNIST_MODEL } from "../../../src/events/simulators/nmnist-model.js";
import { type SaccadeModel, SaccadeSimulator } from "../../../src/events/simulators/saccades.js";

/** A blob of ink of a gray value, in the middle of the image. */
function blob(gray: number, from = 9, to = 18): Uint8Array {
  const image = new Uint8Array(784);
  for (let y = from; y <= to; y++) image.fill(gray, 28 * y + from, 28 * y + to + 1);
  return image;
}
const quiet: SaccadeModel = { ...NMNIST_MODEL, pixel: { ...NMNIST_MODEL.pixel, noiseHz: 0, hotPixels: [] } };

describe("saccades over an image", () => {
  it("give the same events for the same seed and number, others for another", () => {
    const record = (seed: number, n: number) => new SaccadeSimulator(NMNIST_MODEL, seed).record(blob(255), n);
    expect(record(3, 5)).toEqual(record(3, 5));
    expect(record(3, 5).tUs).not.toEqual(record(3, 6).tUs);
    expect(record(3, 5).tUs).not.toEqual(record(4, 5).tUs);
  });

  it("do not depend on what was recorded before", () => {
    const simulator = new SaccadeSimulator(NMNIST_MODEL, 1);
    simulator.record(blob(200, 2, 25), 0);
    expect(simulator.record(blob(255), 7)).toEqual(new SaccadeSimulator(NMNIST_MODEL, 1).record(blob(255), 7));
  });

  it("leave nothing but background where the image is empty", () => {
    const empty = new Uint8Array(784);
    expect(new SaccadeSimulator(quiet, 1).record(empty, 0).tUs.length).toBe(0);
    const { tUs } = new SaccadeSimulator(NMNIST_MODEL, 1).record(empty, 0);
    // Mean of a log-normal rate over 1,156 pixels, and the hot ones; generous, as the pattern is one draw.
    const { noiseHz, noiseSpread, hotPixels } = NMNIST_MODEL.pixel;
    const expected = 0.3076 * (1156 * noiseHz * Math.exp(noiseSpread ** 2 / 2) + hotPixels.reduce((s, p) => s + p.hz, 0));
    expect(tUs.length).toBeGreaterThan(0.5 * expected);
    expect(tUs.length).toBeLessThan(1.6 * expected);
  });

  it("give a plausible share of both polarities for the path leads back to where it began", () => {
    const { polarity, tUs } = new SaccadeSimulator(quiet, 1).record(blob(255), 0);
    const on = polarity.reduce((s, p) => s + p, 0) / tUs.length;
    expect(on).toBeGreaterThan(0.42);
    expect(on).toBeLessThan(0.58);
  });

  it("give sorted times, pixels of the window, and a length near N-MNIST's", () => {
    const { tUs, x, y, width, height } = new SaccadeSimulator(NMNIST_MODEL, 1).record(blob(255, 0, 27), 0);
    for (let k = 1; k < tUs.length; k++) expect(tUs[k]).toBeGreaterThanOrEqual(tUs[k - 1]);
    expect([width, height]).toEqual([34, 34]);
    expect(Math.max(...x, ...y)).toBeLessThan(34);
    expect(tUs[tUs.length - 1]).toBeGreaterThan(280_000);
    expect(tUs[tUs.length - 1]).toBeLessThan(337_000);
  });

  it("refuses an image of another size", () => {
    expect(() => new SaccadeSimulator(NMNIST_MODEL, 1).record(new Uint8Array(100), 3)).toThrow(/image 3: 100 pixels.*E-CAM-001/);
  });
});
