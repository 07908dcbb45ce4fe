import { describe, expect, it } from "vitest";
import { distanceToShape, HAND_LETTERS, handShape } from "../../../src/events/simulators/hand-shapes.js";
import { DAVIS240_HANDS, HandSimulator } from "../../../src/events/simulators/hands.js";
import { ASL_LETTERS } from "../../../src/tasks/double-asl-dvs.js";

const plain = { lengths: [1, 1, 1, 1, 1], width: 1, leans: [0, 0, 0, 0, 0], outs: [0, 0, 0, 0, 0] };

/** Silhouette on a grid of .05 palm widths, from (−2, −2) to (2, 1). */
const silhouette = (letter: string): boolean[] => {
  const shape = handShape(letter, plain);
  return Array.from({ length: 60 * 80 }, (_, k) => distanceToShape(shape, (k % 80) / 20 - 2, Math.floor(k / 80) / 20 - 2) < 0);
};

describe("hand shapes", () => {
  it("are there for the 24 letters of ASL-DVS, in its order of numbers", () => {
    expect([...HAND_LETTERS].sort()).toEqual(ASL_LETTERS);
  });

  it("differ between any two letters", () => {
    const shapes = HAND_LETTERS.map(silhouette);
    for (let a = 0; a < shapes.length; a++) {
      for (let b = 0; b < a; b++) expect(shapes[a].filter((v, k) => v !== shapes[b][k]).length).toBeGreaterThan(4);
    }
  });

  it("have the fingers up that the letter has", () => {
    // Columns of the silhouette above the knuckles: one finger for d, two apart for v, three for w, four side by side for b.
    const reach = (letter: string): number => silhouette(letter).reduce((top, inside, k) => (inside ? Math.min(top, Math.floor(k / 80)) : top), 60);
    for (const letter of ["b", "d", "v", "w", "l", "u"]) expect(reach(letter)).toBeLessThan(12);
    for (const letter of ["a", "e", "m", "n", "s"]) expect(reach(letter)).toBeGreaterThan(14);
    const runs = (letter: string, row: number): number => silhouette(letter).slice(80 * row, 80 * row + 80).filter((v, k, all) => v && !all[k - 1]).length;
    expect(["d", "v", "w"].map((letter) => runs(letter, 13))).toEqual([1, 2, 3]);
  });
});

describe("a recording of a hand", () => {
  it("is the same for the same seed and number, whatever was recorded before", () => {
    const simulator = new HandSimulator(DAVIS240_HANDS, 2);
    simulator.record("v", 0);
    expect(simulator.record("y", 9)).toEqual(new HandSimulator(DAVIS240_HANDS, 2).record("y", 9));
  });

  it("has only background where the hand is as bright as what is behind it, or does not move", () => {
    const model = { ...DAVIS240_HANDS, pixel: { ...DAVIS240_HANDS.pixel, noiseHz: 0 } };
    expect(new HandSimulator({ ...model, contrast: 1 }, 1).record("b", 0).tUs.length).toBe(0);
    expect(new HandSimulator({ ...model, swayPixels: 0, swayDegrees: 0 }, 1).record("b", 0).tUs.length).toBe(0);
    expect(new HandSimulator(model, 1).record("b", 0).tUs.length).toBeGreaterThan(1000);
  });

  it("is sorted, within the sensor, and ends after 100 ms", () => {
    const { tUs, x, y, width, height } = new HandSimulator(DAVIS240_HANDS, 1).record("w", 3);
    expect([width, height]).toEqual([240, 180]);
    for (let k = 1; k < tUs.length; k++) expect(tUs[k]).toBeGreaterThanOrEqual(tUs[k - 1]);
    expect(tUs[tUs.length - 1]).toBeLessThan(100_000);
    for (let k = 0; k < tUs.length; k++) expect(x[k] < 240 && y[k] < 180).toBe(true);
  });

  it("of a letter that is none of the 24 is refused", () => {
    expect(() => new HandSimulator(DAVIS240_HANDS, 1).record("j", 0)).toThrow(/"j".*E-CAM-005/);
  });
});
