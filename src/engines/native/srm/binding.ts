/** Values in the kernels' precision. */
export type Reals = Float32Array | Float64Array;

/** Sets of samples; of the loops over steps, `burn` takes a mask of them. */
export const SET = { support: 0, query: 1 } as const;
export const SET_MASK = { support: 1, query: 2, both: 3 } as const;

/** What a run of the kernels does (srm/srm.cc). */
export const JOB = { burn: 0, gradient: 1, hessian: 2 } as const;

/** What a gradient job does besides the forward pass; `burnQueries`, with the weights in force, beside the support's gradient. */
export const FLAG = { gradient: 1, burnQueries: 2 } as const;

/** Numbers of `result`: what each sample reports, the losses by sample, the gradient or Hessian product. */
export const SRM_RESULT = { reported: 0, losses: 1, gradient: 2 } as const;

/** What the srm kernels offer to TypeScript, whether they run in the addon or as WebAssembly. Handles are opaque; arrays
 *  are copied both ways. */
export interface SrmBinding<H = unknown> {
  /** Layout of `ints` and `reals`: kernel-layers.ts. */
  create(ints: Int32Array, reals: Float64Array): H;
  dispose(handle: H): void;
  /** @param which 0: weights, 1: direction of the Hessian-vector product */
  weights(handle: H, which: 0 | 1, values: Reals): void;
  setSize(handle: H, set: number, samples: number): void;
  sample(handle: H, set: number, index: number, rowStart: Uint32Array, channel: Uint32Array, count: Uint16Array): void;
  /** Runs all phases of a job. @param labels one a sample; empty for a burn-in @param flags of FLAG */
  run(handle: H, kind: number, set: number, labels: Int32Array, flags: number): Promise<void>;
  result(handle: H, which: 0 | 1 | 2): Reals;
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
