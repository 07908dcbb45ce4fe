import { describe, expect, it } from "vitest";
import { adamStep } from "../../src/train/adam.js";
import { prototypeAccuracy } from "../../src/train/prototypes.js";
import { rateFactor } from "../../src/train/schedule.js";
import { summary } from "../../src/train/statistics.js";
import { crc32c, scalarEvent, tfRecord, versionEvent } from "../../src/train/tensorboard.js";
import type { Task } from "../../src/tasks/index.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");

describe("Adam", () => {
  it("moves by the rate against the sign of the first gradient, whatever its size (Kingma & Ba 2015, §2.1)", () => {
    const masters = { w: Float32Array.of(1, 1, 1) };
    const none = { first: {}, second: {} };
    const { masters: next } = adamStep(masters, { w: Float32Array.of(100, -1e-3, 0) }, none, 1, () => 0.5);
    expect(next.w[0]).toBeCloseTo(0.5, 4);
    expect(next.w[1]).toBeCloseTo(1.5, 4);
    expect(next.w[2]).toBe(1);
    expect([...masters.w]).toEqual([1, 1, 1]);
  });

  it("follows algorithm 1 over three steps, worked in float64", () => {
    const gradients = [0.3, -0.1, 0.7];
    let [m, v, x] = [0, 0, 2];
    let [masters, state] = [{ w: Float32Array.of(2) } as Record<string, Float32Array>, { first: {}, second: {} }];
    gradients.forEach((g, k) => {
      [m, v] = [0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g];
      x -= (0.01 * (m / (1 - 0.9 ** (k + 1)))) / (Math.sqrt(v / (1 - 0.999 ** (k + 1))) + 1e-8);
      const stepped = adamStep(masters, { w: Float32Array.of(g) }, state, k + 1, () => 0.01);
      [masters, state] = [stepped.masters as Record<string, Float32Array>, stepped.state];
    });
    expect(Math.abs(masters.w[0] - x)).toBeLessThan(1e-6); // float32 storage of w, m and v near 2: 3 · 2^−23
  });

  it("leaves tensors of rate 0 alone", () => {
    const w = Float32Array.of(3);
    expect(adamStep({ w }, { w: Float32Array.of(1) }, { first: {}, second: {} }, 1, () => 0).masters.w).toBe(w);
  });
});

describe("schedules (design §5)", () => {
  it("cosine runs from 1 over ½ to 0", () => {
    expect(rateFactor("cosine", 0, 100, 1)).toBe(1);
    expect(rateFactor("cosine", 50, 100, 1)).toBeCloseTo(0.5, 12);
    expect(rateFactor("cosine", 100, 100, 1)).toBeCloseTo(0, 12);
  });

  it("cyclic swings between 2e-3 and 4e-5 with period 2·epochs", () => {
    expect(2e-3 * rateFactor("cyclic", 0, 1, 200)).toBeCloseTo(2e-3, 12);
    expect(2e-3 * rateFactor("cyclic", 200, 1, 200)).toBeCloseTo(4e-5, 12);
    expect(rateFactor("cyclic", 400, 1, 200)).toBeCloseTo(1, 12);
  });
});

describe("TensorBoard event files", () => {
  it("use CRC-32C: the check value, and RFC 3720 B.4 on 32 zeros and 32 ones", () => {
    expect(crc32c(bytes("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  });

  it("frame a record as length, masked CRC, data, masked CRC (record_writer.h)", () => {
    const record = tfRecord(bytes("123456789"));
    const view = new DataView(record.buffer);
    expect(view.getBigUint64(0, true)).toBe(9n);
    // Mask by hand: rotate 0xe3069283 right by 15, which is 0x2507c60d, and add 0xa282ead8.
    expect(view.getUint32(12 + 9, true)).toBe(0xc78ab0e5);
    expect(new TextDecoder().decode(record.subarray(12, 21))).toBe("123456789");
    expect(record.length).toBe(25);
  });

  it("write Event messages in protobuf wire format (event.proto, summary.proto)", () => {
    expect(hex(versionEvent(0).subarray(12, -4))).toBe(`09${"00".repeat(8)}1a0d${hex(bytes("brain.Event:2"))}`);
    // wall_time 1.0, step 300 = ac 02, summary { value { tag "loss" simple_value 0.5 } }
    expect(hex(scalarEvent(1, 300, { loss: 0.5 }).subarray(12, -4)))
      .toBe(`09000000000000f03f10ac022a0d0a0b0a046c6f737315${"0000003f"}`);
  });
});

describe("prototypes and summaries", () => {
  const task = {
    classNames: ["a", "b"], supportLabels: [0, 0, 1, 1], queryLabels: [0, 1, 1],
  } as unknown as Task;

  it("take the class whose mean is nearest, the lower on a tie", () => {
    // Means 1 and 5; the queries 2 (a), 3 (a tie: a, wrong for b) and 9 (b).
    expect(prototypeAccuracy(task, [0, 2, 4, 6, 2, 3, 9], 1)).toBeCloseTo(2 / 3, 12);
  });

  it("give the sample standard deviation and 1.96 standard errors", () => {
    // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, Σ(x − 5)² = 32
    const { mean, std, ci95 } = summary([2, 4, 4, 4, 5, 5, 7, 9]);
    expect([mean, std]).toEqual([5, Math.sqrt(32 / 7)]);
    expect(ci95).toBeCloseTo((1.96 * Math.sqrt(32 / 7)) / Math.sqrt(8), 12);
  });
});
