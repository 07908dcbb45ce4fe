/** The chip image as values: what the compiler emits and the simulator loads. Packed to protobuf by `hw/image-codec.ts`
 *  (schema `hw/proto/chip-image.proto`). Encodings are ours; names follow open code (loihi-facts §6). */

/** Where a core is: chip of the board, core of the chip (0…127). */
export interface CoreAddress {
  readonly chip: number;
  readonly core: number;
}

/** Neuron constants of a group of compartments; ≤ 32 a core. */
export interface CompartmentProfile {
  /** Registers, 12 bits: effective decay = decayU + dsOffset, decayV + dmOffset. */
  readonly decayU: number;
  readonly decayV: number;
  /** 1…63 */
  readonly refractDelay: number;
}

export type Compression = "sparse" | "runlength" | "dense";

/** How a list entry's synapses are stored; ≤ 15 a core, numbered from 1 (slot 0 is reserved). */
export interface SynapseFormat {
  readonly compression: Compression;
  /** Register codes: WEIGHT_BITS_BY_CODE, INDEX_BITS_BY_CODE. */
  readonly wgtBitsCode: number;
  readonly idxBitsCode: number;
  /** Bits of a run-length gap, 2…5; 0 elsewhere. */
  readonly skipBits: number;
  readonly dlyBits: number;
  readonly tagBits: number;
  readonly wgtExp: number;
  /** 1 mixed, 2 excitatory, 3 inhibitory. */
  readonly fanoutType: 1 | 2 | 3;
  /** Target = cxBase + cIdxOffset + index·(cIdxMult + 1), each 0…15; index counts from the entry's prefix. */
  readonly cIdxOffset: number;
  readonly cIdxMult: number;
  /** Synapses of this format learn. */
  readonly learning: boolean;
  readonly stdpProfile: number;
}

/** Entry of the synapse map. The list of atom a starts at word synapsePtr + a·synapseLen. */
export interface InputAxon {
  readonly kind: "discrete" | "pop16" | "pop32";
  /** First 64-bit word. */
  readonly synapsePtr: number;
  /** Words of one list (every atom's list is padded to it). 0: the axon reaches nothing. */
  readonly synapseLen: number;
  /** Sources told apart by the atom; 1 for discrete. */
  readonly atoms: number;
  /** First compartment that index 0 means: a multiple of CX_BASE_STEP[kind], at most CORE_LIMITS.cxBase steps. */
  readonly cxBase: number;
  /** Learning axon: index of its pre-trace configuration; −1: no trace. A learning axon takes two entries of the map. */
  readonly preTraceConfig: number;
  /** Logical input j of the plastic layer ([C, H, W] order); −1 where not plastic. */
  readonly logicalInput: number;
}

/** Output axon of a compartment: a spike goes to `axon` of the destination core with this atom. */
export interface OutputAxon {
  readonly compartment: number;
  readonly kind: "discrete" | "pop16" | "pop32";
  readonly chip: number;
  readonly core: number;
  readonly axon: number;
  readonly atom: number;
  /** Population of the source (for slot counting by population and destination); −1 for discrete. */
  readonly population: number;
}

/** Pre- or post-trace configuration. Impulse in whole units and 1/128. decay = round(65536·e^(−1/τ)), 0: cleared each step. */
export interface TraceConfig {
  readonly decay: number;
  readonly impulse: number;
  readonly impulseFraction: number;
}

/** A learning rule in microcode: `words` of `CoreImage.microcode` from `pointer` (hw/microcode.ts encodes). */
export interface StdpProfile {
  readonly pointer: number;
  readonly numProducts: number;
  /** k: rules with u run every tepoch·2^k steps. */
  readonly decimateExp: number;
  readonly requireY: boolean;
}

/** Learning part of a core that has plastic synapses. */
export interface CoreLearning {
  /** Index n of the plastic layer: streams 16n+1, 16n+2, 16n+3. */
  readonly plasticLayer: number;
  /** J, inputs of the whole layer: index of a synapse's draw is i·J + j. */
  readonly inputs: number;
  /** [compartment] logical output i of each compartment, −1 where not plastic. */
  readonly logicalOutput: Int32Array;
  /** x1 of an axon whose `preTraceConfig` is the index; ≤ 3. */
  readonly preTrace: readonly TraceConfig[];
  /** x2 of an axon, at the same index; shorter or undefined: those axons have no x2 (it stays 0). */
  readonly preTrace2?: readonly TraceConfig[];
  /** [0] y1, [1] y2, [2] y3 of every compartment; missing: the trace changes by writes only, as SOEL's y1. */
  readonly postTrace: readonly TraceConfig[];
  /** r1 of the core's reward axon; undefined: the core has none. */
  readonly rewardTrace?: TraceConfig;
  readonly stdpProfiles: readonly StdpProfile[];
  /** hw/microcode.ts */
  readonly microcode: Uint32Array;
  /** Product down-shift: mantissa bits (Lava 4, nengo 3). */
  readonly productMantissaBits: number;
  /** Clear x1 at the end of a presentation. */
  readonly resetPreTrace: boolean;
}

