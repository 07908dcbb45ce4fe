import { describe, expect, it } from "vitest";
import { compileNetwork } from "../../compiler/pipeline.js";
import { emitEmbeddedProgram } from "../../hw/embedded/emit.js";
import { loadChip } from "../../sim/load.js";
import { SimulationError } from "../../sim/simulation-error.js";
import type { PresentationTrace } from "../../sim/trace.js";
import { Rng } from "../../src/base/rng.js";
import { mamlSoelCase, type MamlSoelFile } from "../../src/engines/cases/maml-soel-case.js";
import { WrapError } from "../../src/engines/wrap-error.js";
import { createReferenceEngine } from "../../src/engines/reference/reference-engine.js";
import type { SpikeTensor } from "../../src/events/types.js";
import { parameterShapes } from "../../src/model/shapes.js";
import type { NetworkSpec, Parameters, QuantizedNetwork } from "../../src/model/types.js";
import { checkTask } from "../../src/parity/check-task.js";
import { compareRecords } from "../../src/parity/compare-records.js";
import { replayTask } from "../../src/replay/replay-task.js";
import type { Task } from "../../src/tasks/types.js";
import { conv, dense, network, pool, quantized, soel } from "../compiler/networks.js";
import { hasShared, readShared } from "../support/shared.js";

const bits = (text: string): number[] => [...text].map(Number);

/** [S][neurons] of 0 and 1, as the golden file has rasters. */
function rasterOf({ step, neuron }: PresentationTrace["spikes"][number], steps: number, neurons: number): number[] {
  const out = new Array<number>(steps * neurons).fill(0);
  step.forEach((r, k) => { out[(r - 1) * neurons + neuron[k]] = 1; });
  return out;
}

// Outside witness: a PyTorch program and a second one in plain integers and numpy (golden/README.md).
describe.skipIf(!hasShared).each([["main", false], ["variant", true]] as const)("the compiled golden network on the simulated chip, %s", (_, variant) => {
  const file = readShared<MamlSoelFile>("golden/maml_loihi_soel_small.json");
  const { spec, masters, quantized: integers, task, chipSeed, expected } = mamlSoelCase(file, variant);
  const geometry = { sensor: { width: 10, height: 8 }, crop: { x: 0, y: 0, width: 10, height: 8 }, downsample: 1, compose: 1, timestepUs: 1000 };
  const { image } = compileNetwork(integers, geometry, { chipSeed });
  const run = (async () => {
    const chip = await loadChip(image, { seed: chipSeed });
    const traces: PresentationTrace[] = [];
    for (const k of task.presentation) traces.push(await chip.present(task.support[k], { learn: true, label: task.supportLabels[k] }));
    for (const query of task.query) traces.push(await chip.present(query, { learn: false, label: -1 }));
    await chip.dispose();
    return traces;
  })();

  it("fires every spike of every layer in the step the file says", async () => {
    const traces = await run;
    let rasters = 0;
    for (const [index, layer] of spec.layers.entries()) {
      for (const [sample, raster] of (expected.raster?.[layer.name] ?? []).entries()) {
        expect(rasterOf(traces[sample].spikes[index], file.S, raster.length / file.S)).toEqual(bits(raster));
        rasters++;
      }
    }
    expect(rasters).toBeGreaterThan(variant ? -1 : 20);
  });

  it("has the file's u, v, y1 and weights after each lesson, and its decisions", async () => {
    const traces = await run;
    expected.supportSteps.forEach((steps, k) => {
      if (steps.u) expect([...traces[k].u]).toEqual(steps.u);
      if (steps.v) expect([...traces[k].v]).toEqual(steps.v);
      expect([...traces[k].y1]).toEqual(steps.y1);
      expect([...traces[k].weights]).toEqual(steps.w);
    });
    const queries = traces.slice(task.presentation.length);
    expect(queries.flatMap((t) => [...t.outputSpikes])).toEqual(expected.N);
    expect(queries.map((t) => t.decision)).toEqual(expected.decisions);
  });

  it("agrees with the reference engine in every integer", async () => {
    const engine = createReferenceEngine(spec);
    engine.setParameters(masters, integers);
    const { presentations } = await engine.record(task, { outer: "maml", chipSeed, learn: true });
    const { differences, first, compared } = compareRecords(presentations, await run, spec.layers.map((l) => l.name), spec);
    expect(first).toBeNull();
    expect(differences).toBe(0);
    expect(compared.spikes).toBeGreaterThan(1000);
  });
});

