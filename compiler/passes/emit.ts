/** Packs the chip image.
 *  Needs: addresses of everything. Promises: the tables say the model and nothing else (compiler/expand.ts reads them back).
 *  Loses: the names of everything but layers. */
import { emitEmbeddedProgram } from "../../hw/embedded/emit.js";
import { packCompartment } from "../../hw/compartment-word.js";
import type {
  ChipImage,
  CoreImage,
  EmbeddedProgramImage,
  InputAxon,
  InputContract,
  OutputAxon,
  OutputSymbol,
  SymbolRange,
} from "../../hw/image.js";
import { packLists, SYNAPSE_WORD_BYTES } from "../../hw/synapse-words.js";
import { assert } from "../../src/base/errors.js";
import { epochSteps, presentationSteps } from "../../src/model/shapes.js";
import type { InputGeometry } from "../../src/model/types.js";
import { addressOf, arrange, neuronsOf } from "../geometry.js";
import { INPUT, type Link, type MappedCores } from "../ir.js";
import { entriesOf, ListReader } from "../lists.js";

/** −2^23 + 1 … 2^23 − 1. */
const FULL_VOLTAGE = { negVmLimit: 23, posVmLimit: 7 } as const;

export interface EmitOptions {
  readonly name: string;
  readonly board: string;
  readonly chipSeed: number;
}

export function emit(network: MappedCores, geometry: InputGeometry, options: EmitOptions): ChipImage {
  const reader = new ListReader(network);
  const cores = network.cores.map((_, index) => emitCore(network, index, reader));
  const outputs = outputsByCore(network);
  return {
    ...options,
    chips: network.chips,
    layers: network.layers.map(({ name, kind, shape, projections }) => ({
      name,
      kind,
      shape,
      plastic: projections.some((projection) => projection.learning),
    })),
    cores: cores.map((core, index) => ({ ...core, outputAxons: outputs[index] })),
    symbols: emitSymbols(network),
    contract: emitContract(network, geometry),
    embedded: emitProgram(network),
  };
}

function emitCore(network: MappedCores, index: number, reader: ListReader): Omit<CoreImage, "outputAxons"> {
  const mapped = network.mapped[index];
  return {
    ...network.addresses[index],
    dsOffset: mapped.dsOffset,
    dmOffset: mapped.dmOffset,
    ...FULL_VOLTAGE,
    delayBits: mapped.delayBits,
    tepoch: network.plasticity?.tepoch ?? 1,
    compartmentProfiles: mapped.profiles,
    vthProfiles: mapped.vthProfiles,
    compartments: emitCompartments(network, index),
    synapseFormats: mapped.formats,
    synapseMemory: emitMemory(network, index, reader),
    inputAxons: network.links[index].map((link) => emitAxon(network, index, link)),
    learning: emitLearning(network, index),
  };
}

function emitCompartments(network: MappedCores, index: number): Uint32Array {
  const mapped = network.mapped[index];
  const words = new Uint32Array(mapped.compartments);
  network.cores[index].pieces.forEach((pieceIndex, k) => {
    const { layer: layerIndex, box, layout } = network.pieces[pieceIndex];
    const layer = network.layers[layerIndex];
    const positions = layer.shape[1] * layer.shape[2];
    const first = network.firstCompartment[pieceIndex];
    const { profile, vth } = mapped.pieceProfiles[k];
    const padding =
      mapped.padding.profile < 0
        ? 0
        : packCompartment({
            biasMant: 0,
            biasExp: 0,
            vthProfile: mapped.padding.vth,
            profile: mapped.padding.profile,
          });
    neuronsOf(layer, box, layout).forEach((neuron, c) => {
      words[first + c] =
        neuron < 0
          ? padding
          : packCompartment({
              biasMant: layer.biasMant[Math.floor(neuron / positions)],
              biasExp: layer.biasExp,
              vthProfile: vth,
              profile,
            });
    });
  });
  return words;
}

function emitMemory(network: MappedCores, index: number, reader: ListReader): Uint8Array {
  const { formats, listFormats, blockPtr, blockLen, words } = network.mapped[index];
  const memory = new Uint8Array(words * SYNAPSE_WORD_BYTES);
  network.blocks[index].forEach((block, k) => {
    const { delay } = network.layers[network.pieces[block.piece].layer].projections[block.projection];
    const lists = listFormats[k].map((number, atom) =>
      entriesOf(reader.read(block, block.c0 + atom), formats, number, delay),
    );
    const packed = packLists(formats, lists);
    assert(packed.synapseLen === blockLen[k], "compiler bug: a weight block is not as long as allocated");
    memory.set(packed.words, blockPtr[k] * SYNAPSE_WORD_BYTES);
  });
  return memory;
}

function emitAxon(network: MappedCores, core: number, link: Link): InputAxon {
  const mapped = network.mapped[core];
  const block = network.blocks[core][link.block];
  const { c0, c1 } = network.populations[link.population];
  const length = mapped.blockLen[link.block];
  return {
    // A population that is part of a block's source channels points at its first channel's list.
    kind: link.kind,
    synapsePtr: mapped.blockPtr[link.block] + (c0 - block.c0) * length,
    synapseLen: length,
    atoms: c1 - c0,
    cxBase: link.cxBase,
    preTraceConfig: link.logicalInput >= 0 ? 0 : -1,
    logicalInput: link.logicalInput,
  };
}

