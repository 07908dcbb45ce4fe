import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SynapseFormat } from "../../hw/image.js";
import { INDEX_BITS_BY_CODE, WEIGHT_BITS_BY_CODE } from "../../hw/limits.js";
import { entryBits, listBits, listWords, packLists, splitIntoEntries, unpackList } from "../../hw/synapse-words.js";
import { mantissaGrid } from "../../hw/weights.js";

const format = (given: Partial<SynapseFormat>): SynapseFormat => ({
  compression: "sparse", wgtBitsCode: 7, idxBitsCode: 5, skipBits: 0, dlyBits: 0, tagBits: 0, wgtExp: 0, fanoutType: 1, cIdxOffset: 0,
  cIdxMult: 0, learning: false, stdpProfile: 0, ...given,
});

const anyFormat = fc.record({
  compression: fc.constantFrom("sparse" as const, "runlength" as const, "dense" as const), wgtBitsCode: fc.integer({ min: 1, max: 7 }),
  idxBitsCode: fc.integer({ min: 1, max: 7 }), dlyBits: fc.integer({ min: 0, max: 6 }), tagBits: fc.integer({ min: 0, max: 9 }),
  fanoutType: fc.constantFrom(1 as const, 2 as const, 3 as const), skip: fc.integer({ min: 2, max: 5 }),
}).map(({ skip, ...f }) => format({ ...f, skipBits: f.compression === "runlength" ? skip : 0 }));

/** A row of synapses that a format can hold. */
const rowOf = (f: SynapseFormat) => {
  const grid = mantissaGrid(WEIGHT_BITS_BY_CODE[f.wgtBitsCode], f.fanoutType);
  const indices = fc.uniqueArray(fc.integer({ min: 0, max: 2 ** INDEX_BITS_BY_CODE[f.idxBitsCode] - 1 }), { maxLength: 150 })
    .map((list) => (f.compression === "sparse" ? list : list.sort((a, b) => a - b)));
  return indices.chain((index) => fc.record({
    index: fc.constant(index),
    weight: fc.array(fc.integer({ min: grid.min / grid.step, max: grid.max / grid.step }).map((k) => k * grid.step + 0), { minLength: index.length, maxLength: index.length }),
    delay: fc.array(fc.integer({ min: 0, max: 2 ** f.dlyBits - 1 }), { minLength: index.length, maxLength: index.length }),
    tag: fc.array(f.tagBits === 0 ? fc.constant(0) : fc.integer({ min: -(2 ** (f.tagBits - 1)), max: 2 ** (f.tagBits - 1) - 1 }), { minLength: index.length, maxLength: index.length }),
  }));
};

describe("synapse lists", () => {
  it("come out of their words as they went in, whatever formats an axon mixes", () => {
    fc.assert(fc.property(
      fc.array(anyFormat, { minLength: 1, maxLength: 15 }).chain((formats) => fc.record({
        formats: fc.constant(formats),
        lists: fc.array(fc.array(fc.nat(formats.length - 1).chain((n) => rowOf(formats[n]).map((row) => ({ n, row }))), { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      })), ({ formats, lists }) => {
        const entries = lists.map((rows) => rows.flatMap(({ n, row }) => splitIntoEntries(formats[n], n + 1, row.index, row.weight, row.delay, row.tag)));
        const { words, synapseLen } = packLists(formats, entries);
        expect(words.length).toBe(lists.length * synapseLen * 8);
        expect(synapseLen).toBe(Math.max(...entries.map((list) => listWords(listBits(formats, list)))));
        entries.forEach((list, atom) => {
          const read = unpackList(formats, words, atom * synapseLen, synapseLen).map((e) =>
            ({ format: e.format, prefix: e.prefix, index: [...e.index], weight: [...e.weight], delay: [...e.delay], tag: [...e.tag] }));
          expect(read).toEqual(list);
          expect(list.every((entry) => entry.index.length <= 60)).toBe(true);
        });
      }), { numRuns: 150, seed: 7 });
  });

  it("an entry costs 4 + 6 + prefix + n·(w + dly + tag + address) bits (nxtf)", () => {
    // 8-bit weights, 9-bit indices, 3 delay bits, 2 tag bits, 10 synapses, by hand.
    const common = { idxBitsCode: 4, dlyBits: 3, tagBits: 2 };
    expect(entryBits(format({ ...common, compression: "sparse" }), 10)).toBe(10 + 10 * (8 + 3 + 2 + 9));
    expect(entryBits(format({ ...common, compression: "runlength", skipBits: 4 }), 10)).toBe(10 + 9 + 10 * (8 + 3 + 2 + 4));
    expect(entryBits(format({ ...common, compression: "dense" }), 10)).toBe(10 + 9 + 10 * (8 + 3 + 2));
  });

  it("a list takes one more word when its last one has 59 bits or more", () => {
    expect([1, 58, 59, 63, 64, 65, 122, 123, 128].map(listWords)).toEqual([1, 1, 2, 2, 2, 2, 2, 3, 3]);
    expect(listWords(0)).toBe(0);
  });

  it("a gap of 2^skipBits or more, and the 61st synapse, start a new entry", () => {
    const runlength = format({ compression: "runlength", skipBits: 2 });
    const split = (index: number[]) => splitIntoEntries(runlength, 1, index, index.map(() => 2)).map((e) => Array.from(e.index));
    expect(split([0, 4, 9])).toEqual([[0, 4], [9]]);
    expect(split(Array.from({ length: 61 }, (_, k) => k)).map((e) => e.length)).toEqual([60, 1]);
  });

  it("refuses what does not fit its field, and damaged lists", () => {
    const formats = [format({ idxBitsCode: 1 })];
    const entry = { format: 1, prefix: 0, index: [64], weight: [2] };
    expect(() => packLists(formats, [[entry]])).toThrow(/does not fit/);
    expect(() => packLists(formats, [[{ ...entry, index: [3], weight: [3] }]])).toThrow(/grid/);
    expect(() => packLists(formats, [[{ ...entry, index: [3], tag: [1] }]])).toThrow(/tag/);
    expect(() => unpackList(formats, Uint8Array.of(15, 0, 0, 0, 0, 0, 0, 0), 0, 1)).toThrow(/format 15/);
    expect(() => unpackList(formats, Uint8Array.of(0xf1, 3, 0, 0, 0, 0, 0, 0), 0, 1)).toThrow(/63 synapses/);
    expect(() => unpackList(formats, Uint8Array.of(0xa1, 0, 0, 0, 0, 0, 0, 0), 0, 1)).toThrow(/past the end/);
  });
});
