import { describe, expect, it } from "vitest";
import { quantizeTensors } from "../../src/engines/grid-quantizer.js";
import { randomCase } from "./reference/random-networks.js";

const { spec } = randomCase(3, { neuronModel: "srm", mode: "counts" });
const name = "dense.weight";
const quantized = (values: number[], quantizer: Parameters<typeof quantizeTensors>[2], step = 0) => {
  const tensors = Object.fromEntries(
    spec.layers
      .filter(({ kind }) => kind !== "pool")
      .flatMap((layer) => ["weight", "bias"].map((part) => [`${layer.name}.${part}`, Float64Array.of(0)])),
  );
  const { tensors: out, open } = quantizeTensors(
    spec,
    { ...tensors, [name]: Float64Array.from(values) },
    quantizer,
    7,
    step,
  );
  return { values: [...out[name]], open: [...open[name]] };
};

describe("grids of the quantizers", () => {
  // Expected values: design §5, the authors' code and eq. 7 of the paper.
  it("paper: steps and limits of the authors' code, gradient zero where clamped", () => {
    const nearest = (bits: number) => ({ grid: "paper", bits, rounding: "nearest" }) as const;
    expect(quantized([0.9999, -1.2, 0.003, -1, 0.9921875], nearest(8))).toEqual({
      values: [0.9921875, -1, 0, -1, 0.9921875],
      open: [0, 0, 1, 1, 1],
    });
    expect(quantized([0.06, 0.07, -2], nearest(4)).values).toEqual([0, 0.125, -0.875]);
    expect(quantized([1.3, 9], nearest(3)).values).toEqual([1.5, 1.5]);
    expect(quantized([0.3, -0.9], nearest(2)).values).toEqual([0.5, -0.5]);
    expect(quantized([2 ** -16 * 3], nearest(16)).values).toEqual([2 ** -14]);
  });

  it("symmetric: 2^b levels 2k/(2^b−1) − 1, ends included", () => {
    for (const bits of [1, 2, 5]) {
      const levels = Array.from({ length: 2 ** bits }, (_, k) => (2 * k) / (2 ** bits - 1) - 1);
      const { values, open } = quantized([...levels, 4.9, -5], {
        grid: "symmetric",
        bits,
        rounding: "nearest",
      });
      for (const [k, level] of levels.entries()) expect(values[k]).toBeCloseTo(level, 14);
      expect(values.slice(-2)).toEqual([1, -1]);
      expect(open).toEqual([...levels.map(() => 1), 0, 0]);
    }
  });

  it("chip: mixed-sign mantissas in units of the layer's threshold", () => {
    const dense = spec.layers[spec.layers.length - 1];
    const vthMant = dense.kind === "dense" ? dense.loihi.vthMant : 0;
    const { values, open } = quantized([300 / vthMant, -300 / vthMant, 13 / vthMant], {
      grid: "chip",
      bits: 6,
      rounding: "nearest",
    });
    expect(values.map((v) => Math.round(v * vthMant * 1e6) / 1e6)).toEqual([248, -256, 16]);
    expect(open).toEqual([0, 0, 1]);
  });

  it("stochastic rounding goes to either neighbor, on average to the value itself, and differs between inner steps", () => {
    const values = new Array<number>(4000).fill(0.03);
    const quantizer = { grid: "paper", bits: 4, rounding: "stochastic" } as const;
    const { values: out } = quantized(values, quantizer);
    expect([...new Set(out)].sort()).toEqual([0, 0.125]);
    // Standard error .125·√(.24·.76/4000) = 8.4e-4; five of them.
    expect(Math.abs(out.reduce((a, b) => a + b, 0) / out.length - 0.03)).toBeLessThan(4.2e-3);
    expect(quantized(values, quantizer).values).toEqual(out);
    expect(quantized(values, quantizer, 1).values).not.toEqual(out);
  });

  it("refuses a number of bits that the paper's grid does not have (E-ENG-014)", () => {
    expect(() => quantized([0], { grid: "paper", bits: 5, rounding: "nearest" })).toThrow(/E-ENG-014/);
  });
});
