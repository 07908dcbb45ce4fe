import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rng, STREAM } from "../../src/base/rng.js";
import { encodeFrames, placeSideBySide } from "../../src/events/encode.js";
import type { SpikeTensor } from "../../src/events/types.js";
import { composeSample } from "../../src/tasks/index.js";
import { streams } from "../events/support.js";
import { oneEvent } from "./support.js";

const rng = (n: number): Rng => new Rng(1, STREAM.augmentation, n);

describe("composed samples", () => {
  it("are what the events module makes of two recordings side by side", () => {
    for (let a = 0; a < 32; a++) {
      const [left, right] = [oneEvent(a, 3), oneEvent((a * 7) % 32)];
      const [ours, theirs] = [composeSample([left, right]), placeSideBySide(left, right)];
      expect([...ours.channel]).toEqual([...theirs.channel]);
      expect([...ours.count]).toEqual([...theirs.count]);
      expect([...ours.rowStart]).toEqual([...theirs.rowStart]);
    }
  });

  it("shift each part by up to ±n pixels by itself and lose what leaves the part", () => {
    const seen = new Set<string>();
    // Corner (0, 0): of the nine shifts of one pixel, five leave the part.
    for (let n = 0; n < 300; n++) seen.add(String([...composeSample([oneEvent(0)], { shiftPixels: 1, dropShare: 0 }, rng(n)).channel]));
    expect([...seen].toSorted()).toEqual(["", "0", "1", "4", "5"]);
  });

  it("drop the asked share of events, one by one", () => {
    let kept = 0;
    for (let n = 0; n < 200; n++) kept += composeSample([oneEvent(0, 100)], { shiftPixels: 0, dropShare: 0.1 }, rng(n)).count[0];
    // 20,000 events, binomial: 18,000 ± 5·√(20,000·.1·.9) = ± 212.
    expect(Math.abs(kept - 18_000)).toBeLessThan(212);
  });

  it("are the same for any streams, and beyond the bounds of the short keys", () => {
    const plain = (s: SpikeTensor) => ({ ...s, channel: [...s.channel], count: [...s.count], rowStart: [...s.rowStart] });
    fc.assert(fc.property(streams(9, 5, 4000), streams(9, 5, 4000), fc.constantFrom(1, 40_000), (a, b, weight) => {
      const [left, right] = [a, b].map((s) => {
        const frames = encodeFrames(s, { timestepUs: 500, steps: 8 });
        // Counts of 16 bits: with a large one the entries no longer fit 31 bits where the sample is wide.
        return { ...frames, count: Uint16Array.from(frames.count, (c) => c * weight) };
      });
      expect(plain(composeSample([left, right]))).toEqual(plain(placeSideBySide(left, right)));
    }));
    const [left, right] = [40_000, 70_000].map((at): SpikeTensor => ({
      shape: [2, 2, 200, 200], timestepUs: 1, rowStart: Uint32Array.of(0, 2, 3), channel: Uint32Array.of(7, at, 9), count: Uint16Array.of(1, 60_000, 2),
    }));
    expect(plain(composeSample([left, right]))).toEqual(plain(placeSideBySide(left, right)));
    expect(composeSample([left])).toBe(left);
  });
});
