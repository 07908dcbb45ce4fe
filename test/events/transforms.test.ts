import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { transformSchema } from "../../src/events/transform-schema.js";
import { applyTransforms, TRANSFORM_KINDS, type TransformSpec } from "../../src/events/transforms.js";
import type { EventStream } from "../../src/events/types.js";
import { plain, streams } from "./support.js";

const of = (events: readonly (readonly number[])[], width = 10, height = 8): EventStream => ({
  tUs: Uint32Array.from(events, (e) => e[0]), x: Uint16Array.from(events, (e) => e[1]), y: Uint16Array.from(events, (e) => e[2]),
  polarity: Uint8Array.from(events, (e) => e[3]), width, height,
});
const rows = (s: EventStream) => Array.from(s.tUs, (t, i) => [t, s.x[i], s.y[i], s.polarity[i]]);
const apply = (s: EventStream, ...specs: TransformSpec[]) => applyTransforms(s, specs, 7);

/** One valid spec of each kind. */
const EXAMPLES: readonly TransformSpec[] = [
  { kind: "crop", x: 2, y: 1, width: 6, height: 5 }, { kind: "downsample", factor: 3 }, { kind: "timeDownsample", timestepUs: 50 },
  { kind: "timeWindow", fromUs: 100, toUs: 900 }, { kind: "rebase" }, { kind: "mergePolarity" }, { kind: "swapPolarity" },
  { kind: "refractory", periodUs: 40 }, { kind: "backgroundActivity", windowUs: 30 }, { kind: "hotPixels", factor: 2 }, { kind: "flipX" },
  { kind: "flipY" }, { kind: "jitterTime", stdUs: 20 }, { kind: "jitterSpace", stdPixels: 1.5 }, { kind: "drop", share: 0.3 }, { kind: "reverseTime" },
];

describe("transforms", () => {
  it("all have an example here", () => {
    expect(EXAMPLES.map((e) => e.kind)).toEqual([...TRANSFORM_KINDS]);
  });

  it.each(EXAMPLES)("$kind gives sorted events on the sensor, the same for the same seed, and leaves its input alone", (spec) => {
    fc.assert(fc.property(streams(10, 8, 1000), (stream) => {
      const before = plain(stream);
      const out = apply(stream, spec);
      expect(plain(stream)).toEqual(before);
      expect(plain(apply(stream, spec))).toEqual(plain(out));
      for (let i = 0; i < out.tUs.length; i++) {
        expect(out.x[i] < out.width && out.y[i] < out.height && out.polarity[i] <= 1 && (i === 0 || out.tUs[i] >= out.tUs[i - 1])).toBe(true);
      }
    }), { seed: 3, numRuns: 40 });
  });

  it("crop keeps the window and moves its corner to 0, 0", () => {
    expect(rows(apply(of([[1, 2, 1, 0], [2, 1, 1, 1], [3, 7, 5, 1], [4, 8, 5, 1]]), EXAMPLES[0]))).toEqual([[1, 0, 0, 0], [3, 5, 4, 1]]);
  });

  it("downsample keeps every event of whole blocks and drops the last incomplete column", () => {
    const out = apply(of([[1, 0, 0, 0], [2, 2, 2, 1], [3, 9, 0, 1], [4, 8, 5, 0]]), { kind: "downsample", factor: 3 });
    expect([out.width, out.height]).toEqual([3, 2]);
    expect(rows(out)).toEqual([[1, 0, 0, 0], [2, 0, 0, 1], [4, 2, 1, 0]]);
  });

  it("refractory counts from the last event that was kept", () => {
    const out = apply(of([[0, 1, 1, 1], [30, 1, 1, 0], [60, 1, 1, 1], [61, 2, 1, 1]]), { kind: "refractory", periodUs: 50 });
    expect(rows(out).map((r) => r[0])).toEqual([0, 60, 61]);
  });

  it("backgroundActivity keeps an event only behind a neighbor's within the window", () => {
    const out = apply(of([[0, 1, 1, 1], [5, 1, 1, 1], [10, 2, 2, 1], [100, 3, 3, 1], [105, 8, 1, 1]]), { kind: "backgroundActivity", windowUs: 20 });
    expect(rows(out).map((r) => r[0])).toEqual([10]);
  });

  it("hotPixels drops a pixel with more than twice the mean of active ones", () => {
    const hot = Array.from({ length: 20 }, (_, k) => [k, 4, 4, 1]);
    const out = apply(of([...hot, [30, 0, 0, 1], [31, 1, 0, 1], [32, 2, 0, 1]]), { kind: "hotPixels", factor: 2 });
    expect(rows(out).map((r) => r[1])).toEqual([0, 1, 2]);
  });

  it("reverseTime twice, flips twice and swaps twice give the recording back, from its first event's time on", () => {
    const stream = of([[10, 1, 2, 1], [20, 3, 4, 0], [50, 9, 7, 1]]);
    for (const kind of ["flipX", "flipY", "swapPolarity"] as const) expect(rows(apply(stream, { kind }, { kind }))).toEqual(rows(stream));
    expect(rows(apply(stream, { kind: "reverseTime" }))).toEqual([[0, 9, 7, 0], [30, 3, 4, 1], [40, 1, 2, 0]]);
    expect(rows(apply(stream, { kind: "reverseTime" }, { kind: "reverseTime" }))).toEqual(rows(apply(stream, { kind: "rebase" })));
  });

  it("drop leaves out about its share, and none or all at the ends", () => {
    const stream = of(Array.from({ length: 4000 }, (_, k) => [k, k % 10, k % 8, k % 2]));
    expect(apply(stream, { kind: "drop", share: 0 }).tUs.length).toBe(4000);
    expect(apply(stream, { kind: "drop", share: 1 }).tUs.length).toBe(0);
    // 5 standard deviations of a binomial of 4000 at 0.3 are 145.
    expect(Math.abs(apply(stream, { kind: "drop", share: 0.3 }).tUs.length - 2800)).toBeLessThan(145);
  });

  it("refuse arguments without sense", () => {
    const stream = of([[0, 0, 0, 0]]);
    const bad: TransformSpec[] = [
      { kind: "crop", x: 5, y: 0, width: 6, height: 1 }, { kind: "downsample", factor: 9 }, { kind: "downsample", factor: 1.5 },
      { kind: "timeWindow", fromUs: 2, toUs: 1 }, { kind: "refractory", periodUs: 0 }, { kind: "drop", share: 1.1 }, { kind: "jitterTime", stdUs: Number.NaN },
    ];
    for (const spec of bad) expect(() => apply(stream, spec), spec.kind).toThrow(UserError);
    expect(() => apply(stream, bad[5])).toThrow(/E-EVT-011/);
  });
});

describe("the schema of transforms", () => {
  it("takes every example and refuses unknown kinds, keys and values", () => {
    for (const spec of EXAMPLES) expect(transformSchema.parse(spec)).toEqual(spec);
    for (const bad of [{ kind: "crops" }, { kind: "flipX", by: 1 }, { kind: "drop", share: 2 }, { kind: "downsample", factor: 1.5 }]) {
      expect(transformSchema.safeParse(bad).success).toBe(false);
    }
  });
});
