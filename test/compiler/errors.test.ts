import { describe, expect, it } from "vitest";
import { allocate } from "../../compiler/passes/allocate.js";
import { lowerPlasticity } from "../../compiler/passes/lower-plasticity.js";
import { partition } from "../../compiler/passes/partition.js";
import { place } from "../../compiler/passes/place.js";
import { route } from "../../compiler/passes/route.js";
import { verifyIntegers } from "../../compiler/passes/verify-integers.js";
import type { Piece } from "../../compiler/ir.js";
import { compileNetwork, type CompileOptions } from "../../compiler/pipeline.js";
import { Diagnostics, UserError, type UserErrorDetail } from "../../src/base/errors.js";
import type {
  LayerSpec,
  LoihiNeuron,
  NetworkSpec,
  QuantizedNetwork,
  SoelSpec,
  WeightPrecision,
} from "../../src/model/types.js";
import { conv, dense, geometry, netB, network, neuron, paper, pool, quantized, soel } from "./networks.js";

/** All that compiling a network reports. */
function errorsOf(run: () => unknown): readonly UserErrorDetail[] {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.details;
    throw error;
  }
  return [];
}
const compileErrors = (model: QuantizedNetwork, options: CompileOptions = {}): readonly UserErrorDetail[] =>
  errorsOf(() => compileNetwork(model, geometry, options));
const codes = (model: QuantizedNetwork, options: CompileOptions = {}): string[] =>
  compileErrors(model, options).map((e) => e.code);

const input = [2, 8, 8] as const;
const small = (layer: LayerSpec, more: Partial<NetworkSpec> = {}): NetworkSpec =>
  network("small", input, [layer, dense("out", 3)], more);
const weights = (weight: Partial<WeightPrecision>): LayerSpec =>
  conv("c1", 4, 3, 1, 1, { weight: { bits: 8, signMode: "mixed", wgtExp: 0, ...weight } });
const plastic = (weight: Partial<WeightPrecision>): NetworkSpec =>
  network("small", input, [
    conv("c1", 4, 3, 1, 1),
    dense("out", 3, { weight: { bits: 8, signMode: "mixed", wgtExp: 0, ...weight } }),
  ]);
const withNeuron = (change: Partial<LoihiNeuron>): NetworkSpec =>
  small(conv("c1", 4, 3, 1, 1, { loihi: { ...neuron, ...change } }));
const withSoel = (change: Partial<SoelSpec>): NetworkSpec =>
  small(conv("c1", 4, 3, 1, 1), { soel: { ...soel, ...change } });

