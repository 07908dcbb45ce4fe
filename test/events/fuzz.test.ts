import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { readFileBytes } from "../../src/base/node/files.js";
import { Rng } from "../../src/base/rng.js";
import { decodeAny } from "../../src/events/decode-any.js";
import type { FormatName } from "../../src/events/decoder.js";
import { lowerBound } from "../../src/events/encode.js";
import type { EventStream } from "../../src/events/types.js";
import { encodeEvents, WRITABLE } from "../../src/events/write.js";
import { hasShared, sharedPath } from "../support/shared.js";

/** Damaged files a format; METALOIHI_FUZZ=100000 for the long run. */
const RUNS = Number(process.env.METALOIHI_FUZZ ?? 2000);
/** HDF5's library takes half a millisecond for each file. */
const HDF5_RUNS = Math.ceil(RUNS / 5);

/** A short recording as a camera makes them: a bar that moves over the sensor, some noise. */
function movingBar(width: number, height: number): EventStream {
  const rng = new Rng(1, 0x2000a);
  const count = 300;
  const tUs = Uint32Array.from({ length: count }, (_, i) => 1000 + i * 37);
  return {
    tUs, x: Uint16Array.from(tUs, (_, i) => Math.floor((i / count) * width)), y: Uint16Array.from(tUs, () => rng.below(height)),
    polarity: Uint8Array.from(tUs, () => rng.below(2)), width, height,
  };
}

/** Head of a real file, so that its own quirks are damaged as well. */
const REAL: Readonly<Partial<Record<FormatName, readonly [string, number]>>> = {
  evt2: ["faery-evt2.raw", 4000], evt3: ["expelliarmus-evt3_sample.raw", 4000], es: ["faery-dvs.es", 4000], dat: ["tonic-sample_ncars.dat", 4000],
  aedat4: ["tonic-sample.aedat4", 20_000], nmnist: ["evlib-ncaltech101-faces_easy_0001.bin", 4000],
};

/** Flips, cuts, repeats, zeroes or grows a file in 1–4 places. */
function damaged(bytes: Uint8Array, rng: Rng): Uint8Array {
  let out = bytes.slice();
  for (let k = 1 + rng.below(4); k > 0 && out.length > 0; k--) {
    const at = rng.below(3) === 0 ? rng.below(Math.min(out.length, 256)) : rng.below(out.length);
    switch (rng.below(7)) {
      case 0: out[at] ^= 1 << rng.below(8); break;
      case 1: out[at] = rng.below(256); break;
      case 2: out = out.slice(0, at); break;
      case 3: out.fill(rng.below(2) * 255, at, at + 1 + rng.below(16)); break;
      case 4: for (let i = at; i < Math.min(out.length, at + 8); i++) out[i] = rng.below(256); break;
      case 5: {
        const end = at + 1 + rng.below(64);
        out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(end)]);
        break;
      }
      default: out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(Math.max(0, at - rng.below(64)))]);
    }
  }
  return out;
}

/** A decoded stream keeps every promise of its type. */
function expectSound({ tUs, x, y, polarity, width, height }: EventStream): void {
  const n = tUs.length;
  expect([x.length, y.length, polarity.length]).toEqual([n, n, n]);
  let wrong = 0;
  for (let i = 0; i < n; i++) {
    if (!(tUs[i] >= 0 && (i === 0 || tUs[i] >= tUs[i - 1]) && x[i] < width && y[i] < height && polarity[i] <= 1)) wrong++;
  }
  expect(wrong).toBe(0);
}

async function attack(bytes: Uint8Array, format: FormatName, runs: number, seed: number): Promise<{ refused: number; read: number }> {
  let [refused, read] = [0, 0];
  for (let k = 0; k < runs; k++) {
    const file = damaged(bytes, new Rng(seed, 0x2000b, k));
    // Every second one is forced to the format, so that damage to the mark does not save the decoder from the rest.
    const options = { name: "fuzz", repair: k % 3 === 0, format: k % 2 === 0 ? format : undefined };
    try {
      expectSound((await decodeAny(file, options)).stream);
      read++;
    } catch (error) {
      if (!(error instanceof UserError)) throw new Error(`${format}, seed ${seed}, run ${k}: ${(error as Error).stack}`);
      expect(error.message).toMatch(/^fuzz, byte \d+: .*\[E-EVT-00\d\]$/s);
      expect(error.message.split("\n").length).toBe(1);
      refused++;
    }
  }
  return { refused, read };
}

describe("damaged recordings", () => {
  it.each(WRITABLE)("%s: no crash, no hang, one sentence or a sound stream", async (format) => {
    const size = format === "nmnist" ? 34 : 120;
    const bytes = await encodeEvents(movingBar(size, size), format, "fuzz");
    const outcome = await attack(bytes, format, format === "hdf5" ? HDF5_RUNS : RUNS, 21);
    // The damage must matter, and repair must save some: else this test attacks nothing.
    expect(outcome.refused).toBeGreaterThan(0);
    expect(outcome.read).toBeGreaterThan(0);
  }, 3_600_000);

  it.skipIf(!hasShared).each(Object.keys(REAL) as FormatName[])("%s: the same for the head of a real file", async (format) => {
    const [file, length] = REAL[format]!;
    await attack(readFileBytes(sharedPath(`data/events/${file}`)).slice(0, length), format, Math.ceil(RUNS / 4), 22);
  }, 3_600_000);

  it("a file cut anywhere is refused or loses only its last events", async () => {
    const stream = movingBar(34, 34);
    for (const format of WRITABLE) {
      if (format === "hdf5") continue;
      const bytes = await encodeEvents(stream, format, "fuzz");
      for (let cut = 1; cut < 40; cut++) {
        const file = bytes.slice(0, bytes.length - cut);
        try {
          const got = (await decodeAny(file, { name: "fuzz", format })).stream;
          expect(lowerBound(stream.tUs, got.tUs[got.tUs.length - 1] ?? 0), format).toBeGreaterThanOrEqual(got.tUs.length - 1);
        } catch (error) {
          expect(error, format).toBeInstanceOf(UserError);
        }
      }
    }
  });
});
