import { packCompartment } from "../../../hw/compartment-word.js";
import type { ChipImage, CompartmentProfile, CoreImage, InputAxon, OutputAxon, SynapseFormat } from "../../../hw/image.js";
import { CHIP_LIMITS, CORE_LIMITS, DECAY_ONE, RANGE } from "../../../hw/limits.js";
import { listBits, listWords, packLists, splitIntoEntries, type SynapseEntry } from "../../../hw/synapse-words.js";
import { indexBitsCode, isRepresentable, mantissaGrid, weightBitsCode } from "../../../hw/weights.js";
import { concatBytes } from "../../base/bytes.js";
import { userError } from "../../base/errors.js";

/** A neuron of a small network given synapse by synapse, in the chip's own integers. */
export interface SmallNeuron {
  /** Effective decays, 0…4096. */
  readonly decayU: number;
  readonly decayV: number;
  readonly vthMant: number;
  readonly refractory: number;
  readonly biasMant: number;
  readonly biasExp: number;
}

/** Synapses of one source, any order. */
export interface SmallSynapses {
  readonly target: readonly number[];
  readonly mantissa: readonly number[];
  readonly delay: readonly number[];
}

/** A network of one population with inputs and recurrent synapses: what the neutral case formats describe. */
export interface SmallNetwork {
  readonly name: string;
  readonly neurons: readonly SmallNeuron[];
  /** [input], [neuron] */
  readonly inputs: readonly SmallSynapses[];
  readonly recurrent: readonly SmallSynapses[] | null;
  readonly weightBits: number;
  readonly signMode: 1 | 2 | 3;
  readonly wgtExp: number;
  /** Limits of v; full where undefined. */
  readonly negVmLimit?: number;
  readonly posVmLimit?: number;
}

/** What a run adds: steps, and how inputs are told. */
export interface SmallRun {
  /** T frames, S steps. */
  readonly steps: number;
  readonly presentationSteps: number;
  readonly mode: "binary" | "counts";
  readonly chipSeed: number;
}

/** Cores of a network, cut greedily in neuron order: as many compartments as profiles, thresholds and decay offsets let share. */
export interface SmallImage {
  readonly image: ChipImage;
  /** [neuron] index into image.cores, and compartment. */
  readonly core: Int32Array;
  readonly compartment: Int32Array;
}

/** Builds the chip image of a small network on one chip.
 *  @throws UserError E-CASE-002 where a value is beyond the chip, E-CASE-003 where it does not fit */
export function smallImage(network: SmallNetwork, run: SmallRun): SmallImage {
  checkValues(network);
  const delayBits = Math.ceil(Math.log2(maxDelay(network) + 1));
  const groups = cutIntoCores(network, delayBits);
  const core = new Int32Array(network.neurons.length);
  const compartment = new Int32Array(network.neurons.length);
  groups.forEach((group, n) => group.forEach((neuron, c) => {
    core[neuron] = n;
    compartment[neuron] = c;
  }));
  const builders = groups.map((group) => new CoreBuilder(network, group, delayBits));
  const input = { rowStart: [0], chip: [] as number[], core: [] as number[], axon: [] as number[], atom: [] as number[] };
  for (const synapses of network.inputs) {
    builders.forEach((builder, n) => {
      const axon = builder.addAxon(synapses);
      if (axon < 0) return;
      input.chip.push(0);
      input.core.push(n);
      input.axon.push(axon);
      input.atom.push(0);
    });
    input.rowStart.push(input.axon.length);
  }
  const outputAxons: OutputAxon[][] = groups.map(() => []);
  network.recurrent?.forEach((synapses, source) => {
    builders.forEach((builder, n) => {
      const axon = builder.addAxon(synapses);
      if (axon < 0) return;
      outputAxons[core[source]].push({
        compartment: compartment[source], kind: "discrete", chip: 0, core: n, axon, atom: 0, population: -1,
      });
    });
  });
  const cores = builders.map((builder, n) => builder.finish(n, outputAxons[n].sort((a, b) => a.compartment - b.compartment)));
  return { image: assemble(network, run, groups, cores, input), core, compartment };
}

