import { describe, expect, it } from "vitest";
import { auditSource, createClassFolder, splitBySeed } from "../../src/tasks/index.js";
import type { EncodedRecording } from "../../src/tasks/index.js";
import { oneEvent } from "./support.js";

const folders = (count: number, each: number): Map<string, EncodedRecording[]> =>
  new Map(Array.from({ length: count }, (_, c) => [
    `class${String(c).padStart(2, "0")}`, Array.from({ length: each }, (_, k) => ({ id: `${c}/${k}`, frames: oneEvent(c % 16) })),
  ]));
const base = { name: "gestures", data: "real", seed: 3 } as const;
const task = { seed: 1, ways: 3, shots: 1, queriesPerClass: 4, passes: 1 };

describe("a folder of classes", () => {
  it("deals 100 items 64 : 16 : 20, each to one split, otherwise for another seed", () => {
    const items = Array.from({ length: 100 }, (_, k) => k);
    const split = splitBySeed(items, 3);
    expect([split.train.length, split.validation.length, split.test.length]).toEqual([64, 16, 20]);
    expect([...split.train, ...split.validation, ...split.test].toSorted((a, b) => a - b)).toEqual(items);
    expect(splitBySeed(items, 4).test).not.toEqual(split.test);
  });

  it("shares neither classes nor recordings between splits, alone or composed two by two", () => {
    for (const compose of [1, 2]) {
      const report = auditSource(createClassFolder(folders(20, 40), { ...base, compose }), 25, { ...task, queriesPerClass: 2 });
      expect(report.sharedBetweenSplits).toEqual([]);
      expect(report.sharedClasses).toEqual([]);
      expect(report.supportInQuery).toEqual({ train: 0, validation: 0, test: 0 });
    }
  });

  it("puts the first part of a pair on the left", () => {
    const source = createClassFolder(folders(20, 40), { ...base, compose: 2 });
    const drawn = source.draw("train", 0, task);
    expect(source.shape).toEqual([2, 2, 4, 8]);
    drawn.support.forEach((sample, s) => {
      const [left, right] = drawn.classNames[drawn.supportLabels[s]].split("+").map((n) => Number(n.slice(5)) % 16);
      const onWide = (at: number, part: number) => Math.floor(at / 4) * 8 + part * 4 + (at % 4);
      expect([...sample.channel]).toEqual([onWide(left, 0), onWide(right, 1)].toSorted((a, b) => a - b));
    });
  });

  it("refuses recordings of another shape by name [E-TASK-003], and an empty folder [E-TASK-001]", () => {
    const odd = folders(5, 3);
    odd.get("class02")?.push({ id: "2/odd", frames: { ...oneEvent(0), shape: [3, 2, 4, 4] } });
    expect(() => createClassFolder(odd, { ...base, compose: 1 })).toThrow(/2\/odd.*E-TASK-003/);
    expect(() => createClassFolder(folders(5, 3), { ...base, compose: 3 })).toThrow(/E-TASK-003/);
    expect(() => createClassFolder(new Map(), { ...base, compose: 1 })).toThrow(/E-TASK-001/);
  });
});
