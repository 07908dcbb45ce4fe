import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareWithModel } from "../../compiler/compare.js";
import { candidateBits, candidateFormats } from "../../compiler/formats.js";
import { entriesOf, type ListSynapses } from "../../compiler/lists.js";
import type { Projection } from "../../compiler/ir.js";
import { compileNetwork } from "../../compiler/pipeline.js";
import { chooseFormats } from "../../compiler/search/list-formats.js";
import { unpackList } from "../../hw/synapse-words.js";
import { conv, dense, geometry, network, prunedNetwork, quantized } from "./networks.js";

const projection = (bits: number, more: Partial<Projection> = {}): Projection => ({
  source: -1, sourceShape: [1, 1, 1], kernel: [1, 1], stride: [1, 1], padding: [0, 0], groups: 1, bits, signMode: "mixed",
  wgtExp: 0, mantissa: null, uniformMantissa: 0, axons: "population", learning: false, delay: 0, ...more,
});

/** Bits of a list, written from loihi-facts §2.3 (nxtf) and nothing else: 4 + 6 + prefix unless sparse, then each synapse;
 *  at most 60 an entry; a gap that does not fit, and a break in a dense run, start another. */
function bitsByHand(index: number[], weight: number[], kind: string, weightBits: number, indexBits: number, skip: number): number {
  const kept = index.filter((_, k) => kind === "dense" || weight[k] !== 0);
  let [bits, count] = [0, 0];
  kept.forEach((i, k) => {
    const gap = k === 0 ? 0 : i - kept[k - 1] - 1;
    const widest = kind === "sparse" ? Infinity : kind === "dense" ? 0 : 2 ** skip - 1;
    if (count === 0 || count === 60 || gap > widest) {
      bits += 10 + (kind === "sparse" ? 0 : indexBits);
      count = 0;
    }
    count++;
    bits += weightBits + (kind === "sparse" ? indexBits : kind === "runlength" ? skip : 0);
  });
  return bits;
}

const synapsesOf = (index: number[], weight: number[]): ListSynapses => ({
  index: Int32Array.from(index), weight: Int16Array.from(weight),
});

/** Indices below 512 (9 bits) with mantissas of 8 bits, mixed, of which any share is 0. */
const rows = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([dense, nonzero]) =>
    fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 300 }).map((draws) => {
      const index: number[] = [];
      const weight: number[] = [];
      draws.forEach(([a, b], k) => {
        if (a > dense) return;
        index.push(k);
        weight.push(b <= nonzero ? 2 * (b + 1) : 0);
      });
      return { index, weight };
    }),
  )
  .filter(({ index }) => index.length > 0);

