import { describe, expect, it } from "vitest";
import { loadNmnist } from "../../src/events/node/embedded-nmnist.js";
import { encodeFrames, NMNIST_FRAMES } from "../../src/events/encode.js";
import { auditSource, createDoubleNmnist, DOUBLE_DIGIT_SPLIT } from "../../src/tasks/index.js";
import type { TaskOptions } from "../../src/tasks/index.js";
import { hasShared, readShared } from "../support/shared.js";
import { indexOf, madeUpDigits } from "./support.js";

const options: TaskOptions = { seed: 7, ways: 5, shots: 1, queriesPerClass: 10, passes: 1 };

describe("double N-MNIST, protocol B", () => {
  const source = createDoubleNmnist(madeUpDigits());

  it.skipIf(!hasShared)("splits the hundred pairs as the reference split file does", () => {
    const file = readShared<{ train: string[]; val: string[]; test: string[] }>("data/splits/double-nmnist-splits.json");
    expect(DOUBLE_DIGIT_SPLIT).toEqual({ train: file.train, validation: file.val, test: file.test });
  });

  it("draws every split from its own MNIST indices alone", () => {
    const range = { train: [1, 520], validation: [521, 640], test: [641, 800] } as const;
    for (const split of ["train", "validation", "test"] as const) {
      for (let n = 0; n < 30; n++) {
        const task = source.draw(split, n, options);
        for (const id of [...task.supportRecordings, ...task.queryRecordings].flat()) {
          expect(indexOf(id)).toBeGreaterThanOrEqual(range[split][0]);
          expect(indexOf(id)).toBeLessThanOrEqual(range[split][1]);
        }
      }
    }
  });

  it("labels each sample by the digits of its two recordings", () => {
    const task = source.draw("test", 3, options);
    task.query.forEach((_, q) => {
      const digits = task.queryRecordings[q].map((id) => indexOf(id) % 10).join("");
      expect(digits).toBe(task.classNames[task.queryLabels[q]]);
    });
  });

  it("passes its audit: nothing shared between splits, nor between support and query", () => {
    const report = auditSource(source, 60, options);
    expect(report.sharedBetweenSplits).toEqual([]);
    expect(report.sharedClasses).toEqual([]);
    expect(report.supportInQuery).toEqual({ train: 0, validation: 0, test: 0 });
  });

  it("gives equal tasks for equal arguments, others for another number or seed", () => {
    const augmented = { ...options, augmentation: { shiftPixels: 1, dropShare: 0.1 } };
    expect(source.draw("train", 5, augmented)).toEqual(source.draw("train", 5, augmented));
    const names = (n: number, seed: number) => source.draw("train", n, { ...options, seed }).supportRecordings;
    expect(names(5, 7)).not.toEqual(names(6, 7));
    expect(names(5, 7)).not.toEqual(names(5, 8));
  });

  it("presents each support sample once a pass, in an order that changes from task to task", () => {
    const orders = Array.from({ length: 20 }, (_, n) => source.draw("train", n, { ...options, passes: 2 }).presentation);
    for (const order of orders) {
      expect(order.slice(0, 5).toSorted()).toEqual([0, 1, 2, 3, 4]);
      expect(order.slice(5).toSorted()).toEqual([0, 1, 2, 3, 4]);
    }
    expect(new Set(orders.map(String)).size).toBeGreaterThan(15);
  });

  it("refuses more shots than there are recordings, naming class and split [E-TASK-001]", () => {
    expect(() => source.draw("test", 0, { ...options, shots: 20 })).toThrow(/split "test", class "\d".*E-TASK-001/);
  });

  it("refuses more ways than there are classes [E-TASK-002]", () => {
    expect(() => source.draw("validation", 0, { ...options, ways: 17 })).toThrow(/16 classes.*E-TASK-002/);
  });

  it("makes [100, 2, 16, 32] samples of the real recordings, channels ascending in every step", () => {
    const real = createDoubleNmnist(loadNmnist().slice(0, 700)
      .map(({ label, index, stream }) => ({ label, index, frames: encodeFrames(stream, NMNIST_FRAMES) })));
    const { query } = real.draw("train", 0, { ...options, augmentation: { shiftPixels: 2, dropShare: 0.1 } });
    for (const { shape, rowStart, channel } of query) {
      expect(shape).toEqual([100, 2, 16, 32]);
      let disorder = 0;
      for (let t = 0; t < 100; t++) for (let k = rowStart[t] + 1; k < rowStart[t + 1]; k++) if (channel[k] <= channel[k - 1]) disorder++;
      expect(disorder).toBe(0);
    }
  });
});

describe("double N-MNIST, protocol A", () => {
  const source = createDoubleNmnist(madeUpDigits(), { protocol: "A" });

  it("is seen by the audit for what it is: held-out recordings shared by validation and test, and support by query", () => {
    const report = auditSource(source, 60, options);
    expect(report.protocol).toBe("A");
    expect(report.sharedBetweenSplits.map((s) => s.splits)).toEqual(["validation and test"]);
    expect(report.supportInQuery.test).toBeGreaterThan(50);
  });

  it("takes the left recording from k // n: of 52 a digit and k < 1000, only the first twenty", () => {
    const lefts = new Set<string>();
    for (let n = 0; n < 60; n++) for (const [left] of source.draw("train", n, options).queryRecordings) lefts.add(left);
    // n = 52 recordings of each digit in 1…520: 999 // 52 = 19, so the 20th, whose index is at most 200.
    expect(Math.max(...[...lefts].map(indexOf))).toBeLessThanOrEqual(200);
    expect(lefts.size).toBeGreaterThan(100);
  });
});