const STEPS = 24;

function noise(rng: Rng, spec: NetworkSpec, share: number): SpikeTensor {
  const { polarities, height, width } = spec.input;
  const [channel, rowStart]: [number[], number[]] = [[], [0]];
  for (let step = 0; step < spec.steps; step++) {
    for (let c = 0; c < polarities * height * width; c++) if (rng.uniform() < share) channel.push(c);
    rowStart.push(channel.length);
  }
  return {
    shape: [spec.steps, polarities, height, width], timestepUs: 1000, rowStart: Uint32Array.from(rowStart),
    channel: Uint16Array.from(channel), count: new Uint8Array(channel.length).fill(1),
  };
}

function noiseTask(spec: NetworkSpec, seed: number, passes: number): Task {
  const rng = new Rng(seed, 0x20001);
  const ways = (spec.layers[spec.layers.length - 1] as { outputs: number }).outputs;
  const labels = Array.from({ length: ways }, (_, k) => k);
  return {
    number: seed, seed, classNames: labels.map(String), support: labels.map(() => noise(rng, spec, 0.1)), supportLabels: labels,
    presentation: Array.from({ length: passes }, () => rng.shuffled(labels)).flat(),
    query: labels.map(() => noise(rng, spec, 0.1)), queryLabels: labels, supportRecordings: [], queryRecordings: [],
  };
}

const input = [2, 8, 12] as const;
const small = (name: string, more: Partial<NetworkSpec> = {}): NetworkSpec =>
  network(name, input, [conv("conv1", 4, 3, 2, 1), conv("conv2", 6, 3, 1, 1), dense("out", 4)], { steps: STEPS, soel: { ...soel, windowSteps: 8 }, ...more });
const nets: readonly NetworkSpec[] = [
  small("strided"),
  network("pooled", input, [conv("conv1", 4, 3, 1, 1), pool("pool1"), conv("conv2", 4, 3, 1, 1), pool("pool2"), dense("out", 3)],
    { steps: STEPS, soel: { ...soel, windowSteps: 8 } }),
  small("trace runs on", { soel: { ...soel, windowSteps: 12, resetPreTrace: false } }),
  small("long epoch, strong rule", { soel: { ...soel, windowSteps: 16, epochExp: 3, gamma: 7, impulse: 60, rateMant: 7, rateExp: -2 } }),
  { ...small("4-bit plastic"), layers: [conv("conv1", 4, 3, 2, 1), dense("out", 4, { weight: { bits: 4, signMode: "mixed", wgtExp: 0 } })] },
];

/** Master weights that round to the integers: only their shape matters to a run of the integers. */
function mastersFor(spec: NetworkSpec, integers: QuantizedNetwork): Parameters {
  return Object.fromEntries(parameterShapes(spec).map(({ name, shape }) => {
    const [layer, kind] = name.split(".");
    const found = integers.layers.find((l) => l.name === layer);
    const layerSpec = spec.layers.find((l) => l.name === layer);
    if (!found || !layerSpec || layerSpec.kind === "pool") {
      const scalars: Record<string, number> = { hi: spec.soel?.hi ?? 0, lo: spec.soel?.lo ?? 0, theta: spec.soel?.theta ?? 1, rho: (spec.soel?.rateMant ?? 1) * 2 ** (spec.soel?.rateExp ?? 0) };
      return [name, Float32Array.of(scalars[name])];
    }
    const vth = layerSpec.loihi.vthMant;
    const values = kind === "weight" ? Float32Array.from(found.mantissa, (m) => m / vth) : Float32Array.from(found.biasMant, (m) => (m * 2 ** found.biasExp) / (vth * 64));
    return [name, values.subarray(0, shape.reduce((a, b) => a * b, 1))];
  }));
}

