import type { SpikeTensor } from "../../../events/types.js";
import { inputFrames, stepsOf } from "../frames.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import type { Observe, RunOptions, SrmNetwork, StageState } from "./network.js";

/** Parameters, or something in their layout, outside of the library: float64 by name. */
export type Tensors = Record<string, Float64Array>;

/** Which steps run how: [0, burnIn) with the unadapted weights, then without gradient until `differentiated`, then with. */
export interface Horizon {
  readonly burnIn: number;
  readonly differentiated: number;
}

/** Some samples of a batch that are computed together, with their states at the end of the burn-in. */
interface Chunk {
  readonly frames: Tensor;
  readonly labels: Tensor;
  readonly states: readonly StageState[] | null;
  /** Index of the first sample in the batch. */
  readonly first: number;
}

/** Samples ready to be differentiated. Its tensors belong to the scope that made them. */
export interface Batch {
  readonly chunks: readonly Chunk[];
  readonly size: number;
  readonly horizon: Horizon;
}

/** Sees what samples fired: as `Observe`, with the index of the chunk's first sample. */
export type ObserveBatch = (first: number, layer: number, fired: Tensor) => void;

/** Float32 values that a chunk may keep on the tape; more samples than fit go one chunk after another. 384 MB. */
export const CHUNK_VALUES = 96e6;
/** Tensors of its size that a step of a layer holds on the tape of a Hessian-vector product; 34 on that of a gradient.
 *  Measured on the paper's network: 331 and 149 MB a sample. */
const KEPT_PER_VALUE = 75;

/** Weights as tensors in the network's order. */
export const upload = (tf: Tf, network: SrmNetwork, tensors: Tensors): Tensor[] =>
  network.parameters.map(({ name, shape }) => tf.tensor(Float32Array.from(tensors[name]), [...shape]));

/** Runs the burn-in of every sample with the unadapted weights. */
export function prepareBatch(
  tf: Tf,
  network: SrmNetwork,
  start: readonly Tensor[],
  samples: readonly SpikeTensor[],
  labels: readonly number[],
  horizon: Horizon,
  chunkValues: number,
  observe: ObserveBatch | null = null,
): Batch {
  const { spec } = network;
  const perSample = network.valuesPerStep * (spec.steps - horizon.differentiated) * KEPT_PER_VALUE;
  const chunkSize = Math.max(1, Math.floor(chunkValues / perSample));
  const chunks: Chunk[] = [];
  for (let first = 0; first < samples.length; first += chunkSize) {
    const part = samples.slice(first, first + chunkSize);
    const frames = tf.tidy(() => network.prepareInput(inputFrames(tf, spec, part, spec.steps, "counts")));
    const oneHot = part.flatMap((_, k) =>
      Array.from({ length: network.outputs }, (_, i) => (i === labels[first + k] ? 1 : 0)),
    );
    chunks.push({
      first,
      frames,
      labels: tf.tensor2d(oneHot, [part.length, network.outputs]),
      states: advance(tf, network, start, frames, 0, horizon.burnIn, null, toLayer(observe, first)),
    });
  }
  return { chunks, size: samples.length, horizon };
}

const toLayer = (observe: ObserveBatch | null, first: number): Observe | null =>
  observe && ((layer, fired) => observe(first, layer, fired));

/** Steps that run together where only the end state is wanted. */
const ADVANCE_STEPS = 16;

/** States after steps [from, to), without gradient. */
function advance(
  tf: Tf,
  network: SrmNetwork,
  weights: readonly Tensor[],
  frames: Tensor,
  from: number,
  to: number,
  before: readonly StageState[] | null,
  observe: Observe | null,
): readonly StageState[] | null {
  let states = before;
  for (let t = from; t < to; t += ADVANCE_STEPS) {
    const now = states;
    const part = (): Tensor => stepsOf(tf, frames, t, Math.min(to, t + ADVANCE_STEPS));
    states = tf.tidy(() => {
      const { end } = network.run(weights, part(), { start: now, wantEnd: true, observe });
      return end as unknown as StageState[] & Tensor[];
    });
    if (now && now !== before) tf.dispose(now as unknown as Tensor[]);
  }
  return states;
}

/** Runs a chunk to its end: without gradient up to `differentiated`, then `last` on the steps that are left. */
function finish<T>(
  tf: Tf,
  network: SrmNetwork,
  weights: readonly Tensor[],
  chunk: Chunk,
  horizon: Horizon,
  observe: Observe | null,
  last: (frames: Tensor, options: RunOptions) => T,
): T {
  const { burnIn, differentiated } = horizon;
  const start = advance(tf, network, weights, chunk.frames, burnIn, differentiated, chunk.states, observe);
  return last(stepsOf(tf, chunk.frames, differentiated, network.spec.steps), { start, observe });
}

