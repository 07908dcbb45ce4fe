/** Damaged and random input for what reads users' text and files: each is refused in one sentence or read, and never crashes or
 *  hangs. METALOIHI_FUZZ=100000 for the long run; recordings have theirs in test/events/fuzz.test.ts. */
import { describe, expect, it } from "vitest";
import { assembleLine } from "../../hw/assembler.js";
import { CHIP_IMAGE_KIND, decodeImage, encodeImage } from "../../hw/image-codec.js";
import { decodeMicrocode, disassemble, encodeMicrocode } from "../../hw/microcode.js";
import { verifyImage } from "../../hw/verify-image.js";
import { Diagnostics, UserError } from "../../src/base/errors.js";
import { unwrapFile, withHeader } from "../../src/base/file-header.js";
import { Rng } from "../../src/base/rng.js";
import { PRESETS } from "../../src/model/presets.js";
import { networkShapes } from "../../src/model/shapes.js";
import { parseConfig, resolveConfig } from "../../src/train/config.js";
import { plasticImage, recurrentImage } from "../support/small-images.js";

const RUNS = Number(process.env.METALOIHI_FUZZ ?? 1000);
const LONG = 30_000 + RUNS * 20;
const STREAM = 0x2000c;

/** The error of a run, which has to be the user's and one line; undefined where there is none. */
function refusal(run: () => void, what: () => string): UserError | undefined {
  try {
    run();
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error(`${what()}: ${(error as Error).stack}`);
    return error;
  }
  return undefined;
}

/** Flips, overwrites, cuts, repeats or drops bytes in 1–4 places. */
function damaged(bytes: Uint8Array, rng: Rng): Uint8Array {
  let out = bytes.slice();
  for (let n = 1 + rng.below(4); n > 0 && out.length > 0; n--) {
    const at = rng.below(out.length);
    const end = at + 1 + rng.below(32);
    switch (rng.below(5)) {
      case 0: out[at] ^= 1 << rng.below(8); break;
      case 1: out[at] = rng.below(256); break;
      case 2: out = out.slice(0, at); break;
      case 3: out = Uint8Array.from([...out.subarray(0, end), ...out.subarray(at)]); break;
      default: out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(end)]);
    }
  }
  return out;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, k) => byte === b[k]);

describe("the image reader", () => {
  const files = [plasticImage(), recurrentImage()].map((image) => encodeImage(image));

  it(`never accepts a damaged file: the hash says so (${RUNS} files)`, () => {
    for (let k = 0; k < RUNS; k++) {
      const whole = files[k % files.length];
      const file = damaged(whole, new Rng(1, STREAM, k));
      const error = refusal(() => void decodeImage(file, "x.mlh"), () => `file ${k}`);
      if (error === undefined && !same(file, whole)) expect.unreachable(`damaged file ${k} was accepted`);
      if (error) expect(error.message).toMatch(/^x\.mlh: [^\n]*\[E-(FILE-00[123]|IMAGE-001)\]$/);
    }
  }, LONG);

  it(`stands damaged content under a right hash: refused, or found by the verifier, or within all limits (${RUNS} files)`, () => {
    const payloads = files.map((file) => unwrapFile(file, { kind: CHIP_IMAGE_KIND, formatVersion: 1 }, "x").payload);
    let [refused, found] = [0, 0];
    for (let k = 0; k < RUNS; k++) {
      const content = damaged(payloads[k % payloads.length], new Rng(2, STREAM, k));
      const file = withHeader({ kind: CHIP_IMAGE_KIND, formatVersion: 1, parents: {} }, content);
      const diagnostics = new Diagnostics();
      if (refusal(() => verifyImage(decodeImage(file, "x.mlh"), diagnostics), () => `content ${k}`)) refused++;
      else if (diagnostics.errors.length > 0) found++;
    }
    expect(refused).toBeGreaterThan(RUNS / 10);
    expect(found).toBeGreaterThan(RUNS / 100);
  }, LONG);
});

