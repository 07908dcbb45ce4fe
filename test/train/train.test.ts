import { describe, expect, it } from "vitest";
import { Rng } from "../../src/base/rng.js";
import { createReferenceEngine } from "../../src/engines/reference/reference-engine.js";
import type { SpikeTensor } from "../../src/events/types.js";
import { decodeCheckpoint, encodeCheckpoint, parametersHash } from "../../src/model/checkpoint.js";
import { createRecordingSource } from "../../src/tasks/index.js";
import { ADAM, adamStep } from "../../src/train/adam.js";
import { configJsonSchema, parseConfig, resolveConfig, type ResolvedConfig } from "../../src/train/config.js";
import { evaluateTasks } from "../../src/train/evaluate.js";
import { startCheckpoint, train } from "../../src/train/loop.js";
import { framesAccuracy, prototypeAccuracy } from "../../src/train/prototypes.js";
import { rateFactor } from "../../src/train/schedule.js";
import { summary } from "../../src/train/statistics.js";
import { crc32c, scalarEvent, tfRecord } from "../../src/train/tensorboard.js";

/** Recordings whose class shows: events gather in a corner of its own. [12, 2, 6, 6] */
function cornerSample(corner: number, seed: number): SpikeTensor {
  const rng = new Rng(seed, 0x10030, corner);
  const rowStart = [0];
  const channel: number[] = [];
  for (let t = 0; t < 12; t++) {
    const row = new Set<number>();
    for (let k = 0; k < 5; k++) row.add((rng.below(2) * 6 + 3 * (corner >> 1) + rng.below(3)) * 6 + 3 * (corner & 1) + rng.below(3));
    channel.push(...[...row].sort((a, b) => a - b));
    rowStart.push(channel.length);
  }
  return {
    shape: [12, 2, 6, 6], rowStart: Uint32Array.from(rowStart), channel: Uint16Array.from(channel),
    count: new Uint8Array(channel.length).fill(1), timestepUs: 1000,
  };
}

const classes = [0, 1, 2, 3].map((c) => ({ name: `c${c}`, parts: [`c${c}`] }));
const pool = (from: number) => new Map(classes.map(({ name }, c) =>
  [name, Array.from({ length: 8 }, (_, k) => ({ id: `${name}/${from + k}`, frames: cornerSample(c, from + k) }))]));
const source = createRecordingSource({
  name: "corners", data: "simulated", protocol: "B", classes: { train: classes, validation: classes, test: classes },
  pools: { train: pool(0), validation: pool(100), test: pool(200) },
});

const config = (over: object = {}): ResolvedConfig => resolveConfig({
  name: "corners", seed: 4,
  data: { ways: 2, queries: 2, testQueries: 2, shiftPixels: 0, dropShare: 0.1 },
  network: {
    input: { height: 6, width: 6 }, steps: 12,
    layers: [{ kind: "conv", name: "conv1", channels: 3, kernel: 3, stride: 2, vthMant: 256 }, { kind: "dense", name: "output", outputs: 2 }],
  },
  soel: { windowSteps: 8 },
  training: { tasks: 8, validateEvery: 3, validationTasks: 2, ...over },
});

async function run(resolved: ResolvedConfig, stopAfter?: number) {
  const engine = createReferenceEngine(resolved.spec);
  let done = 0;
  let from = await startCheckpoint(resolved, engine, source);
  let best = undefined as typeof from | undefined;
  for (;;) {
    const result = await train(resolved, engine, source, from, best, { step: () => { done++; }, interrupted: () => stopAfter !== undefined && done % stopAfter === 0 });
    if (!result.interrupted) return result;
    // Through the file, as a resumed run would.
    from = decodeCheckpoint(encodeCheckpoint(result.last), "last");
    best = decodeCheckpoint(encodeCheckpoint(result.best), "best");
  }
}

describe("training", () => {
  it("ends with the same bits whether it was interrupted after every two tasks or never", async () => {
    const resolved = config();
    const [whole, pieces] = [await run(resolved), await run(resolved, 2)];
    expect(parametersHash(resolved.spec, pieces.last.masters)).toBe(parametersHash(resolved.spec, whole.last.masters));
    expect(pieces.last.history).toEqual(whole.last.history);
    expect(pieces.best.step).toBe(whole.best.step);
    expect(whole.last.history.map((row) => row.tasks)).toEqual([3, 6, 8]);
  });

  it("moves the parameters, and to other ones with stochastic rounding", async () => {
    const nearest = await run(config());
    const start = await startCheckpoint(config(), createReferenceEngine(config().spec), source);
    expect(nearest.last.masters["conv1.weight"]).not.toEqual(start.masters["conv1.weight"]);
    const stochastic = await run(config({ rounding: "stochastic" }));
    expect(stochastic.last.masters["conv1.weight"]).not.toEqual(nearest.last.masters["conv1.weight"]);
  });

  it("reports every comparison on the same tasks", async () => {
    const resolved = config();
    const engine = createReferenceEngine(resolved.spec);
    const { masters, chipSeed } = await startCheckpoint(resolved, engine, source);
    const report = await evaluateTasks(engine, source, resolved.config, resolved.spec, masters, chipSeed, { split: "test", tasks: 4 });
    expect(report.floors.chance).toBe(0.5);
    // Corners are told apart by summed frames without any network.
    expect(report.floors.frames).toBe(1);
    expect(report.byPosition).toHaveLength(2);
    expect(report.spikeRates[0]).toBeGreaterThan(0.01);
  });
});

