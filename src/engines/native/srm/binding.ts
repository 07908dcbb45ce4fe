/** Values in the kernels' precision. */
export type Reals = Float32Array | Float64Array;

/** Sets of samples; of the loops over steps, `burn` takes a mask of them. */
export const SET = { support: 0, query: 1 } as const;
export const SET_MASK = { support: 1, query: 2, both: 3 } as const;

/** What a run of the kernels does (srm/srm.cc). */
export const JOB = { burn: 0, gradient: 1, hessian: 2, middle: 3, pullBack: 4 } as const;

/** What a gradient job does besides the forward pass; `burnQueries`, with the weights in force, beside the support's gradient;
 *  `traces` of the last layer's inputs at the last step. */
export const FLAG = { gradient: 1, burnQueries: 2, traces: 4 } as const;

/** Numbers of `weights`: weights, direction of the Hessian-vector product, cotangents [sample of the support, outputs + inputs
 *  of the last layer] of U and P at the last step. */
export const SRM_VALUES = { weights: 0, direction: 1, cotangents: 2 } as const;

/** Numbers of `result`: what each sample reports, the losses by sample (float64), the gradient or Hessian product, the traces
 *  [sample, inputs of the last layer] (float64). */
export const SRM_RESULT = { reported: 0, losses: 1, gradient: 2, traces: 3 } as const;

/** What the srm kernels offer to TypeScript, whether they run in the addon or as WebAssembly. Handles are opaque; arrays
 *  are copied both ways. */
export interface SrmBinding<H = unknown> {
  /** Layout of `ints` and `reals`: kernel-layers.ts. */
  create(ints: Int32Array, reals: Float64Array): H;
  dispose(handle: H): void;
  /** @param which of SRM_VALUES */
  weights(handle: H, which: (typeof SRM_VALUES)[keyof typeof SRM_VALUES], values: Reals): void;
  setSize(handle: H, set: number, samples: number): void;
  sample(handle: H, set: number, index: number, rowStart: Uint32Array, channel: Uint32Array, count: Uint16Array): void;
  /** Runs all phases of a job. @param labels one a sample; empty for a burn-in @param flags of FLAG */
  run(handle: H, kind: number, set: number, labels: Int32Array, flags: number): Promise<void>;
  /** @param which of SRM_RESULT */
  result(handle: H, which: (typeof SRM_RESULT)[keyof typeof SRM_RESULT]): Reals;
}

/** The addon's functions for `srm` networks (srm/addon.cc). */
export interface SrmAddon {
  srmCreate(ints: Int32Array, reals: Float64Array, double: number): unknown;
  srmDispose(handle: unknown): void;
  srmWeights(handle: unknown, which: number, values: Reals): void;
  srmSetSize(handle: unknown, set: number, samples: number): void;
  srmSample(handle: unknown, set: number, index: number, rowStart: Uint32Array, channel: Uint32Array, count: Uint16Array): void;
  srmRun(handle: unknown, kind: number, set: number, labels: Int32Array, flags: number): Promise<void>;
  srmResult(handle: unknown, which: number): Reals;
  srmIsa(): string;
}

export type Precision = "float32" | "float64";

/** The addon's functions in one precision. */
export const addonBinding = (a: SrmAddon, precision: Precision): SrmBinding => ({
  create: (ints, reals) => a.srmCreate(ints, reals, precision === "float64" ? 1 : 0),
  dispose: (handle) => a.srmDispose(handle),
  weights: (handle, which, values) => a.srmWeights(handle, which, values),
  setSize: (handle, set, samples) => a.srmSetSize(handle, set, samples),
  sample: (handle, set, index, rowStart, channel, count) => a.srmSample(handle, set, index, rowStart, channel, count),
  run: (handle, kind, set, labels, flags) => a.srmRun(handle, kind, set, labels, flags),
  result: (handle, which) => a.srmResult(handle, which),
});
