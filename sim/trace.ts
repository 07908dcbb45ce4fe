/** What a simulated run of one presentation leaves behind; the same quantities that an engine predicts. */
export interface PresentationTrace {
  readonly learn: boolean;
  /** Output index told to the chip, or −1. */
  readonly label: number;
  /** [layer] spikes as (step r from 1, neuron) pairs, sorted by step, then neuron in [C, H, W] order. */
  readonly spikes: readonly { readonly step: Uint16Array; readonly neuron: Uint32Array }[];
  /** [S, outputs] of the last layer; v after reset. */
  readonly u: Int32Array;
  readonly v: Int32Array;
  /** [S/E0, outputs] what the embedded program wrote. */
  readonly y1: Uint8Array;
  /** [out, in] mantissas of the last layer at the end. */
  readonly weights: Int16Array;
  /** [output] spikes of steps 1…S−1. */
  readonly outputSpikes: Int32Array;
  readonly decision: number;
}

/** Operations counted on the way, for energy and time. */
export interface OperationCounts {
  steps: number;
  synapticOperations: number;
  /** By the format that stored them. */
  sparseOperations: number;
  denseOperations: number;
  populationOperations: number;
  /** Compartments updated in steps where they had activity, and all others of used cores. */
  activeUpdates: number;
  inactiveUpdates: number;
  spikes: number;
  /** Spike messages, and the mesh hops they took. */
  messages: number;
  hopsEastWest: number;
  hopsNorthSouth: number;
  offChipMessages: number;
  /** Weight updates by the learning engine. */
  synapticUpdates: number;
  /** Seconds of the busiest core of each step under either cost model, summed over steps; barriers come on top. */
  busiestSecondsD18: number;
  busiestSecondsSanafe: number;
  embeddedReads: number;
  embeddedWrites: number;
}
