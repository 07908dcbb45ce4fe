import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import yargs from "yargs";
import { benchDecodeCommand } from "../../src/cli/commands/data-bench.js";
import { dataCommand } from "../../src/cli/commands/data-command.js";
import { decodeAny } from "../../src/events/decode-any.js";
import { encodeEvents } from "../../src/events/write.js";
import type { EventStream } from "../../src/events/types.js";

const folder = mkdtempSync(join(tmpdir(), "metaloihi-data-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => { vi.restoreAllMocks(); process.exitCode = undefined; });
const path = (name: string) => join(folder, name);

const stream: EventStream = {
  tUs: Uint32Array.from({ length: 400 }, (_, i) => 500 + 100 * i), x: Uint16Array.from({ length: 400 }, (_, i) => i % 34),
  y: Uint16Array.from({ length: 400 }, (_, i) => (i * 7) % 34), polarity: Uint8Array.from({ length: 400 }, (_, i) => Number(i % 4 === 0)), width: 34, height: 34,
};

async function run(...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  let [out, err] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => { out += text; return true; });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => { err += text; return true; });
  await yargs(args).exitProcess(false).strict().command(dataCommand)
    .command({ command: "bench <what>", builder: (y) => y.command(benchDecodeCommand), handler: () => undefined }).parseAsync();
  vi.restoreAllMocks();
  const code = process.exitCode;
  process.exitCode = undefined;
  return { code, out, err };
}

const made = (async () => {
  writeFileSync(path("a.bin"), await encodeEvents(stream, "nmnist", "a.bin"));
  writeFileSync(path("cut.bin"), (await encodeEvents(stream, "nmnist", "a.bin")).slice(0, -2));
})();

describe("metaloihi data", () => {
  it("info prints the keys that checks rely on, with digests of the columns", async () => {
    await made;
    const { code, out } = await run("data", "info", path("a.bin"), "--json");
    const info = JSON.parse(out);
    expect(code).toBe(0);
    expect(info).toMatchObject({ format: "nmnist", events: 400, width: 34, height: 34, tFirstUs: 500, tLastUs: 40400, onShare: 0.25 });
    expect(Object.keys(info.digest)).toEqual(["t", "x", "y", "on"]);
    expect(info.rate.counts.reduce((a: number, b: number) => a + b, 0)).toBe(400);
    // SHA3-224 by the machine's own library, as in data/README.md.
    const { createHash } = await import("node:crypto");
    expect(info.digest.x).toBe(createHash("sha3-224").update(new Uint8Array(stream.x.buffer)).digest("hex"));
    expect(info.digest.t).toBe(createHash("sha3-224").update(new Uint8Array(BigUint64Array.from(stream.tUs, BigInt).buffer)).digest("hex"));
  });

  it("info refuses a cut file with exit code 2 and one sentence, and reads it with --repair", async () => {
    await made;
    const refused = await run("data", "info", path("cut.bin"), "--json");
    expect([refused.code, refused.out]).toEqual([2, ""]);
    expect(refused.err).toMatch(/^[^\n]*cut\.bin, byte 1995: .*--repair.*\[E-EVT-002\]\n$/);
    const kept = JSON.parse((await run("data", "info", path("cut.bin"), "--json", "--repair")).out);
    expect(kept.events).toBe(399);
    expect(kept.notes[0]).toContain("incomplete last events dropped");
    expect((await run("data", "info", path("none.bin"))).code).toBe(2);
  });

  it("convert writes a file that holds the same events, and names formats by ending or --to", async () => {
    await made;
    for (const args of [["b.aedat4"], ["c.raw"], ["d.raw", "--to", "evt2"], ["e.npy"], ["f.h5"], ["g.csv"]]) {
      const { code, out } = await run("data", "convert", path("a.bin"), path(args[0]), ...args.slice(1), "--json");
      expect([code, JSON.parse(out).events]).toEqual([0, 400]);
      const back = await decodeAny(readFileSync(path(args[0])), { name: args[0] });
      expect([...back.stream.tUs]).toEqual([...stream.tUs]);
      expect([...back.stream.x]).toEqual([...stream.x]);
    }
    expect((await run("data", "convert", path("a.bin"), path("x.unknown"))).err).toContain("E-CLI-021");
    expect((await run("data", "convert", path("a.bin"), path("x.npy"), "--crop", "1,2")).err).toContain("E-CLI-020");
    expect(readdirSync(folder)).not.toContain("x.npy");
  });

  it("convert cuts a recording by the rows of an N-Omniglot table: start included, end not, times from 0", async () => {
    await made;
    writeFileSync(path("0007.csv"), "index,start,end\n0,500,1000\n1,990,40400\n2,50000,60000\n");
    const { code } = await run("data", "convert", path("a.bin"), path("cut"), "--slices", path("0007.csv"), "--to", "evt2");
    expect(code).toBe(0);
    expect(readdirSync(path("cut")).sort()).toEqual(["0007_01.evt2", "0007_02.evt2", "0007_03.evt2"]);
    const second = (await decodeAny(readFileSync(path("cut/0007_02.evt2")), { name: "2" })).stream;
    expect([second.tUs[0], second.tUs.length, second.tUs[second.tUs.length - 1]]).toEqual([0, 394, 39300]);
    writeFileSync(path("bad.csv"), "index,start,end\n0,9,2\n");
    expect((await run("data", "convert", path("a.bin"), path("cut2"), "--slices", path("bad.csv"))).err).toMatch(/bad\.csv, row 2.*E-EVT-005/);
  });

  it("view draws a still PNG, a moving PNG and an SVG that a reader takes", async () => {
    await made;
    await run("data", "view", path("a.bin"), "-o", path("p.png"));
    const png = readFileSync(path("p.png"));
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([34 * 14, 34 * 14]);
    const data = png.subarray(png.indexOf("IDAT") + 4, png.indexOf("IEND") - 8);
    const rows = inflateSync(data);
    expect(rows.length).toBe(34 * 14 * (34 * 14 + 1));
    // Pixel 0, 0 has events 0 (ON) and 34 (OFF): both; pixel 1, 7 has 1, 35, …, all OFF. Palette: 0 none, 1 OFF, 2 ON, 3 both.
    expect([rows[1], rows[7 * 14 * (34 * 14 + 1) + 1 + 14]]).toEqual([3, 1]);
    await run("data", "view", path("a.bin"), "-o", path("p.apng"), "--frames", "5");
    const apng = readFileSync(path("p.apng"));
    expect(apng.readUInt32BE(apng.indexOf("acTL") + 4)).toBe(5);
    await run("data", "view", path("a.bin"), "-o", path("p.svg"));
    expect(readFileSync(path("p.svg"), "utf8")).toMatch(/^<svg .*<title>ON<\/title>.*<\/svg>\n$/s);
    expect((await run("data", "view", path("a.bin"), "-o", path("p.gif"))).err).toContain("E-CLI-022");
    expect((await run("data", "view", path("a.bin"), "-o", path("q.png"), "--frames", "0")).err).toContain("E-CLI-023");
  });

  it("bench decode prints events per second", async () => {
    await made;
    const figures = JSON.parse((await run("bench", "decode", path("a.bin"), "--json", "--repeats", "3")).out);
    expect(figures.events).toBe(400);
    expect(figures.events_per_s).toBeGreaterThan(0);
  });
});
