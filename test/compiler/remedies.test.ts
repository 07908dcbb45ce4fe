/** Follows the remedy that an error names, word by word, and sees that the error is gone. (That of E-PART-002, a larger board,
 *  is followed in errors.test.ts: it takes long.) */
import { describe, expect, it } from "vitest";
import { compileNetwork, type CompileOptions } from "../../compiler/pipeline.js";
import type { BoardName } from "../../hw/limits.js";
import { UserError, type UserErrorDetail } from "../../src/base/errors.js";
import type { ConvLayer, DenseLayer, LayerSpec, NetworkSpec } from "../../src/model/types.js";
import { conv, dense, geometry, netB, network, neuron, pool, quantized, soel } from "./networks.js";

interface Attempt {
  readonly spec: NetworkSpec;
  readonly options: CompileOptions;
}

function errorsOf({ spec, options }: Attempt): readonly UserErrorDetail[] {
  try {
    compileNetwork(quantized(spec), geometry, options);
  } catch (error) {
    if (error instanceof UserError) return error.details;
    throw error;
  }
  return [];
}

type Weighted = ConvLayer | DenseLayer;
type Change = (attempt: Attempt, layer: string, match: RegExpExecArray) => Attempt;
const layers = (change: (spec: NetworkSpec, at: number) => LayerSpec[]): Change => ({ spec, options }, layer) => ({
  options, spec: { ...spec, layers: change(spec, spec.layers.findIndex(({ name }) => name === layer)) },
});
const inLayer = (change: (layer: Weighted, match: RegExpExecArray) => Partial<ConvLayer>): Change => (attempt, name, match) =>
  layers(({ layers: all }) => all.map((l) => (l.name === name ? ({ ...l, ...change(l as Weighted, match) } as LayerSpec) : l)))(attempt, name, match);
const inSoel = (attempt: Attempt, key: string, value: number): Attempt => ({
  ...attempt, spec: { ...attempt.spec, soel: { ...attempt.spec.soel!, [key]: value } },
});

/** What the words of a remedy mean. A remedy of several ("A, or B") has each followed by itself. */
const WORDS: readonly (readonly [RegExp, Change])[] = [
  [/^train with "model": "(loihi)"/, ({ spec, options }) => ({ options, spec: { ...spec, neuronModel: "loihi" } })],
  [/^groups: (\d+)$/, inLayer((_, m) => ({ groups: Number(m[1]) }))],
  [/^kernel: \[(\d+), (\d+)\]$/, inLayer((_, m) => ({ kernel: [Number(m[1]), Number(m[2])] }))],
  [/^remove "(\w+)"$/, (attempt, _, m) => layers(({ layers: all }) => all.filter(({ name }) => name !== m[1]))(attempt, m[1], m)],
  [/^(?:weights of )?(\d) bits(?: in this layer)?$/, inLayer((layer, m) => ({ weight: { ...layer.weight, bits: Number(m[1]) } }))],
  [/^signMode "(\w+)"(?: and (\d) bits)?$/, inLayer((layer, m) => ({
    weight: { ...layer.weight, signMode: m[1] as "mixed", bits: Number(m[2] ?? layer.weight.bits) },
  }))],
  [/^wgtExp: (-?\d+), and quantize again$/, inLayer((layer, m) => ({ weight: { ...layer.weight, wgtExp: Number(m[1]) } }))],
  [/^(decayU|decayV|vthMant|refractory|biasExp): (\d+) \(.*\)$/, inLayer((layer, m) => ({ loihi: { ...layer.loihi, [m[1]]: Number(m[2]) } }))],
  [/^end with a dense layer of one output a class$/, layers(({ layers: all }) => [...all, dense("classes", 3)])],
  [/^pool once more before "(\w+)"$/, (attempt, _, m) =>
    layers(({ layers: all }, at) => [...all.slice(0, at), pool("more"), ...all.slice(at)])(attempt, m[1], m)],
  [/^set soel to null/, ({ spec, options }) => ({ options, spec: { ...spec, soel: null } })],
  [/^a pool$/, layers(({ layers: all }, at) => [...all.slice(0, at), pool("more"), ...all.slice(at)])],
  [/^a larger stride, before this layer$/, layers(({ layers: all }, at) =>
    all.map((l, k) => (k === at - 1 && l.kind === "conv" ? { ...l, stride: [2, 2] as const } : l)))],
  [/^a synapse margin of 1$/, ({ spec, options }) => ({ spec, options: { ...options, synapseMargin: 1 } })],
  [/^fewer weight bits$/, ({ spec, options }) => ({
    options, spec: { ...spec, layers: spec.layers.map((l) => (l.kind === "pool" ? l : { ...l, weight: { ...l.weight, bits: 4 } })) },
  })],
  [/^fewer outputs, in the layer that reads this one$/, layers(({ layers: all }) =>
    all.map((l) => (l.kind === "dense" ? { ...l, outputs: Math.floor(l.outputs / 2) } : l)))],
];

