/** A core's tables in figures: enough for anyone to count its resources again from `inspect --json` alone. */
import type { ChipImage, CoreImage } from "../../hw/image.js";
import { INDEX_BITS_BY_CODE, WEIGHT_BITS_BY_CODE } from "../../hw/limits.js";
import { listBits, unpackList } from "../../hw/synapse-words.js";

/** What the lists of one synapse format hold. */
export interface FormatUse {
  /** Number as in the entries, from 1. */
  readonly format: number;
  readonly compression: "sparse" | "runlength" | "dense";
  readonly weightBits: number;
  readonly indexBits: number;
  readonly skipBits: number;
  readonly delayBits: number;
  readonly tagBits: number;
  readonly entries: number;
  readonly synapses: number;
  /** entries·(4 + 6 + prefix unless sparse) + synapses·(weight + delay + tag + index or gap). */
  readonly bits: number;
}

/** Lists of equal length, one after another in synapse memory. */
export interface ListBlock {
  /** First word. */
  readonly word: number;
  readonly lists: number;
  /** Words of each list: bits of the longest in whole words, one more where its last word has 59 bits or more. */
  readonly words: number;
  readonly longestBits: number;
}

/** Output axons to one core of one kind. */
export interface AxonsTo {
  readonly chip: number;
  readonly core: number;
  readonly kind: "discrete" | "pop16" | "pop32";
  /** Pairs of a source (a population, or a compartment where discrete) and an axon of that core. */
  readonly populations: number;
  /** Pairs of a compartment and an axon of that core. */
  readonly compartments: number;
}

export interface CoreTables {
  /** Neurons of each layer; with `padding` they are the core's compartments. */
  readonly neurons: Readonly<Record<string, number>>;
  /** Input axons by kind; `learning` of the discrete ones take two entries. */
  readonly axonsIn: { readonly discrete: number; readonly pop16: number; readonly pop32: number; readonly learning: number };
  readonly axonsOut: readonly AxonsTo[];
  readonly formatUse: readonly FormatUse[];
  readonly blocks: readonly ListBlock[];
}

/** Tables of one core. */
export function describeTables(image: ChipImage, core: CoreImage): CoreTables {
  return { neurons: neuronsByLayer(image, core), axonsIn: axonsIn(core), axonsOut: axonsOut(core), ...listsOf(core) };
}

function neuronsByLayer(image: ChipImage, core: CoreImage): Record<string, number> {
  const neurons: Record<string, number> = {};
  for (const symbol of image.symbols) {
    if (symbol.chip !== core.chip || symbol.core !== core.core) continue;
    const { name } = image.layers[symbol.layer];
    neurons[name] = (neurons[name] ?? 0) + symbol.neurons.filter((neuron) => neuron >= 0).length;
  }
  return neurons;
}

function axonsIn(core: CoreImage): CoreTables["axonsIn"] {
  const count = { discrete: 0, pop16: 0, pop32: 0, learning: 0 };
  for (const { kind, preTraceConfig } of core.inputAxons) {
    count[kind]++;
    if (preTraceConfig >= 0) count.learning++;
  }
  return count;
}

function axonsOut(core: CoreImage): AxonsTo[] {
  const found = new Map<string, { to: Pick<AxonsTo, "chip" | "core" | "kind">; sources: Set<string>; compartments: number }>();
  for (const { chip, core: id, kind, axon, population, compartment } of core.outputAxons) {
    const key = `${chip} ${id} ${kind}`;
    let own = found.get(key);
    if (!own) found.set(key, (own = { to: { chip, core: id, kind }, sources: new Set(), compartments: 0 }));
    own.sources.add(population < 0 ? `c${compartment} ${axon}` : `p${population} ${axon}`);
    own.compartments++;
  }
  return [...found.values()].map(({ to, sources, compartments }) => ({ ...to, populations: sources.size, compartments }));
}

function listsOf({ inputAxons, synapseFormats, synapseMemory }: CoreImage): Pick<CoreTables, "formatUse" | "blocks"> {
  const starts = new Map<number, number>();
  for (const { synapsePtr, synapseLen, atoms } of inputAxons)
    for (let atom = 0; synapseLen > 0 && atom < atoms; atom++) starts.set(synapsePtr + atom * synapseLen, synapseLen);
  const counts = synapseFormats.map(() => ({ entries: 0, synapses: 0, bits: 0 }));
  const blocks: { word: number; lists: number; words: number; longestBits: number }[] = [];
  for (const [word, words] of [...starts].sort((a, b) => a[0] - b[0])) {
    const entries = unpackList(synapseFormats, synapseMemory, word, words);
    for (const entry of entries) {
      const count = counts[entry.format - 1];
      count.entries++;
      count.synapses += entry.index.length;
      count.bits += listBits(synapseFormats, [entry]);
    }
    const bits = listBits(synapseFormats, entries);
    const last = blocks.at(-1);
    if (last && last.words === words && last.word + last.lists * words === word) {
      last.lists++;
      last.longestBits = Math.max(last.longestBits, bits);
    } else blocks.push({ word, lists: 1, words, longestBits: bits });
  }
  const formatUse = synapseFormats.map((format, k): FormatUse => ({
    format: k + 1,
    compression: format.compression,
    weightBits: WEIGHT_BITS_BY_CODE[format.wgtBitsCode],
    indexBits: INDEX_BITS_BY_CODE[format.idxBitsCode],
    skipBits: format.skipBits,
    delayBits: format.dlyBits,
    tagBits: format.tagBits,
    ...counts[k],
  }));
  return { formatUse, blocks };
}