describe("the format of a synapse list", () => {
  it("is the one of fewest bits, and gives the synapses back", () => {
    const candidates = candidateFormats(projection(8), 511);
    const chosenKinds = new Set<string>();
    fc.assert(
      fc.property(rows, ({ index, weight }) => {
        const synapses = synapsesOf(index, weight);
        const list = { candidates, bits: candidateBits(candidates, synapses) };
        const { formats, numbers, bits } = chooseFormats([list]);
        const byHand = [
          bitsByHand(index, weight, "dense", 8, 9, 0),
          ...[2, 3, 4, 5].map((skip) => bitsByHand(index, weight, "runlength", 8, 9, skip)),
          bitsByHand(index, weight, "sparse", 8, 9, 0),
        ];
        const empty = weight.every((w) => w === 0);
        expect(bits[0]).toBe(empty ? 0 : Math.min(...byHand));
        if (empty) return;
        chosenKinds.add(formats[0].compression);
        const entries = entriesOf(synapses, formats, numbers[0], 0);
        const found = entries.flatMap((e) => Array.from(e.index, (i, k) => [i, e.weight[k]])).filter(([, w]) => w !== 0);
        expect(found).toEqual(index.map((i, k) => [i, weight[k]]).filter(([, w]) => w !== 0));
      }),
      { numRuns: 300, seed: 3 },
    );
    expect([...chosenKinds].sort()).toEqual(["dense", "runlength", "sparse"]);
  });

  it("stays dense where synapses learn: a weight of 0 learns too", () => {
    const candidates = candidateFormats(projection(8, { learning: true, axons: "discrete" }), 511);
    expect(candidates.map((format) => format.compression)).toEqual(["dense"]);
    expect(candidateBits(candidates, synapsesOf([0, 1, 2], [0, 0, 0]))).toEqual([10 + 9 + 3 * 8]);
  });

  it("gives way where a core would need more than its 15 formats: those that save least", () => {
    // Eight projections of a list each for which sparse wins by 40 + n bits; every projection has a dense list, too.
    const far = [0, 100, 200, 300];
    const lists = Array.from({ length: 8 }, (_, n) => {
      const candidates = candidateFormats(projection(8, { wgtExp: n - 1 }), 511);
      const few = far.slice(0, n === 3 ? 2 : 4);
      return [synapsesOf([0, 1, 2, 3, 4, 5], [2, 2, 2, 2, 2, 2]), synapsesOf(few, few.map(() => 2))].map((synapses) => ({
        candidates, bits: candidateBits(candidates, synapses),
      }));
    }).flat();
    const { formats, numbers, bits } = chooseFormats(lists);
    expect(formats.length).toBe(15);
    // The list of two synapses saves least by being sparse.
    const kinds = numbers.map((number) => formats[number - 1].compression);
    expect(kinds.filter((kind) => kind === "sparse").length).toBe(7);
    expect(kinds[7]).toBe("dense");
    expect(bits[7]).toBe(2 * (10 + 9 + 8));
    expect(chooseFormats(lists, 16).formats.length).toBe(16);
  });
});

describe("a network with few synapses", () => {
  const model = prunedNetwork();
  const { image } = compileNetwork(model, geometry);
  const full = compileNetwork(quantized(model.spec), geometry).image;
  const words = (cores: typeof image.cores): number => cores.reduce((sum, core) => sum + core.synapseMemory.length / 8, 0);

  it("is stored in every format, in fewer words, and is the model when read back", () => {
    expect(compareWithModel(image, model)).toMatchObject({ differences: 0 });
    const kinds = new Set(image.cores.flatMap((core) => core.synapseFormats.map((format) => format.compression)));
    expect([...kinds].sort()).toEqual(["dense", "runlength", "sparse"]);
    expect(words(image.cores)).toBeLessThan(0.6 * words(full.cores));
  });

  it("declares no format that no list has", () => {
    for (const core of image.cores) {
      const used = new Set<number>();
      for (const axon of core.inputAxons) {
        for (let atom = 0; atom < axon.atoms; atom++) {
          const first = axon.synapsePtr + atom * axon.synapseLen;
          for (const entry of unpackList(core.synapseFormats, core.synapseMemory, first, axon.synapseLen)) used.add(entry.format);
        }
      }
      expect([...used].sort((a, b) => a - b)).toEqual(core.synapseFormats.map((_, k) => k + 1));
    }
  });

  it("is found out where a synapse that is not 0 is missing", () => {
    const broken = prunedNetwork();
    const lost = broken.layers[1].mantissa.findIndex((m) => m !== 0);
    broken.layers[1].mantissa[lost] = 0;
    expect(compareWithModel(compileNetwork(broken, geometry).image, model).differences).toBeGreaterThan(0);
  });

  it("may have a static layer of zeros alone, which takes no words", () => {
    const zero = quantized(network("zero", [2, 6, 6], [conv("c1", 4, 3, 1, 1), dense("out", 3)]));
    zero.layers[0].mantissa.fill(0);
    const { image } = compileNetwork(zero, geometry);
    expect(compareWithModel(image, zero).differences).toBe(0);
    expect(image.cores.find((core) => core.learning === null)!.synapseMemory.length).toBe(0);
  });
});
