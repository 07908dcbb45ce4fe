import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { readFileBytes } from "../../src/base/node/files.js";
import { decodeEvents, decodeRecording } from "../../src/events/decode.js";
import { encodeNmnist } from "../../src/events/formats/nmnist.js";
import { listNmnist } from "../../src/events/node/nmnist-layout.js";
import { hasShared, sharedPath } from "../support/shared.js";

/** x, y, polarity, t as in the format's description. */
const record = (x: number, y: number, on: number, t: number): number[] =>
  [x, y, (on << 7) | (t >> 16), (t >> 8) & 0xff, t & 0xff];
const bytesOf = (...events: number[][]) => Uint8Array.from(events.flat());

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
  return "none";
};

describe("N-MNIST .bin", () => {
  it("reads 40 big-endian bits as x, y, polarity and 23 bits of µs", () => {
    const stream = decodeEvents(bytesOf([3, 33, 0x81, 0x02, 0x03], [0, 0, 0x7f, 0xff, 0xff]), { name: "a.bin" });
    expect([...stream.x, ...stream.y, ...stream.polarity]).toEqual([3, 0, 33, 0, 1, 0]);
    expect([...stream.tUs]).toEqual([0x010203, 0x7fffff]);
    expect([stream.width, stream.height]).toEqual([34, 34]);
  });

  it("takes y = 240 as an overflow of the clock by 2^13 µs", () => {
    const stream = decodeEvents(bytesOf(record(1, 1, 0, 8000), record(0, 240, 0, 0), record(2, 2, 1, 5)), { name: "a.bin" });
    expect([...stream.tUs]).toEqual([8000, 8197]);
  });

  it("refuses a cut file, a pixel outside, and time that runs back, each with its byte", () => {
    const good = [record(1, 1, 0, 10), record(2, 2, 1, 20), record(3, 3, 1, 30)];
    expect(() => decodeEvents(bytesOf(...good).slice(0, 14), { name: "cut.bin" })).toThrow(/cut\.bin, byte 10: .*E-EVT-002/);
    const wild = Array.from({ length: 20 }, (_, k) => record(k, k, 0, k));
    wild[7] = record(200, 3, 0, 7);
    expect(() => decodeEvents(bytesOf(...wild), { name: "wild.bin" })).toThrow(/wild\.bin, byte 35: .*x 200.*E-EVT-003/);
    wild[7] = record(7, 7, 0, 2);
    expect(() => decodeEvents(bytesOf(...wild), { name: "back.bin" })).toThrow(/back\.bin, byte 35: .*E-EVT-004/);
    expect(codeOf(() => decodeEvents(new Uint8Array(0), { name: "empty.bin" }))).toBe("E-EVT-001");
  });

  it("keeps what is sound under repair and says what it dropped", () => {
    const wild = Array.from({ length: 20 }, (_, k) => record(k, k, 0, 10 * k));
    wild[7] = record(200, 3, 0, 70);
    const { stream, notes } = decodeRecording(bytesOf(...wild).slice(0, 98), { name: "w.bin", repair: true });
    expect(stream.tUs.length).toBe(18);
    expect(notes.join(" ")).toMatch(/incomplete last events dropped.*byte 95.*outside the sensor dropped.*byte 35/);
  });

  it.skipIf(!hasShared)("reads and writes back the sample files byte for byte", () => {
    for (const [file, events, first, last, size] of [
      ["nmnist/tonic-sample_nmnist.bin", 4325, 654, 311175, [34, 34]],
      ["events/evlib-ncaltech101-faces_easy_0001.bin", 67445, 6, 299364, [151, 173]],
    ] as const) {
      const bytes = readFileBytes(sharedPath(`data/${file}`));
      const stream = decodeEvents(bytes, { name: file });
      expect([stream.tUs.length, stream.tUs[0], stream.tUs[events - 1]]).toEqual([events, first, last]);
      expect([stream.width, stream.height]).toEqual(size);
      expect(Buffer.compare(encodeNmnist(stream, file), bytes)).toBe(0);
    }
  });

  it("lists the official layout in a folder, training part first, and refuses a folder and a zip without it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "metaloihi-nmnist-"));
    for (const path of ["Test/3/00001.bin", "Train/7/00002.bin", "Train/0/00010.bin", "Train/7/notes.txt"]) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), bytesOf(record(1, 2, 1, 3)));
    }
    const { entries, close } = await listNmnist(folder);
    expect(entries.map((e) => [e.part, e.label, e.index])).toEqual([["Train", 7, 2], ["Train", 0, 10], ["Test", 3, 1]]);
    expect([...(await entries[0].read())]).toEqual(record(1, 2, 1, 3));
    close();
    writeFileSync(join(folder, "none.zip"), zipSync({ "a.txt": new Uint8Array(3) }));
    writeFileSync(join(folder, "cut.zip"), zipSync({ "a.txt": new Uint8Array(300) }).slice(0, 60));
    await expect(listNmnist(join(folder, "Test"))).rejects.toThrow(/E-EVT-001/);
    await expect(listNmnist(join(folder, "none.zip"))).rejects.toThrow(/E-EVT-001/);
    await expect(listNmnist(join(folder, "cut.zip"))).rejects.toThrow(/cut\.zip.*E-EVT-006/);
    await expect(listNmnist(join(folder, "absent.zip"))).rejects.toThrow(/E-FILE-010/);
    rmSync(folder, { recursive: true });
  });

  it.skipIf(!hasShared)("lists the official layout in a zip by MNIST index", async () => {
    const { entries, close } = await listNmnist(sharedPath("data/nmnist/nmnist-real-800.zip"));
    expect(entries.map((e) => e.index)).toEqual(Array.from({ length: 800 }, (_, k) => k + 1));
    const stream = decodeEvents(await entries[0].read(), { name: entries[0].name });
    expect(entries[0].label).toBe(5); // MNIST's first training image is a five.
    expect(stream.tUs.length).toBeGreaterThan(1000);
    close();
  });
});
