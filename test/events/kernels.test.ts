import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { readFileBytes } from "../../src/base/node/files.js";
import { Rng } from "../../src/base/rng.js";
import { decodeLz4Frame } from "../../src/events/compression/lz4.js";
import { RecordingReader } from "../../src/events/decode.js";
import type { FormatName } from "../../src/events/decoder.js";
import { decodeKernels, useKernels } from "../../src/events/kernels.js";
import type { EventStream } from "../../src/events/types.js";
import { encodeEvents } from "../../src/events/write.js";
import { hasShared, sharedPath } from "../support/shared.js";

afterEach(() => useKernels(true));

/** What a reader makes of a file that comes in pieces: the stream and the notes, or the error's sentence. */
function read(bytes: Uint8Array, format: FormatName, repair: boolean, piece = bytes.length): unknown {
  try {
    const reader = new RecordingReader({ name: "file", format, repair });
    for (let at = 0; at === 0 || at < bytes.length; at += piece) reader.push(bytes.slice(at, at + piece), at + piece >= bytes.length);
    const { stream, notes, sizeIsDeclared } = reader.recording();
    return { ...digested(stream), narrow: stream.tUs instanceof Uint32Array, width: stream.width, height: stream.height, notes, sizeIsDeclared };
  } catch (error) {
    return (error as Error).message;
  }
}

/** Columns by their hash, short ones as they are: thousands of numbers take long to compare. */
function digested({ tUs, x, y, polarity }: EventStream): object {
  const columns = { t: Float64Array.from(tUs), x, y, polarity };
  if (tUs.length < 100) return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, [...column]]));
  return Object.fromEntries(Object.entries(columns).map(([name, column]) =>
    [name, createHash("sha1").update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength)).digest("hex")]));
}

function expectTwins(bytes: Uint8Array, format: FormatName, repair: boolean, piece?: number): void {
  useKernels(true);
  const fast = read(bytes, format, repair, piece);
  useKernels(false);
  expect(fast).toEqual(read(bytes, format, repair, piece));
}

/** Random bytes that are mostly words a format has. */
const WORDS: Readonly<Partial<Record<FormatName, (rng: Rng, k: number) => readonly number[]>>> = {
  evt2: (rng, k) => {
    const word = rng.below(12) === 0 ? 0x80000000 + Math.floor(k / 12) + rng.below(3) : rng.below(300) === 0 ? rng.uint32() : rng.below(2) * 0x10000000 + rng.below(0x1000000);
    return [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24];
  },
  evt3: (rng, k) => {
    const type = [0, 2, 2, 3, 4, 4, 5, 6, 8, 0xa, 0xf][rng.below(11)];
    const word = rng.below(400) === 0 ? rng.below(65_536) : type * 4096 + (type === 8 ? Math.floor(k / 9) % 4096 : type === 6 ? (k * 3) % 4096 : rng.below(4096));
    return [word & 255, word >> 8];
  },
  es: (rng) => (rng.below(9) === 0 ? [254 + rng.below(2)] : [rng.below(254), rng.below(256), 0, rng.below(120), 0]),
  aedat2: (rng, k) => [rng.below(50) === 0 ? rng.below(256) : rng.below(40), rng.below(256), rng.below(8) * 16 + rng.below(2) * 8 + (rng.below(30) === 0 ? 4 : 0), rng.below(256), 0, (k >> 14) & 255, (k >> 6) & 255, rng.below(900) === 0 ? 0 : (k * 4) & 255],
  csv: (rng, k) => Array.from(`${rng.below(700) === 0 ? rng.below(9) : k * 3},${rng.below(300)}${rng.below(900) === 0 ? ", " : ","}${rng.below(300)},${rng.below(rng.below(900) === 0 ? 4 : 2)}${rng.below(800) === 0 ? "\r" : ""}\n`, (c) => c.charCodeAt(0)),
  dat: (rng, k) => [(k * 3) & 255, ((k * 3) >> 8) & 255, ((k * 3) >> 16) & 255, 0, rng.below(256), rng.below(64), rng.below(256), (rng.below(1000) === 0 ? 64 : 0) + rng.below(2) * 16],
  nmnist: (rng, k) => [rng.below(34), rng.below(500) === 0 ? 240 : rng.below(34), rng.below(2) * 128 + ((k * 5) >> 16), ((k * 5) >> 8) & 255, (k * 5) & 255],
};

