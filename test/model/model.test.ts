import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../src/base/errors.js";
import { decodeCheckpoint, encodeCheckpoint, freshCheckpoint } from "../../src/model/checkpoint.js";
import { PRESETS, demoNetwork } from "../../src/model/presets.js";
import { mantissaRange, POSITIVE_RATES, quantizeBias, quantizeRate, quantizeWeight, roundHalfEven } from "../../src/model/quantize.js";
import { parameterShapes, presentationSteps } from "../../src/model/shapes.js";
import { unitWeights } from "../../src/model/start-weights.js";
import { hasShared, readShared } from "../support/shared.js";

const scalars = ["hi", "lo", "theta", "rho"];
const parameters = (preset: string): number => parameterShapes(PRESETS[preset].network)
  .filter(({ name }) => !scalars.includes(name)).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

describe("networks of the paper", () => {
  it("have the paper's numbers of parameters, and S 108 on double N-MNIST", () => {
    expect(parameters("double-nmnist")).toBe(262_949);
    expect(parameters("n-omniglot")).toBe(265_509);
    expect(parameters("double-asl-dvs-srm")).toBe(277_029);
    expect(parameters("demo")).toBe(26_517);
    expect(presentationSteps(PRESETS["double-nmnist"].network)).toBe(108);
  });
});

describe("quantization", () => {
  it.skipIf(!hasShared)("gives the mantissas and biases of golden/maml_loihi_soel_small.json", () => {
    interface Golden {
      layers: { name: string; kind: string; bits: number; wgtExp: number; vthMant: number; biasExp: number }[];
      masters: Record<string, number[]>;
      mantissas: Record<string, number[]>;
    }
    const golden = readShared<Golden>("golden/maml_loihi_soel_small.json");
    for (const layer of golden.layers.filter((l) => l.kind !== "pool")) {
      const precision = { bits: layer.bits, signMode: "mixed" as const, wgtExp: layer.wgtExp };
      expect(golden.masters[`${layer.name}.weight`].map((w) => quantizeWeight(w, layer.vthMant, precision))).toEqual(golden.mantissas[`${layer.name}.weight`]);
      expect(golden.masters[`${layer.name}.bias`].map((b) => quantizeBias(b, layer.vthMant, layer.biasExp) * 2 ** layer.biasExp))
        .toEqual(golden.mantissas[`${layer.name}.bias`]);
    }
  });

  it("stays on the grid and inside its limits, nearest or stochastic", () => {
    fc.assert(fc.property(fc.double({ min: -3, max: 3, noNaN: true }), fc.integer({ min: 1, max: 8 }), fc.constantFrom("mixed", "excitatory", "inhibitory"),
      fc.option(fc.double({ min: 0, max: 0.999, noNaN: true }), { nil: undefined }), (w, bits, signMode, uniform) => {
        const precision = { bits, signMode, wgtExp: 0 } as const;
        const m = quantizeWeight(w, 256, precision, uniform);
        const { min, max } = mantissaRange(precision);
        const step = 2 ** ((signMode === "mixed" ? 9 : 8) - bits);
        expect(m).toBeGreaterThanOrEqual(min);
        expect(m).toBeLessThanOrEqual(max);
        expect(Math.abs(m % step)).toBe(0);
        if (w * 256 > min && w * 256 < max) expect(Math.abs(m - w * 256)).toBeLessThan(uniform === undefined ? step / 2 + 1e-9 : step + 1e-9);
      }), { seed: 1, numRuns: 500 });
  });

  it("has 1-bit grids {0, 128} and {−128, 0}, as the design says", () => {
    expect(mantissaRange({ bits: 1, signMode: "excitatory", wgtExp: 0 })).toEqual({ min: 0, max: 128 });
    expect(mantissaRange({ bits: 1, signMode: "inhibitory", wgtExp: 0 })).toEqual({ min: -128, max: 0 });
  });

  it("rounds ties to even, and knows the 67 rates of the chip", () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5].map(roundHalfEven)).toEqual([0, 2, 2, 0, -2]);
    expect(POSITIVE_RATES).toHaveLength(67);
    expect(quantizeRate(0.33)).toEqual({ mant: 5, exp: -4 });
    expect(quantizeRate(1 / 16)).toEqual({ mant: 4, exp: -6 });
  });
});

describe("checkpoint file", () => {
  const spec = demoNetwork();
  const bytes = encodeCheckpoint(freshCheckpoint(spec, PRESETS.demo.geometry, unitWeights(spec, 1), {
    seed: 1, chipSeed: 2, config: "{}", data: "real", protocol: "B",
  }));

  it("gives back what was written, typed arrays as typed arrays", () => {
    const read = decodeCheckpoint(bytes, "a.mlh");
    expect(read.spec).toEqual(spec);
    expect(read.masters["conv1.weight"]).toBeInstanceOf(Float32Array);
    expect(read.masters).toEqual(unitWeights(spec, 1));
    expect(read.quantized.layers[0].mantissa).toBeInstanceOf(Int16Array);
  });

  it("is never half read: a cut or flipped file is a UserError that names it", () => {
    fc.assert(fc.property(fc.nat(bytes.length - 1), fc.nat(7), fc.boolean(), (at, bit, cut) => {
      const damaged = cut ? bytes.slice(0, at) : bytes.slice();
      if (!cut) damaged[at] ^= 1 << bit;
      try {
        decodeCheckpoint(damaged, "a.mlh");
        // Only a flip in the names of the parents, in the header, changes nothing that is read.
        expect(cut).toBe(false);
        expect(at).toBeLessThan(400);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as Error).message).toContain("a.mlh");
      }
    }), { seed: 2, numRuns: 300 });
  });
});
