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
import { Rng } from "../../src/base/rng.js";
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

/** Spikes "step:neuron" of every layer by design §4, a synapse at a time: written from the equations, for this test. */
function byTheEquations(layers: LoweredNetwork["layers"], frames: readonly number[][], steps: number): string[][] {
  const size = ([c, h, w]: readonly number[]): number => c * h * w;
  const states = layers.map(({ shape }) => ({
    u: new Array<number>(size(shape)).fill(0), v: new Array<number>(size(shape)).fill(0), blocked: new Array<number>(size(shape)).fill(0),
  }));
  // [source + 1][step] firing neurons; frame f is sent at step f + 1.
  const fired: number[][][] = [-1, ...layers.keys()].map((source) =>
    Array.from({ length: steps + 1 }, (_, t) => (source < 0 ? (frames[t - 1] ?? []) : [])),
  );
  for (let t = 1; t <= steps; t++) {
    layers.forEach((layer, index) => {
      const [, height, width] = layer.shape;
      const { u, v, blocked } = states[index];
      const q = new Array<number>(u.length).fill(0);
      for (const p of layer.projections) {
        const [inputs, h, w] = p.sourceShape;
        const [perIn, perOut] = [inputs / p.groups, layer.shape[0] / p.groups];
        for (const source of fired[p.source + 1][t - 1 - p.delay] ?? []) {
          const [c, y, x] = [Math.floor(source / (h * w)), Math.floor(source / w) % h, source % w];
          for (let target = 0; target < q.length; target++) {
            const [o, row, column] = [Math.floor(target / (height * width)), Math.floor(target / width) % height, target % width];
            const [kY, kX] = [y + p.padding[0] - row * p.stride[0], x + p.padding[1] - column * p.stride[1]];
            if (Math.floor(o / perOut) !== Math.floor(c / perIn) || kY < 0 || kY >= p.kernel[0] || kX < 0 || kX >= p.kernel[1]) continue;
            q[target] += p.mantissa![((o * perIn + (c % perIn)) * p.kernel[0] + kY) * p.kernel[1] + kX] * 2 ** p.wgtExp * 64;
          }
        }
      }
      for (let n = 0; n < u.length; n++) {
        u[n] = Math.trunc((u[n] * (4096 - layer.decayU)) / 4096) + q[n];
        v[n] = Math.trunc((v[n] * (4096 - layer.decayV)) / 4096) + u[n];
        if (blocked[n] > 0) [v[n], blocked[n]] = [0, blocked[n] - 1];
        if (v[n] <= layer.vthMant * 64) continue;
        [v[n], blocked[n]] = [0, layer.refractory - 1];
        fired[index + 1][t].push(n);
      }
    });
  }
  return fired.slice(1).map((byStep) => byStep.flatMap((neurons, t) => neurons.map((n) => `${t}:${n}`)));
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

  it("a residual and a recurrent projection run on the simulated chip as the equations say", async () => {
    const loihi = { decayU: 1500, decayV: 300, vthMant: 200, refractory: 2, biasExp: 0 };
    const lowered = lower([conv("c1", 4, 3, 1, 1, { loihi }), conv("c2", 4, 3, 1, 1, { loihi }), dense("out", 3, { loihi })]);
    const random = (seed: number, count: number): Int16Array => {
      const rng = new Rng(seed, 0x20000);
      return Int16Array.from({ length: count }, () => 2 * rng.below(128) - 110);
    };
    const [first, second, last] = lowered.layers;
    const skip: Projection = {
      ...second.projections[0], kernel: [1, 1], padding: [0, 0], source: -1, groups: 2, sourceShape: [2, 5, 6], mantissa: random(1, 4),
    };
    const recurrent: Projection = { ...second.projections[0], source: 1, groups: 2, delay: 2, mantissa: random(2, 72) };
    const layers = [first, { ...second, projections: [{ ...second.projections[0], mantissa: random(3, 144) }, skip, recurrent] }, last].map(
      (layer) => ({ ...layer, biasMant: new Int16Array(layer.shape[0]) }),
    );
    const image = finish({ ...lowered, layers });
    const rng = new Rng(5, 0x30000);
    const frames = Array.from({ length: 20 }, () => Array.from({ length: 60 }, (_, c) => c).filter(() => rng.uniform() < 0.2));
    const rowStart = new Uint32Array(21);
    frames.forEach((frame, t) => {
      rowStart[t + 1] = rowStart[t] + frame.length;
    });
    const chip = await loadChip(image, { seed: 1 });
    const trace = await chip.present(
      { rowStart, channel: Uint16Array.from(frames.flat()), count: new Uint8Array(rowStart[20]).fill(1) },
      { learn: false, label: -1 },
    );
    await chip.dispose();
    const expected = byTheEquations(layers, frames, image.contract.presentationSteps);
    expect(expected[1].length).toBeGreaterThan(50);
    trace.spikes.forEach(({ step, neuron }, layer) => {
      expect(Array.from(step, (r, k) => `${r}:${neuron[k]}`)).toEqual(expected[layer]);
    });
    // The branches matter: without them the second layer fires otherwise.
    const plain = byTheEquations(
      layers.map((layer) => ({ ...layer, projections: layer.projections.slice(0, 1) })), frames, image.contract.presentationSteps,
    );
    expect(plain[1]).not.toEqual(expected[1]);
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
