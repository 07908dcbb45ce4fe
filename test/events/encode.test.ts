import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { encodeFrames, placeSideBySide } from "../../src/events/encode.js";
import type { EventStream, SpikeTensor } from "../../src/events/types.js";

const streamOf = (events: readonly (readonly number[])[], width = 34, height = 34): EventStream => ({
  tUs: Uint32Array.from(events, (e) => e[0]), x: Uint16Array.from(events, (e) => e[1]),
  y: Uint16Array.from(events, (e) => e[2]), polarity: Uint8Array.from(events, (e) => e[3]), width, height,
});

/** Dense [T, P, H, W] of a tensor, and that its rows are well formed. */
function dense(tensor: SpikeTensor): number[] {
  const [steps, p, h, w] = tensor.shape;
  const out = new Array<number>(steps * p * h * w).fill(0);
  for (let step = 0; step < steps; step++) {
    for (let e = tensor.rowStart[step]; e < tensor.rowStart[step + 1]; e++) {
      if (e > tensor.rowStart[step]) expect(tensor.channel[e]).toBeGreaterThan(tensor.channel[e - 1]);
      expect(tensor.count[e]).toBeGreaterThanOrEqual(1);
      out[step * p * h * w + tensor.channel[e]] = tensor.count[e];
    }
  }
  return out;
}

const events = fc
  .array(fc.tuple(fc.nat(9999), fc.nat(33), fc.nat(33), fc.nat(1)), { maxLength: 300 })
  .map((list) => list.sort((a, b) => a[0] - b[0]));

describe("frames of event counts", () => {
  it("count each event once at its step, polarity and down-sampled pixel", () => {
    fc.assert(fc.property(events, fc.integer({ min: 1, max: 4 }), fc.nat(5), (list, downsample, cropX) => {
      const options = { timestepUs: 1000, steps: 8, downsample, crop: { x: cropX, y: 1, width: 24, height: 30 } };
      const tensor = encodeFrames(streamOf(list), options);
      const [steps, , h, w] = tensor.shape;
      expect(tensor.shape).toEqual([8, 2, Math.floor(30 / downsample), Math.floor(24 / downsample)]);
      const expected = new Array<number>(steps * 2 * h * w).fill(0);
      for (const [t, x, y, on] of list) {
        const [step, px, py] = [Math.floor(t / 1000), Math.floor((x - cropX) / downsample), Math.floor((y - 1) / downsample)];
        if (step < 8 && px >= 0 && px < w && py >= 0 && py < h) expected[((step * 2 + on) * h + py) * w + px]++;
      }
      expect(dense(tensor)).toEqual(expected);
    }), { seed: 11, numRuns: 60 });
  });

  it("place the second recording to the right of the first", () => {
    fc.assert(fc.property(events, events, (a, b) => {
      const options = { timestepUs: 2000, steps: 5, downsample: 2 };
      const [left, right] = [encodeFrames(streamOf(a), options), encodeFrames(streamOf(b), options)];
      const shifted = b.map(([t, x, y, on]) => [t, x + 34, y, on]);
      const both = [...a, ...shifted].sort((p, q) => p[0] - q[0]);
      const whole = encodeFrames(streamOf(both, 68), options);
      const placed = placeSideBySide(left, right);
      expect(placed.shape).toEqual(whole.shape);
      expect(dense(placed)).toEqual(dense(whole));
    }), { seed: 12, numRuns: 60 });
  });

  it("give 1 for any count where binary is asked for, and start where told", () => {
    const stream = streamOf([[5000, 1, 1, 1], [5001, 1, 1, 1], [6500, 2, 2, 0]]);
    const tensor = encodeFrames(stream, { timestepUs: 1000, steps: 2, values: "binary", polarity: "merge", startUs: "first" });
    expect([...tensor.count]).toEqual([1, 1]);
    expect([...tensor.rowStart]).toEqual([0, 1, 2]);
    expect([...tensor.channel]).toEqual([35, 70]);
  });

  it("refuse a crop that leaves the sensor, a senseless factor, and halves of unequal height", () => {
    const stream = streamOf([[0, 0, 0, 0]]);
    const crop = { x: 10, y: 0, width: 32, height: 32 };
    expect(() => encodeFrames(stream, { timestepUs: 1000, steps: 1, crop })).toThrow(/34×34.*E-EVT-010/);
    expect(() => encodeFrames(stream, { timestepUs: 1000, steps: 1, downsample: 0.5 })).toThrow(UserError);
    expect(() => encodeFrames(stream, { timestepUs: 0, steps: 1 })).toThrow(UserError);
    expect(() => encodeFrames(stream, { timestepUs: 1000, steps: 1, downsample: 40 })).toThrow(UserError);
    const one = encodeFrames(stream, { timestepUs: 1000, steps: 1 });
    const other = encodeFrames(stream, { timestepUs: 1000, steps: 1, downsample: 2 });
    expect(() => placeSideBySide(one, other)).toThrow(/E-EVT-010/);
  });
});
