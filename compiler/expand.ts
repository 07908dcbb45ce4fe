/** Reads the image's tables back into synapses, as the chip would follow them, and holds them against the model. It shares
 *  no code with the passes: only the image and its word formats. */
import type { ChipImage, CoreImage, SynapseFormat } from "../hw/image.js";
import { unpackCompartment } from "../hw/compartment-word.js";
import { unpackList } from "../hw/synapse-words.js";
import { networkShapes, sizeOf } from "../src/model/shapes.js";
import type { ConvLayer, LayerSpec, QuantizedNetwork, Shape3 } from "../src/model/types.js";

/** Layer index of sources outside the chip. */
export const INPUT_LAYER = -1;

/** One synapse list as the chip decodes it. Arrays [synapse]. */
interface DecodedList {
  /** Compartment minus the axon's cxBase. */
  readonly target: Int32Array;
  readonly weight: Int16Array;
  readonly format: Uint8Array;
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
  const deliver = (sourceLayer: number, sourceNeuron: number, chip: number, coreId: number, axon: number, atom: number): void => {
    const tables = cores.get(addressKey(chip, coreId));
    const entry = tables?.core.inputAxons[axon];
    if (!tables || !entry) throw new RangeError(`an axon to chip ${chip}, core ${coreId}, entry ${axon}, which is not mapped`);
    if (atom >= entry.atoms) throw new RangeError(`atom ${atom} of an axon that tells ${entry.atoms} apart`);
    const list = listAt(tables, entry.synapsePtr + atom * entry.synapseLen, entry.synapseLen);
    const { core, layerOf, neuronOf } = tables;
    visit({ sourceLayer, sourceNeuron, core, logicalInput: entry.logicalInput, cxBase: entry.cxBase, list, layerOf, neuronOf });
  };
  const { rowStart, chip, core, axon, atom } = image.contract;
  for (let pixel = 0; pixel + 1 < rowStart.length; pixel++) {
    for (let k = rowStart[pixel]; k < rowStart[pixel + 1]; k++) deliver(INPUT_LAYER, pixel, chip[k], core[k], axon[k], atom[k]);
  }
  for (const { core: source, layerOf, neuronOf } of cores.values()) {
    for (const out of source.outputAxons) {
      deliver(layerOf[out.compartment], neuronOf[out.compartment], out.chip, out.core, out.axon, out.atom);
    }
  }
}

const addressKey = (chip: number, core: number): number => chip * 65536 + core;

function tablesByAddress(image: ChipImage): Map<number, CoreTables> {
  const tables = new Map<number, CoreTables>();
  for (const core of image.cores) {
    const count = core.compartments.length;
    tables.set(addressKey(core.chip, core.core), {
      core, layerOf: new Int32Array(count).fill(-1), neuronOf: new Int32Array(count).fill(-1), lists: new Map(),
    });
  }
  for (const { chip, core, layer, firstCompartment, neurons } of image.symbols) {
    const { layerOf, neuronOf } = tables.get(addressKey(chip, core))!;
    layerOf.fill(layer, firstCompartment, firstCompartment + neurons.length);
    neuronOf.set(neurons, firstCompartment);
  }
  return tables;
}

function listAt(tables: CoreTables, word: number, length: number): DecodedList {
  const known = tables.lists.get(word);
  if (known) return known;
  const { synapseFormats, synapseMemory } = tables.core;
  const entries = unpackList(synapseFormats, synapseMemory, word, length);
  const count = entries.reduce((sum, entry) => sum + entry.index.length, 0);
  const list: DecodedList = {
    target: new Int32Array(count), weight: new Int16Array(count), format: new Uint8Array(count),
  };
  let at = 0;
  for (const { format, index, weight } of entries) {
    const { cIdxOffset, cIdxMult } = synapseFormats[format - 1];
    for (let k = 0; k < index.length; k++, at++) {
      list.target[at] = cIdxOffset + index[k] * (cIdxMult + 1);
      list.weight[at] = weight[k];
      list.format[at] = format;
    }
  }
  tables.lists.set(word, list);
  return list;
}

/** What differs between image and model; `found` and `expected` in words. */
export interface Difference {
  readonly at: string;
  readonly found: string;
  readonly expected: string;
}

export interface Comparison {
  /** Synapses that lead to neurons, and to padding compartments. */
  readonly synapses: number;
  readonly paddingSynapses: number;
  readonly neurons: number;
  readonly differences: number;
  /** The first few. */
  readonly examples: readonly Difference[];
}

const EXAMPLE_LIMIT = 10;

/** Compares every synapse, neuron and learning index of the image with the model. */
export function compareWithModel(image: ChipImage, network: QuantizedNetwork): Comparison {
  const comparer = new Comparer(image, network);
  comparer.compareNeurons();
  comparer.compareSynapses();
  return comparer.result();
}

/** OR pool as the design defines it: mantissa 64, decays 4096, threshold 63. */
const POOL = { mantissa: 64, decay: 4096, vthMant: 63 } as const;

