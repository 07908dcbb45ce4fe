import { describe, expect, it } from "vitest";
import { compareWithModel } from "../../compiler/compare.js";
import { lowerPlasticity } from "../../compiler/passes/lower-plasticity.js";
import { verifyIntegers } from "../../compiler/passes/verify-integers.js";
import { compileNetwork } from "../../compiler/pipeline.js";
import { PaddingLoads, SAFE_INPUT } from "../../compiler/search/padding.js";
import { verifyExpansion } from "../../compiler/verifiers/expansion.js";
import { provePadding } from "../../compiler/verifiers/padding.js";
import { packCompartment, unpackCompartment } from "../../hw/compartment-word.js";
import type { ChipImage, CoreImage } from "../../hw/image.js";
import { Diagnostics } from "../../src/base/errors.js";
import type { NetworkSpec } from "../../src/model/types.js";
import { conv, dense, geometry, network, pool, quantized } from "./networks.js";

/** A network whose second layer wants padding where a core may use no more than 8 % of its words. */
const wanting = (wgtExp: number): NetworkSpec =>
  network("padded", [2, 16, 32], [
    conv("c1", 8, 4, 4),
    conv("c2", 64, 5, 1, 2, { weight: { bits: 8, signMode: "mixed", wgtExp } }),
    pool("p2"),
    dense("out", 3),
  ]);
const options = { synapseMargin: 0.08 };
const paddingOf = (image: ChipImage): number =>
  image.symbols.reduce((sum, { neurons }) => sum + neurons.filter((n) => n < 0).length, 0);

describe("padding compartments", () => {
  const model = quantized(wanting(0));
  const { image, passes } = compileNetwork(model, geometry, options);

  it("get no more than the sum of the weights that can reach them, tap by tap", () => {
    expect(paddingOf(image)).toBeGreaterThan(0);
    const { padding } = compareWithModel(image, model);
    // By hand: a compartment beside a row of c2 misses at least one column of taps on one side, but two rows share it.
    const { mantissa } = model.layers[1];
    let worstKernel = 0;
    for (let o = 0; o < 64; o++) {
      let [up, down] = [0, 0];
      for (let k = 0; k < 8 * 25; k++) {
        const w = mantissa[o * 200 + k] * 64;
        if (w > 0) up += w;
        else down -= w;
      }
      worstKernel = Math.max(worstKernel, up, down);
    }
    expect(padding.length).toBeGreaterThan(0);
    for (const { positive, negative } of padding) {
      expect(positive).toBeLessThan(2 * worstKernel);
      expect(negative).toBeLessThan(2 * worstKernel);
    }
    expect(passes.find((pass) => pass.name === "expand")!.printed).toMatch(/padding compartments get at most \d+ a step/);
  });

  it("are never promised more quiet by the search than the image's own tables bear out", () => {
    const lowered = lowerPlasticity(verifyIntegers(model, new Diagnostics()));
    const loads = new PaddingLoads(lowered.layers[1], 1);
    const found = Math.max(...compareWithModel(image, model).padding.map((p) => Math.max(p.positive, p.negative)));
    const { placed } = compileNetwork(model, geometry, options);
    const padded = placed.pieces.filter((p) => p.layer === 1 && p.layout.padInner + p.layout.padOuter > 0);
    const promised = Math.max(...padded.map(({ box, layout }) => loads.worst(box, layout)));
    expect(found).toBeLessThanOrEqual(promised);
    expect(found).toBeGreaterThan(0.5 * promised);
    expect(new PaddingLoads(lowered.layers[1], 255).worst(padded[0].box, padded[0].layout)).toBe(
      loads.worst(padded[0].box, padded[0].layout),
    );
  });

  it("are refused where weights are so large that they could wrap: the search takes less padding, or masks", () => {
    const piece = compileNetwork(model, geometry, options).placed.pieces.find(
      (p) => p.layer === 1 && p.layout.padInner + p.layout.padOuter > 0,
    )!;
    // The same mantissas 2^4 and 2^7 times as heavy: the bound of that layout passes 2^21 − 1, whatever the input then does.
    for (const [wgtExp, some] of [[4, true], [7, false]] as const) {
      const large = { ...quantized(wanting(wgtExp)), layers: model.layers };
      const loads = new PaddingLoads(lowerPlasticity(verifyIntegers(large, new Diagnostics())).layers[1], 1);
      expect(loads.worst(piece.box, piece.layout)).toBeGreaterThan(SAFE_INPUT);
      const other = compileNetwork(large, geometry, options);
      expect(paddingOf(other.image) > 0).toBe(some);
      expect(other.image.cores.length).toBeGreaterThanOrEqual(image.cores.length);
      for (const { layer, box, layout } of other.placed.pieces)
        if (layer === 1) expect(loads.worst(box, layout)).toBeLessThanOrEqual(SAFE_INPUT);
    }
  });

  it("count every spike of an input that sends many in a step", () => {
    const counted = { ...wanting(0), input: { polarities: 2, height: 16, width: 32, mode: "counts" as const } };
    const first = { ...counted, layers: [conv("c1", 64, 5, 1, 2), pool("p1"), pool("p2"), dense("out", 3)] };
    const lowered = lowerPlasticity(verifyIntegers(quantized(first), new Diagnostics()));
    const box = { c0: 0, c1: 64, y0: 0, y1: 4, x0: 0, x1: 4 };
    const layout = { group: 64, inner: "x", padInner: 2, padOuter: 0 } as const;
    expect(new PaddingLoads(lowered.layers[0], 255).worst(box, layout)).toBe(
      255 * new PaddingLoads(lowered.layers[0], 1).worst(box, layout),
    );
  });

  it("are found out by the verifier where their threshold is low or their bias is not 0", () => {
    const index = image.cores.findIndex((core) =>
      image.symbols.some((s) => s.core === core.core && s.neurons.includes(-1)),
    );
    const core = image.cores[index];
    const range = image.symbols.find((s) => s.core === core.core && s.neurons.includes(-1))!;
    const at = range.firstCompartment + range.neurons.indexOf(-1);
    const word = unpackCompartment(core.compartments[at]);
    const withCore = (change: Partial<CoreImage>): ChipImage => ({
      ...image,
      cores: image.cores.map((c, k) => (k === index ? { ...c, ...change } : c)),
    });
    const vthProfiles = core.vthProfiles.map((vth, k) => (k === word.vthProfile ? 1 : vth));
    expect(() => verifyExpansion(withCore({ vthProfiles }), model)).toThrow(/padding compartment \d+ of chip 0.*could spike/);
    const compartments = core.compartments.slice();
    for (let c = 0; c < range.neurons.length; c++)
      if (range.neurons[c] < 0) compartments[range.firstCompartment + c] = packCompartment({ ...word, biasMant: 4095, biasExp: 7, vthProfile: 0 });
    expect(() => verifyExpansion(withCore({ compartments }), model)).toThrow(/could spike/);
  });
});

