import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { decodeAny } from "../../src/events/decode-any.js";
import { convertLarge } from "../../src/events/node/convert-large.js";
import { StreamWriter, isStreamable } from "../../src/events/stream-writer.js";
import type { EventStream } from "../../src/events/types.js";
import { encodeEvents, WRITABLE } from "../../src/events/write.js";
import { plain } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-large-"));
afterAll(() => rmSync(folder, { recursive: true }));

const make = (count: number, t: (i: number) => number): EventStream => ({
  tUs: Float64Array.from({ length: count }, (_, i) => t(i)), x: Uint16Array.from({ length: count }, (_, i) => i % 100),
  y: Uint16Array.from({ length: count }, (_, i) => (i * 3) % 90), polarity: Uint8Array.from({ length: count }, (_, i) => i & 1), width: 120, height: 100,
});
const cut = (s: EventStream, from: number, to: number): EventStream =>
  ({ ...s, tUs: s.tUs.slice(from, to), x: s.x.slice(from, to), y: s.y.slice(from, to), polarity: s.polarity.slice(from, to) });

describe("writing in pieces", () => {
  it.each(WRITABLE.filter(isStreamable))("%s written in three batches reads back as the whole", async (format) => {
    const stream = make(60, (i) => 1000 * i + (i > 25 && format !== "nmnist" ? 30_000_000 : 0));
    const writer = new StreamWriter(format, stream, "out");
    const parts = [];
    for (const [from, to] of [[0, 20], [20, 20], [20, 31], [31, 60]]) parts.push(await writer.encode(cut(stream, from, to)));
    const bytes = Uint8Array.from(parts.flatMap((p) => [...p]));
    const size = format === "nmnist" ? { width: 120, height: 100 } : {};
    expect(plain((await decodeAny(bytes, { name: "out", ...size })).stream)).toEqual(plain(stream));
  });

  it("a file of several pieces is converted to the same events, times rebased, and nothing is left of a failed one", async () => {
    const count = 400_000; // 3.2 MB of AEDAT 2, four pieces.
    const stream = make(count, (i) => 5_000_000 + 2 * i);
    writeFileSync(join(folder, "a.aedat"), await encodeEvents(stream, "aedat2", "a"));
    const crop = { kind: "crop", x: 0, y: 0, width: 50, height: 90 } as const;
    const result = await convertLarge(join(folder, "a.aedat"), {}, join(folder, "b.raw"), "evt2", [crop], true);
    const back = (await decodeAny(readFileSync(join(folder, "b.raw")), { name: "b" })).stream;
    const kept = Array.from({ length: count }, (_, i) => i).filter((i) => stream.x[i] < 50);
    expect([result.events, back.tUs.length, back.width, back.height]).toEqual([kept.length, kept.length, 50, 90]);
    expect(kept.every((i, k) => back.tUs[k] === 2 * i && back.x[k] === stream.x[i] && back.y[k] === stream.y[i])).toBe(true);
    await expect(convertLarge(join(folder, "a.aedat"), {}, join(folder, "c.bin"), "nmnist", [], false)).resolves.toBeDefined();
    writeFileSync(join(folder, "cut.aedat"), readFileSync(join(folder, "a.aedat")).subarray(0, 3_000_001));
    await expect(convertLarge(join(folder, "cut.aedat"), {}, join(folder, "d.raw"), "evt2", [], false)).rejects.toThrow(/E-EVT-002/);
    writeFileSync(join(folder, "e.csv"), "t,x,y,p\n1,2,3,1\n");
    await expect(convertLarge(join(folder, "e.csv"), {}, join(folder, "d.raw"), "evt2", [], false)).rejects.toThrow(/--width.*E-EVT-009/);
    expect(readdirSync(folder).sort()).toEqual(["a.aedat", "b.raw", "c.bin", "cut.aedat", "e.csv"]);
  });
});