function assemble(
  network: SmallNetwork, run: SmallRun, groups: readonly number[][], cores: readonly CoreImage[],
  input: Record<"rowStart" | "chip" | "core" | "axon" | "atom", number[]>,
): ChipImage {
  const count = network.inputs.length;
  return {
    name: network.name, board: "kapoho-bay", chips: 1, chipSeed: run.chipSeed,
    layers: [{ name: "neurons", kind: "dense", shape: [network.neurons.length, 1, 1], plastic: false }],
    cores,
    symbols: groups.map((group, n) => ({ chip: 0, core: n, layer: 0, firstCompartment: 0, neurons: Int32Array.from(group) })),
    contract: {
      sensor: { width: count, height: 1 }, crop: { x: 0, y: 0, width: count, height: 1 }, downsample: 1, compose: 1,
      timestepUs: 1000, mode: run.mode, shape: [1, 1, count], steps: run.steps, presentationSteps: run.presentationSteps,
      passes: 1, rowStart: Uint32Array.from(input.rowStart), chip: Uint16Array.from(input.chip),
      core: Uint16Array.from(input.core), axon: Uint16Array.from(input.axon), atom: Uint16Array.from(input.atom), outputs: 1,
    },
    embedded: {
      chip: 0, form: "readout",
      constants: {
        ways: 1, presentationSteps: run.presentationSteps, windowSteps: 1, epochSteps: 1, gamma: 1, theta: 1, hi: 0, lo: 0,
      },
      outputs: [{ chip: 0, core: 0, compartment: 0 }], source: "", elf: new Uint8Array(0),
    },
  };
}

const caseError = (code: string, found: string, limit?: string) => userError({ code, at: "case", found, limit });

const maxDelay = ({ inputs, recurrent }: SmallNetwork): number =>
  [...inputs, ...(recurrent ?? [])].reduce((most, { delay }) => delay.reduce((a, b) => Math.max(a, b), most), 0);

function checkValues(network: SmallNetwork): void {
  const grid = mantissaGrid(network.weightBits, network.signMode);
  for (const { mantissa, delay } of [...network.inputs, ...(network.recurrent ?? [])]) {
    const wrong = mantissa.find((m) => !isRepresentable(m, grid));
    if (wrong !== undefined) {
      throw caseError("E-CASE-002", `weight ${wrong}`, `${grid.min}…${grid.max} in steps of ${grid.step} (hw/weights.ts)`);
    }
    const late = delay.find((d) => !Number.isInteger(d) || d < 0 || d > RANGE.delay[1]);
    if (late !== undefined) throw caseError("E-CASE-002", `delay ${late}`, `0…${RANGE.delay[1]}`);
  }
  const ranges = [
    ["decayU", RANGE.effectiveDecay], ["decayV", RANGE.effectiveDecay], ["vthMant", RANGE.vthMant],
    ["refractory", RANGE.refractory], ["biasMant", RANGE.biasMant], ["biasExp", RANGE.biasExp],
  ] as const;
  network.neurons.forEach((neuron, n) => {
    for (const [name, [low, high]] of ranges) {
      if (!Number.isInteger(neuron[name]) || neuron[name] < low || neuron[name] > high) {
        throw caseError("E-CASE-002", `${name} ${neuron[name]} of neuron ${n}`, `${low}…${high} (hw/limits.ts)`);
      }
    }
  });
}

const profileKey = (neuron: SmallNeuron) => `${neuron.decayU} ${neuron.decayV} ${neuron.refractory}`;

function cutIntoCores(network: SmallNetwork, delayBits: number): number[][] {
  const room = Math.min(CORE_LIMITS.compartments, CORE_LIMITS.dendriticAccumulators / 2 ** delayBits);
  const groups: number[][] = [];
  let group: number[] = [];
  const fits = (members: readonly number[]): boolean => {
    const neurons = members.map((n) => network.neurons[n]);
    const both = (name: "decayU" | "decayV") =>
      neurons.some((n) => n[name] === 0) && neurons.some((n) => n[name] === DECAY_ONE);
    return (
      members.length <= room && new Set(neurons.map(profileKey)).size <= CORE_LIMITS.compartmentProfiles &&
      new Set(neurons.map((n) => n.vthMant)).size <= CORE_LIMITS.vthProfiles && !both("decayU") && !both("decayV")
    );
  };
  network.neurons.forEach((_, n) => {
    if (group.length > 0 && !fits([...group, n])) {
      groups.push(group);
      group = [];
    }
    group.push(n);
  });
  groups.push(group);
  if (groups.length > CHIP_LIMITS.cores) throw caseError("E-CASE-003", `${groups.length} cores`, `${CHIP_LIMITS.cores} of one chip`);
  return groups;
}

