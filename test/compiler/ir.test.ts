import { describe, expect, it } from "vitest";
import { forEachDelivery } from "../../compiler/expand.js";
import type { LoweredNetwork, Projection } from "../../compiler/ir.js";
import { allocate } from "../../compiler/passes/allocate.js";
import { emit } from "../../compiler/passes/emit.js";
import { lowerPlasticity } from "../../compiler/passes/lower-plasticity.js";
import { partition } from "../../compiler/passes/partition.js";
import { place } from "../../compiler/passes/place.js";
import { route } from "../../compiler/passes/route.js";
import { verifyIntegers } from "../../compiler/passes/verify-integers.js";
import { verifyImage } from "../../compiler/verifiers/image.js";
import { verifyMapped, verifyPartitioned, verifyRouted } from "../../compiler/verifiers/stages.js";
import type { ChipImage } from "../../hw/image.js";
import { loadChip } from "../../sim/load.js";
import { Diagnostics } from "../../src/base/errors.js";
import { conv, dense, geometry, network, quantized } from "./networks.js";

const lower = (layers: Parameters<typeof network>[2]): LoweredNetwork =>
  lowerPlasticity(
    verifyIntegers(quantized(network("ir", [2, 5, 6], layers, { soel: null, steps: 20 })), new Diagnostics()),
  );

/** All passes after lowering. */
function finish(lowered: LoweredNetwork): ChipImage {
  const diagnostics = new Diagnostics();
  const pieces = partition(lowered, { board: undefined, synapseMargin: 1 }, diagnostics);
  verifyPartitioned(pieces);
  const routed = route(place(pieces), diagnostics);
  verifyRouted(routed);
  const mapped = allocate(routed, diagnostics);
  verifyMapped(mapped);
  const image = emit(mapped, geometry, { name: "ir", board: "kapoho-bay", chipSeed: 1 });
  verifyImage(image);
  return image;
}

/** The lowered network with more projections into a layer. */
const withProjection = (lowered: LoweredNetwork, layer: number, projection: Projection): LoweredNetwork => ({
  ...lowered,
  layers: lowered.layers.map((l, k) =>
    k === layer ? { ...l, projections: [...l.projections, projection] } : l,
  ),
});

/** [target layer] synapses that leave a layer. */
function fanOut(image: ChipImage, layer: number): number[] {
  const counts = image.layers.map(() => 0);
  forEachDelivery(image, ({ sourceLayer, list, cxBase, layerOf, neuronOf }) => {
    if (sourceLayer !== layer) return;
    for (const target of list.target) if (neuronOf[cxBase + target] >= 0) counts[layerOf[cxBase + target]]++;
  });
  return counts;
}

describe("what the IR holds beyond the model", () => {
  const layers = [conv("c1", 4, 3, 1, 1), conv("c2", 4, 3, 1, 1), dense("out", 3)];

  it("a residual branch: two layers read one, and one layer reads two", () => {
    const lowered = lower(layers);
    const skip: Projection = {
      ...lowered.layers[1].projections[0],
      kernel: [1, 1],
      padding: [0, 0],
      source: -1,
      groups: 2,
      sourceShape: [2, 5, 6],
      mantissa: Int16Array.of(2, 4, 6, 8),
    };
    const image = finish(withProjection(lowered, 1, skip));
    expect(fanOut(image, 0)).toEqual([0, (3 * 5 - 2) * (3 * 6 - 2) * 16, 0]);
    // 30 pixels, 2 channels, each to the 2 channels of its group.
    expect(fanOut(image, -1)[1]).toBe(30 * 2 * 2);
    const weights = new Set<number>();
    forEachDelivery(image, ({ sourceLayer, list, cxBase, layerOf }) => {
      if (sourceLayer === -1)
        list.target.forEach((t, k) => {
          if (layerOf[cxBase + t] === 1) weights.add(list.weight[k]);
        });
    });
    expect([...weights].sort()).toEqual([2, 4, 6, 8]);
  });

  it("a recurrent projection", () => {
    const lowered = lower(layers);
    const recurrent: Projection = { ...lowered.layers[1].projections[0], source: 1 };
    const image = finish(withProjection(lowered, 1, recurrent));
    expect(fanOut(image, 1)).toEqual([0, (3 * 5 - 2) * (3 * 6 - 2) * 16, 30 * 4 * 3]);
  });

  it("delays: spikes of a layer come that many steps later on the simulated chip", async () => {
    const lowered = lower([
      conv("c1", 4, 1, 1, 0, { loihi: { decayU: 4096, decayV: 4096, vthMant: 1, refractory: 1, biasExp: 0 } }),
      dense("out", 3),
    ]);
    const steps = async (delay: number): Promise<number[]> => {
      const [first, ...rest] = lowered.layers;
      const projection = { ...first.projections[0], delay, mantissa: new Int16Array(8).fill(100) };
      const image = finish({
        ...lowered,
        layers: [{ ...first, biasMant: new Int16Array(4), projections: [projection] }, ...rest],
      });
      const chip = await loadChip(image, { seed: 1 });
      const rowStart = new Uint32Array(21).fill(1);
      rowStart[0] = 0;
      const trace = await chip.present(
        { rowStart, channel: Uint16Array.of(0), count: Uint8Array.of(1) },
        { learn: false, label: -1 },
      );
      await chip.dispose();
      return [...new Set(trace.spikes[0].step)];
    };
    expect(await steps(0)).toEqual([2]);
    expect(await steps(5)).toEqual([7]);
    expect(await steps(12)).toEqual([14]);
  });

  it("leaves fewer compartments on a core where delays are long", () => {
    const lowered = lower([conv("c1", 30, 3, 1, 1), dense("out", 3)]);
    const [first, ...rest] = lowered.layers;
    const at = (delay: number): number =>
      finish({
        ...lowered,
        layers: [{ ...first, projections: [{ ...first.projections[0], delay }] }, ...rest],
      }).cores.filter((core) => core.compartments.length > 3).length;
    // 900 compartments: 8192 / 2^3 = 1024 hold them; 8192 / 2^6 = 128 a core do not.
    expect(at(7)).toBe(1);
    expect(at(62)).toBeGreaterThanOrEqual(8);
  });
});