/** The parts of a remedy; a comma may come before "or". */
const parts = (hint: string): string[] =>
  hint === "6 or 8 bits" ? ["6 bits", "8 bits"] : hint.split(/,? or (?![^"]*" layer)/).map((part) => part.trim());

function follow(attempt: Attempt, { at, code, hint }: UserErrorDetail): Attempt[] {
  const layer = /layer "(\w+)"/.exec(at)?.[1] ?? "";
  // These name a field and give its value alone.
  if (code === "E-VERIFY-015" || code === "E-VERIFY-016") return [inSoel(attempt, at.replace("soel.", ""), Number(hint))];
  if (code === "E-COMPILE-001") return [{ ...attempt, options: { ...attempt.options, board: JSON.parse(hint!) as BoardName } }];
  if (code === "E-COMPILE-002") return [{ ...attempt, options: { ...attempt.options, synapseMargin: Number(hint) } }];
  if (code === "E-COMPILE-003") return [{ ...attempt, options: { ...attempt.options, chipSeed: Number(hint) } }];
  return parts(hint!).map((part) => {
    const known = WORDS.map(([pattern, change]) => [pattern.exec(part), change] as const).find(([match]) => match);
    if (!known) throw new Error(`${code}: nobody knows how to follow "${part}"`);
    return known[1](attempt, layer, known[0]!);
  });
}

const small = (first: LayerSpec, more: Partial<NetworkSpec> = {}): NetworkSpec => network("small", [2, 8, 8], [first, dense("out", 3)], more);
const weights = (weight: object): LayerSpec => conv("c1", 4, 3, 1, 1, { weight: { bits: 8, signMode: "mixed", wgtExp: 0, ...weight } });
const plastic = (weight: object): NetworkSpec =>
  network("small", [2, 8, 8], [conv("c1", 4, 3, 1, 1), dense("out", 3, { weight: { bits: 8, signMode: "mixed", wgtExp: 0, ...weight } })]);
const withNeuron = (change: object): NetworkSpec => small(conv("c1", 4, 3, 1, 1, { loihi: { ...neuron, ...change } }));
const withSoel = (change: object): NetworkSpec => small(conv("c1", 4, 3, 1, 1), { soel: { ...soel, ...change } });
const many = network("many", [2, 8, 8], [conv("c1", 16, 3, 1, 1), dense("out", 250)]);

describe("a remedy that an error names, followed, mends it", () => {
  it.each<[string, NetworkSpec, CompileOptions?]>([
    ["E-VERIFY-001", { ...netB, neuronModel: "srm" }],
    ["E-VERIFY-002", small(conv("c1", 4, 3, 1, 1, { groups: 3 }))],
    ["E-VERIFY-003", small(conv("c1", 4, 9))],
    ["E-VERIFY-003", network("pooled", [2, 8, 8], [conv("c1", 4, 3, 1, 1), pool("p1"), pool("p2"), pool("p3"), pool("p4"), dense("out", 3)])],
    ["E-VERIFY-007", withNeuron({ decayU: 4097 })],
    ["E-VERIFY-007", withNeuron({ decayV: -1 })],
    ["E-VERIFY-007", withNeuron({ refractory: 0 })],
    ["E-VERIFY-007", withNeuron({ biasExp: 8 })],
    ["E-VERIFY-007", withNeuron({ vthMant: 131_072 })],
    ["E-VERIFY-008", small(weights({ bits: 9 }))],
    ["E-VERIFY-009", small(weights({ bits: 1 }))],
    ["E-VERIFY-010", plastic({ bits: 7 })],
    ["E-VERIFY-011", plastic({ signMode: "excitatory" })],
    ["E-VERIFY-011", plastic({ bits: 1, signMode: "inhibitory" })],
    ["E-VERIFY-012", small(weights({ wgtExp: -2 }))],
    ["E-VERIFY-012", small(weights({ wgtExp: 8 }))],
    ["E-VERIFY-013", network("open", [2, 8, 8], [conv("c1", 4, 3, 1, 1)], { soel: null })],
    ["E-VERIFY-014", network("big", [2, 32, 32], [conv("c1", 4, 3, 1, 1), dense("out", 3)])],
    ["E-VERIFY-015", withSoel({ gamma: 8 })],
    ["E-VERIFY-015", withSoel({ impulse: 128 })],
    ["E-VERIFY-016", withSoel({ windowSteps: 18 })],
    ["E-COMPILE-001", netB, { board: "nahuku8" as BoardName }],
    ["E-COMPILE-002", netB, { synapseMargin: 1.5 }],
    ["E-COMPILE-003", netB, { chipSeed: -1 }],
    ["E-PART-001", netB, { synapseMargin: 0.03 }],
    ["E-PART-001", network("wide", [2, 100, 100], [conv("c1", 2, 1), dense("out", 3)], { soel: null })],
    ["E-ALLOC-002", many, { synapseMargin: 0.4 }],
  ])("%s", (code, spec, options = {}) => {
    const attempt = { spec, options };
    const found = errorsOf(attempt).find((detail) => detail.code === code);
    expect(found, `${code} is not reported`).toBeDefined();
    for (const mended of follow(attempt, found!)) {
      // A network too small by several pools is mended pool by pool: the same remedy leads on.
      let [next, left] = [mended, errorsOf(mended)];
      for (let k = 0; k < 3 && left[0]?.code === "E-VERIFY-003" && left[0].at !== found!.at; k++) {
        [next] = follow(next, left[0]);
        left = errorsOf(next);
      }
      expect(left, `${code}: ${found!.hint}`).toEqual([]);
    }
  }, 120_000);
});

describe("several mistakes", () => {
  it("are told at once, each with its layer, and mended by following all their remedies", () => {
    const spec = network("wrong", [2, 8, 8], [
      conv("c1", 4, 3, 1, 1, { loihi: { ...neuron, decayU: 5000, refractory: 64 }, weight: { bits: 8, signMode: "mixed", wgtExp: -3 } }),
      dense("out", 3, { weight: { bits: 7, signMode: "mixed", wgtExp: 0 } }),
    ], { soel: { ...soel, gamma: 9, windowSteps: 22 } });
    let attempt: Attempt = { spec, options: {} };
    const details = errorsOf(attempt);
    expect(details.map((detail) => detail.code).sort()).toEqual(
      ["E-VERIFY-007", "E-VERIFY-007", "E-VERIFY-010", "E-VERIFY-012", "E-VERIFY-015", "E-VERIFY-016"],
    );
    for (const detail of details) [attempt] = follow(attempt, detail);
    expect(errorsOf(attempt)).toEqual([]);
  });
});
