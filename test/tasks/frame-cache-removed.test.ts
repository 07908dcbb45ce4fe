import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { cachedFrames } from "../../src/tasks/node/frame-cache.js";
import { type GroupedRecording, unpackFrames } from "../../src/tasks/packed-frames.js";

/** Another process that clears the cache: whatever gets its name is gone at once. */
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  return { ...fs, renameSync: (from: string, to: string) => { fs.renameSync(from, to); fs.rmSync(to); } };
});

const root = mkdtempSync(join(tmpdir(), "frame-cache-removed-"));
afterAll(() => rmSync(root, { recursive: true }));

it("the cache gives the set that it wrote even where another process has removed the file since", async () => {
  const recording: GroupedRecording = {
    id: "r", group: "g", frames: { shape: [1, 2, 4, 4], timestepUs: 1, rowStart: Uint32Array.of(0, 2), channel: Uint32Array.of(3, 17), count: Uint16Array.of(1, 2) },
  };
  const lines: string[] = [];
  const packed = await cachedFrames({ folder: root, key: "k", make: async (add) => add(recording), warn: (line) => lines.push(line) });
  expect(unpackFrames(packed)).toEqual([recording]);
  expect([lines, readdirSync(root)]).toEqual([[], []]);
});
