import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rng } from "../../src/base/rng.js";
import type { SpikeTensor } from "../../src/events/types.js";
import { auditSource, composeSample, createDoubleNmnist, createRecordingSource, DOUBLE_DIGIT_SPLIT, RECORDING_SPLIT } from "../../src/tasks/index.js";
import { hasShared, readShared } from "../support/shared.js";

/** A sample with seeded events: [T, 2, 4, 5]. */
function randomSample(seed: number, steps = 6): SpikeTensor {
  const rng = new Rng(seed, 0x10020);
  const rowStart = [0];
  const [channel, count]: number[][] = [[], []];
  for (let t = 0; t < steps; t++) {
    for (let c = 0; c < 40; c++) {
      if (rng.below(5) > 0) continue;
      channel.push(c);
      count.push(1 + rng.below(3));
    }
    rowStart.push(channel.length);
  }
  return {
    shape: [steps, 2, 4, 5], rowStart: Uint32Array.from(rowStart), channel: Uint16Array.from(channel), count: Uint8Array.from(count), timestepUs: 1000,
  };
}

const dense = (s: SpikeTensor): Map<string, number> => {
  const [, , h, w] = s.shape;
  const out = new Map<string, number>();
  for (let t = 0; t + 1 < s.rowStart.length; t++) {
    for (let k = s.rowStart[t]; k < s.rowStart[t + 1]; k++) {
      const [p, y, x] = [Math.floor(s.channel[k] / (h * w)), Math.floor(s.channel[k] / w) % h, s.channel[k] % w];
      out.set(`${t} ${p} ${y} ${x}`, s.count[k]);
    }
  }
  return out;
};

const source = createDoubleNmnist(Array.from({ length: 800 }, (_, k) => ({ label: k % 10, index: k + 1, frames: randomSample(k, 4) })));
const options = { seed: 3, ways: 5, shots: 1, queriesPerClass: 10, passes: 1 };

describe("composed samples", () => {
  it("hold every event of both parts at its place, rows ascending", () => {
    fc.assert(fc.property(fc.nat(10_000), fc.nat(10_000), (a, b) => {
      const [left, right] = [randomSample(a), randomSample(b)];
      const both = composeSample([left, right]);
      const [l, r] = [dense(left), dense(right)];
      const expected = new Map([...l, ...[...r].map(([key, n]) => {
        const [t, p, y, x] = key.split(" ").map(Number);
        return [`${t} ${p} ${y} ${x + 5}`, n] as const;
      })]);
      expect(dense(both)).toEqual(expected);
      for (let t = 0; t < 6; t++) {
        const row = [...both.channel.subarray(both.rowStart[t], both.rowStart[t + 1])];
        expect(row).toEqual([...row].sort((p, q) => p - q));
      }
    }), { seed: 1, numRuns: 60 });
  });

  it("shift each part as a whole, drop events, and stay inside", () => {
    const sample = randomSample(1, 40);
    const moved = composeSample([sample], { shiftPixels: 2, dropShare: 0.25 }, new Rng(5, 0x10006));
    const events = (s: SpikeTensor): number => s.count.reduce((sum, n) => sum + n, 0);
    expect(events(moved)).toBeLessThan(events(sample) * 0.9);
    expect(Math.max(...moved.channel)).toBeLessThan(40);
    expect(composeSample([sample], { shiftPixels: 2, dropShare: 0.25 }, new Rng(5, 0x10006))).toEqual(moved);
  });
});

describe("double N-MNIST, protocol B", () => {
  it.skipIf(!hasShared)("has the paper's classes", () => {
    const split = readShared<Record<"train" | "val" | "test", string[]>>("data/splits/double-nmnist-splits.json");
    expect(DOUBLE_DIGIT_SPLIT).toEqual({ train: split.train, validation: split.val, test: split.test });
  });

  it("draws 5 ways, one shot, ten queries each, in a new order for every task, and the same again", () => {
    const task = source.draw("train", 7, options);
    expect(task.classNames).toHaveLength(5);
    expect(new Set(task.classNames).size).toBe(5);
    expect(task.supportLabels).toEqual([0, 1, 2, 3, 4]);
    expect(task.query).toHaveLength(50);
    expect(task.support[0].shape).toEqual([4, 2, 4, 10]);
    expect(source.draw("train", 7, options)).toEqual(task);
    const orders = new Set(Array.from({ length: 40 }, (_, n) => source.draw("train", n, options).presentation.join()));
    expect(orders.size).toBeGreaterThan(20);
    expect([...source.draw("train", 1, { ...options, passes: 3 }).presentation].sort()).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
  });

  it("never lets support and query share a recording, nor splits a recording or a class", () => {
    const report = auditSource(source, 60, options);
    expect(report.supportInQuery).toEqual({ train: 0, validation: 0, test: 0 });
    expect(report.sharedBetweenSplits).toEqual([]);
    expect(report.sharedClasses).toEqual([]);
    expect(report.recordings.test).toBeGreaterThan(100);
  });

  it("takes each part of a sample from the digit that the class names, and from the split's recordings", () => {
    const task = source.draw("test", 2, options);
    task.queryRecordings.forEach((ids, q) => {
      const [left, right] = ids.map((id) => Number(id.split("/")[1]));
      expect(`${(left - 1) % 10}${(right - 1) % 10}`).toBe(task.classNames[task.queryLabels[q]]);
      expect(Math.min(left, right)).toBeGreaterThanOrEqual(RECORDING_SPLIT.test[0]);
    });
  });

  it("refuses a class with too few recordings (E-TASK-001) and too few classes (E-TASK-002)", () => {
    expect(() => source.draw("train", 0, { ...options, shots: 60 })).toThrow(/E-TASK-001/);
    expect(() => source.draw("train", 0, { ...options, ways: 65 })).toThrow(/64 classes for 65-way.*E-TASK-002/);
    const none = { train: new Map(), validation: new Map(), test: new Map() };
    expect(() => createRecordingSource({ name: "none", data: "real", protocol: "B", classes: { train: [], validation: [], test: [] }, pools: none }))
      .toThrow(/E-TASK-001/);
  });
});
