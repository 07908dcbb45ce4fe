import type { Task } from "../tasks/types.js";
import type { NetworkSpec, Parameters, QuantizedNetwork } from "../model/types.js";

/** Name of a gradient tensor → float32 (native, wasm, tfjs) or float64 (reference), laid out as the parameter. */
export type Gradients = Readonly<Record<string, Float32Array | Float64Array>>;

/** `maml` second order through the inner step; for `loihi` always the exact chain of design §6. */
export type OuterGradient = "maml" | "fomaml" | "anil" | "reptile";

/** Penalty on spike rates of the hidden layers, added to the loss; `loihi` only (design §6, outer loop). */
export interface RatePenalty {
  readonly weight: number;
  readonly low: number;
  readonly high: number;
}

/** Inner loop of `srm` networks; ignored by `loihi`, whose inner loop is the SOEL rule of the spec. */
export interface InnerLoop {
  readonly rule: "gradient" | "soel-paper";
  readonly steps: number;
  /** α, one for all, or by layer name. */
  readonly rate: number | Readonly<Record<string, number>>;
  /** Layers that the inner loop leaves alone. */
  readonly frozen: readonly string[];
  /** Steps with unadapted weights and no gradient. */
  readonly burnIn: number;
  /** Last steps that are differentiated; all where undefined. */
  readonly truncation?: number;
  readonly quantizeInner?: GridQuantizer;
  readonly quantizeOuter?: GridQuantizer;
  readonly soelPaper?: {
    readonly order: 1 | 2; readonly theta: number; readonly thetaLearned: boolean;
    readonly divide: "none" | "float" | "integer";
  };
}

export interface GridQuantizer {
  readonly grid: "chip" | "paper" | "symmetric";
  readonly bits: number;
  readonly rounding: "nearest" | "stochastic";
}

export interface MetaStepOptions {
  readonly outer: OuterGradient;
  readonly ratePenalty?: RatePenalty;
  /** `srm`; undefined: `defaultInner` of inner-loop.ts. */
  readonly inner?: InnerLoop;
  /** Seed of the chip for this task (draw32(image seed, 0, task number, 0) on the chip). */
  readonly chipSeed: number;
  /** Seed of stochastic rounding, where a quantizer asks for it. */
  readonly roundingSeed?: number;
  /** `loihi`: where q, u or u + bias leaves its width: stop with a WrapError, as the strict simulator does (what is done where undefined),
   *  or go on as the chip itself would and name it in `wraps`. */
  readonly onWrap?: "stop" | "wrap";
}

/** What a network did on one task, beside loss and gradients. */
export interface TaskMetrics {
  /** Mean query cross-entropy, without penalty. */
  readonly loss: number;
  readonly accuracy: number;
  /** [layer] mean spikes per neuron and step over all samples of the task. */
  readonly spikeRates: readonly number[];
  /** Queries decided by the tie rule; queries without any output spike. */
  readonly ties: number;
  readonly silent: number;
  /** Wraps that `onWrap: "wrap"` let through; absent where there were none. */
  readonly wraps?: readonly WrapReport[];
}

export interface MetaStepResult extends TaskMetrics {
  /** Gradient of loss + penalty. */
  readonly gradients: Gradients;
  /** `srm`: gradients of what the inner loop is made of, for those who learn it: the rate of each layer, and the θ of
   *  the paper's SOEL. */
  readonly innerGradients?: { readonly rates: Readonly<Record<string, number>>; readonly theta: number };
}

/** Results on the queries of a task, after learning or without. */
export interface EvaluationResult extends TaskMetrics {
  /** [query] */
  readonly decisions: readonly number[];
  /** [query, output] spikes N_i. */
  readonly outputSpikes: Int32Array;
  readonly logits: Float64Array;
  /** [support + query, features] spike counts of the last hidden layer, support in the task's order; for prototypes. */
  readonly features: Int32Array;
  /** [out, in] of the plastic layer after learning, mantissas; absent in `srm`. */
  readonly learnedWeights?: Int16Array;
  /** Learning: products of triggered windows, and how many floor to 0 or −1 (design §6). */
  readonly products?: { readonly triggered: number; readonly lost: number };
}

/** One presentation as the engine predicts it, for parity. */
export interface PresentationRecord {
  readonly learn: boolean;
  /** Output index told to the chip, or −1. */
  readonly label: number;
  /** [layer] spikes as (step r from 1, neuron) pairs, sorted by step, then neuron in [C, H, W] order. */
  readonly spikes: readonly { readonly step: Uint16Array; readonly neuron: Uint32Array }[];
  /** [S, outputs] u and v (after reset) of the last layer. */
  readonly u: Int32Array;
  readonly v: Int32Array;
  /** [S/E0, outputs] y1 as written; empty where nothing is plastic. */
  readonly y1: Uint8Array;
  /** [out, in] mantissas of the last layer at the end. */
  readonly weights: Int16Array;
  readonly outputSpikes: Int32Array;
  readonly decision: number;
}

/** q, u or u + bias left its width: the same input is the same error in trainer and simulator. */
export interface WrapReport {
  readonly layer: string;
  readonly quantity: "q" | "u" | "u+bias";
  /** r of the presentation, neuron. */
  readonly step: number;
  readonly neuron: number;
  /** [support presentations…, queries…] index of the presentation in the task. */
  readonly presentation: number;
}

/** A training engine bound to one network. Parameters are copied in; results are owned by the caller.
 *  All methods are deterministic: equal arguments give equal bits, whatever the number of threads. */
export interface Engine {
  readonly name: "native" | "wasm" | "tfjs" | "reference";
  readonly spec: NetworkSpec;
  readonly threads: number;
  /** The library and device it computes with, where that is a choice; for people. */
  readonly runsOn?: string;
  /** Sets masters; `loihi` engines round them as `quantized` says (made by src/model from the same masters). */
  setParameters(masters: Parameters, quantized: QuantizedNetwork): void;
  metaStep(task: Task, options: MetaStepOptions): Promise<MetaStepResult>;
  /** `learn: false`: the queries alone, with the start weights (a separate load of the chip). */
  evaluate(task: Task, options: MetaStepOptions & {
    readonly learn: boolean;
    /** False: nobody reads `features`; an engine may then leave them empty. */
    readonly features?: boolean;
  }): Promise<EvaluationResult>;
  /** Accuracy on the queries after one plain float gradient step of the last layer on the support (a comparison). */
  gradientStepAccuracy(task: Task, options: MetaStepOptions & { readonly rate: number }): Promise<number>;
  /** `loihi`: support presentations with learning in the task's order, then queries; everything recorded.
   *  @throws WrapError where the strict simulator would stop, unless `onWrap` is "wrap" */
  record(task: Task, options: MetaStepOptions & { readonly learn: boolean }): Promise<{
    readonly presentations: readonly PresentationRecord[]; readonly wraps: readonly WrapReport[];
  }>;
  dispose(): void;
}