describe("trainer and chip, both loads of a task", () => {
  it.each(nets.map((spec) => [spec.name, spec] as const))("agree in every spike, potential, weight and answer: %s", async (_, spec) => {
    const integers = quantized(spec);
    const sensor = { width: input[2], height: input[1] };
    const { image } = compileNetwork(integers, { sensor, crop: { x: 0, y: 0, ...sensor }, downsample: 1, compose: 1, timestepUs: 1000 }, { chipSeed: 77 });
    const engine = createReferenceEngine(spec);
    engine.setParameters(mastersFor(spec, integers), integers);
    const task = noiseTask(spec, 3, 2);
    const replay = await replayTask(image, task);
    const result = await checkTask(engine, image, task, replay);
    expect(result.first).toBeNull();
    expect(result.differences).toBe(0);
    expect(result.compared.presentations).toBe(task.query.length * 2 + task.presentation.length);
    expect(result.compared.spikes).toBeGreaterThan(200);
    const start = replay.before?.traces[0].weights;
    expect(replay.after.traces[0].weights).not.toEqual(start);
  });

  it("agree as well where the chip runs the program's machine code on an emulated x86", async () => {
    const spec = nets[0];
    const integers = quantized(spec);
    const sensor = { width: input[2], height: input[1] };
    const compiled = compileNetwork(integers, { sensor, crop: { x: 0, y: 0, ...sensor }, downsample: 1, compose: 1, timestepUs: 1000 }, { chipSeed: 77 });
    const image = { ...compiled.image, embedded: emitEmbeddedProgram(compiled.image.embedded) };
    const engine = createReferenceEngine(spec);
    engine.setParameters(mastersFor(spec, integers), integers);
    const task = noiseTask(spec, 3, 1);
    const result = await checkTask(engine, image, task, await replayTask(image, task, { program: "x86" }));
    expect(result).toMatchObject({ first: null, differences: 0 });
    expect(result.compared.y1).toBeGreaterThan(0);
  });

  it("stop on the same overflow: quantity, layer and step", async () => {
    const loud = { weight: { bits: 8, signMode: "mixed", wgtExp: 5 } } as const;
    const spec = { ...nets[0], layers: [conv("conv1", 4, 3, 2, 1), conv("conv2", 6, 3, 1, 1, loud), dense("out", 4)] };
    const integers: QuantizedNetwork = (() => {
      const q = quantized(spec);
      return { ...q, layers: q.layers.map((l, k) => (k === 1 ? { ...l, mantissa: l.mantissa.map(() => 254) } : l)) };
    })();
    const sensor = { width: input[2], height: input[1] };
    const { image } = compileNetwork(integers, { sensor, crop: { x: 0, y: 0, ...sensor }, downsample: 1, compose: 1, timestepUs: 1000 }, { chipSeed: 77 });
    const engine = createReferenceEngine(spec);
    engine.setParameters(mastersFor(spec, integers), integers);
    const task = noiseTask(spec, 3, 1);
    const stopped = await engine.record(task, { outer: "maml", chipSeed: 1, learn: true }).catch((e) => e);
    expect(stopped).toBeInstanceOf(WrapError);
    const first = (stopped as WrapError).wraps.find((w) => w.presentation === 0);
    const chip = await loadChip(image, { seed: 1 });
    const shown = task.presentation[0];
    const error = await chip.present(task.support[shown], { learn: true, label: task.supportLabels[shown] }).catch((e) => e);
    expect(error).toBeInstanceOf(SimulationError);
    expect((error as SimulationError).place.step).toBe(first?.step);
    expect(first?.layer).toBe("conv2");
    expect((error as SimulationError).code).toBe({ q: "E-SIM-001", u: "E-SIM-002", "u+bias": "E-SIM-003" }[first?.quantity ?? "q"]);
  });

  it("do not agree where the chip runs other integers: the first difference is named", async () => {
    const spec = nets[0];
    const integers = quantized(spec);
    const other: QuantizedNetwork = { ...integers, layers: integers.layers.map((l, k) => (k === 0 ? { ...l, mantissa: l.mantissa.map((m) => -m) } : l)) };
    const sensor = { width: input[2], height: input[1] };
    const { image } = compileNetwork(other, { sensor, crop: { x: 0, y: 0, ...sensor }, downsample: 1, compose: 1, timestepUs: 1000 }, { chipSeed: 77 });
    const engine = createReferenceEngine(spec);
    engine.setParameters(mastersFor(spec, integers), integers);
    const task = noiseTask(spec, 3, 1);
    const { first, differences } = await checkTask(engine, image, task, await replayTask(image, task));
    expect(differences).toBeGreaterThan(0);
    expect(first).toMatchObject({ presentation: 0, layer: "conv1", quantity: "spike" });
  });
});