describe("what the compiler refuses", () => {
  it.each<[string, NetworkSpec, NetworkSpec]>([
    ["E-VERIFY-001", { ...netB, neuronModel: "srm" }, netB],
    [
      "E-VERIFY-002",
      small(conv("c1", 4, 3, 1, 1, { groups: 3 })),
      small(conv("c1", 4, 3, 1, 1, { groups: 2 })),
    ],
    ["E-VERIFY-003", small(conv("c1", 4, 9)), small(conv("c1", 4, 7))],
    ["E-VERIFY-008", small(weights({ bits: 9 })), small(weights({ bits: 8 }))],
    ["E-VERIFY-009", small(weights({ bits: 1 })), small(weights({ bits: 1, signMode: "excitatory" }))],
    ["E-VERIFY-010", plastic({ bits: 7 }), plastic({ bits: 6 })],
    ["E-VERIFY-011", plastic({ signMode: "excitatory" }), plastic({})],
    ["E-VERIFY-012", small(weights({ wgtExp: -2 })), small(weights({ wgtExp: -2, bits: 6 }))],
    ["E-VERIFY-007", withNeuron({ decayU: 4097 }), withNeuron({ decayU: 4096 })],
    ["E-VERIFY-007", withNeuron({ decayV: -1 }), withNeuron({ decayV: 0 })],
    ["E-VERIFY-007", withNeuron({ refractory: 0 }), withNeuron({ refractory: 1 })],
    ["E-VERIFY-007", withNeuron({ biasExp: 8 }), withNeuron({ biasExp: 7 })],
    ["E-VERIFY-007", withNeuron({ vthMant: 131_072 }), withNeuron({ vthMant: 131_071 })],
    [
      "E-VERIFY-013",
      network("small", input, [conv("c1", 4, 3, 1, 1)], { soel: null }),
      small(conv("c1", 4, 3, 1, 1), { soel: null }),
    ],
    [
      "E-VERIFY-014",
      network("big", [2, 32, 32], [conv("c1", 4, 3, 1, 1), dense("out", 3)]),
      network("big", [2, 32, 32], [conv("c1", 4, 3, 1, 1), pool("p1"), dense("out", 3)]),
    ],
    ["E-VERIFY-015", withSoel({ gamma: 8 }), withSoel({ gamma: 7 })],
    ["E-VERIFY-015", withSoel({ impulse: 128 }), withSoel({ impulse: 127 })],
    ["E-VERIFY-016", withSoel({ windowSteps: 18 }), withSoel({ windowSteps: 20 })],
  ])("%s, and its remedy works", (code, wrong, right) => {
    const details = compileErrors(quantized(wrong));
    expect(details.map((detail) => detail.code)).toContain(code);
    expect(details.every((detail) => detail.at && detail.found && detail.limit && detail.hint)).toBe(true);
    expect(compileErrors(quantized(right))).toEqual([]);
  });

  it("names a mantissa off the grid or out of range, and never rounds it", () => {
    const model = quantized(small(conv("c1", 4, 3, 1, 1)));
    model.layers[0].mantissa[5] = 3;
    model.layers[1].mantissa[7] = 256;
    expect(compileErrors(model)).toMatchObject([
      { code: "E-VERIFY-005", at: 'layer "c1", weight 5', found: "mantissa 3" },
      { code: "E-VERIFY-005", at: 'layer "out", weight 7', found: "mantissa 256" },
    ]);
  });

  it("reports several mistakes at once", () => {
    const model = quantized(
      small(conv("c1", 4, 3, 1, 1, { loihi: { ...neuron, decayU: 5000, refractory: 64 } })),
    );
    model.layers[1].biasMant[0] = 5000;
    expect(codes(model)).toEqual(["E-VERIFY-007", "E-VERIFY-007", "E-VERIFY-006"]);
  });

  it("takes the integers of as many layers as there are weights", () => {
    const model = quantized(small(conv("c1", 4, 3, 1, 1)));
    expect(codes({ ...model, layers: model.layers.slice(1) })).toEqual(["E-VERIFY-004"]);
    expect(codes({ ...model, soel: null })).toEqual(["E-VERIFY-017"]);
  });

  it("lets a decay of 0 and one of 4096 not share a core, but be in one network", () => {
    const layers = [conv("c1", 4, 3, 1, 1, { loihi: { ...neuron, decayU: 0 } }), pool("p1"), dense("out", 3)];
    const { image } = compileNetwork(quantized(network("two", input, layers)), geometry);
    expect(image.cores.map((core) => core.dsOffset).sort()).toEqual([0, 0, 1]);
  });
});

