import type { SpikeTensor } from "../../events/types.js";
import { networkShapes, outputShape, sizeOf } from "../../model/shapes.js";
import type { NetworkSpec, Shape3 } from "../../model/types.js";
import { linearMap } from "./convolution.js";
import { forEachWindow } from "./or-pool.js";
import { crossEntropy } from "./readout.js";
import { stepSpike } from "./spike-function.js";
import type { SpikeFunction } from "./spike-function.js";
import { dual, restState, reverseStage, runStage } from "./srm-stage.js";
import type { Dual, SrmStage, StageState, StageTape, StageWeights } from "./srm-stage.js";

/** Float64 tensors by name, as the parameters. */
export type Tensors = Record<string, Float64Array>;

/** A `srm` network without its weights. */
export interface SrmNetwork {
  readonly spec: NetworkSpec;
  readonly stages: readonly SrmStage[];
  /** Windows of pools that stand on the network's input. */
  readonly inputPools: readonly Int32Array[];
  readonly spike: SpikeFunction;
}

/** Groups the layers of a spec; `spike` other than the step is for tests. */
export function srmNetwork(spec: NetworkSpec, spike: SpikeFunction = stepSpike): SrmNetwork {
  const shapes = networkShapes(spec);
  const stages: {
    layer: SrmStage["layer"];
    map: SrmStage["map"];
    pools: Int32Array[];
    passedSize: number;
  }[] = [];
  const inputPools: Int32Array[] = [];
  spec.layers.forEach((layer, index) => {
    if (layer.kind !== "pool") {
      const map = linearMap(layer, shapes[index]);
      stages.push({ layer, map, pools: [], passedSize: map.outputSize });
      return;
    }
    const windows = windowsOf(shapes[index]);
    const stage = stages[stages.length - 1];
    if (stage === undefined) inputPools.push(windows);
    else {
      stage.pools.push(windows);
      stage.passedSize = sizeOf(outputShape(layer, shapes[index]));
    }
  });
  return { spec, stages, inputPools, spike };
}

function windowsOf(shape: Shape3): Int32Array {
  const all: number[] = [];
  forEachWindow(shape, (_, inputs) => all.push(...inputs));
  return Int32Array.from(all);
}

/** Input counts of a sample as the first layer sees them. [T, inputs] */
export function inputFrames(network: SrmNetwork, sample: SpikeTensor): Float64Array {
  const { spec } = network;
  const size = spec.input.polarities * spec.input.height * spec.input.width;
  let frames: Float64Array = new Float64Array(spec.steps * size);
  for (let t = 0; t < Math.min(spec.steps, sample.rowStart.length - 1); t++) {
    for (let k = sample.rowStart[t]; k < sample.rowStart[t + 1]; k++) {
      frames[t * size + sample.channel[k]] = sample.count[k];
    }
  }
  for (const windows of network.inputPools) frames = pooledFrames(frames, windows, spec.steps);
  return frames;
}

function pooledFrames(frames: Float64Array, windows: Int32Array, steps: number): Float64Array {
  const [size, pooled] = [frames.length / steps, windows.length / 4];
  const out = new Float64Array(steps * pooled);
  for (let t = 0; t < steps; t++) {
    for (let k = 0; k < windows.length; k++) {
      if (frames[t * size + windows[k]] > 0) out[t * pooled + Math.floor(k / 4)] = 1;
    }
  }
  return out;
}

const weightsOf = (tensors: Tensors, stage: SrmStage): StageWeights => ({
  weight: tensors[`${stage.layer.name}.weight`],
  bias: tensors[`${stage.layer.name}.bias`],
});

/** States of all stages before the first step. */
export const restStates = (network: SrmNetwork): StageState[] => network.stages.map(restState);

/** All stages over steps [from, to) of one sample, from states that count as constants. */
export function runSteps(
  network: SrmNetwork,
  weights: Tensors,
  frames: Float64Array,
  from: number,
  to: number,
  start: readonly StageState[],
  direction: Tensors | null = null,
): StageTape[] {
  const inputs = network.stages[0].map.inputSize;
  let x: Dual = { ...dual(0, false), value: frames.subarray(from * inputs, to * inputs) };
  if (direction) x = { value: x.value, dot: new Float64Array(x.value.length) };
  return network.stages.map((stage, k) => {
    const along = direction ? weightsOf(direction, stage) : null;
    const tape = runStage(stage, weightsOf(weights, stage), x, to - from, start[k], network.spike, along);
    x = tape.passed;
    return tape;
  });
}

/** [outputs] U of the output layer at the last step. */
export function readoutOf(network: SrmNetwork, tapes: readonly StageTape[]): Dual {
  const { u, steps } = tapes[tapes.length - 1];
  const O = network.stages[network.stages.length - 1].map.outputSize;
  return { value: u.value.slice((steps - 1) * O), dot: u.dot?.slice((steps - 1) * O) ?? null };
}

/** Goes back through all stages of one sample.
 *  @param pLast [inputs] gradient of the last layer's trace at the last step, or null */
