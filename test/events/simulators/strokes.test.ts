import { unzipSync } from "fflate";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { measureHabits, parseSimplifiedStrokes, parseStrokeText, PEN_HABITS, timeStrokes } from "../../../src/events/simulators/omniglot-strokes.js";
import { type Drawing, withoutLongPauses } from "../../../src/events/simulators/stroke-drawing.js";
import { DAVIS346_STROKES, StrokeSimulator } from "../../../src/events/simulators/strokes.js";
import { hasShared, sharedPath } from "../../support/shared.js";

const line = (points: readonly (readonly [number, number, number])[]): Drawing =>
  ({ strokes: [points.map(([x, y, tMs]) => ({ x, y, tMs }))], timing: "measured" });
const quiet = { ...DAVIS346_STROKES, pixel: { ...DAVIS346_STROKES.pixel, noiseHz: 0 } };
const { left, top, scale, leadMs, tailMs } = DAVIS346_STROKES;

describe("pen strokes on a display", () => {
  it("darken the pixels that the pen passes, when it passes them", () => {
    // Down the page at x = 50, from y = 20 to 80, in 1.2 s: .05 page pixels a millisecond.
    const { tUs, x, y, polarity } = new StrokeSimulator(quiet, 1).record(line([[50, 20, 0], [50, 80, 1200]]), 0);
    expect(tUs.length).toBeGreaterThan(1000);
    // Paper white, ink dark: no pixel ever brightens (a threshold's noise cannot turn the sign of a change).
    expect(polarity.reduce((s, p) => s + p, 0)).toBe(0);
    for (let k = 0; k < tUs.length; k++) {
      expect(Math.abs((x[k] - left) / scale - 50)).toBeLessThan(3.5);
      const at = ((y[k] - top) / scale - 20) / 0.05 + leadMs;
      // The pen's round tip reaches 5 sensor pixels ahead, which is 45 ms; a frame is 17 ms, and ink settles for 40.
      expect(tUs[k] / 1000).toBeGreaterThan(at - 65);
      expect(tUs[k] / 1000).toBeLessThan(at + 120);
    }
  });

  it("give events after frames only: within a frame's time a pixel's first one comes at the same phase", () => {
    const { tUs } = new StrokeSimulator({ ...quiet, pixel: { ...quiet.pixel, tauUs: 10, tauMaxUs: 10, latencyUs: 0 } }, 1)
      .record(line([[20, 50, 0], [80, 50, 1000]]), 0);
    const phases = [...tUs].map((t) => t % (1e6 / 60));
    // With a fast pixel, everything happens within refractory times of the frame: seven thresholds, a millisecond each.
    expect(phases.filter((p) => p < 9000).length / phases.length).toBeGreaterThan(0.95);
  });

  it("are the same for the same seed, whatever was recorded before", () => {
    const drawing = line([[10, 10, 0], [60, 70, 500], [90, 20, 900]]);
    const simulator = new StrokeSimulator(DAVIS346_STROKES, 4);
    simulator.record(line([[5, 5, 0], [100, 100, 3000]]), 0);
    expect(simulator.record(drawing, 3)).toEqual(new StrokeSimulator(DAVIS346_STROKES, 4).record(drawing, 3));
  });

  it("last as long as the drawing, with lead and tail", () => {
    const { tUs } = new StrokeSimulator(DAVIS346_STROKES, 1).record(line([[10, 10, 0], [60, 70, 2000]]), 0);
    expect(tUs[tUs.length - 1]).toBeLessThan((leadMs + 2000 + tailMs) * 1000);
    expect(tUs[tUs.length - 1]).toBeGreaterThan((leadMs + 2000) * 1000);
  });
});

describe("a drawing's times", () => {
  it("have long pauses shortened, and never run back", () => {
    const { strokes } = withoutLongPauses(line([[0, 0, 0], [1, 0, 100], [2, 0, 90], [3, 0, 300_000], [4, 0, 300_050]]));
    expect(strokes[0].map((p) => p.tMs)).toEqual([0, 100, 100, 3100, 3150]);
  });

  it("that are estimated follow the given speed and pauses", () => {
    const habits = { speed: 0.1, speedSpread: 0, pauseMs: 500, pauseSpread: 0 };
    const { strokes, timing } = timeStrokes({ id: 1, drawer: 1, strokes: [[[0, 0], [30, 40]], [[0, 0], [0, 10]]] }, habits, 1);
    expect(timing).toBe("estimated");
    expect(strokes.map((s) => s.map((p) => Math.round(p.tMs)))).toEqual([[0, 500], [1000, 1100]]);
  });

  it.skipIf(!hasShared)("are estimated as the 4,840 timed drawings of Omniglot were drawn", () => {
    const seen = new Set<string>();
    const drawings = ["1", "2"].flatMap((n) => {
      const files = unzipSync(readFileSync(sharedPath(`data/omniglot/strokes_background_small${n}.zip`)), { filter: ({ name }) => name.endsWith(".txt") });
      return Object.entries(files).flatMap(([name, bytes]) => {
        const key = name.replace(/^.*?\//, "");
        if (seen.has(key) || !/character\d+\/\d+_\d+\.txt$/.test(key)) return [];
        seen.add(key);
        return [parseStrokeText(new TextDecoder().decode(bytes), name)];
      });
    });
    expect(drawings.length).toBe(4840);
    const measured = measureHabits(drawings);
    for (const key of ["speed", "speedSpread", "pauseMs", "pauseSpread"] as const) {
      expect(Math.abs(measured[key] / PEN_HABITS[key] - 1)).toBeLessThan(0.01);
    }
  });
});

describe("damaged stroke files", () => {
  it("are refused with the line, or the drawing, at which they break", () => {
    expect(() => parseStrokeText("START\n1,2,3\n1,2\nBREAK", "a.txt")).toThrow(/a\.txt, line 3: "1,2".*E-CAM-003/);
    expect(() => parseStrokeText("START\nBREAK\n", "a.txt")).toThrow(/no point.*E-CAM-003/);
    expect(() => parseSimplifiedStrokes(new TextEncoder().encode("JUNKJUNK"), "s.bin")).toThrow(/s\.bin: no file of simplified strokes.*E-CAM-004/);
    const early = Uint8Array.from([0x4f, 0x4d, 0x53, 0x33, 2, 0, 0, 0, 1, 0, 1, 255, 9, 0, 0]);
    expect(() => parseSimplifiedStrokes(early, "s.bin")).toThrow(/within drawing 1 of 2.*E-CAM-004/);
  });
});
