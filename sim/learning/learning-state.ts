import type { CoreLearning } from "../../hw/image.js";
import type { Dependency, FactorVariable, RuleTarget } from "../../hw/microcode.js";
import type { LearningKernels } from "./learning-kernels.js";
import type { MantissaGrid } from "../../hw/weights.js";

/** Streams of the chip's generator of plastic layer n: 16n + offset. 1…3 are fixed by design §6; the others are ours. */
export const LEARNING_STREAM = { x1: 1, weight: 2, x2: 3, y: [4, 5, 6], delay: 7, tag: 8, r1: 9, perLayer: 16 } as const;

/** A factor ready to run. */
export interface PlannedFactor {
  readonly variable: FactorVariable;
  readonly constant: number;
  readonly sign: boolean;
  readonly bits: number;
  /** variable + constant is limited to −limit … limit − 1; limit = 2^bits. */
  readonly limit: number;
}

/** A product ready to run: floor(mantissa·Π·downScale)·upScale, scales being powers of 2. */
export interface PlannedProduct {
  readonly target: RuleTarget;
  readonly dependency: Dependency;
  readonly mantissa: number;
  readonly downScale: number;
  readonly upScale: number;
  readonly factors: readonly PlannedFactor[];
}

/** One learning profile decoded from microcode. */
export interface LearningPlan {
  readonly products: readonly PlannedProduct[];
  /** Steps between runs of products with u: tepoch·2^k. */
  readonly epochSteps: number;
  /** Set where every product is a pre factor times a post factor, on w, and tepoch is 1: nothing else is read. */
  readonly separable: readonly SeparableProduct[] | null;
}

/** A product whose factors belong to the axon or to the compartment: raw = mantissa·(Π pre)·(Π post). */
export interface SeparableProduct {
  readonly dependency: Dependency;
  readonly pre: readonly PlannedFactor[];
  readonly post: readonly PlannedFactor[];
  readonly mantissa: number;
  readonly downScale: number;
  readonly upScale: number;
  /** [compartment] Π post in this step, 0 where the product is 0; written before each use. */
  readonly postValue: Int32Array;
}

/** Decay and impulse of a trace by row: one pre trace of all learning axons. */
export interface TraceConstants {
  readonly decay: Int32Array;
  readonly impulse: Uint8Array;
  readonly impulseFraction: Uint8Array;
}

/** Plastic synapses of a core, column by column: those of a compartment one after another, trace rows ascending. */
export interface PlasticSynapses {
  /** [compartment + 1] */
  readonly columnStart: Int32Array;
  /** [compartment] row of the column's first synapse where its rows are consecutive and all its synapses of one format; else −1. */
  readonly denseRow: Int32Array;
  /** [plastic] index in the core's synapse table. */
  readonly synapse: Int32Array;
  /** [plastic] trace row. */
  readonly row: Int32Array;
  /** [plastic] index into `grids`, `wgtExp`, `plan`, `delayMax`, `tagMax`: the synapse format − 1. */
  readonly format: Uint8Array;
  /** [plastic] state: mantissa on its format's grid, and tag. (The delay stands in the synapse table.) */
  readonly mantissa: Int16Array;
  readonly tag: Int16Array;
  readonly grids: readonly MantissaGrid[];
  readonly wgtExp: Int8Array;
  readonly plan: Uint8Array;
  readonly delayMax: Uint8Array;
  readonly tagMax: Int16Array;
}

/** The learning engine of one core. A trace row is one learning axon. */
export interface LearningState {
  readonly image: CoreLearning;
  readonly seed: number;
  readonly tepoch: number;
  /** [axon] row of the axon's traces, −1: none. */
  readonly axonRow: Int32Array;
  readonly rowCount: number;
  /** [row] logical input j. */
  readonly logicalInput: Int32Array;
  readonly x1Constants: TraceConstants;
  readonly x2Constants: TraceConstants | null;
  /** [row] traces, 7 bits. */
  readonly x1: Uint8Array;
  readonly x2: Uint8Array;
  /** [row] 1: a spike arrived in this step (cleared in the same phase). */
  readonly arrived: Uint8Array;
  /** [row] step in the epoch (1…tepoch) of the last pre spike, 0: none. */
  readonly preSpikeStep: Uint8Array;
  /** [compartment] post traces y1, y2, y3, 7 bits, and the last post spike's step in the epoch. */
  readonly y: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly postSpikeStep: Uint8Array;
  /** [0] r0, spike of the reward axon in this step; [1] r1, its trace. */
  readonly reward: Uint8Array;
  /** [step in the epoch 0…tepoch][row or compartment]; empty where tepoch is 1. */
  readonly x1History: Uint8Array;
  readonly x2History: Uint8Array;
  readonly yHistory: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly plastic: PlasticSynapses;
  readonly plans: readonly LearningPlan[];
  /** Some product looks at spikes or reads y between epochs: traces of posts are worth updating. */
  readonly usesPostSpikes: boolean;
  /** The two hot loops in WebAssembly; null: their TypeScript twins run. */
  readonly kernels: LearningKernels | null;
}
