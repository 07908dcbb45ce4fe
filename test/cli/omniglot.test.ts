import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditData } from "../../src/cli/commands/data-audit.js";
import { showTasks } from "../../src/cli/commands/data-tasks.js";
import { preparedSource, readConfig } from "../../src/cli/config-source.js";
import { encodeEvents, sliceByTable } from "../../src/events/index.js";
import { readFileText } from "../../src/base/node/files.js";
import { readRecording } from "../../src/events/node/read-recording.js";
import { OMNIGLOT_EVALUATION, OMNIGLOT_TRAINING, OMNIGLOT_VALIDATION } from "../../src/tasks/index.js";
import { resolveConfig } from "../../src/train/config.js";
import { writeOmniglot } from "../support/omniglot-fixture.js";
import { hasShared, sharedPath } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "omniglot-"));
const data = join(folder, "set");
const cache = join(folder, "cache");
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => writeOmniglot(data, {
  dvs_background: { "Alphabet_of_the_Magi": 4, Greek: 2, Hebrew: 5 }, dvs_evaluation: { Angelic: 5 },
}));
const quiet = { quiet: true } as const;
const options = { seed: 1, ways: 5, shots: 1, queriesPerClass: 10, passes: 1 };

describe("N-Omniglot in the layout of the public set", () => {
  it.skipIf(!hasShared)("has the alphabets of Omniglot, 16 + 14 background and 20 evaluation", () => {
    const rows = readFileText(sharedPath("data/omniglot/classes.csv")).trim().split("\n").slice(1).map((row) => row.split(","));
    const of = (part: string) => [...new Set(rows.filter((r) => r[1] === part).map((r) => r[2]))].sort();
    expect([...OMNIGLOT_TRAINING, ...OMNIGLOT_VALIDATION].sort()).toEqual(of("background"));
    expect([...OMNIGLOT_EVALUATION].sort()).toEqual(of("evaluation"));
    expect([OMNIGLOT_TRAINING.length, OMNIGLOT_VALIDATION.length]).toEqual([16, 14]);
  });

  it("is named as what it is where a network for another set meets it [E-DATA-002]", async () => {
    await expect(preparedSource(readConfig("double-nmnist"), data, quiet)).rejects.toThrow(
      /the samples of data\.set "n-omniglot" \(N-Omniglot\) have other sizes.*E-DATA-002/);
  });

  it("is what the preset n-omniglot takes: 100 steps of 100 ms, 34×26, from each drawing's first event", async () => {
    const { source, resolved } = await preparedSource(readConfig("n-omniglot"), data, quiet);
    expect(resolved.config.data.set).toBe("n-omniglot");
    expect([source.name, source.protocol, source.data]).toEqual(["N-Omniglot", "B", "real"]);
    expect([...source.shape]).toEqual([100, 2, 26, 34]);
    const task = source.draw("test", 0, options);
    // The 80 events of a drawing, not the one before it; counts are kept.
    const [alphabet, character, drawer] = task.supportRecordings[0][0].split("/").slice(1);
    const file = `${data}/dvs_evaluation/${alphabet}/${character}`;
    const name = readdirSync(file).find((n) => n.endsWith(".csv"))!.slice(0, -4);
    const slices = sliceByTable((await readRecording(join(file, `${name}.aedat4`))).stream, readFileText(join(file, `${name}.csv`)), name);
    const { tUs, x, y, polarity } = slices[Number(drawer) - 1];
    expect(tUs.length).toBe(80);
    const expected = new Map<string, number>();
    for (let i = 0; i < tUs.length; i++) {
      const [step, px, py] = [Math.floor(tUs[i] / 100_000), Math.floor(x[i] / 10), Math.floor(y[i] / 10)];
      if (step >= 100 || px >= 34 || py >= 26) continue;
      const at = `${step} ${(polarity[i] * 26 + py) * 34 + px}`;
      expected.set(at, (expected.get(at) ?? 0) + 1);
    }
    const { rowStart, channel, count } = task.support[0];
    const got = new Map<string, number>();
    for (let step = 0; step < 100; step++) for (let k = rowStart[step]; k < rowStart[step + 1]; k++) got.set(`${step} ${channel[k]}`, count[k]);
    expect(got).toEqual(expected);
  });

  it("B: training and validation by alphabet, test on evaluation characters, nothing shared", async () => {
    const { source } = await preparedSource(resolveConfig({ data: { set: "n-omniglot" } }), data, quiet);
    expect(source.classes("train")).toEqual([1, 2, 3, 4].map((c) => `Alphabet_of_the_Magi/character0${c}`).concat("Greek/character01", "Greek/character02"));
    expect(source.classes("validation").every((name) => name.startsWith("Hebrew/"))).toBe(true);
    expect(source.classes("test").every((name) => name.startsWith("Angelic/"))).toBe(true);
    const config = join(folder, "b.json");
    writeFileSync(config, JSON.stringify({ data: { set: "n-omniglot" } }));
    expect((await auditData({ config, data, tasks: 20 })).json).toMatchObject({ clean: true, protocol: "B", supportInQuery: { train: 0, validation: 0, test: 0 } });
  });

  it("A: training recordings in every split, and pixels beyond 255 at 255", async () => {
    const config = join(folder, "a.json");
    writeFileSync(config, JSON.stringify({ data: { set: "n-omniglot", protocol: "A" } }));
    const audit = (await auditData({ config, data, tasks: 10 })).json as unknown as { clean: boolean; sharedBetweenSplits: { splits: string }[]; supportInQuery: object };
    expect(audit.clean).toBe(false);
    expect(audit.sharedBetweenSplits.map((s) => s.splits)).toEqual(["train and validation", "train and test", "validation and test"]);
    const shown = (await showTasks({ config, data, tasks: 4, split: "test" })).json as unknown as { tasks: { support: { recordings: string[] }[] }[] };
    expect(shown.tasks.flatMap((t) => t.support.flatMap((s) => s.recordings)).every((id) => id.startsWith("dvs_background/"))).toBe(true);
    const { source } = await preparedSource(readConfig(config), data, quiet);
    const columns = Array.from({ length: 20 }, (_, n) => source.draw("train", n, options)).flatMap((t) => t.support).flatMap((s) => Array.from(s.channel, (c) => c % 34));
    expect(Math.max(...columns)).toBe(25);
  });

  it("A on all 16 training alphabets: a class is an alphabet, shown by its first character", async () => {
    const whole = join(folder, "whole");
    await writeOmniglot(whole, { dvs_background_1: Object.fromEntries(OMNIGLOT_TRAINING.map((name) => [name, name === "Greek" ? 2 : 1])) });
    const { source } = await preparedSource(resolveConfig({ data: { set: "n-omniglot", protocol: "A" } }), whole, quiet);
    expect(source.classes("train")).toEqual(OMNIGLOT_TRAINING);
    expect(source.classes("validation")).toEqual(OMNIGLOT_TRAINING.slice(0, 14));
    expect(source.classes("test")).toEqual(OMNIGLOT_TRAINING);
  }, 30_000);

  it("takes one file a drawer as well, and says what it skips", async () => {
    const own = join(folder, "own");
    await writeOmniglot(own, { background: { Greek: 5 } });
    const first = join(own, "background/Greek/character01");
    const slices = sliceByTable((await readRecording(join(first, "0001.aedat4"))).stream, readFileText(join(first, "0001.csv")), "table");
    rmSync(first, { recursive: true });
    await writeOmniglot(own, { background: { Greek: 1 } });
    rmSync(join(first, "0001.aedat4"));
    rmSync(join(first, "0001.csv"));
    for (const [k, slice] of slices.entries()) writeFileSync(join(first, `0001_${String(k + 1).padStart(2, "0")}.npy`), await encodeEvents(slice, "npy", "n"));
    rmSync(join(own, "background/Greek/character02/0002.csv"));
    const lines: string[] = [];
    const { omniglotSource } = await import("../../src/cli/omniglot-source.js");
    const config = resolveConfig({ preset: "n-omniglot", data: { set: "n-omniglot" } });
    const source = await omniglotSource(own, config, (line) => { lines.push(line); });
    expect(lines.join("\n")).toMatch(/4 characters[\s\S]*skipped .*0002\.aedat4: its table .*0002\.csv is missing/);
    const drawn = source.draw("train", 0, { ...options, ways: 4 });
    const at = drawn.supportRecordings.findIndex(([id]) => id.startsWith("background/Greek/character01/"));
    expect([...drawn.support[at].count].reduce((a, b) => a + b, 0)).toBeGreaterThan(70);
  });

  it("is kept in the cache, and drawn from it without the files [E-DATA-001, E-DATA-003 without data]", async () => {
    const config = readConfig("n-omniglot");
    const first = await preparedSource(config, data, { ...quiet, cache });
    expect(readdirSync(cache).filter((name) => name.endsWith(".frames.mlh")).length).toBe(1);
    const again = await preparedSource(config, data, { ...quiet, cache });
    expect(again.source.draw("train", 3, options)).toEqual(first.source.draw("train", 3, options));
    await expect(preparedSource(config)).rejects.toThrow(/dvs_background[\s\S]*E-DATA-001/);
    await expect(preparedSource(config, cache)).rejects.toThrow(/E-DATA-003/);
  });
});
