import { describe, expect, it } from "vitest";
import type { ConvLayer, DenseLayer, LoihiNeuron, NetworkSpec, SrmNeuron, WeightPrecision } from "../../src/model/types.js";
import { sourcesOf } from "../../src/parity/context.js";

const loihi: LoihiNeuron = { decayU: 1024, decayV: 410, vthMant: 512, refractory: 1, biasExp: 6 };
const srm: SrmNeuron = { alpha: 0.95, beta: 0.9, alphaR: 0.65, wr: 1, gain: 1 };
const weight: WeightPrecision = { bits: 8, signMode: "mixed", wgtExp: 0 };
const conv: ConvLayer = {
  kind: "conv", name: "conv", outChannels: 4, kernel: [3, 3], stride: [2, 2], padding: [1, 1], groups: 2, weight, loihi, srm,
};
const dense: DenseLayer = { kind: "dense", name: "out", outputs: 2, weight, loihi, srm };
/** [2, 6, 8] – conv s2 p1, 2 groups → [4, 3, 4] – pool → [4, 1, 2] – dense 2 */
const spec: NetworkSpec = {
  name: "small", neuronModel: "loihi", input: { polarities: 2, height: 6, width: 8, mode: "binary" }, steps: 10,
  layers: [conv, { kind: "pool", name: "pool" }, dense], readout: { kappa: 0.5, lambda: 1 }, soel: null,
};

const list = (layer: number, neuron: number, sources: number): number[] => {
  const reaches = sourcesOf(spec, layer, neuron);
  return Array.from({ length: sources }, (_, k) => k).filter(reaches);
};

describe("sourcesOf", () => {
  it("gives the kernel's window in the neuron's own group, cut at the border", () => {
    // Neuron (c 0, y 0, x 0): rows −1…1, columns −1…1 of channel 0 → (0,0) (0,1) (1,0) (1,1).
    expect(list(0, 0, 96)).toEqual([0, 1, 8, 9]);
    // Neuron (c 3, y 1, x 2) is of group 1: rows 1…3, columns 3…5 of channel 1.
    expect(list(0, 3 * 12 + 1 * 4 + 2, 96)).toEqual([59, 60, 61, 67, 68, 69, 75, 76, 77]);
  });

  it("gives the 2×2 window of a pool, channel by channel", () => {
    // Pool neuron (c 1, y 0, x 1) of [4, 1, 2] reads (1, 0…1, 2…3) of [4, 3, 4].
    expect(list(1, 3, 48)).toEqual([14, 15, 18, 19]);
  });

  it("gives everything to a dense neuron", () => {
    expect(list(2, 1, 8)).toHaveLength(8);
  });
});