export function reverseSteps(
  network: SrmNetwork,
  weights: Tensors,
  tapes: readonly StageTape[],
  uLast: Dual,
  pLast: Float64Array | null,
  direction: Tensors | null,
  gradients: Tensors,
  gradientDots: Tensors | null,
): void {
  let passed: Dual | null = null;
  for (let k = network.stages.length - 1; k >= 0; k--) {
    const stage = network.stages[k];
    const last = k === network.stages.length - 1;
    passed = reverseStage(
      stage,
      weightsOf(weights, stage),
      tapes[k],
      { passed, uLast: last ? uLast : null, pLast: last ? pLast : null },
      network.spike,
      direction && weightsOf(direction, stage),
      weightsOf(gradients, stage),
      gradientDots && weightsOf(gradientDots, stage),
      k > 0,
    );
  }
}

/** Zeros in the layout of some tensors. */
export const zerosLike = (tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, values]) => [name, new Float64Array(values.length)]),
  );

/** Samples ready to be differentiated: frames, and the states at the end of the burn-in. */
export interface Batch {
  readonly frames: readonly Float64Array[];
  readonly labels: readonly number[];
  readonly states: readonly (readonly StageState[])[];
}

/** Which steps run how: [0, burnIn) with the unadapted weights, then without gradient until `differentiated`,
 *  then with. */
export interface Horizon {
  readonly burnIn: number;
  readonly differentiated: number;
}

/** Sees the tapes of a sample's steps, in order. */
export type Observe = (sample: number, tapes: readonly StageTape[]) => void;

/** Runs the burn-in of every sample with the unadapted weights. */
export function prepareBatch(
  network: SrmNetwork,
  start: Tensors,
  samples: readonly SpikeTensor[],
  labels: readonly number[],
  horizon: Horizon,
  observe: Observe = () => {},
): Batch {
  const frames = samples.map((sample) => inputFrames(network, sample));
  const states = frames.map((f, sample) => {
    const tapes = runSteps(network, start, f, 0, horizon.burnIn, restStates(network));
    observe(sample, tapes);
    return tapes.map(({ end }) => end);
  });
  return { frames, labels, states };
}

/** Loss of a batch and what follows from it. */
export interface BatchResult {
  readonly loss: number;
  /** [sample, output] */
  readonly readout: Float64Array;
  readonly gradients: Tensors;
  /** Derivative of the gradients along the direction: a Hessian-vector product. Null without a direction. */
  readonly hessianVector: Tensors | null;
}

/** Mean cross-entropy of a batch, its gradient, and with `direction` the Hessian times it (forward over
 *  reverse, exact). `observe` sees the tapes of every sample, those before the differentiated steps
 *  included. */
export function batchGradient(
  network: SrmNetwork,
  weights: Tensors,
  batch: Batch,
  horizon: Horizon,
  direction: Tensors | null = null,
  observe: Observe = () => {},
): BatchResult {
  const gradients = zerosLike(weights);
  const hessianVector = direction ? zerosLike(weights) : null;
  const K = network.stages[network.stages.length - 1].map.outputSize;
  const n = batch.frames.length;
  const readout = new Float64Array(n * K);
  const used = new Array<boolean>(K).fill(true);
  let loss = 0;
  batch.frames.forEach((_, sample) => {
    const tapes = runToEnd(network, weights, batch, sample, horizon, direction, (t) => observe(sample, t));
    observe(sample, tapes);
    const out = readoutOf(network, tapes);
    readout.set(out.value, sample * K);
    const { loss: sampleLoss, gradient } = crossEntropy(out.value, K, [batch.labels[sample]], used);
    loss += sampleLoss / n;
    const dot = out.dot && softmaxDerivative(gradient, batch.labels[sample], out.dot);
    const cotangent: Dual = { value: gradient.map((g) => g / n), dot: dot?.map((g) => g / n) ?? null };
    reverseSteps(network, weights, tapes, cotangent, null, direction, gradients, hessianVector);
  });
  return { loss, readout, gradients, hessianVector };
}

/** The steps after the burn-in of one sample; those before `differentiated` leave only their state. */
export function runToEnd(
  network: SrmNetwork,
  weights: Tensors,
  batch: Batch,
  sample: number,
  horizon: Horizon,
  direction: Tensors | null = null,
  before: (tapes: readonly StageTape[]) => void = () => {},
): StageTape[] {
  const frames = batch.frames[sample];
  let states = batch.states[sample];
  if (horizon.differentiated > horizon.burnIn) {
    const tapes = runSteps(network, weights, frames, horizon.burnIn, horizon.differentiated, states);
    before(tapes);
    states = tapes.map(({ end }) => end);
  }
  return runSteps(network, weights, frames, horizon.differentiated, network.spec.steps, states, direction);
}

/** Readouts alone. [sample, output] */
export function batchReadout(
  network: SrmNetwork,
  weights: Tensors,
  batch: Batch,
  horizon: Horizon,
  observe: Observe = () => {},
): Float64Array {
  const K = network.stages[network.stages.length - 1].map.outputSize;
  const readout = new Float64Array(batch.frames.length * K);
  batch.frames.forEach((_, sample) => {
    const tapes = runToEnd(network, weights, batch, sample, horizon, null, (t) => observe(sample, t));
    observe(sample, tapes);
    readout.set(readoutOf(network, tapes).value, sample * K);
  });
  return readout;
}

/** Derivative of softmax − onehot along `dot`: (diag(s) − s·sᵀ)·dot. `gradient` = s − onehot. */
function softmaxDerivative(gradient: Float64Array, label: number, dot: Float64Array): Float64Array {
  const s = gradient.map((g, k) => g + (k === label ? 1 : 0));
  const mean = s.reduce((sum, p, k) => sum + p * dot[k], 0);
  return s.map((p, k) => p * (dot[k] - mean));
}
