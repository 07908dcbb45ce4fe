import { describe, expect, it } from "vitest";
import { compileNetwork, type CompileOptions } from "../../compiler/pipeline.js";
import { compareWithModel } from "../../compiler/compare.js";
import { allocate } from "../../compiler/passes/allocate.js";
import { emit } from "../../compiler/passes/emit.js";
import { lowerPlasticity } from "../../compiler/passes/lower-plasticity.js";
import { partition } from "../../compiler/passes/partition.js";
import { place } from "../../compiler/passes/place.js";
import { route } from "../../compiler/passes/route.js";
import { verifyIntegers } from "../../compiler/passes/verify-integers.js";
import { verifyImage } from "../../compiler/verifiers/image.js";
import { Diagnostics } from "../../src/base/errors.js";
import { Rng } from "../../src/base/rng.js";
import { createReferenceEngine } from "../../src/engines/reference/reference-engine.js";
import type { SpikeTensor } from "../../src/events/types.js";
import { quantizeNetwork } from "../../src/model/quantize.js";
import { parameterShapes } from "../../src/model/shapes.js";
import type { NetworkSpec } from "../../src/model/types.js";
import { checkTask } from "../../src/parity/check-task.js";
import { replayTask } from "../../src/replay/replay-task.js";
import type { Task } from "../../src/tasks/types.js";
import { conv, dense, geometry, network, neuron, pool, soel } from "./networks.js";

/** Random frames, 8 % of pixels a step. */
function frames(spec: NetworkSpec, rng: Rng): SpikeTensor {
  const { polarities, height, width } = spec.input;
  const rowStart = new Uint32Array(spec.steps + 1);
  const channel: number[] = [];
  for (let t = 0; t < spec.steps; t++) {
    for (let c = 0; c < polarities * height * width; c++) if (rng.uniform() < 0.08) channel.push(c);
    rowStart[t + 1] = channel.length;
  }
  return {
    shape: [spec.steps, polarities, height, width],
    rowStart,
    channel: Uint16Array.from(channel),
    count: new Uint8Array(channel.length).fill(1),
    timestepUs: 1000,
  };
}

function task(spec: NetworkSpec): Task {
  const rng = new Rng(9, 0x30000);
  const sample = (): SpikeTensor => frames(spec, rng);
  return {
    number: 3,
    seed: 1,
    classNames: ["a", "b", "c"],
    support: [sample(), sample(), sample()],
    supportLabels: [0, 1, 2],
    presentation: [2, 0, 1],
    query: [sample(), sample()],
    queryLabels: [0, 2],
    supportRecordings: [],
    queryRecordings: [],
  };
}

/** Masters of a size that makes neurons fire. */
function masters(spec: NetworkSpec): Record<string, Float32Array> {
  const rng = new Rng(4, 0x20000);
  const out = Object.fromEntries(
    parameterShapes(spec).map(({ name, shape }) => [
      name,
      Float32Array.from(
        { length: shape.reduce((a, b) => a * b, 1) },
        () => 0.4 * rng.normal() * (name.endsWith("bias") ? 0.1 : 1),
      ),
    ]),
  );
  out.hi = Float32Array.of(14);
  out.lo = Float32Array.of(0);
  out.theta = Float32Array.of(1);
  out.rho = Float32Array.of(1 / 16);
  return out;
}

/** Leaves every fifth weight of the first layer and every 67th of the second. */
function thinOut(parameters: Record<string, Float32Array>): void {
  for (const [name, every] of [["c1.weight", 5], ["c2.weight", 67]] as const)
    parameters[name].forEach((w, k, all) => {
      all[k] = k % every === 0 ? 4 * w : 0;
    });
}

const input = [2, 9, 11] as const;
const quick = { steps: 24, soel: { ...soel, windowSteps: 8 } };

