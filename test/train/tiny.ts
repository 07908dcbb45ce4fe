import { Rng } from "../../src/base/rng.js";
import type { SpikeTensor } from "../../src/events/types.js";
import { createClassFolder, type TaskSource } from "../../src/tasks/index.js";
import { resolveConfig, type ResolvedConfig, type TrainConfigInput } from "../../src/train/config.js";

const STEPS = 16;
const PIXELS = 36;

/** A sample [16, 1, 6, 6] whose pixels of one class fire often and others seldom. */
function sample(kind: number, index: number): SpikeTensor {
  const rng = new Rng(99, 0x20000, kind * 1000 + index);
  const favored = new Set(new Rng(98, 0x20000, kind).sample(Array.from({ length: PIXELS }, (_, k) => k), 9));
  const channel: number[] = [];
  const rowStart = new Uint32Array(STEPS + 1);
  for (let t = 0; t < STEPS; t++) {
    for (let c = 0; c < PIXELS; c++) if (rng.uniform() < (favored.has(c) ? 0.5 : 0.05)) channel.push(c);
    rowStart[t + 1] = channel.length;
  }
  return {
    shape: [STEPS, 1, 6, 6], rowStart, channel: Uint16Array.from(channel), count: new Uint8Array(channel.length).fill(1), timestepUs: 1000,
  };
}

/** Thirty made-up classes of six recordings. */
export const tinySource = (): TaskSource => createClassFolder(
  new Map(Array.from({ length: 30 }, (_, c) => [
    `class${c}`, Array.from({ length: 6 }, (_, k) => ({ id: `${c}/${k}`, frames: sample(c, k) })),
  ])),
  { name: "made-up classes", data: "simulated", seed: 1, compose: 1 },
);

/** A network of one convolution that trains in seconds on the reference engine. */
export const tinyConfig = (training: NonNullable<TrainConfigInput["training"]> = {}): ResolvedConfig => resolveConfig({
  name: "tiny", seed: 5, data: { ways: 3, queries: 2, testQueries: 2, shiftPixels: 1, dropShare: 0.1 },
  network: {
    input: { polarities: 1, height: 6, width: 6 }, steps: STEPS,
    layers: [{ kind: "conv", name: "conv1", channels: 4, kernel: 3, stride: 2 }, { kind: "dense", name: "output", outputs: 3 }],
  },
  soel: { windowSteps: 8, hi: 4 },
  training: { tasks: 8, validateEvery: 4, validationTasks: 2, ...training },
});
