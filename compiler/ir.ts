/** The stages of the compiler, each a value that the next pass reads. Layers and projections are separate things, so that
 *  residual branches (two projections into a layer) and recurrent ones (a source at or after its target) have a place. */
import type {
  CoreAddress,
  EmbeddedProgramImage,
  InputAxon,
  SynapseFormat,
  TraceConfig,
  StdpProfile,
} from "../hw/image.js";
import type { NetworkSpec, QuantizedNetwork, Shape3 } from "../src/model/types.js";

/** Source index of a projection that starts at the network's input. */
export const INPUT = -1;

/** Most spikes that an input pixel sends in a step: counts are stored in a byte (src/events/types.ts). */
export const inputSpikes = (mode: "binary" | "counts"): number => (mode === "counts" ? 255 : 1);

/** [y, x] */
export type Pair = readonly [y: number, x: number];

/** Connections from one layer, or the input, to one layer. Everything is a convolution: a dense layer is one whose kernel
 *  covers the whole source and leaves one position; an OR pool one of 2×2 with a group a channel. */
export interface Projection {
  /** Layer index, or INPUT. */
  readonly source: number;
  readonly sourceShape: Shape3;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly groups: number;
  /** Bits as stored (7 is stored as 8). */
  readonly bits: number;
  readonly signMode: "mixed" | "excitatory" | "inhibitory";
  readonly wgtExp: number;
  /** [out, in/groups, kH, kW]; null: every synapse has `uniformMantissa`. */
  readonly mantissa: Int16Array | null;
  readonly uniformMantissa: number;
  /** `population`: one input axon a source pixel, atom = channel; `discrete`: one a source neuron. */
  readonly axons: "population" | "discrete";
  readonly learning: boolean;
  /** Steps that a spike takes beyond the one it always does, 0…62; more than 7 cost compartments of the core. */
  readonly delay: number;
}

/** A layer of compartments. */
export interface MapLayer {
  readonly name: string;
  readonly kind: "conv" | "pool" | "dense";
  /** [C, H, W] */
  readonly shape: Shape3;
  /** Effective decays 0…4096. */
  readonly decayU: number;
  readonly decayV: number;
  readonly vthMant: number;
  readonly refractory: number;
  /** [C] bias = 2^biasExp·biasMant. */
  readonly biasMant: Int16Array;
  readonly biasExp: number;
  readonly projections: readonly Projection[];
}

/** After verify: integers known to be ones the chip has. */
export interface MappableNetwork {
  readonly spec: NetworkSpec;
  readonly model: QuantizedNetwork;
  readonly inputShape: Shape3;
  readonly layers: readonly MapLayer[];
}

/** Learning engine's share of the plastic layer. */
export interface Plasticity {
  readonly layer: number;
  /** n: streams 16n+1 … of the generator. */
  readonly plasticLayer: number;
  /** J */
  readonly inputs: number;
  /** The rule as in the literature, for people. */
  readonly rule: string;
  readonly tepoch: number;
  /** x1 and x2 of the learning axons; x2 only where the rule reads it. */
  readonly preTrace: readonly TraceConfig[];
  readonly preTrace2: readonly TraceConfig[];
  readonly stdpProfiles: readonly StdpProfile[];
  readonly microcode: Uint32Array;
  readonly productMantissaBits: number;
  readonly resetPreTrace: boolean;
  /** Constants of the embedded program that belong to the rule. */
  readonly program: Pick<EmbeddedProgramImage["constants"], "windowSteps" | "gamma" | "theta" | "hi" | "lo">;
}

/** After lowering plasticity. */
export interface LoweredNetwork extends MappableNetwork {
  readonly plasticity: Plasticity | null;
}

/** Neurons [c0, c1) × [y0, y1) × [x0, x1) of a layer. */
export interface Box {
  readonly c0: number;
  readonly c1: number;
  readonly y0: number;
  readonly y1: number;
  readonly x0: number;
  readonly x1: number;
}

