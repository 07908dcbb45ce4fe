import { describe, expect, it } from "vitest";
import { Rng, STREAM } from "../../src/base/rng.js";
import { placeSideBySide } from "../../src/events/encode.js";
import { composeSample } from "../../src/tasks/index.js";
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
});
