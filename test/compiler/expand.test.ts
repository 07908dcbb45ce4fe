import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareWithModel } from "../../compiler/compare.js";
import { forEachDelivery } from "../../compiler/expand.js";
import { compileNetwork } from "../../compiler/pipeline.js";
import { arrange, compartmentsOf } from "../../compiler/geometry.js";
import type { Box, Layout, LoweredNetwork, PartitionedNetwork, Piece } from "../../compiler/ir.js";
import { allocate } from "../../compiler/passes/allocate.js";
import { emit } from "../../compiler/passes/emit.js";
import { lowerPlasticity } from "../../compiler/passes/lower-plasticity.js";
import { place } from "../../compiler/passes/place.js";
import { route } from "../../compiler/passes/route.js";
import { verifyIntegers } from "../../compiler/passes/verify-integers.js";
import { gridBoxes } from "../../compiler/search/grid.js";
import { offsetsAgree } from "../../compiler/search/merge.js";
import { Diagnostics } from "../../src/base/errors.js";
import type { ChipImage } from "../../hw/image.js";
import { networkShapes, sizeOf } from "../../src/model/shapes.js";
import type { LayerSpec, NetworkSpec, WeightPrecision } from "../../src/model/types.js";
import { conv, dense, geometry, network, neuron, pool, quantized } from "./networks.js";

const precision = fc.oneof(
  fc.record({
    bits: fc.integer({ min: 2, max: 8 }),
    signMode: fc.constant("mixed" as const),
    wgtExp: fc.integer({ min: -1, max: 2 }),
  }),
  fc.record({
    bits: fc.integer({ min: 1, max: 8 }),
    signMode: fc.constantFrom("excitatory" as const, "inhibitory" as const),
    wgtExp: fc.integer({ min: 0, max: 2 }),
  }),
);

const convolution = (index: number) =>
  fc
    .record({
      kernel: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
      stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      padding: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
      groups: fc.constantFrom(1, 1, 2),
      perGroup: fc.integer({ min: 1, max: 6 }),
      weight: precision,
      decayU: fc.constantFrom(0, 1, 1024, 4096),
      decayV: fc.constantFrom(0, 410, 4096),
      refractory: fc.integer({ min: 1, max: 5 }),
    })
    .map(({ groups, perGroup, weight, decayU, decayV, refractory, ...shape }) =>
      conv(`conv${index}`, groups * perGroup, 1, 1, 0, {
        ...shape,
        groups,
        weight: bitsFit(weight),
        loihi: { ...neuron, decayU, decayV, refractory },
      }),
    );

/** Exponents that lose no bits of the mantissa. */
const bitsFit = (weight: WeightPrecision): WeightPrecision => ({
  ...weight,
  wgtExp:
    weight.bits >= 8 && weight.wgtExp < -1
      ? -1
      : weight.signMode === "mixed" || weight.bits < 8
        ? weight.wgtExp
        : Math.max(0, weight.wgtExp),
});

const layers = fc
  .tuple(
    fc.oneof(convolution(1), fc.constant(pool("pool1"))),
    fc.option(fc.oneof(convolution(2), fc.constant(pool("pool2")))),
    fc.boolean(),
    fc.integer({ min: 1, max: 9 }),
    fc.constantFrom(2, 3, 4, 5, 6, 8),
  )
  .map(([first, second, plastic, outputs, bits]): { list: LayerSpec[]; plastic: boolean } => ({
    list: [
      first,
      ...(second ? [second] : []),
      dense("out", outputs, { weight: { bits, signMode: "mixed", wgtExp: 0 } }),
    ],
    plastic,
  }));

/** Small networks: odd sizes, any stride and padding, groups, pools, all precisions. */
const specs = fc
  .record({
    shape: fc.tuple(fc.constantFrom(2, 4), fc.integer({ min: 3, max: 13 }), fc.integer({ min: 3, max: 13 })),
    body: layers,
  })
  .map(({ shape, body }): NetworkSpec => {
    const base = network("random", shape, body.list);
    return body.plastic ? base : { ...base, soel: null };
  })
  .filter((spec) => {
    const shapes = networkShapes(spec);
    const even = spec.layers.every((layer, k) => layer.kind !== "conv" || shapes[k][0] % layer.groups === 0);
    return even && shapes.every((shape) => shape.every((size) => size >= 1));
  });

interface Choice {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly inner: "x" | "y";
  readonly group: number;
  readonly padInner: number;
  readonly padOuter: number;
  readonly together: boolean;
}

/** A partition that no search would make: any grid and layout that fits compartments, neighbors sharing cores. */
function cutAtWill(
  lowered: LoweredNetwork,
  choices: readonly Choice[],
): Pick<PartitionedNetwork, "pieces" | "cores"> {
  const pieces: Piece[] = [];
  const cores: { pieces: number[]; region: number }[] = [];
  let free = 0;
  lowered.layers.forEach((layer, index) => {
    const choice = choices[index % choices.length];
    const learning = layer.projections.some((projection) => projection.learning);
    const [c, h, w] = layer.shape;
    const region: Box = { c0: 0, c1: c, y0: 0, y1: h, x0: 0, x1: w };
    for (const box of gridBoxes(
      region,
      Math.min(c, choice.channels),
      Math.min(h, choice.rows),
      Math.min(w, choice.columns),
    )) {
      const divisors = Array.from({ length: box.c1 - box.c0 }, (_, k) => k + 1).filter(
        (g) => (box.c1 - box.c0) % g === 0,
      );
      const wanted: Layout = {
        group: divisors[choice.group % divisors.length],
        inner: choice.inner,
        padInner: learning ? 0 : choice.padInner,
        padOuter: learning ? 0 : choice.padOuter,
      };
      const layout =
        compartmentsOf(arrange(box, wanted)) <= 500 ? wanted : { ...wanted, padInner: 0, padOuter: 0 };
      const size = compartmentsOf(arrange(box, layout));
      const share =
        choice.together &&
        !learning &&
        size <= free &&
        offsetsAgree([layer, ...(cores.at(-1)?.pieces.map((p) => lowered.layers[pieces[p].layer]) ?? [])]);
      pieces.push({ layer: index, box, layout, region: 0 });
      if (share) cores.at(-1)!.pieces.push(pieces.length - 1);
      else cores.push({ pieces: [pieces.length - 1], region: 0 });
      free = (share ? free : 1024) - size;
      if (learning) free = 0;
    }
  });
  return { pieces, cores };
}

