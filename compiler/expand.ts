/** Reads the image's tables back into synapses, as the chip would follow them, and holds them against the model. It shares
 *  no code with the passes: only the image and its word formats. */
import type { ChipImage, CoreImage } from "../hw/image.js";
import { unpackCompartment } from "../hw/compartment-word.js";
import { unpackList } from "../hw/synapse-words.js";
import { networkShapes, sizeOf } from "../src/model/shapes.js";
import type { LayerSpec, QuantizedNetwork, Shape3 } from "../src/model/types.js";

/** Layer index of sources outside the chip. */
export const INPUT_LAYER = -1;

/** One synapse list as the chip decodes it. Arrays [synapse]. */
interface DecodedList {
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
    const list = listAt(tables, entry.synapsePtr + atom * entry.synapseLen, entry.synapseLen);
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

const addressKey = (chip: number, core: number): number => chip * 65536 + core;

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

function listAt(tables: CoreTables, word: number, length: number): DecodedList {
  const known = tables.lists.get(word);
  if (known) return known;
  const { synapseFormats, synapseMemory } = tables.core;
  const entries = unpackList(synapseFormats, synapseMemory, word, length);
  const count = entries.reduce((sum, entry) => sum + entry.index.length, 0);
  const list: DecodedList = {
    target: new Int32Array(count),
    weight: new Int16Array(count),
    formats: [...new Set(entries.map((entry) => entry.format))],
  };
  let at = 0;
  for (const { format, index, weight } of entries) {
    const { cIdxOffset, cIdxMult } = synapseFormats[format - 1];
    for (let k = 0; k < index.length; k++, at++) {
      list.target[at] = cIdxOffset + index[k] * (cIdxMult + 1);
      list.weight[at] = weight[k];
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

/** Expected connections of one layer, straight from the spec. A dense layer is a kernel over the whole input. */
interface ExpectedLayer {
  readonly spec: LayerSpec;
  readonly input: Shape3;
  readonly output: Shape3;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly groups: number;
  /** Null: an OR pool. */
  readonly mantissa: Int16Array | null;
  readonly biasMant: Int16Array | null;
  readonly biasExp: number;
  readonly plastic: boolean;
  /** [neuron] coordinates of the outputs. */
  readonly channel: Int16Array;
  readonly row: Int16Array;
  readonly column: Int16Array;
}

function expectedLayers(network: QuantizedNetwork): ExpectedLayer[] {
  const shapes = networkShapes(network.spec);
  let weighted = 0;
  return network.spec.layers.map((spec, index) => {
    const integers = spec.kind === "pool" ? null : network.layers[weighted++];
    const [input, output] = [shapes[index], shapes[index + 1]];
    const geometry =
      spec.kind === "conv"
        ? spec
        : spec.kind === "pool"
          ? { kernel: [2, 2] as const, stride: [2, 2] as const, padding: [0, 0] as const, groups: input[0] }
          : {
              kernel: [input[1], input[2]] as const,
              stride: [1, 1] as const,
              padding: [0, 0] as const,
              groups: 1,
            };
    const [, height, width] = output;
    const coordinate = (of: (neuron: number) => number): Int16Array =>
      Int16Array.from({ length: sizeOf(output) }, (_, n) => of(n));
    return {
      spec,
      input,
      output,
      kernel: geometry.kernel,
      stride: geometry.stride,
      padding: geometry.padding,
      groups: geometry.groups,
      mantissa: integers?.mantissa ?? null,
      biasMant: integers?.biasMant ?? null,
      biasExp: integers?.biasExp ?? 0,
      plastic: network.spec.soel !== null && index === network.spec.layers.length - 1,
      channel: coordinate((n) => Math.floor(n / (height * width))),
      row: coordinate((n) => Math.floor(n / width) % height),
      column: coordinate((n) => n % width),
    };
  });
}

/** Stands for "no synapse" where mantissas are compared. */
const NO_SYNAPSE = 32_767;

class Comparer {
  private readonly layers: ExpectedLayer[];
  private readonly examples: Difference[] = [];
  private differences = 0;
  private synapses = 0;
  private paddingSynapses = 0;
  private neurons = 0;

  constructor(
    private readonly image: ChipImage,
    network: QuantizedNetwork,
  ) {
    this.layers = expectedLayers(network);
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
    if (neuron < 0) return `a padding compartment of layer "${this.layers[layer]?.spec.name}"`;
    return layer === INPUT_LAYER
      ? `input ${neuron}`
      : `layer "${this.layers[layer].spec.name}", neuron ${neuron}`;
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
    seen.forEach((counts, layer) => {
      counts.forEach((count, neuron) => {
        this.neurons += count;
        if (count !== 1) this.differ(this.nameOf(layer, neuron), `${count} compartments`, "1");
      });
    });
  }

  private compareNeuron(core: CoreImage, compartment: number, layer: number, neuron: number): void {
    const { spec, output, biasMant, biasExp } = this.layers[layer];
    const config = unpackCompartment(core.compartments[compartment]);
    const profile = core.compartmentProfiles[config.profile];
    const found = [
      profile.decayU + core.dsOffset,
      profile.decayV + core.dmOffset,
      profile.refractDelay,
      core.vthProfiles[config.vthProfile],
      config.biasMant * 2 ** config.biasExp,
    ].join(" ");
    const channel = Math.floor(neuron / (output[1] * output[2]));
    const expected =
      spec.kind === "pool"
        ? [POOL.decay, POOL.decay, 1, POOL.vthMant, 0].join(" ")
        : [
            spec.loihi.decayU,
            spec.loihi.decayV,
            spec.loihi.refractory,
            spec.loihi.vthMant,
            biasMant![channel] * 2 ** biasExp,
          ].join(" ");
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
    seen.forEach((flags, index) => {
      flags.forEach((flag, source) => {
        const expected = this.fanOut(index - 1, source);
        if (!flag && expected > 0)
          this.differ(this.nameOf(index - 1, source), "no axon", `${expected} synapses`);
      });
    });
  }

  private sourceSize(layer: number): number {
    return sizeOf(layer === INPUT_LAYER ? this.layers[0].input : this.layers[layer].output);
  }

  /** Synapses of one delivery that reach neurons; reports those that should not be, and wrong weights. */
  private compareDelivery(delivery: Delivery, stamps: readonly Int32Array[], stamp: number): number {
    const { sourceLayer, sourceNeuron, cxBase, list, layerOf, neuronOf } = delivery;
    const reader = this.layers[sourceLayer + 1];
    if (sourceNeuron < 0 || !reader) {
      this.differ(this.nameOf(sourceLayer, sourceNeuron), "an output axon", "none");
      return 0;
    }
    const expected = this.weightsFrom(reader, sourceNeuron);
    const stamped = stamps[sourceLayer + 1];
    let count = 0;
    for (let k = 0; k < list.target.length; k++) {
      const compartment = cxBase + list.target[k];
      const target = compartment < neuronOf.length ? neuronOf[compartment] : -2;
      if (target < 0) {
        if (target === -1) this.paddingSynapses++;
        else
          this.differ(
            this.nameOf(sourceLayer, sourceNeuron),
            `a synapse to compartment ${compartment}`,
            `below ${neuronOf.length}`,
          );
        continue;
      }
      count++;
      const wanted = layerOf[compartment] === sourceLayer + 1 ? expected(target) : NO_SYNAPSE;
      if (wanted !== list.weight[k] || stamped[target] === stamp) {
        const twice = stamped[target] === stamp ? " a second time" : "";
        this.differ(
          `${this.nameOf(sourceLayer, sourceNeuron)} → ${this.nameOf(layerOf[compartment], target)}`,
          `${list.weight[k]}${twice}`,
          wanted === NO_SYNAPSE ? "no synapse" : `${wanted}`,
        );
      }
      if (layerOf[compartment] === sourceLayer + 1) stamped[target] = stamp;
      if (reader.plastic) this.comparePlastic(delivery, compartment, target);
    }
    this.synapses += count;
    this.compareFormats(delivery, reader);
    return count;
  }

  /** Mantissa that a source of a layer's input should have to each target; NO_SYNAPSE where none. */
  private weightsFrom(reader: ExpectedLayer, source: number): (target: number) => number {
    const { input, output, kernel, stride, padding, groups, mantissa, channel, row, column } = reader;
    const [inputs, height, width] = input;
    const perGroupIn = inputs / groups;
    const perGroupOut = output[0] / groups;
    const [kH, kW] = kernel;
    const [sH, sW] = stride;
    const inC = Math.floor(source / (height * width));
    const y = (Math.floor(source / width) % height) + padding[0];
    const x = (source % width) + padding[1];
    const firstOut = Math.floor(inC / perGroupIn) * perGroupOut;
    const inGroup = inC % perGroupIn;
    return (target) => {
      const o = channel[target];
      const kY = y - row[target] * sH;
      const kX = x - column[target] * sW;
      if (o < firstOut || o >= firstOut + perGroupOut || kY < 0 || kY >= kH || kX < 0 || kX >= kW)
        return NO_SYNAPSE;
      return mantissa === null ? POOL.mantissa : mantissa[((o * perGroupIn + inGroup) * kH + kY) * kW + kX];
    };
  }

  private compareFormats(
    { core, list, sourceLayer, sourceNeuron, logicalInput }: Delivery,
    { spec, plastic }: ExpectedLayer,
  ): void {
    const wgtExp = spec.kind === "pool" ? 0 : spec.weight.wgtExp;
    for (const number of list.formats) {
      const format = core.synapseFormats[number - 1];
      if (format.wgtExp === wgtExp && format.learning === plastic && format.dlyBits === 0) continue;
      this.differ(
        this.nameOf(sourceLayer, sourceNeuron),
        `exponent ${format.wgtExp}, learning ${format.learning}`,
        `${wgtExp}, ${plastic}`,
      );
    }
    if (!plastic && logicalInput !== -1)
      this.differ(this.nameOf(sourceLayer, sourceNeuron), `draw index ${logicalInput}`, "none");
  }

  /** The indices that random numbers are drawn by are the model's. */
  private comparePlastic(
    { core, sourceNeuron, logicalInput }: Delivery,
    compartment: number,
    target: number,
  ): void {
    const logicalOutput = core.learning?.logicalOutput[compartment] ?? -1;
    if (logicalOutput === target && logicalInput === sourceNeuron) return;
    this.differ(
      this.nameOf(this.layers.length - 1, target),
      `draw index of output ${logicalOutput}, input ${logicalInput}`,
      `${target}, ${sourceNeuron}`,
    );
  }

  /** Synapses that a source has in the model. */
  private fanOut(sourceLayer: number, source: number): number {
    const reader = this.layers[sourceLayer + 1];
    if (!reader) return 0;
    const { input, output, groups } = reader;
    const [y, x] = [Math.floor(source / input[2]) % input[1], source % input[2]];
    return taps(reader, 0, y) * taps(reader, 1, x) * (output[0] / groups);
  }
}

/** Outputs that an input coordinate reaches on one axis: counted, not solved for. */
function taps({ kernel, stride, padding, output }: ExpectedLayer, axis: 0 | 1, coordinate: number): number {
  let count = 0;
  for (let k = 0; k < kernel[axis]; k++) {
    const scaled = coordinate + padding[axis] - k;
    if (scaled >= 0 && scaled % stride[axis] === 0 && scaled / stride[axis] < output[axis + 1]) count++;
  }
  return count;
}
