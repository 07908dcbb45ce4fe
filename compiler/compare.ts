/** Holds an image against the model it was compiled from, synapse by synapse. It shares no code with the passes. */
import type { ChipImage, CoreImage } from "../hw/image.js";
import { unpackCompartment } from "../hw/compartment-word.js";
import { effectiveWeight } from "../hw/weights.js";
import { inputSpikes } from "./ir.js";
import type { PaddingLoad } from "./verifiers/padding.js";
import { networkShapes, sizeOf } from "../src/model/shapes.js";
import type { LayerSpec, QuantizedNetwork, Shape3 } from "../src/model/types.js";
import { addressKey, forEachDelivery, INPUT_LAYER, type Delivery } from "./expand.js";

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
  /** What each padding compartment that anything reaches could get in a step. */
  readonly padding: readonly PaddingLoad[];
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
  /** [in, kH, kW, out/groups], so that neighboring outputs are neighbors; an OR pool's are all 64. */
  readonly mantissa: Int16Array;
  readonly biasMant: Int16Array | null;
  readonly biasExp: number;
  readonly plastic: boolean;
  /** [neuron] of the output: its group, its row and column times the stride, and what these and its channel add to the index
   *  of a mantissa: kernelAt + ((source channel·kH + padded y)·kW + padded x)·outputs of a group. */
  readonly group: Int16Array;
  readonly rowAt: Int32Array;
  readonly columnAt: Int32Array;
  readonly kernelAt: Int32Array;
  /** [source channel, kH, kW] synapses that the image has to hold: all where plastic, else those that are not 0. */
  readonly needed: Int32Array;
  /** [axis][input coordinate] taps by which it reaches outputs. */
  readonly taps: readonly [readonly number[][], readonly number[][]];
}

function geometryOf(spec: LayerSpec, input: Shape3): Pick<ExpectedLayer, "kernel" | "stride" | "padding" | "groups"> {
  if (spec.kind === "conv") return spec;
  const padding = [0, 0] as const;
  if (spec.kind === "pool") return { kernel: [2, 2], stride: [2, 2], padding, groups: input[0] };
  return { kernel: [input[1], input[2]], stride: [1, 1], padding, groups: 1 };
}

function expectedLayers(network: QuantizedNetwork): ExpectedLayer[] {
  const shapes = networkShapes(network.spec);
  let weighted = 0;
  return network.spec.layers.map((spec, index): ExpectedLayer => {
    const integers = spec.kind === "pool" ? null : network.layers[weighted++];
    const [input, output] = [shapes[index], shapes[index + 1]];
    const geometry = geometryOf(spec, input);
    const { kernel, stride, groups } = geometry;
    const [, height, width] = output;
    const [perGroupIn, perGroupOut, taps] = [input[0] / groups, output[0] / groups, kernel[0] * kernel[1]];
    const mantissa = integers
      ? byInput(integers.mantissa, { groups, perGroupIn, perGroupOut, taps })
      : new Int16Array(output[0] * perGroupIn * taps).fill(POOL.mantissa);
    const channelOf = (n: number): number => Math.floor(n / (height * width));
    const coordinate = (of: (neuron: number) => number): Int32Array =>
      Int32Array.from({ length: sizeOf(output) }, (_, n) => of(n));
    const rowAt = coordinate((n) => (Math.floor(n / width) % height) * stride[0]);
    const columnAt = coordinate((n) => (n % width) * stride[1]);
    const plastic = network.spec.soel !== null && index === network.spec.layers.length - 1;
    return {
      spec,
      input,
      output,
      ...geometry,
      mantissa,
      biasMant: integers?.biasMant ?? null,
      biasExp: integers?.biasExp ?? 0,
      plastic,
      group: Int16Array.from(coordinate((n) => Math.floor(channelOf(n) / perGroupOut))),
      rowAt,
      columnAt,
      kernelAt: coordinate((n) => (channelOf(n) % perGroupOut) - (rowAt[n] * kernel[1] + columnAt[n]) * perGroupOut),
      needed: neededSynapses(mantissa, perGroupOut, plastic),
      taps: [tapsOf(geometry, input, output, 0), tapsOf(geometry, input, output, 1)],
    };
  });
}

/** Mantissas [out, in/groups, taps] as [in, taps, out/groups]. */
function byInput(
  mantissa: Int16Array,
  { groups, perGroupIn, perGroupOut, taps }: Readonly<Record<"groups" | "perGroupIn" | "perGroupOut" | "taps", number>>,
): Int16Array {
  const out = new Int16Array(mantissa.length);
  let k = 0;
  for (let g = 0; g < groups; g++) {
    for (let o = 0; o < perGroupOut; o++) {
      for (let tap = g * perGroupIn * taps; tap < (g + 1) * perGroupIn * taps; tap++)
        out[tap * perGroupOut + o] = mantissa[k++];
    }
  }
  return out;
}