/** Expected connection of one layer, straight from the spec. */
interface ExpectedLayer {
  readonly spec: LayerSpec;
  readonly input: Shape3;
  readonly output: Shape3;
  readonly mantissa: Int16Array | null;
  readonly biasMant: Int16Array | null;
  readonly biasExp: number;
}

class Comparer {
  private readonly layers: ExpectedLayer[];
  private readonly examples: Difference[] = [];
  private differences = 0;
  private synapses = 0;
  private paddingSynapses = 0;
  private neurons = 0;

  constructor(private readonly image: ChipImage, private readonly network: QuantizedNetwork) {
    const shapes = networkShapes(network.spec);
    let weighted = 0;
    this.layers = network.spec.layers.map((spec, index) => {
      const integers = spec.kind === "pool" ? null : network.layers[weighted++];
      return {
        spec, input: shapes[index], output: shapes[index + 1], mantissa: integers?.mantissa ?? null,
        biasMant: integers?.biasMant ?? null, biasExp: integers?.biasExp ?? 0,
      };
    });
  }

  result(): Comparison {
    const { synapses, paddingSynapses, neurons, differences, examples } = this;
    return { synapses, paddingSynapses, neurons, differences, examples };
  }

  private differ(at: string, found: string, expected: string): void {
    this.differences++;
    if (this.examples.length < EXAMPLE_LIMIT) this.examples.push({ at, found, expected });
  }

  private nameOf(layer: number, neuron: number): string {
    return layer === INPUT_LAYER ? `input ${neuron}` : `layer "${this.layers[layer].spec.name}", neuron ${neuron}`;
  }

  /** Every neuron is on exactly one compartment, with its constants. */
  compareNeurons(): void {
    const seen = this.layers.map(({ output }) => new Uint8Array(sizeOf(output)));
    const cores = new Map(this.image.cores.map((core) => [addressKey(core.chip, core.core), core]));
    for (const { chip, core: id, layer, firstCompartment, neurons } of this.image.symbols) {
      const core = cores.get(addressKey(chip, id))!;
      neurons.forEach((neuron, k) => {
        if (neuron < 0) return;
        seen[layer][neuron]++;
        this.compareNeuron(core, firstCompartment + k, layer, neuron);
      });
    }
    seen.forEach((counts, layer) => counts.forEach((count, neuron) => {
      this.neurons += count;
      if (count !== 1) this.differ(this.nameOf(layer, neuron), `${count} compartments`, "1");
    }));
  }

  private compareNeuron(core: CoreImage, compartment: number, layer: number, neuron: number): void {
    const { spec, output, biasMant, biasExp } = this.layers[layer];
    const config = unpackCompartment(core.compartments[compartment]);
    const profile = core.compartmentProfiles[config.profile];
    const found = [
      profile.decayU + core.dsOffset, profile.decayV + core.dmOffset, profile.refractDelay,
      core.vthProfiles[config.vthProfile], config.biasMant * 2 ** config.biasExp,
    ].join(" ");
    const channel = Math.floor(neuron / (output[1] * output[2]));
    const expected = spec.kind === "pool"
      ? [POOL.decay, POOL.decay, 1, POOL.vthMant, 0].join(" ")
      : [spec.loihi.decayU, spec.loihi.decayV, spec.loihi.refractory, spec.loihi.vthMant, biasMant![channel] * 2 ** biasExp].join(" ");
    if (found !== expected) this.differ(`${this.nameOf(layer, neuron)} (δu δv R vth bias)`, found, expected);
  }

  compareSynapses(): void {
    const stamps = this.layers.map(({ output }) => new Int32Array(sizeOf(output)).fill(-1));
    let [layer, neuron, stamp, count] = [-2, -1, -1, 0];
    const finish = (): void => {
      if (layer < -1) return;
      const expected = this.fanOut(layer, neuron);
      if (count !== expected) this.differ(this.nameOf(layer, neuron), `${count} synapses`, `${expected}`);
    };
    const seen = [INPUT_LAYER, ...this.layers.keys()].map((l) => new Uint8Array(this.sourceSize(l)));
    forEachDelivery(this.image, (delivery) => {
      if (delivery.sourceLayer !== layer || delivery.sourceNeuron !== neuron) {
        finish();
        ({ sourceLayer: layer, sourceNeuron: neuron } = delivery);
        [stamp, count] = [stamp + 1, 0];
        if (neuron >= 0) seen[layer + 1][neuron] = 1;
      }
      count += this.compareDelivery(delivery, stamps, stamp);
    });
    finish();
    seen.forEach((flags, index) => flags.forEach((flag, source) => {
      const expected = this.fanOut(index - 1, source);
      if (!flag && expected > 0) this.differ(this.nameOf(index - 1, source), "no axon", `${expected} synapses`);
    }));
  }

  private sourceSize(layer: number): number {
    return sizeOf(layer === INPUT_LAYER ? this.layers[0].input : this.layers[layer].output);
  }

