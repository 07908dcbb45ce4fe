import { describe, expect, it } from "vitest";
import type { ChipImage } from "../../hw/image.js";
import type { PresentationTrace } from "../../sim/trace.js";
import type { SpikeTensor } from "../../src/events/types.js";
import type { TaskReplay } from "../../src/replay/replay-task.js";
import { exampleTask } from "../../src/report/example-task.js";
import type { Task } from "../../src/tasks/types.js";

/** S 8, E0 4, W 8: one window; 2 outputs on 3 inputs. */
const image = {
  layers: [{ name: "hidden", kind: "dense", shape: [3, 1, 1], plastic: false }, { name: "output", kind: "dense", shape: [2, 1, 1], plastic: true }],
  contract: { outputs: 2, presentationSteps: 8 }, embedded: { constants: { windowSteps: 8, epochSteps: 4, presentationSteps: 8 } },
} as unknown as ChipImage;

const sample = (...channels: number[]): SpikeTensor => ({
  shape: [3, 1, 2, 2], timestepUs: 1000, rowStart: Uint32Array.of(0, 0, channels.length, channels.length),
  channel: Uint16Array.from(channels), count: new Uint8Array(channels.length).fill(1),
});

const trace = (label: number, y1: number[], weights: number[]): PresentationTrace => ({
  learn: label >= 0, label, y1: Uint8Array.from(y1), weights: Int16Array.from(weights), decision: 1,
  spikes: [{ step: Uint16Array.of(3), neuron: Uint32Array.of(2) }, { step: Uint16Array.of(4), neuron: Uint32Array.of(1) }],
  u: new Int32Array(16), v: new Int32Array(16), outputSpikes: Int32Array.of(0, 1),
});

const task = {
  number: 9, classNames: ["a", "b"], support: [sample(0), sample(3)], supportLabels: [0, 1], presentation: [1, 0],
  query: [sample(1), sample(2)], queryLabels: [0, 1],
} as unknown as Task;

const replay = {
  before: { traces: [trace(-1, [64, 64, 64, 64], [0, 0, 0, 0, 0, 0])] },
  after: {
    traces: [
      trace(1, [64, 64, 64, 90], [0, 0, 0, 4, 0, -2]), trace(0, [64, 64, 70, 60], [6, 0, 0, 0, 0, -2]),
      trace(-1, [64, 64, 64, 64], [6, 0, 0, 0, 0, -2]), trace(-1, [64, 64, 64, 64], [6, 0, 0, 0, 0, -2]),
    ],
  },
} as unknown as TaskReplay;

describe("exampleTask", () => {
  const example = exampleTask(image, task, replay);

  it("reads e at the epoch in which a window ends, lesson by lesson", () => {
    expect(example?.windowEnds).toEqual([8]);
    expect(example?.lessons.map((l) => [l.label, l.errors])).toEqual([[1, [[0, 26]]], [0, [[6, -4]]]]);
  });

  it("counts weights that rose and fell against the lesson before, the first against the start weights", () => {
    expect(example?.lessons[0]).toMatchObject({ raised: [0, 1], lowered: [0, 1], sum: [0, 2] });
    expect(example?.lessons[1]).toMatchObject({ raised: [1, 0], lowered: [0, 1], sum: [6, -4] });
    expect(example?.weightChange.map((row) => Array.from(row))).toEqual([[6, 0, 0], [0, 0, -2]]);
  });

  it("shows the first lesson and a query of the same class, input at the step in which it is sent", () => {
    expect(example?.support).toMatchObject({ target: 1, title: "Support: a recording of class b", steps: 8 });
    expect(example?.query).toMatchObject({ target: 1, title: "Query: another recording of class b" });
    const input = example?.support.layers[0];
    expect([input?.neurons, Array.from(input?.step ?? []), Array.from(input?.neuron ?? [])]).toEqual([4, [2], [3]]);
  });

  it("has nothing to compare with where the load before learning was skipped", () => {
    expect(exampleTask(image, task, { ...replay, before: null })).toBeNull();
  });
});