function emitLearning(network: MappedCores, index: number): CoreImage["learning"] {
  const { plasticity } = network;
  const learns = network.links[index].some((link) => link.logicalInput >= 0);
  if (!plasticity || !learns) return null;
  const logicalOutput = new Int32Array(network.mapped[index].compartments).fill(-1);
  for (const symbol of emitSymbols(network, index)) {
    if (symbol.layer === plasticity.layer) logicalOutput.set(symbol.neurons, symbol.firstCompartment);
  }
  const { layer: _layer, rule: _rule, tepoch: _tepoch, program: _program, preTrace2, ...learning } = plasticity;
  // No post trace is configured: y1 changes only where the program writes it.
  return { ...learning, ...(preTrace2.length > 0 ? { preTrace2 } : {}), logicalOutput, postTrace: [] };
}

/** [core] output axons, ascending by compartment, then by destination. Populations are numbered within their core. */
function outputsByCore(network: MappedCores): OutputAxon[][] {
  const byCompartment: OutputAxon[][][] = network.mapped.map(({ compartments }) =>
    Array.from({ length: compartments }, () => []),
  );
  const populations = network.cores.map(() => new Map<number, number>());
  const arrangements = network.pieces.map(({ box, layout }) => arrange(box, layout));
  network.links.forEach((links, target) => {
    const address = network.addresses[target];
    for (const link of links) {
      const { piece, y, x, c0, c1 } = network.populations[link.population];
      if (piece === INPUT) continue;
      const { box } = network.pieces[piece];
      const a = arrangements[piece];
      const source = network.coreOfPiece[piece];
      const local = populations[source];
      if (!local.has(link.population)) local.set(link.population, local.size);
      const population = link.kind === "discrete" ? -1 : local.get(link.population)!;
      const position = a.origin + (y - box.y0) * a.stepY + (x - box.x0) * a.stepX;
      for (let c = c0; c < c1; c++) {
        const compartment = network.firstCompartment[piece] + addressOf(a, c - box.c0, position);
        byCompartment[source][compartment].push({
          compartment, kind: link.kind, ...address, axon: link.axon, atom: c - c0, population,
        });
      }
    }
  });
  const order = (a: OutputAxon, b: OutputAxon): number => a.chip - b.chip || a.core - b.core || a.axon - b.axon;
  return byCompartment.map((lists) => lists.flatMap((list) => (list.length > 1 ? list.sort(order) : list)));
}

function emitSymbols(network: MappedCores, onlyCore?: number): SymbolRange[] {
  return network.pieces.flatMap(({ layer, box, layout }, piece) => {
    const core = network.coreOfPiece[piece];
    if (onlyCore !== undefined && core !== onlyCore) return [];
    return [
      {
        ...network.addresses[core],
        layer,
        firstCompartment: network.firstCompartment[piece],
        neurons: neuronsOf(network.layers[layer], box, layout),
      },
    ];
  });
}

function emitContract(network: MappedCores, geometry: InputGeometry): InputContract {
  const [polarities, height, width] = network.inputShape;
  const entries: { chip: number; core: number; axon: number; atom: number }[][] = Array.from(
    { length: polarities * height * width },
    () => [],
  );
  network.links.forEach((links, target) => {
    for (const { population, axon } of links) {
      const { piece, y, x, c0, c1 } = network.populations[population];
      if (piece !== INPUT) continue;
      for (let c = c0; c < c1; c++) {
        entries[(c * height + y) * width + x].push({ ...network.addresses[target], axon, atom: c - c0 });
      }
    }
  });
  for (const list of entries) list.sort((a, b) => a.chip - b.chip || a.core - b.core || a.axon - b.axon);
  const flat = entries.flat();
  const rowStart = new Uint32Array(entries.length + 1);
  for (let c = 0; c < entries.length; c++) rowStart[c + 1] = rowStart[c] + entries[c].length;
  const { spec } = network;
  return {
    ...geometry,
    mode: spec.input.mode,
    shape: network.inputShape,
    steps: spec.steps,
    presentationSteps: presentationSteps(spec),
    passes: spec.soel?.passes ?? 1,
    rowStart,
    chip: Uint16Array.from(flat, (e) => e.chip),
    core: Uint16Array.from(flat, (e) => e.core),
    axon: Uint16Array.from(flat, (e) => e.axon),
    atom: Uint16Array.from(flat, (e) => e.atom),
    outputs: network.layers[network.layers.length - 1].shape[0],
  };
}

function emitProgram(network: MappedCores): EmbeddedProgramImage {
  const { spec } = network;
  const last = network.layers.length - 1;
  const outputs: OutputSymbol[] = new Array(network.layers[last].shape[0]);
  for (const { layer, neurons, firstCompartment, chip, core } of emitSymbols(network)) {
    if (layer !== last) continue;
    neurons.forEach((neuron, c) => {
      if (neuron >= 0) outputs[neuron] = { chip, core, compartment: firstCompartment + c };
    });
  }
  const steps = presentationSteps(spec);
  const learned = network.plasticity?.program ?? { windowSteps: steps, gamma: 0, theta: 1, hi: 0, lo: 0 };
  return emitEmbeddedProgram({
    chip: outputs[0].chip,
    form: spec.soel?.form ?? "readout",
    constants: { ways: outputs.length, presentationSteps: steps, epochSteps: epochSteps(spec), ...learned },
    outputs,
  });
}
