/** The compiled SOEL program on the simulated chip, in its typed form and as machine code on the emulated x86: what each
 *  message makes it do. */
import { afterAll, describe, expect, it } from "vitest";
import { compileNetwork } from "../../compiler/pipeline.js";
import { Rng } from "../../src/base/rng.js";
import { createReferenceEngine } from "../../src/engines/reference/reference-engine.js";
import type { SpikeTensor } from "../../src/events/types.js";
import { quantizeNetwork } from "../../src/model/quantize.js";
import { parameterShapes } from "../../src/model/shapes.js";
import type { NetworkSpec, SoelSpec } from "../../src/model/types.js";
import { checkTask } from "../../src/parity/check-task.js";
import { replayTask } from "../../src/replay/replay-task.js";
import type { Task } from "../../src/tasks/types.js";
import { loadChip } from "../../sim/load.js";
import type { Chip } from "../../sim/chip.js";
import type { PresentationTrace } from "../../sim/trace.js";
import { conv, dense, geometry, network, neuron, soel } from "./networks.js";

const WAYS = 4;
const specOf = (form: SoelSpec["form"]): NetworkSpec =>
  network("program", [2, 9, 11], [conv("c1", 6, 5, 2, 2), dense("out", WAYS, { loihi: { ...neuron, vthMant: 512 } })], {
    steps: 24, soel: { ...soel, form, windowSteps: 8, hi: form === "chip" ? 6 : 10 },
  });

function frames(spec: NetworkSpec, rng: Rng): SpikeTensor {
  const { polarities, height, width } = spec.input;
  const rowStart = new Uint32Array(spec.steps + 1);
  const channel: number[] = [];
  for (let t = 0; t < spec.steps; t++) {
    for (let c = 0; c < polarities * height * width; c++) if (rng.uniform() < 0.1) channel.push(c);
    rowStart[t + 1] = channel.length;
  }
  return {
    shape: [spec.steps, polarities, height, width], rowStart, channel: Uint16Array.from(channel),
    count: new Uint8Array(channel.length).fill(1), timestepUs: 1000,
  };
}

function parametersOf(spec: NetworkSpec): Record<string, Float32Array> {
  const rng = new Rng(4, 0x20000);
  const out = Object.fromEntries(parameterShapes(spec).map(({ name, shape }) => [
    name, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.4 * rng.normal() * (name.endsWith("bias") ? 0.1 : 1)),
  ]));
  return Object.assign(out, {
    hi: Float32Array.of(spec.soel!.hi), lo: Float32Array.of(0), theta: Float32Array.of(1), rho: Float32Array.of(1 / 16),
  });
}

/** Four ways, two shots: eight lessons in an order of their own, then a query a class. */
function taskOf(spec: NetworkSpec): Task {
  const rng = new Rng(9, 0x30000);
  const labels = [0, 0, 1, 1, 2, 2, 3, 3];
  return {
    number: 2, seed: 1, classNames: ["a", "b", "c", "d"], support: labels.map(() => frames(spec, rng)), supportLabels: labels,
    presentation: [5, 0, 7, 2, 1, 4, 3, 6], query: [0, 1, 2, 3].map(() => frames(spec, rng)), queryLabels: [0, 1, 2, 3],
    supportRecordings: [], queryRecordings: [],
  };
}

describe.each(["chip", "authors-chip"] as const)("the program of form %s", (form) => {
  const spec = specOf(form);
  const masters = parametersOf(spec);
  const quantized = quantizeNetwork(spec, masters);
  const { image } = compileNetwork(quantized, geometry);
  const chips: Chip[] = [];
  afterAll(() => Promise.all(chips.map((chip) => chip.dispose())));
  const load = async (program: "typed" | "x86"): Promise<Chip> => {
    const chip = await loadChip(image, { seed: 7, program });
    chips.push(chip);
    return chip;
  };
  const rng = new Rng(21, 0x30000);
  const [a, b, c] = [frames(spec, rng), frames(spec, rng), frames(spec, rng)];
  /** [output] weights of one output. */
  const row = ({ weights }: PresentationTrace, output: number): number[] =>
    [...weights.subarray((output * weights.length) / WAYS, ((output + 1) * weights.length) / WAYS)];

  it("learns four ways from two shots as the engine does, typed and as machine code", async () => {
    expect(image.embedded.form).toBe(form);
    expect(image.embedded.elf.length).toBeGreaterThan(0);
    const engine = createReferenceEngine(spec);
    engine.setParameters(masters, quantized);
    const task = taskOf(spec);
    for (const program of ["typed", "x86"] as const) {
      const result = await checkTask(engine, image, task, await replayTask(image, task, { program }));
      expect(result.differences).toBe(0);
      expect(result.compared.weights).toBeGreaterThan(1000);
    }
  }, 60_000);

  it.each(["typed", "x86"] as const)("learns where the message says so, and only there (%s)", async (program) => {
    const chip = await load(program);
    const before = [...chip.plasticWeights()];
    const neutral = form === "chip" ? 64 : 20;
    const asked = await chip.present(a, { learn: false, label: 1 });
    expect([...asked.weights]).toEqual(before);
    expect(new Set(asked.y1)).toEqual(new Set([neutral]));
    const lesson = await chip.present(a, { learn: true, label: 1 });
    expect([...lesson.weights]).not.toEqual(before);
    expect(new Set(lesson.y1).size).toBeGreaterThan(1);
  });

  it.each(["typed", "x86"] as const)("adds new classes one after another and leaves the other outputs alone (%s)", async (program) => {
    const chip = await load(program);
    const only = (...outputs: number[]): Uint8Array => Uint8Array.from({ length: WAYS }, (_, i) => Number(outputs.includes(i)));
    const first = await chip.present(a, { learn: true, label: 0, assigned: only(0) });
    const second = await chip.present(b, { learn: true, label: 2, assigned: only(2) });
    const third = await chip.present(c, { learn: true, label: 3, assigned: only(3) });
    // Each lesson moves its own row and no other: of classes learned before, and of outputs that are free.
    expect(row(second, 2)).not.toEqual(row(first, 2));
    for (const other of [0, 1, 3]) expect(row(second, other)).toEqual(row(first, other));
    expect(row(third, 3)).not.toEqual(row(second, 3));
    for (const other of [0, 1, 2]) expect(row(third, other)).toEqual(row(second, other));
    // A free output is never the answer.
    const answer = await chip.present(b, { learn: false, label: -1, assigned: only(0, 2, 3) });
    expect([0, 2, 3]).toContain(answer.decision);
  });

  it.each(["typed", "x86"] as const)("clears the chip between samples: an answer does not depend on the one before (%s)", async (program) => {
    const chip = await load(program);
    const ask = (sample: SpikeTensor): Promise<PresentationTrace> => chip.present(sample, { learn: false, label: -1 });
    const [fresh, , again] = [await ask(a), await ask(b), await ask(a)];
    expect(again).toEqual(fresh);
    expect(fresh.spikes[0].step.length).toBeGreaterThan(50);
  });

  it("leaves the same trace of every presentation, typed and as machine code", async () => {
    const traces = async (program: "typed" | "x86"): Promise<PresentationTrace[]> => {
      const chip = await load(program);
      const out: PresentationTrace[] = [];
      for (const [k, sample] of [a, b, c, a].entries()) out.push(await chip.present(sample, { learn: k < 3, label: k < 3 ? k : -1 }));
      return out;
    };
    expect(await traces("x86")).toEqual(await traces("typed"));
  });
});