describe("the assembler", () => {
  const TOKENS = ["x0", "x1", "x2", "y0", "y1", "y2", "y3", "u0", "u2", "u9", "w", "d", "t", "r0", "r1", "sgn", "(", ")", "+", "-", "*", "^", "2^-4",
    "2", "64", "127", "-128", "0", "9", "15", " ", "dw", "=", "é", "1e9", "99999999999", "2^", "(y1-64)", "sgn(w-3)"];

  it(`reads or refuses any line, and what it reads comes back from its words (${RUNS} lines)`, () => {
    let read = 0;
    for (let k = 0; k < RUNS; k++) {
      const rng = new Rng(3, STREAM, k);
      const wild = Array.from({ length: 1 + rng.below(14) }, () => TOKENS[rng.below(TOKENS.length)]).join("");
      // Every other line starts from a rule that is right, with one token thrown in or a character gone.
      const rule = "2^-4*u2*x1*(y1-64) - 2^-2*u2*(w+3)*sgn(t)*x2";
      const at = rng.below(rule.length);
      const near = rule.slice(0, at) + (rng.below(2) ? TOKENS[rng.below(TOKENS.length)] : "") + rule.slice(at + rng.below(2));
      const line = `d${"wdt"[rng.below(3)]} = ${k % 2 ? near : wild}`;
      const error = refusal(() => {
        const { products, decimateExp } = assembleLine(line, { rewards: rng.below(2) === 0 });
        read++;
        const words = encodeMicrocode(products);
        expect(decodeMicrocode(words, 0, products.length)).toEqual(products);
        const again = assembleLine(disassemble(products, decimateExp), { rewards: true });
        expect(encodeMicrocode(again.products)).toEqual(words);
      }, () => `line ${k}: ${line}`);
      if (error) expect(error.message).toMatch(/^rule [^\n]*\[E-RULE-00\d\]$/);
    }
    expect(read).toBeGreaterThan(RUNS / 100);
  }, LONG);

  it(`refuses words that it would not make (${RUNS} memories)`, () => {
    for (let k = 0; k < RUNS; k++) {
      const rng = new Rng(4, STREAM, k);
      const words = encodeMicrocode(assembleLine("dw = 2^-4*u2*x1*(y1-64) - u2*x2*(w+1)").products).slice();
      for (let n = 1 + rng.below(3); n > 0; n--) words[rng.below(words.length)] ^= 2 ** rng.below(32);
      let products: ReturnType<typeof decodeMicrocode>;
      try {
        products = decodeMicrocode(words, rng.below(3) === 0 ? rng.below(9) : 0, 2);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        continue;
      }
      const made = encodeMicrocode(products);
      expect(words.join().includes(made.join())).toBe(true);
    }
  }, LONG);
});

describe("the configuration reader", () => {
  const texts = [
    ...Object.keys(PRESETS).map((preset) => resolveConfig({ preset }, preset).text),
    JSON.stringify({ preset: "demo", bits: 4, data: { ways: 3 }, training: { tasks: 10 } }),
    JSON.stringify({ network: { input: { height: 8, width: 8 }, layers: [{ kind: "conv", name: "c", channels: 2, kernel: 3 }, { kind: "dense", name: "out", outputs: 3 }] } }),
  ];
  const VALUES = [null, true, -1, 0, 1.5, 7, 255, 1e9, 1e308, "", "x", "pool", [], {}, [1, 2], "__proto__"];

  /** One value of the tree replaced, removed, or put beside a key that nothing knows. */
  function changed(tree: unknown, rng: Rng): unknown {
    if (typeof tree !== "object" || tree === null || rng.below(8) === 0) return VALUES[rng.below(VALUES.length)];
    const copy: Record<string, unknown> | unknown[] = Array.isArray(tree) ? [...tree] : { ...tree };
    const keys = Object.keys(copy);
    if (keys.length === 0) return VALUES[rng.below(VALUES.length)];
    const key = keys[rng.below(keys.length)] as keyof typeof copy;
    switch (rng.below(6)) {
      case 0: delete copy[key]; break;
      case 1: Object.assign(copy, { [["kind", "extra", "constructor"][rng.below(3)]]: VALUES[rng.below(VALUES.length)] }); break;
      default: Object.assign(copy, { [key]: changed(copy[key], rng) });
    }
    return copy;
  }

  it(`reads or refuses any text; what it reads is a network whose own text reads the same (${RUNS} texts)`, () => {
    let read = 0;
    for (let k = 0; k < RUNS; k++) {
      const rng = new Rng(5, STREAM, k);
      const start = texts[rng.below(texts.length)];
      const text = k % 3 === 0
        ? new TextDecoder().decode(damaged(new TextEncoder().encode(start), rng))
        : JSON.stringify(changed(changed(JSON.parse(start), rng), rng)) ?? "";
      const error = refusal(() => {
        const resolved = parseConfig(text, "my.json");
        read++;
        expect(networkShapes(resolved.spec).every((shape) => shape.every((n) => Number.isInteger(n) && n >= 1))).toBe(true);
        expect(parseConfig(resolved.text, "again").text).toBe(resolved.text);
      }, () => `text ${k}: ${text}`);
      if (error) expect(error.message.split("\n").every((line) => /^my\.json.*\[E-CFG-\d{3}\]$/.test(line)), `text ${k}: ${error.message}`).toBe(true);
    }
    expect(read).toBeGreaterThan(RUNS / 100);
  }, LONG);
});

