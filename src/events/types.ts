/** One recording of an event camera, sorted by time. */
export interface EventStream {
  /** [event] µs; Float64 for recordings past 71 minutes (2^32 µs). */
  readonly tUs: Uint32Array | Float64Array;
  readonly x: Uint16Array;
  readonly y: Uint16Array;
  /** [event] 1 = ON (brighter), 0 = OFF. */
  readonly polarity: Uint8Array;
  /** Sensor size in pixels. */
  readonly width: number;
  readonly height: number;
}

/** Event counts of one sample by timestep and channel, in compressed rows.
 *  channel = (p·H + y)·W + x; within a row channels ascend and are distinct; counts ≥ 1. */
export interface SpikeTensor {
  /** [T, P, H, W] */
  readonly shape: readonly [steps: number, polarities: number, height: number, width: number];
  /** [T + 1] row f holds entries rowStart[f] … rowStart[f+1]−1. */
  readonly rowStart: Uint32Array;
  /** [entries] */
  readonly channel: Uint16Array | Uint32Array;
  /** [entries] events; what `binary` input reads as 1. */
  readonly count: Uint8Array | Uint16Array;
  readonly timestepUs: number;
}
