import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { folderSource } from "../../src/cli/folder-source.js";
import { doubleNmnistSource } from "../../src/cli/task-source.js";
import { encodeEvents } from "../../src/events/index.js";
import type { TaskSource } from "../../src/tasks/index.js";
import { resolveConfig } from "../../src/train/config.js";
import { barRecording } from "./small-bundle.js";

const root = mkdtempSync(join(tmpdir(), "cached-sets-"));
afterAll(() => rmSync(root, { recursive: true }));
const quiet = (): void => undefined;
const task = (source: TaskSource, ways = 2) => source.draw("train", 1, { seed: 4, ways, shots: 1, queriesPerClass: 2, passes: 1 });
const framesIn = (cache: string): string[] => readdirSync(cache).filter((name) => name.endsWith(".frames.mlh"));

describe("sets of recordings through the cache", () => {
  it("N-MNIST as a folder and as a zip: the same tasks cached or not", async () => {
    const files: Record<string, Uint8Array> = {};
    for (let k = 0; k < 60; k++) files[`Train/${k % 10}/${String(k + 1).padStart(5, "0")}.bin`] = barRecording((k % 10) * 3, k);
    for (const [name, bytes] of Object.entries(files)) {
      mkdirSync(join(root, "nmnist", name, ".."), { recursive: true });
      writeFileSync(join(root, "nmnist", name), bytes);
    }
    writeFileSync(join(root, "nmnist.zip"), zipSync(files));
    const cache = join(root, "nmnist-cache");
    const plain = task(await doubleNmnistSource(join(root, "nmnist"), "B"));
    for (const path of [join(root, "nmnist"), join(root, "nmnist.zip")]) {
      for (let time = 0; time < 2; time++) expect(task(await doubleNmnistSource(path, "B", { cache, quiet: true }))).toEqual(plain);
    }
    expect(framesIn(cache).length).toBe(2);
  }, 30_000);

  it("a folder: decoded once, again only when a file changes, and found again where it was moved to", async () => {
    const data = join(root, "gestures");
    for (let kind = 0; kind < 6; kind++) {
      mkdirSync(join(data, `g${kind}`), { recursive: true });
      for (let take = 0; take < 4; take++) {
        const n = 100;
        const stream = {
          tUs: Uint32Array.from({ length: n }, (_, i) => i * 500), x: Uint16Array.from({ length: n }, (_, i) => (kind * 5 + take + i) % 40),
          y: Uint16Array.from({ length: n }, (_, i) => (i * (kind + 1)) % 30), polarity: new Uint8Array(n), width: 40, height: 30,
        };
        writeFileSync(join(data, `g${kind}`, `${take}.aedat4`), await encodeEvents(stream, "aedat4", "g"));
      }
    }
    const cache = join(root, "cache");
    const config = resolveConfig({ data: { set: "folder", ways: 2 } });
    const read = async (path: string) => {
      const lines: string[] = [];
      const { source } = await folderSource(path, config, (line) => lines.push(line), {}, { cache, quiet: true });
      return { drawn: task(source), lines };
    };
    const first = await read(data);
    const before = framesIn(cache).map((name) => statSync(join(cache, name)).ino);
    expect(await read(data)).toEqual(first);
    const { source } = await folderSource(data, config, quiet);
    expect(task(source)).toEqual(first.drawn);
    cpSync(data, join(root, "moved"), { recursive: true });
    const moved = await read(join(root, "moved"));
    expect(moved.drawn.support).toEqual(first.drawn.support);
    expect(moved.drawn.supportRecordings.flat()[0]).toContain("moved");
    expect(framesIn(cache).map((name) => statSync(join(cache, name)).ino)).toEqual(before);
    writeFileSync(join(data, "g0", "0.aedat4"), new Uint8Array(10));
    const damaged = await read(data);
    expect(damaged.lines.join("\n")).toMatch(/23 recordings[\s\S]*skipped .*0\.aedat4/);
    expect(await read(data)).toEqual(damaged);
    expect(framesIn(cache).length).toBe(2);
  }, 30_000);
});
