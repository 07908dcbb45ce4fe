import { describe, expect, it } from "vitest";
import { coreUse } from "../../compiler/core-use.js";
import { compareWithModel } from "../../compiler/compare.js";
import { lowerPlasticity } from "../../compiler/passes/lower-plasticity.js";
import { partition } from "../../compiler/passes/partition.js";
import { trafficOf } from "../../compiler/passes/place.js";
import { verifyIntegers } from "../../compiler/passes/verify-integers.js";
import { compileNetwork } from "../../compiler/pipeline.js";
import { tileCost } from "../../compiler/search/tile.js";
import type { PartitionedNetwork } from "../../compiler/ir.js";
import { verifyPartitioned } from "../../compiler/verifiers/stages.js";
import { Diagnostics } from "../../src/base/errors.js";
import type { NetworkSpec } from "../../src/model/types.js";
import { conv, dense, geometry, network, paper, pool, quantized, withBits } from "./networks.js";

function partitioned(spec: NetworkSpec, synapseMargin: number): PartitionedNetwork {
  const diagnostics = new Diagnostics();
  const lowered = lowerPlasticity(verifyIntegers(quantized(spec), diagnostics));
  const result = partition(lowered, { board: undefined, synapseMargin }, diagnostics);
  verifyPartitioned(result);
  return result;
}

/** [layer] most words of a piece. */
const words = (network: PartitionedNetwork): number[] =>
  network.layers.map((layer, index) =>
    Math.max(
      ...network.pieces.filter((p) => p.layer === index).map((p) => tileCost(layer, p.box, p.layout).words),
    ),
  );

describe("partition of the paper's networks, against the paper-and-script study (reference/mapping.md)", () => {
  it("takes 38 cores for double N-MNIST at 8 bits, with the study's words for each convolution", () => {
    const result = partitioned(paper(16, 32), 1);
    expect(result.cores.length).toBe(38);
    const [conv1, , conv2, , conv3, , plastic] = words(result);
    expect({ conv1, conv2, conv3, plastic }).toEqual({
      conv1: 3772,
      conv2: 13_792,
      conv3: 13_056,
      plastic: 1024,
    });
  });

  it("takes at most 40 cores with no core above 80 % of its words", () => {
    expect(partitioned(paper(16, 32), 0.8).cores.length).toBeLessThanOrEqual(40);
  });

  it.each([
    [4, 38],
    [2, 37],
  ])("takes at most %i-bit's %i cores", (bits, cores) => {
    expect(partitioned(withBits(paper(16, 32), bits), 1).cores.length).toBeLessThanOrEqual(cores);
  });

  it("takes 62 cores for N-Omniglot, where the study's grids took 68: remainders share cores", () => {
    for (const margin of [1, 0.8]) {
      const { cores, pieces } = partitioned(paper(26, 34), margin);
      expect(cores.length).toBe(62);
      expect(pieces.length).toBeGreaterThan(62);
    }
  });

  it("cuts ASL in space onto two chips of at most 128 cores, little traffic crossing", () => {
    const result = partitioned(paper(30, 80, true), 0.8);
    expect(result.chips).toBe(2);
    const perChip = [0, 1].map((chip) => result.cores.filter((core) => core.region === chip).length);
    expect(Math.max(...perChip)).toBeLessThanOrEqual(128);
    let [inside, across] = [0, 0];
    trafficOf(result).forEach((row, from) => {
      row.forEach((messages, to) => {
        if (result.cores[from].region === result.cores[to].region) inside += messages;
        else across += messages;
      });
    });
    expect(across / (inside + across)).toBeLessThan(0.1);
  });
});

describe("a compiled image of the paper's network", () => {
  it("keeps every core at 80 % of its words and the model in its tables", () => {
    const model = quantized(paper(16, 32));
    const { image } = compileNetwork(model, geometry);
    expect(image.cores.length).toBeLessThanOrEqual(40);
    expect(Math.max(...image.cores.map((core) => coreUse(core).synapseWords))).toBeLessThanOrEqual(
      0.8 * 16_384,
    );
    expect(compareWithModel(image, model)).toMatchObject({ differences: 0, neurons: 35_845 });
  }, 60_000);
});

describe("cores", () => {
  it("hold compartments of several layers where they fit", () => {
    const result = partitioned(
      network("tiny", [2, 8, 8], [conv("c1", 4, 3, 1, 1), pool("p1"), conv("c2", 4, 3, 1, 1), dense("out", 3)]),
      0.8,
    );
    expect(result.cores.length).toBe(2);
    expect(result.cores[0].pieces.length).toBe(3);
  });

  it("hold nothing beside plastic synapses where those are", () => {
    const result = partitioned(network("tiny", [2, 8, 8], [conv("c1", 1, 3, 1, 1), dense("out", 3)]), 0.8);
    const plastic = result.cores.find((core) => core.pieces.some((p) => result.pieces[p].layer === 1))!;
    expect(plastic.pieces.length).toBe(1);
  });
});