/** One used core. */
export interface CoreImage extends CoreAddress {
  /** Added to decayU and decayV of every profile: 0 or 1. */
  readonly dsOffset: 0 | 1;
  readonly dmOffset: 0 | 1;
  /** vmin = −2^negVmLimit + 1 (23: full); vmax = 2^(9+2·posVmLimit) − 1 (7: full). */
  readonly negVmLimit: number;
  readonly posVmLimit: number;
  /** Delay slots = 2^delayBits. */
  readonly delayBits: number;
  readonly tepoch: number;
  readonly compartmentProfiles: readonly CompartmentProfile[];
  /** vth mantissas, 17 bits. */
  readonly vthProfiles: readonly number[];
  /** [compartment] packed: hw/compartment-word.ts (bias 13, biasExp 3, vthProfile 3, profile 5 bits). */
  readonly compartments: Uint32Array;
  /** Slot 0 reserved: formats[0] is format 1. */
  readonly synapseFormats: readonly SynapseFormat[];
  /** Synapse memory from word 0, 8 bytes a word, little-endian: hw/synapse-words.ts. */
  readonly synapseMemory: Uint8Array;
  readonly inputAxons: readonly InputAxon[];
  /** Ascending by compartment. */
  readonly outputAxons: readonly OutputAxon[];
  readonly learning: CoreLearning | null;
}

/** Neuron range of a layer on a core: neuron index (in [C, H, W] order) of each compartment. */
export interface SymbolRange extends CoreAddress {
  /** Index into `ChipImage.layers`. */
  readonly layer: number;
  readonly firstCompartment: number;
  /** [compartments of this range] neuron, −1 for a padding compartment. */
  readonly neurons: Int32Array;
}

export interface ImageLayer {
  readonly name: string;
  readonly kind: "conv" | "pool" | "dense";
  /** [C, H, W] of its output. */
  readonly shape: readonly [number, number, number];
  readonly plastic: boolean;
}

/** What to feed, and how to read the answer: all that teach and classify need beside the chip itself. */
export interface InputContract {
  /** Sensor that recordings come from, and the crop [x, y, width, height] taken of it. */
  readonly sensor: { readonly width: number; readonly height: number };
  readonly crop: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** Integer down-sampling of both axes after the crop. */
  readonly downsample: number;
  /** Recordings side by side in one sample (double N-MNIST: 2). */
  readonly compose: number;
  readonly timestepUs: number;
  readonly mode: "binary" | "counts";
  /** [P, H, W] of the network's input. */
  readonly shape: readonly [number, number, number];
  /** T input frames, S steps of a presentation. */
  readonly steps: number;
  readonly presentationSteps: number;
  readonly passes: number;
  /** Pixel → axons, in compressed rows: pixel c = (p·H + y)·W + x goes to entries rowStart[c] … rowStart[c+1]−1. */
  readonly rowStart: Uint32Array;
  readonly chip: Uint16Array;
  readonly core: Uint16Array;
  readonly axon: Uint16Array;
  readonly atom: Uint16Array;
  readonly outputs: number;
}

/** One output of the plastic layer as the embedded program and the probes find it. */
export interface OutputSymbol extends CoreAddress {
  readonly compartment: number;
}

/** The program of the embedded x86 core in its typed form and its constants (hw/embedded). */
export interface EmbeddedProgramImage {
  readonly chip: number;
  readonly form: "chip" | "authors-chip" | "readout";
  readonly constants: {
    readonly ways: number; readonly presentationSteps: number; readonly windowSteps: number;
    readonly epochSteps: number; readonly gamma: number; readonly theta: number; readonly hi: number; readonly lo: number;
  };
  /** [output] */
  readonly outputs: readonly OutputSymbol[];
  /** Generated C, and its ELF with the constant table filled in (empty: typed form only). */
  readonly source: string;
  readonly elf: Uint8Array;
}

export interface ChipImage {
  readonly name: string;
  readonly board: string;
  readonly chips: number;
  /** Seed of the chip's generator; the seed of a task is draw32(chipSeed, 0, task, 0). */
  readonly chipSeed: number;
  readonly layers: readonly ImageLayer[];
  readonly cores: readonly CoreImage[];
  readonly symbols: readonly SymbolRange[];
  readonly contract: InputContract;
  readonly embedded: EmbeddedProgramImage;
}

/** Format version of the image file. */
export const CHIP_IMAGE_VERSION = 1;