describe("what no core or board holds", () => {
  const wide = network("wide", [2, 100, 100], [dense("out", 3)], { soel: null });

  it("E-PART-001 names layer, resource, found and limit, and a remedy", () => {
    expect(compileErrors(quantized(wide))).toMatchObject([
      {
        code: "E-PART-001",
        at: 'layer "out"',
        limit: "13107 (80 % of 16384, hw/limits.ts)",
        hint: "a pool, or a larger stride, before this layer",
      },
    ]);
    expect(codes(quantized({ ...wide, layers: [pool("p"), ...wide.layers] }))).toEqual([]);
  });

  it("E-PART-001 offers a remedy that it tried", () => {
    const model = quantized(netB);
    expect(compileErrors(model, { synapseMargin: 0.03 })).toMatchObject([
      { code: "E-PART-001", at: 'layer "out"', hint: "a synapse margin of 1" },
    ]);
    expect(codes(model, { synapseMargin: 1 })).toEqual([]);
  });

  it("E-PART-002 names the board, what is needed, and a board that does", () => {
    const model = quantized(
      network("tall", [1, 128, 250], [conv("c1", 10, 1), pool("p1"), pool("p2"), pool("p3"), dense("out", 3)], {
        soel: null,
      }),
    );
    const [error] = compileErrors(model, { board: "kapoho-bay" });
    expect(error).toMatchObject({ code: "E-PART-002", at: 'network "tall"', hint: 'board "nahuku-8"' });
    const diagnostics = new Diagnostics();
    const lowered = lowerPlasticity(verifyIntegers(model, diagnostics));
    expect(
      partition(lowered, { board: "nahuku-8", synapseMargin: 0.8 }, diagnostics).chips,
    ).toBeLessThanOrEqual(8);
  }, 60_000);

  it("E-ALLOC-002 counts a discrete slot for every core that reads a layer; fewer bits need fewer cores", () => {
    const outputs = (bits: number): NetworkSpec =>
      network(
        "many",
        [2, 8, 8],
        [conv("c1", 16, 3, 1, 1), dense("out", 250, { weight: { bits, signMode: "mixed", wgtExp: 0 } })],
      );
    const options = { synapseMargin: 0.4 };
    expect(compileErrors(quantized(outputs(8)), options)).toMatchObject([
      { code: "E-ALLOC-002", at: 'layer "c1"', limit: "4096 (hw/limits.ts)" },
    ]);
    expect(codes(quantized(outputs(4)), options)).toEqual([]);
  });

  /** A conv of 20 channels cut into one piece a channel, read by a dense layer: no search would do that. */
  it("E-ALLOC-001 counts an input axon for every population that a core reads", () => {
    const model = quantized(network("cut", [1, 16, 32], [conv("c1", 20, 1), dense("out", 2)], { soel: null }));
    const diagnostics = new Diagnostics();
    const lowered = lowerPlasticity(verifyIntegers(model, diagnostics));
    const layout = { group: 1, inner: "x", padInner: 0, padOuter: 0 } as const;
    const pieces: Piece[] = Array.from({ length: 20 }, (_, c) => ({
      layer: 0,
      box: { c0: c, c1: c + 1, y0: 0, y1: 16, x0: 0, x1: 32 },
      layout,
      region: 0,
    }));
    pieces.push({ layer: 1, box: { c0: 0, c1: 2, y0: 0, y1: 1, x0: 0, x1: 1 }, layout, region: 0 });
    const cores = pieces.map((_, k) => ({ pieces: [k], region: 0 }));
    const routed = route(place({ ...lowered, pieces, cores, chips: 1, synapseMargin: 1 }), diagnostics);
    expect(errorsOf(() => allocate(routed, diagnostics))).toMatchObject([
      { code: "E-ALLOC-001", at: 'layer "out"', found: "10240 input axons on one core" },
    ]);
  });

  it("E-ROUTE-001 refuses a source that both a plastic and a static layer read", () => {
    const diagnostics = new Diagnostics();
    const model = quantized(
      network("both", [2, 4, 4], [conv("c1", 4, 3, 1, 1), conv("c2", 4, 1), dense("out", 2)]),
    );
    const lowered = lowerPlasticity(verifyIntegers(model, diagnostics));
    const [first, second, last] = lowered.layers;
    const residual = {
      ...lowered,
      layers: [first, second, { ...last, projections: [{ ...last.projections[0], source: 0 }] }],
    };
    const layout = { group: 1, inner: "x", padInner: 0, padOuter: 0 } as const;
    const pieces = residual.layers.map(({ shape: [c1, y1, x1] }, layer) => ({
      layer,
      box: { c0: 0, c1, y0: 0, y1, x0: 0, x1 },
      layout,
      region: 0,
    }));
    const placed = place({
      ...residual,
      pieces,
      cores: pieces.map((_, k) => ({ pieces: [k], region: 0 })),
      chips: 1,
      synapseMargin: 1,
    });
    expect(errorsOf(() => route(placed, diagnostics))).toMatchObject([
      { code: "E-ROUTE-001", at: 'layer "c1"' },
    ]);
  });

  it("W-ALLOC-001 warns where slots counted a compartment would not fit", () => {
    const diagnostics = new Diagnostics();
    const lowered = lowerPlasticity(verifyIntegers(quantized(paper(16, 32)), diagnostics));
    allocate(
      route(place(partition(lowered, { board: undefined, synapseMargin: 0.8 }, diagnostics)), diagnostics),
      diagnostics,
    );
    expect(diagnostics.warnings).toMatchObject([
      { code: "W-ALLOC-001", at: 'layer "pool1"' },
      { code: "W-ALLOC-001", at: 'layer "pool2"' },
    ]);
  });
});

describe("options", () => {
  const model = quantized(small(conv("c1", 4, 3, 1, 1)));
  it.each<[string, CompileOptions, string]>([
    ["E-COMPILE-001", { board: "nahuku-9" as never }, '"nahuku-8"'],
    ["E-COMPILE-002", { synapseMargin: 0 }, "0.8"],
    ["E-COMPILE-003", { chipSeed: -1 }, "1"],
  ])("%s", (code, options, hint) => {
    expect(compileErrors(model, options)).toMatchObject([{ code, hint }]);
  });
});
