import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { encodeFrames } from "../../src/events/encode.js";
import { contentDigest } from "../../src/tasks/node/content-digest.js";
import { cachedFrames } from "../../src/tasks/node/frame-cache.js";
import { partialName } from "../../src/tasks/node/prune-cache.js";
import { cachedListing } from "../../src/tasks/node/listing-cache.js";
import { type GroupedRecording, unpackFrames } from "../../src/tasks/packed-frames.js";
import { streams } from "../events/support.js";

const root = mkdtempSync(join(tmpdir(), "frame-cache-"));
afterAll(() => rmSync(root, { recursive: true }));

const some = (seed: number, count: number, size = 12): GroupedRecording[] =>
  fc.sample(streams(size, size, 10_000), { seed, numRuns: count })
    .map((s, k) => ({ id: `r${k}`, group: `g${k % 3}`, frames: encodeFrames(s, { timestepUs: 1000, steps: 10 }) }));
const adding = (recordings: readonly GroupedRecording[]) => {
  let made = 0;
  return { times: () => made, make: async (add: (r: GroupedRecording) => void, note: (line: string) => void) => { made++; recordings.forEach(add); note("one was left out"); } };
};

describe("the cache of frames", () => {
  it("gives back what was put in, from memory, written, and read again without making it", async () => {
    const recordings = some(1, 25);
    const source = adding(recordings);
    const folder = join(root, "a");
    for (const where of [undefined, folder, folder]) {
      const packed = await cachedFrames({ folder: where, key: "k", make: source.make });
      expect(unpackFrames(packed)).toEqual(recordings);
      expect(packed.index.notes).toEqual(["one was left out"]);
    }
    expect(source.times()).toBe(2);
    // No neighbor of a half-written file is left.
    expect(readdirSync(folder)).toEqual(["k.frames.mlh"]);
  });

  it("keeps wide channels and counts", async () => {
    const wide: GroupedRecording = {
      id: "w", group: "g", frames: { shape: [2, 2, 200, 200], timestepUs: 1, rowStart: Uint32Array.of(0, 1, 2), channel: Uint32Array.of(7, 70_000), count: Uint16Array.of(1, 300) },
    };
    expect(unpackFrames(await cachedFrames({ folder: join(root, "w"), key: "k", make: adding([wide, wide]).make }))).toEqual([wide, wide]);
  });

  it("finds damage wherever it is, says so, and makes the set again", async () => {
    const folder = join(root, "b");
    const recordings = some(2, 5);
    await cachedFrames({ folder, key: "k", make: adding(recordings).make });
    const path = join(folder, "k.frames.mlh");
    const sound = readFileSync(path);
    for (const at of [0, 12, 40, 1024, 1100, Math.floor(sound.length / 2), sound.length - 200, sound.length - 8, sound.length - 1]) {
      const damaged = Buffer.from(sound);
      damaged[at] ^= 0x10;
      writeFileSync(path, damaged);
      const lines: string[] = [];
      const again = adding(recordings);
      expect(unpackFrames(await cachedFrames({ folder, key: "k", make: again.make, warn: (l) => lines.push(l) }))).toEqual(recordings);
      expect([at, again.times(), lines.length]).toEqual([at, 1, 1]);
      expect(readFileSync(path).equals(sound)).toBe(true);
    }
    for (const cut of [0, 10, 1024, sound.length - 9]) {
      writeFileSync(path, sound.subarray(0, cut));
      const again = adding(recordings);
      expect(unpackFrames(await cachedFrames({ folder, key: "k", make: again.make }))).toEqual(recordings);
      expect([cut, again.times()]).toEqual([cut, 1]);
    }
  });

  it("leaves nothing where making fails, and does without a folder that cannot be written", async () => {
    const folder = join(root, "c");
    const failing = async (add: (r: GroupedRecording) => void): Promise<void> => {
      add(some(3, 1)[0]);
      throw new Error("the disk of the recordings is gone");
    };
    await expect(cachedFrames({ folder, key: "k", make: failing })).rejects.toThrow("the disk of the recordings is gone");
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(join(root, "file"), "");
    const lines: string[] = [];
    const recordings = some(4, 2);
    expect(unpackFrames(await cachedFrames({ folder: join(root, "file", "below"), key: "k", make: adding(recordings).make, warn: (l) => lines.push(l) }))).toEqual(recordings);
    expect(lines.join()).toMatch(/--cache/);
  });

  it("clears what a killed writer left, and nothing of one that is at work", async () => {
    const folder = join(root, "killed");
    mkdirSync(folder);
    const child = spawnSync(process.execPath, ["-e", ""]);
    const alive = partialName("x.frames.mlh");
    const dead = alive.replace(`${process.pid}@`, `${child.pid}@`);
    const [elsewhere, old] = [dead.replace(/@.+~/, "@another.host~"), ".y.listing.mlh.77.partial"];
    for (const file of [dead, alive, elsewhere, old]) writeFileSync(join(folder, file), "half");
    const past = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(join(folder, old), past, past);
    await cachedFrames({ folder, key: "k", make: adding(some(6, 2)).make });
    expect(readdirSync(folder).sort()).toEqual([alive, elsewhere, "k.frames.mlh"].sort());
  });

  it("is shared with other threads without a copy: what one writes the other sees", async () => {
    const { buffer } = await cachedFrames({ folder: undefined, key: "k", make: adding(some(5, 3)).make });
    const worker = new Worker(
      "const { parentPort } = require('node:worker_threads'); parentPort.once('message', (b) => { new Uint8Array(b)[0] = 201; parentPort.postMessage('done'); });", { eval: true });
    await new Promise((resolve) => {
      worker.once("message", resolve);
      worker.postMessage(buffer);
    });
    await worker.terminate();
    expect(new Uint8Array(buffer)[0]).toBe(201);
  });
});

describe("the digest of files", () => {
  it("follows contents and names, not times, and reads again what has changed", () => {
    const cache = join(root, "digests");
    const [a, b] = [join(root, "one.bin"), join(root, "two.bin")];
    writeFileSync(a, "abc");
    writeFileSync(b, "defg");
    const past = new Date(Date.now() - 60_000);
    utimesSync(a, past, past);
    utimesSync(b, past, past);
    const digest = () => contentDigest(root, [a, b], cache);
    const before = digest();
    expect(digest()).toBe(before);
    const other = new Date(Date.now() - 50_000);
    utimesSync(a, other, other);
    expect(digest()).toBe(before);
    appendFileSync(b, "h");
    expect(digest()).not.toBe(before);
    writeFileSync(b, "defg");
    expect(digest()).toBe(before);
    expect(contentDigest(root, [a], cache)).not.toBe(before);
  });
});

describe("the listing of a set", () => {
  it("is made once, and again where the file is damaged", async () => {
    const folder = join(root, "listing");
    let made = 0;
    const ask = () => cachedListing(folder, "k", async () => ({ files: ["a", "b"], made: ++made }));
    expect([await ask(), await ask()]).toEqual([{ files: ["a", "b"], made: 1 }, { files: ["a", "b"], made: 1 }]);
    const path = join(folder, "k.listing.mlh");
    const bytes = readFileSync(path);
    bytes[bytes.length - 3] ^= 1;
    writeFileSync(path, bytes);
    expect((await ask()).made).toBe(2);
  });
});