/** Loss of a batch and what follows from it. */
export interface BatchGradient {
  /** Mean cross-entropy. */
  readonly loss: number;
  /** [sample, output] */
  readonly readout: Float64Array;
  readonly gradients: Tensors;
}

/** A loss of some samples as a function of the weights; the frames and start states are constants. */
function lossOf(
  network: SrmNetwork,
  chunk: Chunk,
  frames: Tensor,
  options: RunOptions,
  hear: (readout: Tensor) => void = () => {},
): (...weights: Tensor[]) => Tensor {
  return (...weights) => {
    const { readout } = network.run(weights, frames, options);
    hear(readout);
    return network.smooth.crossEntropySum(readout, chunk.labels);
  };
}

/** Mean cross-entropy of a batch and its gradient. */
export function batchGradient(
  tf: Tf,
  network: SrmNetwork,
  at: Tensors,
  batch: Batch,
  observe: ObserveBatch | null = null,
): BatchGradient {
  const readout = new Float64Array(batch.size * network.outputs);
  let loss = 0;
  const gradients = overChunks(tf, network, batch, (chunk) => {
    const weights = upload(tf, network, at);
    return finish(tf, network, weights, chunk, batch.horizon, toLayer(observe, chunk.first), (frames, options) => {
      const hear = (u: Tensor): void => readout.set(u.dataSync(), chunk.first * network.outputs);
      const { value, grads } = tf.valueAndGrads(lossOf(network, chunk, frames, options, hear) as never)(weights);
      loss += value.dataSync()[0] / batch.size;
      return grads;
    });
  });
  return { loss, readout, gradients };
}

/** The Hessian of the batch's mean cross-entropy times a direction: the gradient of ⟨gradient, direction⟩, exact. */
export function hessianVector(tf: Tf, network: SrmNetwork, at: Tensors, batch: Batch, direction: Tensors): Tensors {
  return overChunks(tf, network, batch, (chunk) => {
    const [weights, along] = [upload(tf, network, at), upload(tf, network, direction)];
    return finish(tf, network, weights, chunk, batch.horizon, null, (frames, options) => {
      const gradient = tf.grads(lossOf(network, chunk, frames, options) as never);
      const product = (...ws: Tensor[]): Tensor => innerProduct(tf, gradient(ws), along);
      return tf.grads(product as never)(weights);
    });
  });
}

/** Σ of the products of all entries. */
export const innerProduct = (tf: Tf, xs: readonly Tensor[], ys: readonly Tensor[]): Tensor =>
  tf.addN(xs.map((x, k) => tf.sum(tf.mul(x, ys[k]))));

/** Sums what every chunk gives, one tensor a parameter, divided by the batch's size. */
function overChunks(
  tf: Tf,
  network: SrmNetwork,
  batch: Batch,
  compute: (chunk: Chunk) => readonly Tensor[],
): Tensors {
  const sum: Tensors = Object.fromEntries(
    network.parameters.map(({ name, shape }) => [name, new Float64Array(shape.reduce((a, b) => a * b, 1))]),
  );
  for (const chunk of batch.chunks) {
    tf.tidy(() => {
      compute(chunk).forEach((tensor, k) => {
        const [to, from] = [sum[network.parameters[k].name], tensor.dataSync()];
        for (let i = 0; i < to.length; i++) to[i] += from[i] / batch.size;
      });
    });
  }
  return sum;
}

/** Readouts alone. [sample, output] */
export function batchReadout(
  tf: Tf,
  network: SrmNetwork,
  at: Tensors,
  batch: Batch,
  observe: ObserveBatch | null = null,
): Float64Array {
  const out = new Float64Array(batch.size * network.outputs);
  visitEnds(tf, network, at, batch, observe, (chunk, weights, frames, options) => {
    out.set(network.run(weights, frames, options).readout.dataSync(), chunk.first * network.outputs);
  });
  return out;
}

/** Calls `visit` for every chunk with its last steps and the states before them. */
export function visitEnds(
  tf: Tf,
  network: SrmNetwork,
  at: Tensors,
  batch: Batch,
  observe: ObserveBatch | null,
  visit: (chunk: Chunk, weights: Tensor[], frames: Tensor, options: RunOptions) => void,
): void {
  for (const chunk of batch.chunks) {
    tf.tidy(() => {
      const weights = upload(tf, network, at);
      finish(tf, network, weights, chunk, batch.horizon, toLayer(observe, chunk.first), (frames, options) =>
        visit(chunk, weights, frames, options));
    });
  }
}
