/** What the loihi kernels offer to TypeScript, whether they run in the addon or as WebAssembly (loihi/loihi.cc). Handles
 *  are opaque; arrays are copied both ways. */
export interface LoihiBinding<H = unknown> {
  create(head: Int32Array, rows: Int32Array, exps: Int32Array): H;
  dispose(handle: H): void;
  rule(handle: H, soel: Int32Array, reals: Float64Array): void;
  parameters(handle: H, mantissa: Int16Array, bias: Int32Array): void;
  task(handle: H, task: TaskArguments): void;
  sample(handle: H, index: number, rowStart: Uint32Array, channel: Uint32Array, count: Uint16Array): void;
  /** Runs all phases. */
  run(handle: H): Promise<void>;
  result(handle: H, which: (typeof RESULT)[keyof typeof RESULT]): Float32Array | Float64Array | Int32Array;
  penalty(handle: H): number;
  products(handle: H, which: 0 | 1): number;
  spikeCount(handle: H, sample: number, layer: number): number;
  /** [outputs, inputs] after learning. */
  weights(handle: H, out: Int16Array): void;
  spikes(handle: H, sample: number, layer: number): { readonly step: Uint16Array; readonly neuron: Uint32Array };
  /** Fills the arrays; returns the decision. */
  presentation(handle: H, index: number, out: PresentationArrays): number;
  /** Rows of (layer, quantity, step, neuron in [y][x][c] order, presentation that learned or −1: every one of the sample). */
  wraps(handle: H, sample: number): Int32Array;
}

export interface TaskArguments {
  readonly support: number;
  readonly query: number;
  readonly flags: number;
  readonly seed: number;
  readonly order: Int32Array;
  readonly supportLabels: Int32Array;
  readonly queryLabels: Int32Array;
  readonly assigned: Uint8Array;
}

export interface PresentationArrays {
  readonly u: Int32Array;
  readonly v: Int32Array;
  readonly spike: Uint8Array;
  readonly y1: Uint8Array;
  readonly x1: Uint8Array;
  readonly counter: Int32Array;
  readonly weights: Int16Array;
  readonly totals: Int32Array;
}

/** Bits of `TaskArguments.flags`. */
export const TASK_FLAG = { learn: 1, gradient: 2, keepHidden: 4, record: 8 } as const;

/** Numbers of `result`. */
export const RESULT = {
  logits: 0, decisions: 1, totals: 2, ties: 3, silent: 4, features: 5, gradient: 6, losses: 7, scalars: 8,
} as const;