/** [source channel, kH, kW] synapses that an image has to hold. */
function neededSynapses(mantissa: Int16Array, perGroupOut: number, plastic: boolean): Int32Array {
  const needed = new Int32Array(mantissa.length / perGroupOut);
  for (let k = 0; k < mantissa.length; k++)
    if (plastic || mantissa[k] !== 0) needed[Math.floor(k / perGroupOut)]++;
  return needed;
}

/** Stands for "no synapse" where mantissas are compared. */
const NO_SYNAPSE = 32_767;
const NO_LAYER = -2;

/** Columns of `ExpectedLayer` gathered by compartment of one core: small enough to stay close while lists are walked. */
interface CoreView {
  /** Layer of a neuron's compartment; NO_LAYER for padding. */
  readonly layerAt: Int32Array;
  readonly group: Int32Array;
  readonly rowAt: Int32Array;
  readonly columnAt: Int32Array;
  readonly kernelAt: Int32Array;
  /** [compartment] last source that reached it. */
  readonly stamped: Int32Array;
  /** [compartment] sums of effective weights into padding, by sign, if every source spikes as often as it can. */
  readonly positive: Float64Array;
  readonly negative: Float64Array;
}

class Comparer {
  private readonly views = new Map<CoreImage, CoreView>();
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
    const padding = [...this.views].flatMap(([core, { positive, negative }]) =>
      Array.from(positive, (sum, k) => ({ core, compartment: k, positive: sum, negative: negative[k] })).filter(
        (load) => load.positive + load.negative > 0,
      ),
    );
    return { synapses, paddingSynapses, neurons, differences, examples, padding };
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
    ];
    const channel = Math.floor(neuron / (output[1] * output[2]));
    const expected =
      spec.kind === "pool"
        ? [POOL.decay, POOL.decay, 1, POOL.vthMant, 0]
        : [
            spec.loihi.decayU,
            spec.loihi.decayV,
            spec.loihi.refractory,
            spec.loihi.vthMant,
            biasMant![channel] * 2 ** biasExp,
          ];
    if (found.some((value, k) => value !== expected[k]))
      this.differ(`${this.nameOf(layer, neuron)} (δu δv R vth bias)`, found.join(" "), expected.join(" "));
  }

  compareSynapses(): void {
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
      count += this.compareDelivery(delivery, stamp);
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

  /** Synapses of one delivery that the model needs; reports those that should not be, and wrong weights. Static synapses
   *  of mantissa 0 may be there or not: they add nothing. */
  private compareDelivery(delivery: Delivery, stamp: number): number {
    const { sourceLayer, sourceNeuron, cxBase, list, neuronOf } = delivery;
    const layer = sourceLayer + 1;
    const reader = this.layers[layer];
    if (sourceNeuron < 0 || !reader) {
      this.differ(this.nameOf(sourceLayer, sourceNeuron), "an output axon", "none");
      return 0;
    }
    const { target: offsets, weight } = list;
    const { input, output, kernel, padding, groups, mantissa, plastic } = reader;
    const { layerAt, group, rowAt, columnAt, kernelAt, stamped } = this.viewOf(delivery);
    const [kH, kW] = kernel;
    const [inputs, height, width] = input;
    const inC = Math.floor(sourceNeuron / (height * width));
    const y = (Math.floor(sourceNeuron / width) % height) + padding[0];
    const x = (sourceNeuron % width) + padding[1];
    const ownGroup = Math.floor((inC * groups) / inputs);
    const sourceAt = ((inC * kH + y) * kW + x) * (output[0] / groups);
    let [count, beside] = [0, 0];
    for (let k = 0; k < offsets.length; k++) {
      const compartment = cxBase + offsets[k];
      const mantissaFound = weight[k];
      const kY = y - rowAt[compartment];
      const kX = x - columnAt[compartment];
      const connected = kY >= 0 && kY < kH && kX >= 0 && kX < kW && group[compartment] === ownGroup;
      const wanted = connected ? mantissa[kernelAt[compartment] + sourceAt] : NO_SYNAPSE;
      if (layerAt[compartment] !== layer) {
        if (this.compareBeside(delivery, compartment, mantissaFound)) beside++;
        continue;
      }
      const twice = stamped[compartment] === stamp;
      if (wanted !== mantissaFound || twice) this.differSynapse(delivery, compartment, mantissaFound, wanted, twice);
      stamped[compartment] = stamp;
      if (plastic || mantissaFound !== 0) count++;
      if (plastic) this.comparePlastic(delivery, compartment, neuronOf[compartment]);
    }
    this.synapses += offsets.length - beside;
    this.compareFormats(delivery, reader);
    return count;
  }

  /** What the compartments of a delivery's core stand for. That each neuron has one compartment is `compareNeurons`' to say. */
  private viewOf({ core, layerOf, neuronOf }: Delivery): CoreView {
    let view = this.views.get(core);
    if (!view) {
      const gather = (pick: (layer: ExpectedLayer) => ArrayLike<number>): Int32Array =>
        Int32Array.from(neuronOf, (neuron, k) => (neuron < 0 ? 0 : pick(this.layers[layerOf[k]])[neuron]));
      view = {
        layerAt: layerOf.map((layer, k) => (neuronOf[k] < 0 ? NO_LAYER : layer)),
        group: gather((layer) => layer.group),
        rowAt: gather((layer) => layer.rowAt),
        columnAt: gather((layer) => layer.columnAt),
        kernelAt: gather((layer) => layer.kernelAt),
        stamped: new Int32Array(neuronOf.length).fill(-1),
        positive: new Float64Array(neuronOf.length),
        negative: new Float64Array(neuronOf.length),
      };
      this.views.set(core, view);
    }
    return view;
  }

  /** A synapse to a compartment that is no neuron of the reader; true where it is no neuron at all: padding, which only
   *  takes what falls over a border, or past the core's end. */
  private compareBeside(delivery: Delivery, compartment: number, found: number): boolean {
    const { sourceLayer, sourceNeuron, neuronOf } = delivery;
    const past = compartment >= neuronOf.length;
    if (!past && neuronOf[compartment] >= 0) {
      this.differSynapse(delivery, compartment, found, NO_SYNAPSE, false);
      return false;
    }
    if (past)
      this.differ(
        this.nameOf(sourceLayer, sourceNeuron),
        `a synapse to compartment ${compartment}`,
        `below ${neuronOf.length}`,
      );
    else {
      this.paddingSynapses++;
      const { spec } = this.layers[sourceLayer + 1];
      const weight = effectiveWeight(found, spec.kind === "pool" ? 0 : spec.weight.wgtExp);
      const { positive, negative } = this.viewOf(delivery);
      const spikes = sourceLayer === INPUT_LAYER ? inputSpikes(this.image.contract.mode) : 1;
      (weight > 0 ? positive : negative)[compartment] += spikes * Math.abs(weight);
    }
    return true;
  }

  private differSynapse(
    { sourceLayer, sourceNeuron, layerOf, neuronOf }: Delivery,
    compartment: number,
    found: number,
    wanted: number,
    twice: boolean,
  ): void {
    this.differ(
      `${this.nameOf(sourceLayer, sourceNeuron)} → ${this.nameOf(layerOf[compartment], neuronOf[compartment])}`,
      `${found}${twice ? " a second time" : ""}`,
      wanted === NO_SYNAPSE ? "no synapse" : `${wanted}`,
    );
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

  /** Synapses of a source that the image has to hold: counted tap by tap, not solved for. */
  private fanOut(sourceLayer: number, source: number): number {
    const reader = this.layers[sourceLayer + 1];
    if (!reader) return 0;
    const { input, kernel, needed, taps } = reader;
    const [y, x] = [Math.floor(source / input[2]) % input[1], source % input[2]];
    const first = Math.floor(source / (input[1] * input[2])) * kernel[0] * kernel[1];
    let count = 0;
    for (const kY of taps[0][y]) for (const kX of taps[1][x]) count += needed[first + kY * kernel[1] + kX];
    return count;
  }
}

/** [input coordinate] taps by which it reaches outputs on one axis. */
function tapsOf(
  { kernel, stride, padding }: Pick<ExpectedLayer, "kernel" | "stride" | "padding">,
  input: Shape3,
  output: Shape3,
  axis: 0 | 1,
): number[][] {
  return Array.from({ length: input[axis + 1] }, (_, coordinate) => {
    const reached: number[] = [];
    for (let k = 0; k < kernel[axis]; k++) {
      const scaled = coordinate + padding[axis] - k;
      if (scaled >= 0 && scaled % stride[axis] === 0 && scaled / stride[axis] < output[axis + 1]) reached.push(k);
    }
    return reached;
  });
}
