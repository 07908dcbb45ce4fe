import { gunzipSync } from "fflate";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { traceStrokes } from "../../../src/events/simulators/trace-strokes.js";
import { hasShared, sharedPath } from "../../support/shared.js";

/** A picture from rows of characters, # = ink. */
function picture(rows: readonly string[]) {
  const size = rows.length;
  return { size, ink: Uint8Array.from(rows.join(""), (c) => (c === "#" ? 1 : 0)) };
}
const toPixel = (v: number, size: number): number => Math.round(((v + 0.5) * size) / 105 - 0.5);

describe("strokes traced from a picture", () => {
  it("walk a line from its topmost, leftmost end to the other", () => {
    const rows = ["............", ".#..........", ".#..........", ".#..........", ".#..........", ".#######....", ...new Array<string>(6).fill("............")];
    const [stroke, ...others] = traceStrokes(picture(rows));
    expect(others).toEqual([]);
    const pixels = stroke.map(([x, y]) => [toPixel(x, 12), toPixel(y, 12)]);
    expect(pixels[0]).toEqual([1, 1]);
    expect(pixels[pixels.length - 1]).toEqual([7, 5]);
  });

  it("go straight on at a crossing", () => {
    const rows = Array.from({ length: 11 }, (_, y) => Array.from({ length: 11 }, (_, x) => (x === 5 || y === 5 ? "#" : ".")).join(""));
    const strokes = traceStrokes(picture(rows));
    const spans = strokes.map((s) => [0, 1].map((axis) => Math.max(...s.map((p) => p[axis])) - Math.min(...s.map((p) => p[axis]))));
    // The first bar whole, 11 pixels of 9.5; the other in two halves that end on it, 6 pixels each.
    expect(Math.max(...spans.map(([, h]) => h))).toBeGreaterThan(90);
    expect(spans.map(([w]) => w).sort((a, b) => a - b).slice(-2).every((w) => w > 45)).toBe(true);
    for (const [w, h] of spans) expect(Math.min(w, h)).toBeLessThan(15);
  });

  it("end where nothing is drawn, and are one point for a dot", () => {
    expect(traceStrokes(picture(new Array<string>(5).fill(".....")))).toEqual([]);
    expect(traceStrokes(picture([".....", ".....", "..#..", ".....", "....."]))).toEqual([[[52, 52]]]);
  });

  it.skipIf(!hasShared)("lie on the ink of Omniglot's pictures, and leave no ink far from a stroke", () => {
    const bits = gunzipSync(readFileSync(sharedPath("data/omniglot/omniglot105.bin.gz")));
    for (let n = 0; n < 18_020; n += 1201) {
      const ink = Uint8Array.from({ length: 11_025 }, (_, k) => (bits[n * 1379 + (k >> 3)] >> (7 - (k & 7))) & 1);
      const points = traceStrokes({ ink, size: 105 }).flat();
      for (const [x, y] of points) expect(ink[Math.round(y) * 105 + Math.round(x)]).toBe(1);
      const farthest = ink.reduce((far, v, k) => (v ? Math.max(far, Math.min(...points.map(([x, y]) => Math.hypot(x - (k % 105), y - Math.floor(k / 105))))) : far), 0);
      // Half a pen's width, and what thinning takes off the ends of thick lines.
      expect(farthest).toBeLessThan(9);
    }
  });
});