describe("expansion of an image", () => {
  it("gives the model back for random small networks", () => {
    fc.assert(
      fc.property(specs, fc.integer({ min: 1, max: 1000 }), (spec, seed) => {
        const model = quantized(spec, seed);
        const { image } = compileNetwork(model, geometry);
        const result = compareWithModel(image, model);
        expect(result.examples).toEqual([]);
        expect(result.neurons).toBe(
          networkShapes(spec)
            .slice(1)
            .reduce((sum, shape) => sum + sizeOf(shape), 0),
        );
      }),
      { numRuns: 150, seed: 7 },
    );
  }, 60_000);

  it("gives the model back however layers are cut, addressed and padded", () => {
    const choice = fc.record({
      rows: fc.integer({ min: 1, max: 3 }),
      columns: fc.integer({ min: 1, max: 3 }),
      channels: fc.integer({ min: 1, max: 3 }),
      inner: fc.constantFrom("x" as const, "y" as const),
      group: fc.nat({ max: 5 }),
      padInner: fc.nat({ max: 4 }),
      padOuter: fc.nat({ max: 4 }),
      together: fc.boolean(),
    });
    let padding = 0;
    fc.assert(
      fc.property(specs, fc.array(choice, { minLength: 3, maxLength: 3 }), (spec, choices) => {
        const model = quantized(spec, 3);
        const diagnostics = new Diagnostics();
        const lowered = lowerPlasticity(verifyIntegers(model, diagnostics));
        const placed = place({ ...lowered, ...cutAtWill(lowered, choices), chips: 1, synapseMargin: 1 });
        const image = emit(allocate(route(placed, diagnostics), diagnostics), geometry, {
          name: "x",
          board: "kapoho-bay",
          chipSeed: 1,
        });
        const result = compareWithModel(image, model);
        padding += result.paddingSynapses;
        expect(result.examples).toEqual([]);
      }),
      { numRuns: 150, seed: 11 },
    );
    expect(padding).toBeGreaterThan(0);
  }, 60_000);

  const spec = network("small", [2, 6, 7], [conv("c1", 4, 3, 1, 1), pool("p1"), dense("out", 3)]);
  const model = quantized(spec);
  const { image } = compileNetwork(model, geometry);
  /** The image with one core changed. */
  const altered = (core: number, change: Partial<ChipImage["cores"][number]>): ChipImage => ({
    ...image,
    cores: image.cores.map((c, k) => (k === core ? { ...c, ...change } : c)),
  });
  const differs = (other: ChipImage): number => compareWithModel(other, model).differences;

  it("counts the synapses that the convolution formula has", () => {
    let count = 0;
    forEachDelivery(image, ({ sourceLayer, list }) => {
      if (sourceLayer === -1) count += list.target.length;
    });
    // 3×3, stride 1, padding 1 on 6×7: rows 3·6−2, columns 3·7−2; 2 channels to 4.
    expect(count - compareWithModel(image, model).paddingSynapses).toBe((3 * 6 - 2) * (3 * 7 - 2) * 2 * 4);
  });

  it("finds one flipped weight bit", () => {
    const synapseMemory = image.cores[0].synapseMemory.slice();
    synapseMemory[3] ^= 0x10;
    expect(differs(altered(0, { synapseMemory }))).toBeGreaterThan(0);
  });

  it("finds an axon that is gone, one that is there twice, and one that points elsewhere", () => {
    const { outputAxons } = image.cores[0];
    expect(differs(altered(0, { outputAxons: outputAxons.slice(1) }))).toBeGreaterThan(0);
    expect(differs(altered(0, { outputAxons: [outputAxons[0], ...outputAxons] }))).toBeGreaterThan(0);
    const swapped = [
      { ...outputAxons[0], axon: outputAxons[outputAxons.length - 1].axon },
      ...outputAxons.slice(1),
    ];
    expect(differs(altered(0, { outputAxons: swapped }))).toBeGreaterThan(0);
  });

  it("finds a wrong bias, threshold or decay", () => {
    const compartments = image.cores[0].compartments.slice();
    compartments[0] ^= 1;
    expect(differs(altered(0, { compartments }))).toBe(1);
    const vthProfiles = image.cores[0].vthProfiles.map((vth) => vth + 1);
    expect(differs(altered(0, { vthProfiles }))).toBeGreaterThan(0);
    expect(differs(altered(0, { dsOffset: image.cores[0].dsOffset === 0 ? 1 : 0 }))).toBeGreaterThan(0);
  });

  it("finds a wrong logical input of a plastic axon", () => {
    const k = image.cores.findIndex((core) => core.learning !== null);
    const inputAxons = image.cores[k].inputAxons.map((axon, j) =>
      j === 0 ? { ...axon, logicalInput: 1 } : axon,
    );
    expect(differs(altered(k, { inputAxons }))).toBe(3);
  });
});