/** One core: axons are added one by one, each with a list of its own, sparse or dense as is cheaper. */
class CoreBuilder {
  private readonly formats: readonly SynapseFormat[];
  private readonly axons: InputAxon[] = [];
  private readonly memory: Uint8Array[] = [];
  private words = 0;
  private readonly compartmentOf: ReadonlyMap<number, number>;

  constructor(private readonly network: SmallNetwork, private readonly group: readonly number[], private readonly delayBits: number) {
    this.compartmentOf = new Map(group.map((neuron, c) => [neuron, c]));
    const common = {
      wgtBitsCode: weightBitsCode(network.weightBits), idxBitsCode: indexBitsCode(group.length - 1), skipBits: 0,
      dlyBits: delayBits, tagBits: 0, wgtExp: network.wgtExp, fanoutType: network.signMode, cIdxOffset: 0, cIdxMult: 0,
      learning: false, stdpProfile: 0,
    };
    this.formats = [{ ...common, compression: "sparse" }, { ...common, compression: "dense" }];
  }

  /** Adds the axon of a source. @returns its index; −1 where it reaches nothing here */
  addAxon(synapses: SmallSynapses): number {
    const own = synapses.target
      .map((neuron, k) => ({ index: this.compartmentOf.get(neuron) ?? -1, weight: synapses.mantissa[k], delay: synapses.delay[k] }))
      .filter(({ index }) => index >= 0)
      .sort((a, b) => a.index - b.index);
    if (own.length === 0) return -1;
    const columns = [own.map((s) => s.index), own.map((s) => s.weight), own.map((s) => s.delay)] as const;
    const options = this.formats.map((format, n) => splitIntoEntries(format, n + 1, ...columns));
    const cost = (entries: readonly SynapseEntry[]) => listWords(listBits(this.formats, entries));
    const list = cost(options[1]) < cost(options[0]) ? options[1] : options[0];
    const { words, synapseLen } = packLists(this.formats, [list]);
    this.axons.push({
      kind: "discrete", synapsePtr: this.words, synapseLen, atoms: 1, cxBase: 0, preTraceConfig: -1, logicalInput: -1,
    });
    this.memory.push(words);
    this.words += synapseLen;
    return this.axons.length - 1;
  }

  finish(core: number, outputAxons: readonly OutputAxon[]): CoreImage {
    const neurons = this.group.map((n) => this.network.neurons[n]);
    const dsOffset = neurons.some((n) => n.decayU === 0) ? 0 : 1;
    const dmOffset = neurons.some((n) => n.decayV === DECAY_ONE) ? 1 : 0;
    const keys = [...new Set(neurons.map(profileKey))];
    const vthProfiles = [...new Set(neurons.map((n) => n.vthMant))];
    const profiles = keys.map((key): CompartmentProfile => {
      const neuron = neurons.find((n) => profileKey(n) === key)!;
      return { decayU: neuron.decayU - dsOffset, decayV: neuron.decayV - dmOffset, refractDelay: neuron.refractory };
    });
    return {
      chip: 0, core, dsOffset, dmOffset, negVmLimit: this.network.negVmLimit ?? 23, posVmLimit: this.network.posVmLimit ?? 7,
      delayBits: this.delayBits, tepoch: 1, compartmentProfiles: profiles, vthProfiles,
      compartments: Uint32Array.from(neurons, (n) => packCompartment({
        biasMant: n.biasMant, biasExp: n.biasExp, vthProfile: vthProfiles.indexOf(n.vthMant), profile: keys.indexOf(profileKey(n)),
      })),
      synapseFormats: this.formats, synapseMemory: concatBytes(this.memory), inputAxons: this.axons, outputAxons, learning: null,
    };
  }
}

/** Mantissa and exponent of a bias that the chip can store exactly: the smallest exponent.
 *  @throws UserError E-CASE-002 where there is none */
export function biasParts(bias: number): { biasMant: number; biasExp: number } {
  for (let biasExp = 0; biasExp <= RANGE.biasExp[1]; biasExp++) {
    const biasMant = bias / 2 ** biasExp;
    if (Number.isInteger(biasMant) && biasMant >= RANGE.biasMant[0] && biasMant <= RANGE.biasMant[1]) return { biasMant, biasExp };
  }
  throw caseError("E-CASE-002", `bias ${bias}`, "a 13-bit mantissa times 2^0…2^7");
}
