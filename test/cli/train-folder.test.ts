import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { auditData } from "../../src/cli/commands/data-audit.js";
import { showTasks } from "../../src/cli/commands/data-tasks.js";
import { trainNetwork } from "../../src/cli/commands/train.js";
import { evaluateCheckpoint } from "../../src/cli/commands/evaluate.js";
import { folderSource } from "../../src/cli/folder-source.js";
import { encodeEvents, type EventStream, type FormatName } from "../../src/events/index.js";
import { resolveConfig } from "../../src/train/config.js";

const folder = mkdtempSync(join(tmpdir(), "gestures-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A bar that moves in a direction of its class, on a camera that has been on for an hour. */
function gesture(kind: number, take: number): EventStream {
  const n = 300;
  const at = (k: number, slope: number) => (10 + kind * 5 + take + Math.floor((k * slope) / 10)) % 60;
  return {
    tUs: Uint32Array.from({ length: n }, (_, k) => 3_600_000_000 + k * 600), x: Uint16Array.from({ length: n }, (_, k) => at(k, kind + 1)),
    y: Uint16Array.from({ length: n }, (_, k) => at(k, 7 - kind)), polarity: Uint8Array.from({ length: n }, (_, k) => k % 2), width: 64, height: 64,
  };
}

async function record(name: string, classes: number, takes: number): Promise<string> {
  const formats: readonly [FormatName, string][] = [["evt2", "raw"], ["aedat4", "aedat4"]];
  for (let kind = 0; kind < classes; kind++) {
    const path = join(folder, name, `gesture${kind}`);
    mkdirSync(path, { recursive: true });
    for (let take = 0; take < takes; take++) {
      const [format, ending] = formats[take % 2];
      writeFileSync(join(path, `take${take}.${ending}`), await encodeEvents(gesture(kind, take), format, "take"));
    }
  }
  writeFileSync(join(folder, name, "gesture0", "notes.txt"), "tuesday, by the window");
  return join(folder, name);
}

const config = join(folder, "gestures.json");
writeFileSync(config, JSON.stringify({
  name: "gestures", data: { set: "folder", ways: 2, queries: 1, testQueries: 1 }, training: { tasks: 2, validateEvery: 2, validationTasks: 1 },
}));

describe("a folder of the user's own gestures", () => {
  it("is reported, split with enough classes each, and given frames and a network that fit", async () => {
    const data = await record("six", 6, 3);
    const lines: string[] = [];
    const { resolved, source } = await folderSource(data, resolveConfig({ data: { set: "folder", ways: 2 } }), (line) => void lines.push(line));
    expect(lines[0]).toContain("6 classes, 18 recordings");
    expect(lines.join("\n")).toMatch(/skipped .*notes\.txt/);
    expect((["train", "validation", "test"] as const).map((s) => source.classes(s).length)).toEqual([2, 2, 2]);
    expect(source.shape).toEqual([100, 2, 32, 32]);
    // 299 · 600 µs in 100 steps: 1.8 ms, rounded up to whole milliseconds.
    expect(resolved.geometry).toMatchObject({ downsample: 2, compose: 1, timestepUs: 2000 });
    const task = source.draw("train", 0, { seed: 1, ways: 2, shots: 1, queriesPerClass: 1, passes: 1 });
    // The clock of an hour ago is no reason for empty frames.
    for (const sample of task.support) expect([...sample.count].reduce((a, b) => a + b, 0)).toBe(300);
  });

  it("trains, evaluates, audits without a leak and shows tasks", async () => {
    const data = join(folder, "six");
    const trained = await trainNetwork({ config, data, out: join(folder, "run"), threads: 1 });
    const { checkpoint } = trained.json as { checkpoint: string };
    expect((await evaluateCheckpoint({ checkpoint, data, split: "test", tasks: 1, threads: 1 })).json).toMatchObject({ floors: { chance: 50 } });
    expect((await auditData({ config, data, tasks: 5 })).json).toMatchObject({ clean: true, protocol: "B" });
    const shown = await showTasks({ config, data, tasks: 1, split: "test" });
    expect(shown.json).toMatchObject({ tasks: [{ order: expect.any(Array), support: [{ events: 300 }, { events: 300 }] }] });
  }, 60_000);

  it("pairs few classes, and refuses too few in one sentence [E-DATA-004, E-DATA-003]", async () => {
    const quiet = (): void => undefined;
    const pairs = await folderSource(await record("three", 3, 8), resolveConfig({ data: { set: "folder", ways: 3 } }), quiet);
    expect(pairs.source.shape).toEqual([100, 2, 16, 32]);
    const two = await record("two", 2, 1);
    await expect(folderSource(two, resolveConfig({ data: { set: "folder", ways: 5 } }), quiet)).rejects.toThrow(/allowed: 15[\s\S]*E-DATA-004/);
    await expect(folderSource(join(folder, "none"), resolveConfig({ data: { set: "folder" } }), quiet)).rejects.toThrow(/E-DATA-003/);
  });

  it("takes a split and transforms from the configuration", async () => {
    const split = { train: ["gesture0", "gesture3"], validation: ["gesture1", "gesture4"], test: ["gesture2", "gesture5"] };
    const transforms = [{ kind: "downsample", factor: 2 }] as const;
    const { source } = await folderSource(join(folder, "six"), resolveConfig({ data: { set: "folder", ways: 2, split, transforms: [...transforms] } }), () => undefined);
    expect(source.classes("test")).toEqual(split.test);
    expect(source.shape).toEqual([100, 2, 32, 32]);
    const wrong = { ...split, test: ["gesture9"] };
    await expect(folderSource(join(folder, "six"), resolveConfig({ data: { set: "folder", ways: 2, split: wrong } }), () => undefined)).rejects.toThrow(/gesture9[\s\S]*E-TASK-003/);
  });
});
