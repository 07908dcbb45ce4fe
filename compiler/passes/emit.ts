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
import { CORE_LIMITS } from "../../hw/limits.js";
import { packLists, SYNAPSE_WORD_BYTES, type SynapseEntry } from "../../hw/synapse-words.js";
import { assert } from "../../src/base/errors.js";
import { epochSteps, presentationSteps } from "../../src/model/shapes.js";
import type { InputGeometry } from "../../src/model/types.js";
import { arrange, channelsReached, neuronsOf, runsOf, weightAt, type Run } from "../geometry.js";
import { INPUT, type Block, type Link, type MappedCores, type Piece, type Projection } from "../ir.js";

/** −2^23 + 1 … 2^23 − 1. */
const FULL_VOLTAGE = { negVmLimit: 23, posVmLimit: 7 } as const;

export interface EmitOptions {
  readonly name: string;
  readonly board: string;
  readonly chipSeed: number;
}

export function emit(network: MappedCores, geometry: InputGeometry, options: EmitOptions): ChipImage {
  const cores = network.cores.map((_, index) => emitCore(network, index));
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

function emitCore(network: MappedCores, index: number): Omit<CoreImage, "outputAxons"> {
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
    synapseMemory: emitMemory(network, index),
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

function emitMemory(network: MappedCores, index: number): Uint8Array {
  const mapped = network.mapped[index];
  const memory = new Uint8Array(mapped.words * SYNAPSE_WORD_BYTES);
  network.blocks[index].forEach((block, k) => {
    const { words, synapseLen } = packLists(mapped.formats, blockLists(network, block, mapped.blockFormat[k]));
    assert(synapseLen === mapped.blockLen[k], "compiler bug: a weight block is not as long as allocated");
    memory.set(words, mapped.blockPtr[k] * SYNAPSE_WORD_BYTES);
  });
  return memory;
}

/** [index] itself: dense entries take their indices from here. */
const INDICES = Int32Array.from({ length: CORE_LIMITS.compartments * 2 }, (_, k) => k);

/** [atom] entries of a block. */
function blockLists(network: MappedCores, block: Block, format: number): SynapseEntry[][] {
  const piece = network.pieces[block.piece];
  const layer = network.layers[piece.layer];
  const projection = layer.projections[block.projection];
  const a = arrange(piece.box, piece.layout);
  const [outer, inner] =
    piece.layout.inner === "x" ? [block.countY, block.countX] : [block.countX, block.countY];
  const lists: SynapseEntry[][] = [];
  for (let c = block.c0; c < block.c1; c++) {
    const [low, high] = channelsReached(projection, layer, piece.box, c);
    const entries: SynapseEntry[] = [];
    for (const run of runsOf(a, outer, inner, low, high)) {
      const weights = runWeights(projection, piece, block, run, c);
      for (let k = 0; k < run.length; k += CORE_LIMITS.synapsesPerEntry) {
        const length = Math.min(CORE_LIMITS.synapsesPerEntry, run.length - k);
        const prefix = block.start + run.start + k;
        entries.push({
          format,
          prefix,
          index: INDICES.subarray(prefix, prefix + length),
          weight: weights.subarray(k, k + length),
          delay: projection.delay === 0 ? undefined : new Uint8Array(length).fill(projection.delay),
        });
      }
    }
    lists.push(entries);
  }
  return lists;
}

/** Mantissas of a run from source channel c: positions outside, channels inside. */
function runWeights(projection: Projection, piece: Piece, block: Block, run: Run, c: number): Int16Array {
  const weights = new Int16Array(run.length);
  const byX = piece.layout.inner === "x";
  const [strideY, strideX] = projection.stride;
  const first = piece.box.c0 + run.channel;
  for (let k = 0, column = run.column; k < run.length; column++) {
    const tapY = block.tapY - (byX ? run.row : column) * strideY;
    const tapX = block.tapX - (byX ? column : run.row) * strideX;
    for (let o = 0; o < run.width; o++) weights[k++] = weightAt(projection, first + o, c, tapY, tapX);
  }
  return weights;
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
  const outputs: OutputAxon[][] = network.cores.map(() => []);
  const local = network.cores.map(() => new Map<number, number>());
  const addresses = compartmentsByPiece(network);
  network.links.forEach((links, target) => {
    for (const link of links) {
      const { piece, y, x, c0, c1 } = network.populations[link.population];
      if (piece === INPUT) continue;
      const source = network.coreOfPiece[piece];
      if (!local[source].has(link.population)) local[source].set(link.population, local[source].size);
      const [, height, width] = network.layers[network.pieces[piece].layer].shape;
      for (let c = c0; c < c1; c++) {
        outputs[source].push({
          compartment: addresses[piece].get((c * height + y) * width + x)!,
          kind: link.kind,
          ...network.addresses[target],
          axon: link.axon,
          atom: c - c0,
          population: link.kind === "discrete" ? -1 : local[source].get(link.population)!,
        });
      }
    }
  });
  for (const list of outputs) {
    list.sort((a, b) => a.compartment - b.compartment || a.chip - b.chip || a.core - b.core || a.axon - b.axon);
  }
  return outputs;
}

/** [piece] neuron → compartment on its core. */
function compartmentsByPiece(network: MappedCores): Map<number, number>[] {
  return network.pieces.map(({ layer, box, layout }, piece) => {
    const map = new Map<number, number>();
    neuronsOf(network.layers[layer], box, layout).forEach((neuron, c) => {
      if (neuron >= 0) map.set(neuron, network.firstCompartment[piece] + c);
    });
    return map;
  });
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