  /** Synapses of one delivery that reach neurons; reports those that should not be, and wrong weights. */
  private compareDelivery(delivery: Delivery, stamps: readonly Int32Array[], stamp: number): number {
    const { sourceLayer, sourceNeuron, core, cxBase, list, layerOf, neuronOf } = delivery;
    if (sourceNeuron < 0) {
      this.differ(`padding compartment of layer ${sourceLayer}`, "an output axon", "none");
      return 0;
    }
    let count = 0;
    for (let k = 0; k < list.target.length; k++) {
      const compartment = cxBase + list.target[k];
      if (compartment >= neuronOf.length) {
        this.differ(this.nameOf(sourceLayer, sourceNeuron), `a synapse to compartment ${compartment}`, `below ${neuronOf.length}`);
        continue;
      }
      const [layer, target] = [layerOf[compartment], neuronOf[compartment]];
      if (target < 0) {
        this.paddingSynapses++;
        continue;
      }
      this.synapses++;
      count++;
      const expected = layer === sourceLayer + 1 ? this.weight(layer, sourceNeuron, target) : undefined;
      if (expected !== list.weight[k] || stamps[layer][target] === stamp) {
        const twice = stamps[layer][target] === stamp ? " a second time" : "";
        this.differ(`${this.nameOf(sourceLayer, sourceNeuron)} → ${this.nameOf(layer, target)}`,
          `${list.weight[k]}${twice}`, `${expected ?? "no synapse"}`);
      }
      stamps[layer][target] = stamp;
      this.compareFormat(core.synapseFormats[list.format[k] - 1], delivery, layer, compartment, target);
    }
    return count;
  }

  private compareFormat(format: SynapseFormat, delivery: Delivery, layer: number, compartment: number, target: number): void {
    const { spec } = this.layers[layer];
    const plastic = this.network.spec.soel !== null && layer === this.layers.length - 1;
    const wgtExp = spec.kind === "pool" ? 0 : spec.weight.wgtExp;
    if (format.wgtExp !== wgtExp || format.learning !== plastic || format.dlyBits !== 0) {
      this.differ(this.nameOf(layer, target), `exponent ${format.wgtExp}, learning ${format.learning}`, `${wgtExp}, ${plastic}`);
    }
    const logicalOutput = delivery.core.learning?.logicalOutput[compartment] ?? -1;
    const [i, j] = plastic ? [target, delivery.sourceNeuron] : [-1, -1];
    if (logicalOutput !== i || delivery.logicalInput !== j) {
      this.differ(this.nameOf(layer, target), `draw index of output ${logicalOutput}, input ${delivery.logicalInput}`, `${i}, ${j}`);
    }
  }

  /** Mantissa from `source` of the layer before to `target`, or undefined where there is no synapse. */
  private weight(layer: number, source: number, target: number): number | undefined {
    const { spec, input, output, mantissa } = this.layers[layer];
    if (spec.kind === "dense") return mantissa![target * sizeOf(input) + source];
    const [, inH, inW] = input;
    const [, outH, outW] = output;
    const inX = source % inW;
    const inY = ((source - inX) / inW) % inH;
    const inC = Math.floor(source / (inH * inW));
    const outX = target % outW;
    const outY = ((target - outX) / outW) % outH;
    const outC = Math.floor(target / (outH * outW));
    if (spec.kind === "pool") {
      return inC === outC && inX >> 1 === outX && inY >> 1 === outY ? POOL.mantissa : undefined;
    }
    const perGroupIn = input[0] / spec.groups;
    if (Math.floor(inC / perGroupIn) !== Math.floor(outC / (output[0] / spec.groups))) return undefined;
    const kY = inY + spec.padding[0] - outY * spec.stride[0];
    const kX = inX + spec.padding[1] - outX * spec.stride[1];
    if (kY < 0 || kX < 0 || kY >= spec.kernel[0] || kX >= spec.kernel[1]) return undefined;
    return mantissa![((outC * perGroupIn + (inC % perGroupIn)) * spec.kernel[0] + kY) * spec.kernel[1] + kX];
  }

  /** Synapses that a source has in the model. */
  private fanOut(sourceLayer: number, source: number): number {
    const reader = this.layers[sourceLayer + 1];
    if (!reader) return 0;
    const { spec, input, output } = reader;
    if (spec.kind === "dense") return output[0];
    const inX = source % input[2];
    const inY = Math.floor(source / input[2]) % input[1];
    if (spec.kind === "pool") return inY >> 1 < output[1] && inX >> 1 < output[2] ? 1 : 0;
    return taps(spec, 0, inY, output[1]) * taps(spec, 1, inX, output[2]) * (output[0] / spec.groups);
  }
}

/** Outputs that an input coordinate reaches on one axis: counted, not solved for. */
function taps(spec: ConvLayer, axis: 0 | 1, coordinate: number, size: number): number {
  let count = 0;
  for (let k = 0; k < spec.kernel[axis]; k++) {
    const scaled = coordinate + spec.padding[axis] - k;
    if (scaled >= 0 && scaled % spec.stride[axis] === 0 && scaled / spec.stride[axis] < size) count++;
  }
  return count;
}