const none: EventStream = { tUs: new Uint32Array(0), x: new Uint16Array(0), y: new Uint16Array(0), polarity: new Uint8Array(0), width: 1280, height: 720 };
const aedat4 = async (count: number): Promise<Uint8Array> => encodeEvents({
  tUs: Float64Array.from({ length: count }, (_, k) => 1.6e15 + 7 * k), x: Uint16Array.from({ length: count }, (_, k) => k % 346),
  y: Uint16Array.from({ length: count }, (_, k) => (k * 3) % 260), polarity: Uint8Array.from({ length: count }, (_, k) => k & 1), width: 346, height: 260,
}, "aedat4", "a");

describe("decoding kernels and their twins", () => {
  it("are there on this machine", () => expect(decodeKernels()).not.toBeNull());

  it.each(Object.keys(WORDS) as FormatName[])("%s: equal on random words, sound and not, in one piece and in many", async (format) => {
    const head = await encodeEvents({ ...none, ...(format === "nmnist" ? { width: 34, height: 34 } : {}) }, format, "head");
    for (let seed = 0; seed < 40; seed++) {
      const rng = new Rng(seed, 0x20020);
      const count = [3, 50, 3000, seed < 12 ? 40_000 : 200][seed % 4];
      const body = Array.from({ length: count }, (_, k) => WORDS[format]!(rng, k)).flat();
      const bytes = Uint8Array.from([...head, ...body]);
      expectTwins(bytes, format, seed % 3 === 0);
      expectTwins(bytes, format, seed % 3 === 1, 1000 + rng.below(70_000));
    }
  }, 30_000);

  it("aedat4: equal on sound packets and on damaged ones", async () => {
    const bytes = await aedat4(20_000);
    for (let seed = 0; seed < 40; seed++) {
      const rng = new Rng(seed, 0x20021);
      const damaged = bytes.slice();
      if (seed > 0) damaged[rng.below(bytes.length)] ^= 1 << rng.below(8);
      expectTwins(damaged, "aedat4", seed % 2 === 0);
    }
  }, 30_000);

  it.skipIf(!hasShared).each([
    ["faery-evt2.raw", "evt2"], ["expelliarmus-evt3_sample.raw", "evt3"], ["faery-dvs.es", "es"], ["tonic-sample_ncars.dat", "dat"], ["tonic-sample.aedat4", "aedat4"],
    ["evlib-sample.aedat4", "aedat4"], ["evlib-ncaltech101-faces_easy_0001.bin", "nmnist"],
  ] as const)("%s: equal, also in pieces", (file, format) => {
    const bytes = readFileBytes(sharedPath(`data/events/${file}`));
    expectTwins(bytes, format, false);
    expectTwins(bytes, format, false, 100_001);
  }, 30_000);

  it("inflate what the twin inflates, and nothing that it refuses", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.nat(), fc.nat(255), (noise, at, value) => {
      const sound = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0, ...sized(noise), 0, 0, 0, 0);
      const damaged = sound.slice();
      damaged[at % damaged.length] = value;
      for (const frame of [sound, damaged]) {
        const fast = decodeKernels()!.inflateLz4(frame)?.slice();
        let slow: Uint8Array | undefined;
        try {
          slow = decodeLz4Frame(frame);
        } catch {
          slow = undefined;
        }
        expect(fast && [...fast]).toEqual(slow && [...slow]);
      }
    }), { numRuns: 2000 });
  }, 30_000);
});

/** A block of compressed bytes that may be none. */
const sized = (block: Uint8Array): number[] => [block.length & 255, block.length >> 8, 0, 0, ...block];
