import { describe, expect, it } from "vitest";
import { preparedSource } from "../../src/cli/config-source.js";
import { encodeFrames } from "../../src/events/encode.js";
import { loadNmnist } from "../../src/events/node/embedded-nmnist.js";
import type { Split, Task, TaskSource } from "../../src/tasks/index.js";
import { taskOptions } from "../../src/train/loop.js";
import { resolveConfig } from "../../src/train/config.js";

const place = { cache: false, quiet: true } as const;
const geometry = { sensor: { width: 34, height: 34 }, crop: { x: 2, y: 1, width: 32, height: 32 }, downsample: 2, compose: 2, timestepUs: 700 };
const draw = (source: TaskSource, split: Split, number: number): Task =>
  source.draw(split, number, taskOptions(resolveConfig({ preset: "demo", data: { variants: { count: 2 } } }).config, 1, split === "train" ? "train" : "test"));

describe("frames of double N-MNIST", () => {
  it("follow the configuration's geometry", async () => {
    const { source } = await preparedSource(resolveConfig({ preset: "demo", geometry }), undefined, place);
    expect([source.timestepUs, ...source.shape]).toEqual([700, 100, 2, 16, 32]);
    const task = source.draw("test", 0, { seed: 1, ways: 5, shots: 1, queriesPerClass: 1, passes: 1 });
    const [left, right] = task.supportRecordings[0].map((id) => {
      const recording = loadNmnist().find(({ index }) => index === Number(id.split("/")[1]));
      if (!recording) throw new Error(`no recording ${id}`);
      return encodeFrames(recording.stream, { timestepUs: 700, steps: 100, crop: geometry.crop, downsample: 2 });
    });
    const events = (frames: { readonly count: ArrayLike<number> }): number => Array.from(frames.count).reduce((a, b) => a + b, 0);
    expect(events(task.support[0])).toBe(events(left) + events(right));
    const plain = await preparedSource(resolveConfig({ preset: "demo" }), undefined, place);
    expect(events(plain.source.draw("test", 0, { seed: 1, ways: 5, shots: 1, queriesPerClass: 1, passes: 1 }).support[0])).not.toBe(events(task.support[0]));
  });

  it("of variants are drawn in training alone, the same for the same seed", async () => {
    const varied = await Promise.all([1, 2].map(async () =>
      (await preparedSource(resolveConfig({ preset: "demo", data: { variants: { count: 2 } } }), undefined, place)).source));
    const { source: plain } = await preparedSource(resolveConfig({ preset: "demo" }), undefined, place);
    for (const split of ["validation", "test"] as const) expect(draw(varied[0], split, 3)).toEqual(draw(plain, split, 3));
    expect(draw(varied[0], "train", 3)).toEqual(draw(varied[1], "train", 3));
    const [with_, without] = [draw(varied[0], "train", 3), draw(plain, "train", 3)];
    // The same recordings, seen otherwise.
    expect(with_.queryRecordings).toEqual(without.queryRecordings);
    expect(with_.query).not.toEqual(without.query);
  });

  it("have no variants in another set [E-DATA-005]", async () => {
    await expect(preparedSource(resolveConfig({ data: { set: "folder", variants: { count: 2 } } }), undefined, place)).rejects.toThrow(/data\.variants.*double-nmnist.*E-DATA-005/);
  });
});