/** Compiled, simulated and held against the float64 engine: spike for spike, weight for weight. */
describe("an image on the simulated chip does what the reference engine says", () => {
  it.each<[string, NetworkSpec, CompileOptions]>([
    [
      "strided convolutions",
      network("strided", input, [conv("c1", 6, 5, 2, 2), conv("c2", 8, 3, 2, 1), dense("out", 3)], quick),
      {},
    ],
    [
      "pools on a shared core",
      network(
        "pools",
        input,
        [conv("c1", 6, 3, 1, 1), pool("p1"), conv("c2", 5, 3, 1, 1), pool("p2"), dense("out", 3)],
        quick,
      ),
      {},
    ],
    [
      "groups, refractory neurons and biases of their own",
      network(
        "groups",
        input,
        [
          conv("c1", 6, 3, 1, 0, { groups: 2, loihi: { ...neuron, refractory: 3 } }),
          conv("c2", 6, 3, 2, 1, { groups: 3, loihi: { ...neuron, decayU: 4096, decayV: 0 } }),
          dense("out", 3),
        ],
        quick,
      ),
      {},
    ],
    [
      "the authors' rule on x1 and x2",
      network("authors", input, [conv("c1", 6, 5, 2, 2), dense("out", 3)], {
        steps: 24,
        soel: { ...soel, form: "authors-chip", windowSteps: 8 },
      }),
      {},
    ],
    [
      "4-bit plastic weights, counted input and two passes",
      network(
        "counts",
        input,
        [conv("c1", 6, 5, 2, 2), dense("out", 3, { weight: { bits: 4, signMode: "mixed", wgtExp: 0 } })],
        {
          steps: 24,
          soel: { ...soel, windowSteps: 8, passes: 2 },
          input: { polarities: 2, height: 9, width: 11, mode: "counts" },
        },
      ),
      {},
    ],
    [
      "padding compartments on several cores",
      network(
        "padded",
        [2, 16, 32],
        [conv("c1", 8, 4, 4), conv("c2", 64, 5, 1, 2), pool("p2"), dense("out", 3)],
        { ...quick, steps: 12 },
      ),
      { synapseMargin: 0.08 },
    ],
    [
      "sparse and run-length lists of a pruned network",
      network(
        "pruned",
        input,
        [conv("c1", 12, 5, 1, 2, { loihi: { ...neuron, vthMant: 128 } }), pool("p1"), conv("c2", 10, 5, 1, 2, { loihi: { ...neuron, vthMant: 128 } }), dense("out", 3)],
        quick,
      ),
      {},
    ],
  ])(
    "%s",
    async (_, spec, options) => {
      const parameters = masters(spec);
      if (spec.name === "pruned") thinOut(parameters);
      const quantized = quantizeNetwork(spec, parameters);
      const { image } = compileNetwork(quantized, geometry, options);
      if (spec.name === "padded")
        expect(image.symbols.some((symbol) => symbol.neurons.includes(-1))).toBe(true);
      if (spec.name === "pruned") {
        const kinds = image.cores.flatMap((core) => core.synapseFormats.map((format) => format.compression));
        expect([...new Set(kinds)].sort()).toEqual(["dense", "runlength", "sparse"]);
      }
      const engine = createReferenceEngine(spec);
      engine.setParameters(parameters, quantized);
      const work = task(spec);
      const result = await checkTask(engine, image, work, await replayTask(image, work));
      expect(result.differences).toBe(0);
      expect(result.compared.spikes).toBeGreaterThan(100);
    },
    60_000,
  );

  it("cut onto two chips", async () => {
    const spec = network(
      "cut",
      input,
      [conv("c1", 6, 3, 1, 1), pool("p1"), conv("c2", 5, 3, 1, 1), dense("out", 3)],
      quick,
    );
    const parameters = masters(spec);
    const quantized = quantizeNetwork(spec, parameters);
    const diagnostics = new Diagnostics();
    const whole = partition(
      lowerPlasticity(verifyIntegers(quantized, diagnostics)),
      { board: undefined, synapseMargin: 1 },
      diagnostics,
    );
    const pieces = whole.pieces.map((piece) => ({ ...piece, region: piece.layer % 2 }));
    const cores = pieces.map(({ region }, k) => ({ pieces: [k], region }));
    const routed = route(place({ ...whole, pieces, cores, chips: 2 }), diagnostics);
    const image = emit(allocate(routed, diagnostics), geometry, {
      name: "cut",
      board: "kapoho-bay",
      chipSeed: 1,
    });
    expect(image.cores.map((core) => core.chip)).toEqual([0, 1, 0, 1]);
    verifyImage(image);
    expect(compareWithModel(image, quantized).differences).toBe(0);
    const engine = createReferenceEngine(spec);
    engine.setParameters(parameters, quantized);
    const work = task(spec);
    expect((await checkTask(engine, image, work, await replayTask(image, work))).differences).toBe(0);
  }, 60_000);
});