describe("the proof", () => {
  /** One padding compartment with these effective decays and the highest threshold. */
  const core = (decayU: number, decayV: number): CoreImage =>
    ({
      dsOffset: 0, dmOffset: 0, compartmentProfiles: [{ decayU, decayV, refractDelay: 1 }], vthProfiles: [131_071],
      compartments: Uint32Array.of(packCompartment({ biasMant: 0, biasExp: 0, vthProfile: 0, profile: 0 })),
    }) as unknown as CoreImage;
  const prove = (decayU: number, decayV: number, input: number, steps: number) =>
    provePadding({ core: core(decayU, decayV), compartment: 0, positive: input, negative: 0 }, steps);

  it("bounds current and voltage by geometric sums, and by the number of steps", () => {
    // 4096/1024 = 4 times the input, then 4096/2048 = 2 times the current.
    expect(prove(1024, 2048, 1000, 100)).toEqual({ q: 1000, u: 4000, v: 8000 });
    // Nothing decays: 10 steps of 10 steps.
    expect(prove(0, 0, 1000, 10)).toEqual({ q: 1000, u: 10_000, v: 100_000 });
    expect(prove(4095, 4095, 2 ** 21 - 1, 100).fault).toBeUndefined();
  });

  it("names the limit that breaks", () => {
    expect(prove(4095, 4095, 2 ** 21, 100).fault).toMatch(/wrap q, 2097151 at most/);
    expect(prove(409, 4095, 2 ** 20, 100).fault).toMatch(/current of \d+ could wrap, 8388607/);
    // 4 · 2 · 1,100,000 = 8,800,000 > 131071 · 64.
    expect(prove(1024, 2048, 1_100_000, 100).fault).toMatch(/voltage of 8800000 could spike, above 8388544/);
  });

  it("holds against the recurrence that it bounds", () => {
    for (const [decayU, decayV, input] of [[1, 1, 7], [37, 500, 991], [4095, 4095, 2_000_000], [3000, 10, 12]]) {
      const { u: boundU, v: boundV } = prove(decayU, decayV, input, 300);
      let [u, v] = [0n, 0n];
      for (let t = 0; t < 300; t++) {
        u = (u * BigInt(4096 - decayU)) / 4096n + BigInt(input);
        v = (v * BigInt(4096 - decayV)) / 4096n + u;
      }
      expect(Number(u)).toBeLessThanOrEqual(boundU);
      expect(Number(v)).toBeLessThanOrEqual(boundV);
    }
  });
});