/** Address of a neuron inside its piece: groups of channels, then rows of positions, then the channels of the group.
 *  Padding compartments stand where a kernel reaches over the border; rows share theirs with the next row. */
export interface Layout {
  /** Channels side by side; divides the box's channels. */
  readonly group: number;
  /** Axis that runs fastest among positions. */
  readonly inner: "x" | "y";
  /** Padding positions on each side of a row, and padding rows on each side. */
  readonly padInner: number;
  readonly padOuter: number;
}

/** Part of a layer that lives on one core. */
export interface Piece {
  readonly layer: number;
  readonly box: Box;
  readonly layout: Layout;
  /** Chip of the board, by space. */
  readonly region: number;
}

/** Pieces that share a core, in address order. */
export interface PartitionedCore {
  readonly pieces: readonly number[];
  readonly region: number;
}

export interface PartitionedNetwork extends LoweredNetwork {
  readonly pieces: readonly Piece[];
  readonly cores: readonly PartitionedCore[];
  readonly chips: number;
  /** Share of a core's synapse words that may be used. */
  readonly synapseMargin: number;
}

export interface PlacedNetwork extends PartitionedNetwork {
  /** [core] */
  readonly addresses: readonly CoreAddress[];
}

/** Neurons of one source pixel that spike with one axon id and an atom each: channels c0…c1−1 at (y, x). */
export interface Population {
  /** Piece of the sources; INPUT for the network's input. */
  readonly piece: number;
  readonly y: number;
  readonly x: number;
  readonly c0: number;
  readonly c1: number;
}

/** One input axon of a core with the population that drives it, and the weight block it points at. */
export interface Link {
  readonly population: number;
  readonly piece: number;
  readonly projection: number;
  /** Index into the target core's synapse map. */
  readonly axon: number;
  readonly kind: InputAxon["kind"];
  readonly block: number;
  readonly cxBase: number;
  /** Logical input j of the plastic layer; −1 elsewhere. */
  readonly logicalInput: number;
}

/** A weight block [atom][synapse]: all that axons with this border mask share. */
export interface Block {
  readonly piece: number;
  readonly projection: number;
  /** Source channels c0…c1−1 are atoms 0…. */
  readonly c0: number;
  readonly c1: number;
  /** Tap of the first target, and number of targets, on each axis. */
  readonly tapY: number;
  readonly countY: number;
  readonly tapX: number;
  readonly countX: number;
  /** Added to indices so that cxBase stays small: compartment = cxBase + start + …. */
  readonly start: number;
}

export interface RoutedNetwork extends PlacedNetwork {
  readonly populations: readonly Population[];
  /** [piece] first compartment of the piece on its core. */
  readonly firstCompartment: readonly number[];
  /** [piece] core that holds it. */
  readonly coreOfPiece: readonly number[];
  /** [core] blocks and links. */
  readonly blocks: readonly (readonly Block[])[];
  readonly links: readonly (readonly Link[])[];
}

/** Addresses inside one core. */
export interface MappedCore {
  readonly dsOffset: 0 | 1;
  readonly dmOffset: 0 | 1;
  readonly delayBits: number;
  readonly profiles: readonly {
    readonly decayU: number;
    readonly decayV: number;
    readonly refractDelay: number;
  }[];
  readonly vthProfiles: readonly number[];
  /** [piece of the core] profile and vth profile of its neurons. */
  readonly pieceProfiles: readonly { readonly profile: number; readonly vth: number }[];
  /** Profile and vth profile of padding compartments; −1: none. */
  readonly padding: { readonly profile: number; readonly vth: number };
  readonly formats: readonly SynapseFormat[];
  /** [block][atom] format number from 1; 0: a list without synapses. */
  readonly listFormats: readonly (readonly number[])[];
  /** [block] first word, words of a list. */
  readonly blockPtr: readonly number[];
  readonly blockLen: readonly number[];
  readonly words: number;
  readonly compartments: number;
}

export interface MappedCores extends RoutedNetwork {
  readonly mapped: readonly MappedCore[];
}
