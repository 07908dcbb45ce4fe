import { networkShapes, sizeOf } from "../../../model/shapes.js";
import type { ConvLayer, DenseLayer, NetworkSpec, Shape3 } from "../../../model/types.js";
import { foldTime, stepsOf } from "../frames.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import { type LinearLayer, linearLayer } from "../ops/linear.js";
import { poolOps } from "../ops/pool.js";
import { type SmoothOps, type SpikeTensors, smoothOps, stepSpike } from "../ops/smooth.js";
import { type TraceState, traceFilter } from "./trace-filter.js";

/** A weighted layer and the pools on it, which act on U before the step (design §4). */
interface Stage {
  readonly layer: ConvLayer | DenseLayer;
  readonly linear: LinearLayer;
  readonly pools: number;
  readonly inputShape: Shape3;
}

/** What a stage carries from step to step: traces [1, m] of its inputs, R and S of its neurons [n, H, W, C]. */
export interface StageState extends TraceState {
  readonly r: Tensor;
  readonly s: Tensor;
}

/** Sees what every layer fired: 0 and 1, [steps, n, H, W, C] of layer `layer` of the spec. */
export type Observe = (layer: number, fired: Tensor) => void;

/** Some steps of some samples. */
export interface SrmRun {
  /** [n, outputs] U of the output layer at the last step. */
  readonly readout: Tensor;
  /** [n, inputs] trace of the output layer at the last step, inputs in [C, H, W] order. */
  readonly lastTrace: Tensor;
  /** Of every stage; computed only where asked for. */
  readonly end: readonly StageState[] | null;
}

/** Options of a run. */
export interface RunOptions {
  /** States before the first step, which count as constants; null for rest. */
  readonly start: readonly StageState[] | null;
  readonly wantEnd?: boolean;
  readonly observe?: Observe | null;
}

/** A `srm` network as one differentiable function of its weights. */
export interface SrmNetwork {
  readonly spec: NetworkSpec;
  readonly smooth: SmoothOps;
  /** Names of the parameters and their shapes, weights and biases in turn. */
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly outputs: number;
  /** Shape of what the output layer reads. */
  readonly featureShape: Shape3;
  /** Index in the spec of the last layer before the output, −1 where there is none. */
  readonly featureLayer: number;
  /** Values that one step of one sample computes, for the size of chunks. */
  readonly valuesPerStep: number;
  /** The network's input after the pools that stand on it. */
  prepareInput(frames: Tensor): Tensor;
  /** @param frames [steps, n, H, W, C] from `prepareInput` */
  run(weights: readonly Tensor[], frames: Tensor, options: RunOptions): SrmRun;
}

/** Groups the layers of a spec. `spike` other than the step is for tests. */
export function srmNetwork(tf: Tf, spec: NetworkSpec, spike: SpikeTensors = stepSpike): SrmNetwork {
  const shapes = networkShapes(spec);
  const smooth = smoothOps(tf, spike);
  const pool = poolOps(tf);
  const stages: { layer: Stage["layer"]; linear: LinearLayer; pools: number; inputShape: Shape3 }[] = [];
  let inputPools = 0;
  spec.layers.forEach((layer, index) => {
    if (layer.kind !== "pool") {
      stages.push({ layer, linear: linearLayer(tf, layer, shapes[index]), pools: 0, inputShape: shapes[index] });
    } else if (stages.length === 0) inputPools++;
    else stages[stages.length - 1].pools++;
  });
  const last = stages[stages.length - 1];
  return {
    spec,
    smooth,
    parameters: stages.flatMap(({ layer: { name }, linear }) => [
      { name: `${name}.weight`, shape: linear.weightShape },
      { name: `${name}.bias`, shape: [linear.outputShape[0]] },
    ]),
    outputs: last.linear.outputShape[0],
    featureShape: last.inputShape,
    featureLayer: stages.length > 1 ? spec.layers.length - 2 : -1,
    valuesPerStep: stages.reduce((sum, s) => sum + sizeOf(s.inputShape) + sizeOf(s.linear.outputShape), 0),
    prepareInput: (frames) => {
      let x = frames;
      for (let k = 0; k < inputPools; k++) {
        x = foldTime(tf, x, (flat) => tf.cast(tf.greater(pool.sumOf(flat), 0), "float32"));
      }
      return x;
    },
    run: (weights, frames, { start, wantEnd = false, observe = null }) => {
      const end: StageState[] = [];
      let x = frames;
      let index = inputPools;
      let lastTrace: Tensor | null = null;
      let u: Tensor | null = null;
      stages.forEach((stage, k) => {
        const [weight, bias] = [weights[2 * k], weights[2 * k + 1]];
        const result = runStage(tf, smooth, stage, weight, bias, x, start?.[k] ?? null, k === 0, wantEnd);
        if (result.end) end.push(result.end);
        observe?.(index++, spike.value(tf, result.u));
        u = result.u;
        if (k === stages.length - 1) {
          lastTrace = lastFeatures(tf, result.p);
          return;
        }
        for (let n = 0; n < stage.pools; n++) {
          u = foldTime(tf, u, (flat) => pool.pick(flat, pool.winners(flat)));
          observe?.(index++, spike.value(tf, u));
        }
        x = smooth.spike(u);
      });
      const steps = frames.shape[0];
      const readout = tf.reshape(stepsOf(tf, u!, steps - 1, steps), [frames.shape[1]!, last.linear.outputShape[0]]);
      return { readout, lastTrace: lastTrace!, end: wantEnd ? end : null };
    },
  };

  /** The trace of the last step, [n, J] in [C, H, W] order. */
  function lastFeatures(tf: Tf, p: Tensor): Tensor {
    const [steps, n] = p.shape;
    const row = tf.reshape(stepsOf(tf, p, steps - 1, steps), p.shape.slice(1));
    return tf.reshape(tf.transpose(row, [0, 3, 1, 2]), [n, sizeOf(last.inputShape)]);
  }
}

/** One stage over all steps: U = W·P + b + R, R[t] = αr·R[t−1] − (1−αr)·wr·S[t−1] of its own unpooled spikes. */
function runStage(
  tf: Tf,
  smooth: SmoothOps,
  stage: Stage,
  weight: Tensor,
  bias: Tensor,
  x: Tensor,
  start: StageState | null,
  constantInput: boolean,
  wantEnd: boolean,
): { readonly u: Tensor; readonly p: Tensor; readonly end: StageState | null } {
  const { alphaR, wr } = stage.layer.srm;
  const steps = x.shape[0];
  const filter = traceFilter(tf, stage.layer.srm, steps);
  const flat = tf.reshape(x, [steps, -1]);
  const p = tf.reshape(filter.traces(flat, start), x.shape);
  const driven = tf.unstack(foldTime(tf, p, (f) => tf.add(stage.linear.apply(f, weight, constantInput), bias)), 0);
  let r: Tensor | null = start?.r ?? null;
  let s: Tensor | null = start?.s ?? null;
  const u: Tensor[] = [];
  for (const drive of driven) {
    if (s) {
      const drop = tf.mul(s, (1 - alphaR) * wr);
      r = r ? tf.sub(tf.mul(r, alphaR), drop) : tf.neg(drop);
    }
    const now: Tensor = r ? tf.add(drive, r) : drive;
    u.push(now);
    if (wantEnd || u.length < steps) s = smooth.spike(now);
  }
  const end = wantEnd ? { ...filter.end(flat, start), r: r ?? tf.zerosLike(u[0]), s: s! } : null;
  return { u: tf.stack(u, 0), p, end };
}
