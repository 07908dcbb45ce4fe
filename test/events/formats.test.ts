import { zlibSync, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { decodeAny } from "../../src/events/decode-any.js";
import { decodeRecording } from "../../src/events/decode.js";
import { encodeHdf5, readAuthorsHdf5 } from "../../src/events/formats/hdf5.js";
import { encodeMat5 } from "../../src/events/formats/mat5.js";
import { extractIsolated } from "../../src/events/node/hdf5-isolated.js";
import { encodeEvents } from "../../src/events/write.js";
import type { EventStream } from "../../src/events/types.js";
import { plain } from "./support.js";

const text = (s: string) => new TextEncoder().encode(s);
const join = (...parts: (Uint8Array | readonly number[])[]) => Uint8Array.from(parts.flatMap((p) => [...p]));
const u16 = (...words: number[]) => words.flatMap((w) => [w & 0xff, w >> 8]);
const u32 = (...words: number[]) => words.flatMap((w) => [w & 0xff, (w >>> 8) & 0xff, (w >>> 16) & 0xff, w >>> 24]);
const be32 = (...words: number[]) => words.flatMap((w) => [w >>> 24, (w >>> 16) & 0xff, (w >>> 8) & 0xff, w & 0xff]);
const read = (bytes: Uint8Array, more: object = {}) => decodeRecording(bytes, { name: "f", ...more });
const rows = ({ tUs, x, y, polarity }: EventStream) => Array.from(tUs, (t, i) => [t, x[i], y[i], polarity[i]]);
const stream: EventStream = {
  tUs: Uint32Array.of(5, 70, 70, 9000), x: Uint16Array.of(1, 200, 3, 4), y: Uint16Array.of(9, 8, 100, 6), polarity: Uint8Array.of(1, 0, 1, 1), width: 240, height: 180,
};

describe("EVT 3", () => {
  const header = text("% evt 3.0\n% geometry 1280x720\n");
  const evt3 = (...words: number[]) => read(join(header, u16(...words)));

  it("reads masks of 12 and 8 neighbors from the base on, the base moving along", () => {
    const { stream } = evt3(0x8001, 0x6010, 0x0007, 0x3864, 0x4805, 0x5081);
    expect(rows(stream)).toEqual([[4112, 100, 7, 1], [4112, 102, 7, 1], [4112, 111, 7, 1], [4112, 112, 7, 1], [4112, 119, 7, 1]]);
  });

  it("adds 2^24 µs where TIME_HIGH steps far back, and nothing where TIME_LOW does", () => {
    const { stream, notes } = evt3(0x8fff, 0x6ffe, 0x0001, 0x2001, 0x6ff8, 0x2002, 0x8000, 0x6003, 0x2003);
    expect([...stream.tUs]).toEqual([0xffffff - 1, 0xffffff - 1, 0x1000003]);
    expect(notes.join()).toContain("1 × an event stepped back in time");
  });

  it("takes the low part as 0 behind a new TIME_HIGH and keeps it behind a repeated one", () => {
    expect([...evt3(0x8001, 0x6005, 0x0000, 0x2001, 0x8001, 0x2002, 0x8002, 0x2003).stream.tUs]).toEqual([4101, 4101, 8192]);
  });

  it("leaves out events before the first TIME_HIGH and says so; refuses unknown words and a step back of 4 ms", () => {
    const { stream, notes } = evt3(0x0001, 0x2001, 0x8001, 0x2002);
    expect([stream.x.length, notes[0]]).toEqual([1, expect.stringContaining("before the first TIME_HIGH")]);
    expect(() => evt3(0x8001, 0x1000)).toThrow(/byte 32: .*type 0x1.*E-EVT-006/);
    expect(() => evt3(0x8002, 0x0001, 0x2001, 0x8001, 0x2002)).toThrow(/byte 38: .*8192 to 4096.*E-EVT-004/);
    expect(() => evt3(0x8001, 0x0001, 0x2000 | 1400)).toThrow(/byte 34: .*x 1400.*1280.*E-EVT-003/);
  });
});

describe("EVT 2 and 2.1", () => {
  const on = (t: number, x: number, y: number) => (0x10000000 | (t << 22) | (x << 11) | y) >>> 0;

  it("EVT 2 takes t as TIME_HIGH·64 + 6 bits and wraps after 2^34 µs", () => {
    const { stream } = read(join(text("% evt 2.0\n% plugin_name hal_plugin_gen41_evk3\n"), u32(0x8fffffff, on(63, 5, 6), 0x80000000, on(1, 7, 8))));
    expect(rows(stream)).toEqual([[2 ** 34 - 1, 5, 6, 1], [2 ** 34 + 1, 7, 8, 1]]);
    expect([stream.width, stream.height]).toEqual([1280, 720]);
  });

  it("EVT 2.1 reads a mask of 32 neighbors, in both orders of halves", () => {
    const words = [[0x00000000, 0x80000002], [0x80000001, on(3, 64, 9)]];
    const little = read(join(text("% evt 2.1\n"), u32(...words.flat())));
    const legacy = read(join(text("% format EVT21;endianness=legacy;width=100;height=10\n"), u32(...words.flatMap(([low, high]) => [high, low]))));
    for (const { stream } of [little, legacy]) expect(rows(stream)).toEqual([[131, 64, 9, 1], [131, 95, 9, 1]]);
  });
});

describe("DAT, AEDAT 2 and AEDAT 3", () => {
  it("DAT wraps after 2^32 µs and refuses polarity 3, a wrong event size and version 1", () => {
    const header = text("% Version 2\n");
    const { stream } = read(join(header, [0x0c, 8], u32(0xfffffff0, 5 | (6 << 14) | (1 << 28), 4, 7)));
    expect(rows(stream)).toEqual([[0xfffffff0, 5, 6, 1], [2 ** 32 + 4, 7, 0, 0]]);
    expect(() => read(join(header, [0x0c, 8], u32(1, 3 * 2 ** 28)))).toThrow(/byte 14: .*polarity 3.*E-EVT-007/);
    expect(() => read(join(header, [0x0c, 4], u32(1, 1)))).toThrow(/E-EVT-005/);
    expect(() => read(join(text("% Version 1\n"), [0x0c, 8], u32(1, 1)))).toThrow(/E-EVT-009/);
  });

  it("AEDAT 2 reads DVS128 (bit 0 of 0 is ON) and DAVIS, skipping APS and IMU", () => {
    const dvs = read(join(text("#!AER-DAT2.0\r\n# AEChip: DVS128\r\n"), be32((9 << 8) | (5 << 1), 100, (9 << 8) | (6 << 1) | 1, 101))).stream;
    expect(rows(dvs)).toEqual([[100, 5, 9, 1], [101, 6, 9, 0]]);
    const davis = read(join(text("#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"),
      be32((170 << 22) | (230 << 12) | (1 << 11), 7, 0x80000000, 8, 1 << 10, 9))).stream;
    expect(rows(davis)).toEqual([[7, 230, 170, 1]]);
    expect([davis.width, davis.height]).toEqual([240, 180]);
  });

  it("AEDAT 3 reads valid polarity events, time behind overflows of 2^31 µs, and skips other packets", () => {
    const packet = (type: number, size: number, overflow: number, count: number, body: number[]) =>
      [...u16(type, 1), ...u32(size, 4, overflow, count, count, count), ...body];
    const bytes = join(text("#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"), packet(3, 36, 0, 1, new Array(36).fill(7)),
      packet(1, 8, 2, 3, u32((100 << 17) | (50 << 2) | 3, 10, (1 << 17) | 2, 11, (2 << 17) | (3 << 2) | 1, 12)));
    expect(rows(read(bytes).stream)).toEqual([[2 ** 32 + 10, 100, 50, 1], [2 ** 32 + 12, 2, 3, 0]]);
    expect(() => read(bytes.slice(0, -3))).toThrow(/E-EVT-002/);
    expect(read(bytes.slice(0, -3), { repair: true }).stream.tUs.length).toBe(0);
  });
});

describe("Event Stream", () => {
  it("reads ATIS change events, leaving exposure out, and refuses the other types", () => {
    const header = (type: number) => join(text("Event Stream"), [2, 0, 0, type], u16(304, 240));
    const { stream } = read(join(header(2), [0xfd, (5 << 2) | 2, ...u16(10, 20), (1 << 2) | 1, ...u16(1, 1), 4 << 2, ...u16(11, 21)]));
    expect(rows(stream)).toEqual([[68, 10, 20, 1], [73, 11, 21, 0]]);
    expect(() => read(header(4))).toThrow(/type 4 \(color\).*E-EVT-009/);
    expect(() => read(header(2).slice(0, 17))).toThrow(/E-EVT-002/);
  });
});

describe("tables of numbers", () => {
  it("CSV: names in any order, seconds with fractions, −1/1, comments, tabs", () => {
    expect(rows(read(text("# 64 48\npolarity;x;timestamp;y\n1;3;1000;4\n-1;5;1001;6\n")).stream)).toEqual([[1000, 3, 4, 1], [1001, 5, 6, 0]]);
    const seconds = read(text("0.000100 3 4 1\n0.000250\t5 6 0\n0.5 5 6 0\n")).stream;
    expect(rows(seconds)).toEqual([[100, 3, 4, 1], [250, 5, 6, 0], [500000, 5, 6, 0]]);
    expect([seconds.width, seconds.height]).toEqual([6, 7]);
  });

  it("CSV: a row without sense, a pixel of −1 and columns without meaning are refused with their byte", () => {
    expect(() => read(text("t,x,y,p\n1,2,3,1\n2,x,3,1\n"))).toThrow(/byte 16: .*row 2.*E-EVT-006/);
    expect(() => read(text("t,x,y,p\n1,2,3,1\n2,-1,3,1\n"))).toThrow(/byte 16: .*x -1.*E-EVT-007/);
    expect(() => read(text("1,2\n3,4\n5,6\n"))).toThrow(UserError);
    expect(() => read(text("1,9,3\n3,8,3\n"))).toThrow(/E-EVT-005/);
  });

  it("NumPy: a table of four columns by content, rows or columns first, and big-endian records", () => {
    const npy = (descr: string, fortran: boolean, shape: string, data: Uint8Array) => {
      const dict = `{'descr': ${descr}, 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape}), }\n`;
      return join([0x93], text("NUMPY"), [1, 0], u16(dict.length), text(dict), data);
    };
    const table = [[10, 3, 20, 0], [11, 2, 19, 1], [12, 1, 22, 0]];
    const f64 = (values: number[]) => new Uint8Array(Float64Array.from(values).buffer);
    expect(rows(read(npy("'<f8'", false, "3, 4", f64(table.flat()))).stream)).toEqual(table);
    const byColumns = [2, 1, 0, 3].flatMap((c) => table.map((r) => r[c]));
    expect(rows(read(npy("'<f8'", true, "3, 4", f64(byColumns))).stream)).toEqual(table.map(([t, x, y, p]) => [t, y, x, p]));
    expect(rows(read(npy("[('p', '|b1'), ('t', '>u4'), ('x', '>i2'), ('y', '>i2')]", false, "1,", join([1], be32(77), [0, 5, 0, 6]))).stream))
      .toEqual([[77, 5, 6, 1]]);
    expect(() => read(npy("'|O'", false, "", new Uint8Array(9)))).toThrow(/pickled[\s\S]*E-EVT-009/);
    expect(() => read(npy("'<f8'", false, "4, 4", f64(table.flat())))).toThrow(/3 of 4 events.*E-EVT-002/);
  });

  it("npz: a wrong checksum is refused", async () => {
    const bytes = (await encodeEvents(stream, "npz", "z")).slice();
    const data = 30 + bytes[26] + bytes[28];
    bytes[data + 20] ^= 1;
    expect(() => read(zipSync({ "notes.txt": text("hello") }))).toThrow(/E-EVT-005/);
    expect(() => read(bytes)).toThrow(/E-EVT-00[56]/);
  });
});

describe("MATLAB", () => {
  it("reads compressed variables, narrower stored types and a struct TD that counts from 1", () => {
    const plainFile = encodeMat5(stream);
    const elements: Uint8Array[] = [];
    for (let at = 128; at < plainFile.length; at += 8 + new DataView(plainFile.buffer).getUint32(at + 4, true)) {
      elements.push(plainFile.slice(at, at + 8 + new DataView(plainFile.buffer).getUint32(at + 4, true)));
    }
    const packed = elements.map((e) => zlibSync(e));
    const file = join(plainFile.slice(0, 128), ...packed.map((p) => join(u32(15, p.length), p)));
    expect(plain(read(file).stream)).toEqual(plain(stream));
    expect([read(file).stream.width, read(file).stream.height]).toEqual([240, 180]);
    file[file.length - 2] ^= 1;
    expect(() => read(file)).toThrow(/E-EVT-006/);
    // A struct by hand: fields ts, x, y, p as small elements of one byte each.
    const matrix = (body: number[]) => [...u32(14, body.length), ...body];
    const header = (kind: number, name: string) => [...u32(6, 8, kind, 0), ...u32(5, 8, 1, 1), ...u32((name.length << 16) | 1), ...text(name), ...new Array(4 - name.length).fill(0)];
    const cell = (value: number) => matrix([...u32(6, 8, 9, 0), ...u32(5, 8, 1, 1), ...u32(1, 0), ...u32((1 << 16) | 2), value, 0, 0, 0]);
    const names = ["ts", "x", "y", "p"].flatMap((n) => [...text(n), ...new Array(4 - n.length).fill(0)]);
    const struct = matrix([...header(2, "TD"), ...u32((4 << 16) | 5, 4), ...u32(1, 16), ...names, ...cell(50), ...cell(34), ...cell(1), ...cell(2)]);
    expect(rows(read(join(plainFile.slice(0, 128), struct)).stream)).toEqual([[50, 33, 0, 1]]);
  });

  it("refuses a variable whose flags are empty, as damage once made them", () => {
    const header = encodeMat5(stream).slice(0, 128);
    expect(() => read(join(header, u32(14, 8, 6, 0)))).toThrow(/byte 128: .*array flags of 0 bytes.*E-EVT-006/);
  });

  it("names the variables it found where events are not among them", () => {
    const file = encodeMat5(stream);
    file[128 + 44] = "q".charCodeAt(0);
    expect(() => read(file)).toThrow(/variables qs, x, y, pol.*E-EVT-005/);
  });
});

describe("HDF5", () => {
  it("reads the authors' layout: one recording by its key, or all with labels", async () => {
    const second = { ...stream, x: stream.x.map((v) => v + 1) };
    const bytes = await encodeHdf5([{ key: "0", label: 7, stream }, { key: "1", label: 9, stream: second }]);
    expect(plain((await decodeAny(bytes, { name: "h", recording: "1" })).stream)).toEqual(plain(second));
    const all = await readAuthorsHdf5(bytes, { name: "h" }, { width: 240, height: 180 });
    expect(all.map((r) => [r.key, r.label, r.stream.x[0]])).toEqual([["0", 7, 1], ["1", 9, 2]]);
    await expect(decodeAny(bytes, { name: "h" })).rejects.toThrow(/2 recordings.*--recording.*E-EVT-009/);
    expect(() => read(bytes)).toThrow(/E-EVT-009/);
    await expect(decodeAny(bytes.slice(0, 900), { name: "h" })).rejects.toThrow(/E-EVT-006/);
  });
});

describe("what is no recording", () => {
  it("is named for what it is", () => {
    const unknown = (bytes: Uint8Array, name = "f.bin") => () => decodeRecording(bytes, { name });
    expect(unknown(new Uint8Array(0))).toThrow(/the file is empty.*E-EVT-001/);
    expect(unknown(text("metaloihi\n and more"))).toThrow(/metaloihi itself wrote.*E-EVT-001/);
    expect(unknown(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0))).toThrow(/gzip.*E-EVT-001/);
    expect(unknown(Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 7919 + i * 104729) >> 3))).toThrow(/none of the known formats.*E-EVT-001/);
    expect(unknown(text("# Notes\nwith words, and\n| t | x | y | on |\n"), "notes.md")).toThrow(/no table of numbers.*E-EVT-001/);
    expect(unknown(text("#!AER-DAT1.0\r\n"))).toThrow(/AEDAT version "1.0".*E-EVT-001/);
    expect(unknown(text("% evt 4.0\n"))).toThrow(/4\.0.*E-EVT-001/);
  });
});

describe("HDF5 in a thread of its own", () => {
  it("gives the same events, survives a file that is none, and gives up after its time", async () => {
    const bytes = await encodeEvents(stream, "hdf5", "h");
    expect(plain((await decodeAny(bytes, { name: "h" }, extractIsolated)).stream)).toEqual(plain(stream));
    await expect(decodeAny(bytes.slice(0, 1000), { name: "h", format: "hdf5" }, extractIsolated)).rejects.toThrow(/truncated.*E-EVT-006/);
    await expect(decodeAny(bytes, { name: "h" }, (b) => extractIsolated(b, 0))).rejects.toThrow(/not done in 0 s.*E-EVT-006/);
  });
});

describe("writing", () => {
  it("refuses what a format cannot hold", async () => {
    const far = { ...stream, tUs: Float64Array.of(0, 1, 2, 2 ** 45) };
    for (const format of ["nmnist", "dat", "evt2", "aedat2", "es"] as const) {
      await expect(encodeEvents(far, format, "out"), format).rejects.toThrow(/event 3.*E-EVT-008/);
    }
    await expect(encodeEvents(stream, "mat7.3", "out")).rejects.toThrow(/E-EVT-009/);
  });
});