describe("parts of training", () => {
  it("steps as Adam does, by hand for two steps", () => {
    const { beta1, beta2, epsilon } = ADAM;
    const masters = { w: Float32Array.of(1) };
    const one = adamStep(masters, { w: Float64Array.of(0.5) }, { first: {}, second: {} }, 1, () => 0.1);
    expect(one.masters.w[0]).toBeCloseTo(1 - 0.1 * (0.5 / (0.5 + epsilon)), 6);
    const two = adamStep(one.masters, { w: Float64Array.of(-1) }, one.state, 2, () => 0.1);
    const m = (beta1 * (1 - beta1) * 0.5 + (1 - beta1) * -1) / (1 - beta1 ** 2);
    const v = (beta2 * (1 - beta2) * 0.25 + (1 - beta2)) / (1 - beta2 ** 2);
    expect(two.masters.w[0]).toBeCloseTo(one.masters.w[0] - (0.1 * m) / (Math.sqrt(v) + epsilon), 6);
    expect(masters.w[0]).toBe(1);
  });

  it("falls by a cosine to 0, or rises and falls between 2e-3 and 4e-5", () => {
    expect([0, 50, 100].map((k) => rateFactor("cosine", k, 100, 10))).toEqual([1, 0.5, expect.closeTo(0, 12)]);
    expect([0, 10, 20].map((k) => 2e-3 * rateFactor("cyclic", k, 100, 10))).toEqual([2e-3, expect.closeTo(4e-5, 12), expect.closeTo(2e-3, 12)]);
  });

  it("classifies by the nearest class mean", () => {
    const task = source.draw("test", 0, { seed: 1, ways: 2, shots: 2, queriesPerClass: 1, passes: 1 });
    expect(prototypeAccuracy(task, [0, 2, 10, 12, 4, 8], 1)).toBe(1);
    expect(prototypeAccuracy(task, [0, 2, 10, 12, 8, 4], 1)).toBe(0);
    expect(framesAccuracy(task)).toBe(1);
  });

  it("sums up as statistics books do", () => {
    expect(summary([1, 2, 3, 4])).toEqual({ mean: 2.5, std: expect.closeTo(1.2909944, 6), ci95: expect.closeTo(1.96 * 0.6454972, 6) });
  });

  it("has the check value of CRC-32C and frames records as TFRecord", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283); // RFC 3720, appendix B.4 polynomial
    const record = tfRecord(Uint8Array.of(1, 2, 3));
    expect(record).toHaveLength(19);
    expect(new DataView(record.buffer).getBigUint64(0, true)).toBe(3n);
    const crc = crc32c(Uint8Array.of(1, 2, 3));
    expect(new DataView(record.buffer).getUint32(15, true)).toBe(((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) % 2 ** 32);
    expect(scalarEvent(1, 300, { loss: 0.5 }).length).toBeGreaterThan(30);
  });
});

describe("configuration", () => {
  const code = (value: unknown): string => {
    try {
      resolveConfig(value, "my.json");
    } catch (error) {
      return (error as Error).message;
    }
    return "none";
  };

  it("suggests the nearest known key for an unknown one, at any depth", () => {
    expect(code({ sed: 1 })).toMatch(/my\.json, sed: an unknown key\. Try: "seed" \[E-CFG-002\]/);
    expect(code({ training: { taskz: 1 } })).toMatch(/training\.taskz.*"tasks"/);
    expect(code({ network: { input: { height: 4, width: 4 }, layers: [{ kind: "conv", name: "a", chanels: 2, channels: 2, kernel: 3 }] } }))
      .toMatch(/chanels.*"channels"/);
  });

  it("names the field that is wrong, text that is no JSON, and an unknown preset", () => {
    expect(code({ training: { tasks: -1 } })).toMatch(/training\.tasks.*E-CFG-002/);
    expect(() => parseConfig("{", "my.json")).toThrow(/my\.json: not JSON.*E-CFG-001/);
    expect(code({ preset: "double-nmist" })).toMatch(/"double-nmist".*Try: "double-nmnist" \[E-CFG-003\]/);
  });

  it("gives a JSON schema, presets with the paper's counts of parameters, and weight bits for all layers", () => {
    expect(configJsonSchema()).toHaveProperty("properties.training");
    const size = (preset: string) => {
      const { spec } = resolveConfig({ preset });
      const masters = spec.layers.flatMap((l) => (l.kind === "pool" ? [] : [l]));
      return masters.length;
    };
    expect(size("double-nmnist")).toBe(4);
    const { spec } = resolveConfig({ preset: "demo", bits: 4, data: { ways: 3 } });
    expect(spec.layers.map((l) => (l.kind === "pool" ? 0 : l.weight.bits))).toEqual([4, 4, 4, 4]);
    expect(spec.layers.at(-1)).toMatchObject({ outputs: 3 });
  });
});
