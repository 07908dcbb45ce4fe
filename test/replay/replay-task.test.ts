import { describe, expect, it } from "vitest";
import { draw32 } from "../../src/base/rng.js";
import { accuracyOf, ci95Of, replayRun } from "../../src/replay/replay-run.js";
import { replayTask } from "../../src/replay/replay-task.js";
import { fakeImage, fakeLoader, fakeTask, INPUTS, STEPS } from "./fake-chip.js";

describe("replayTask", () => {
  it("answers the queries on a load of their own before it learns", async () => {
    const { chips, load } = fakeLoader();
    await replayTask(fakeImage, fakeTask, { load });
    expect(chips).toHaveLength(2);
    expect(chips[0].messages).toEqual(Array(4).fill({ learn: false, label: -1 }));
    expect(chips.every((chip) => chip.disposed)).toBe(true);
  });

  it("shows the support in the task's order with learning on, then the queries with learning off", async () => {
    const { chips, load } = fakeLoader();
    await replayTask(fakeImage, fakeTask, { load });
    expect(chips[1].messages.map((m) => [m.learn, m.label])).toEqual([
      [true, 2], [true, 0], [true, 1], [false, -1], [false, -1], [false, -1], [false, -1],
    ]);
  });

  it("seeds both loads with draw32(image seed, 0, task number, 0)", async () => {
    const { chips, load } = fakeLoader();
    const { chipSeed } = await replayTask(fakeImage, fakeTask, { load, program: "x86" });
    expect(chipSeed).toBe(draw32(11, 0, 5, 0));
    expect(chips.map((chip) => chip.options)).toEqual(Array(2).fill({ seed: chipSeed, program: "x86", onOverflow: undefined }));
  });

  it("scores the queries alone, and separates the operations of learning", async () => {
    const replay = await replayTask(fakeImage, fakeTask, { load: fakeLoader().load });
    expect(replay.before?.accuracy).toBe(0.5); // All counts are 0: output 0 for every query.
    expect(replay.after.decisions).toEqual([0, 1, 2, 2]);
    expect(replay.after.accuracy).toBe(0.75);
    expect(replay.learningCounts.steps).toBe(3 * STEPS);
    expect(replay.after.counts.steps).toBe(7 * STEPS);
  });

  it("gives hidden spike counts of the support in the task's own order, then of the queries", async () => {
    const { features, featureCount } = await replayTask(fakeImage, fakeTask, { load: fakeLoader().load });
    expect(featureCount).toBe(INPUTS);
    expect([...features.subarray(0, 3 * INPUTS)]).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0]);
    expect([...features.subarray(3 * INPUTS, 4 * INPUTS)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("leaves out the first load where it is told to", async () => {
    const { chips, load } = fakeLoader();
    expect((await replayTask(fakeImage, fakeTask, { load, skipBefore: true })).before).toBeNull();
    expect(chips).toHaveLength(1);
  });

  it("disposes of the chip when a presentation fails", async () => {
    const { chips, load } = fakeLoader();
    const failing: typeof load = async (image, options) => {
      const chip = await load(image, options);
      chip.present = () => Promise.reject(new Error("overflow"));
      return chip;
    };
    await expect(replayTask(fakeImage, fakeTask, { load: failing })).rejects.toThrow("overflow");
    expect(chips[0].disposed).toBe(true);
  });
});

describe("replayRun", () => {
  it("averages over tasks, in percent, and adds up operations", async () => {
    const seen: number[] = [];
    const tasks = [fakeTask, { ...fakeTask, number: 6, queryLabels: [0, 1, 2, 2] }];
    const result = await replayRun(fakeImage, tasks, { load: fakeLoader().load }, (task) => { seen.push(task.number); });
    expect(seen).toEqual([5, 6]);
    expect(result.accuracy.before).toBeCloseTo((50 + 25) / 2, 12);
    expect(result.accuracy.after).toBeCloseTo((75 + 100) / 2, 12);
    expect(result.presentations).toEqual({ support: 6, query: 8 });
    expect(result.counts.steps).toBe(14 * STEPS);
  });
});

describe("ci95Of", () => {
  it("is 1.96 standard errors of the mean", () => {
    // sd of 1, 2, 3, 4 is √(5/3); over √4.
    expect(ci95Of([1, 2, 3, 4])).toBeCloseTo((1.96 * Math.sqrt(5 / 3)) / 2, 12);
    expect(ci95Of([7])).toBe(0);
    expect(accuracyOf([{ before: 10, after: 90 }])).toEqual({ before: 10, after: 90, ci95: 0 });
  });
});
