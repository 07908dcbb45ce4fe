/** Reads the image's tables back into synapses, as the chip would follow them. It shares no code with the passes: only the
 *  image and its word formats. */
import type { ChipImage, CoreImage } from "../hw/image.js";
import { SynapseColumns, unpackColumns } from "../hw/synapse-words.js";

/** Layer index of sources outside the chip. */
export const INPUT_LAYER = -1;

/** One synapse list as the chip decodes it. Arrays [synapse]. */
export interface DecodedList {
  /** Compartment minus the axon's cxBase. */
  readonly target: Int32Array;
  readonly weight: Int16Array;
  /** Formats that occur in the list. */
  readonly formats: readonly number[];
}

/** One delivery: a source's spike on one input axon. */
export interface Delivery {
  /** INPUT_LAYER or a layer's index; neuron in [C, H, W] order. */
  readonly sourceLayer: number;
  readonly sourceNeuron: number;
  readonly core: CoreImage;
  readonly logicalInput: number;
  readonly cxBase: number;
  readonly list: DecodedList;
  /** [compartment of the core] layer and neuron; −1 for padding. */
  readonly layerOf: Int32Array;
  readonly neuronOf: Int32Array;
}

interface CoreTables {
  readonly core: CoreImage;
  readonly layerOf: Int32Array;
  readonly neuronOf: Int32Array;
  readonly lists: Map<number, DecodedList>;
}

/** Calls `visit` for every (source, axon) of the image; all deliveries of one source come one after another. */
export function forEachDelivery(image: ChipImage, visit: (delivery: Delivery) => void): void {
  const cores = tablesByAddress(image);
  const columns = new SynapseColumns();
  const deliver = (
    sourceLayer: number,
    sourceNeuron: number,
    chip: number,
    coreId: number,
    axon: number,
    atom: number,
  ): void => {
    const tables = cores.get(addressKey(chip, coreId));
    const entry = tables?.core.inputAxons[axon];
    if (!tables || !entry)
      throw new RangeError(`an axon to chip ${chip}, core ${coreId}, entry ${axon}, which is not mapped`);
    if (atom >= entry.atoms) throw new RangeError(`atom ${atom} of an axon that tells ${entry.atoms} apart`);
    const list = listAt(tables, entry.synapsePtr + atom * entry.synapseLen, entry.synapseLen, columns);
    const { core, layerOf, neuronOf } = tables;
    visit({
      sourceLayer,
      sourceNeuron,
      core,
      logicalInput: entry.logicalInput,
      cxBase: entry.cxBase,
      list,
      layerOf,
      neuronOf,
    });
  };
  const { rowStart, chip, core, axon, atom } = image.contract;
  for (let pixel = 0; pixel + 1 < rowStart.length; pixel++) {
    for (let k = rowStart[pixel]; k < rowStart[pixel + 1]; k++)
      deliver(INPUT_LAYER, pixel, chip[k], core[k], axon[k], atom[k]);
  }
  for (const { core: source, layerOf, neuronOf } of cores.values()) {
    for (const out of source.outputAxons) {
      deliver(layerOf[out.compartment], neuronOf[out.compartment], out.chip, out.core, out.axon, out.atom);
    }
  }
}

/** One number for a core of a board. */
export const addressKey = (chip: number, core: number): number => chip * 65536 + core;

function tablesByAddress(image: ChipImage): Map<number, CoreTables> {
  const tables = new Map<number, CoreTables>();
  for (const core of image.cores) {
    const count = core.compartments.length;
    tables.set(addressKey(core.chip, core.core), {
      core,
      layerOf: new Int32Array(count).fill(-1),
      neuronOf: new Int32Array(count).fill(-1),
      lists: new Map(),
    });
  }
  for (const { chip, core, layer, firstCompartment, neurons } of image.symbols) {
    const { layerOf, neuronOf } = tables.get(addressKey(chip, core))!;
    layerOf.fill(layer, firstCompartment, firstCompartment + neurons.length);
    neuronOf.set(neurons, firstCompartment);
  }
  return tables;
}

/** What an axon with lists of no words reaches. */
const EMPTY: DecodedList = { target: new Int32Array(0), weight: new Int16Array(0), formats: [] };

function listAt(tables: CoreTables, word: number, length: number, columns: SynapseColumns): DecodedList {
  if (length === 0) return EMPTY;
  const known = tables.lists.get(word);
  if (known) return known;
  const { synapseFormats, synapseMemory } = tables.core;
  const count = unpackColumns(synapseFormats, synapseMemory, word, length, columns);
  const target = new Int32Array(count);
  const { index, format: numbers } = columns;
  const formats: number[] = [];
  for (let k = 0, last = 0, offset = 0, step = 1; k < count; k++) {
    if (numbers[k] !== last) {
      last = numbers[k];
      offset = synapseFormats[last - 1].cIdxOffset;
      step = synapseFormats[last - 1].cIdxMult + 1;
      if (!formats.includes(last)) formats.push(last);
    }
    target[k] = offset + index[k] * step;
  }
  const list: DecodedList = {
    target,
    weight: columns.weight.slice(0, count),
    formats,
  };
  tables.lists.set(word, list);
  return list;
}
