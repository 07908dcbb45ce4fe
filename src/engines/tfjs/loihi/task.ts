import { networkShapes, sizeOf } from "../../../model/shapes.js";
import type { SpikeTensor } from "../../../events/types.js";
import type { Task } from "../../../tasks/types.js";
import type { WrapReport } from "../../engine.js";
import { decide } from "../../reference/plastic-layer.js";
import { WrapError } from "../../wrap-error.js";
import { channelFirst, inputFrames } from "../frames.js";
import type { Tensor } from "../ops/custom-op.js";
import { checkExact } from "./check-exact.js";
import { type LayerRun, runHidden } from "./hidden.js";
import { type LoihiNetwork, plasticLayer, plasticParameters } from "./network.js";
import { masterTensors } from "./parameters.js";
import type { PlasticRun } from "./plastic.js";
import { findWraps } from "./wraps.js";

/** Spikes as (step r from 1, neuron) pairs, sorted by step, then neuron. */
export interface SpikePairs {
  readonly step: Uint16Array;
  readonly neuron: Uint32Array;
}

/** What one presentation of the last layer did; rows of [S, K]. */
export interface PresentationResult {
  readonly u: Int32Array;
  readonly v: Int32Array;
  readonly spikes: SpikePairs;
  readonly windows: readonly { readonly r: number; readonly e: Int32Array; readonly traces: readonly Float32Array[] }[];
  readonly mantissa: Int16Array;
  /** [K] spikes of r = 1…S−1. */
  readonly outputSpikes: Int32Array;
  readonly decision: number;
}

/** A task as it ran forward. Tensors belong to the caller's scope. */
export interface TaskRun {
  /** [support + query][S, J] spikes of the layer below the last. */
  readonly fired: readonly Tensor[];
  /** [hidden layer] spikes of every neuron [H, W, C] over all distinct samples. */
  readonly counts: readonly Tensor[];
  /** [support + query, J] */
  readonly features: Int32Array;
  /** [support + query][hidden layer]; empty unless recorded. */
  readonly pairs: readonly (readonly SpikePairs[])[];
  readonly support: readonly PresentationResult[];
  readonly query: readonly PresentationResult[];
  /** [query, output] */
  readonly logits: Float64Array;
  readonly mantissa: Int16Array;
  readonly wraps: readonly WrapReport[];
}

/** How to run a task. */
export interface RunOptions {
  readonly chipSeed: number;
  /** Support presentations first, with learning; else the queries alone. */
  readonly learn: boolean;
  readonly record?: boolean;
  readonly onWrap?: "stop" | "wrap";
}

/** Tensors of its size that a step of a layer holds: forward, where one layer goes after another, and with the tape of the
 *  backward, where all stay. Measured on the paper's network: 88 and 548 MB a sample. */
const KEPT = { forward: 12, backward: 43 } as const;

/** Indices of samples in groups that fit in memory together. */
export function sampleChunks(
  net: LoihiNetwork,
  samples: number,
  pass: keyof typeof KEPT,
): { readonly first: number; readonly count: number }[] {
  const sizes = networkShapes(net.spec).slice(0, -1).map(sizeOf);
  const values = pass === "forward" ? Math.max(...sizes) : sizes.reduce((a, b) => a + b, 0);
  const count = Math.max(1, Math.floor(net.chunkValues / (values * net.steps * KEPT[pass])));
  return Array.from({ length: Math.ceil(samples / count) }, (_, k) => ({
    first: k * count, count: Math.min(count, samples - k * count),
  }));
}

/** Input spikes of samples, [S, n, H, W, P]. */
export const sentSpikes = (net: LoihiNetwork, samples: readonly SpikeTensor[]): Tensor =>
  inputFrames(net.tf, net.spec, samples, net.steps, net.spec.input.mode);

/** Runs a task as the chip does: support presentations in their order from t = 1, then the queries (design §6).
 *  @throws WrapError where the strict simulator would stop, unless `onWrap` is "wrap"
 *  @throws UserError E-ENG-040 where float32 could not hold a sum */
export function runTask(net: LoihiNetwork, task: Task, options: RunOptions): TaskRun {
  const { tf, outputs: K } = net;
  const samples = [...task.support, ...task.query];
  const order = options.learn ? task.presentation : [];
  checkExact(net.spec, net.layers, samples);
  const wraps: WrapReport[] = [];
  const shown = (sample: number): number[] =>
    sample < task.support.length
      ? order.flatMap((s, k) => (s === sample ? [k] : []))
      : [order.length + sample - task.support.length];
  const hidden = runStatic(net, samples, options.record ?? false, (layer, { sample, ...wrap }) => {
    for (const presentation of shown(sample)) wraps.push({ layer, ...wrap, presentation });
  });

  const plastic = plasticLayer(net, task, options.chipSeed);
  const parameters = plasticParameters(net);
  const assigned = Array.from({ length: K }, (_, i) => i < task.classNames.length);
  const support: PresentationResult[] = [];
  const hear = (first: number, run: PlasticRun): PresentationResult[] => {
    const rows = plasticRows(net, run);
    const size: [number, number, number] = [K, 1, 1];
    const at = (x: Tensor): Tensor => tf.reshape(x, [net.steps, -1, 1, 1, K]);
    const found = findWraps(tf, net.chip, net.last.spec.loihi, at(tf.stack([...run.qSum], 0)), at(tf.stack(run.compartments.u, 0)),
      parameters.bias, size);
    for (const { sample, ...wrap } of found) wraps.push({ layer: net.last.spec.name, ...wrap, presentation: first + sample });
    return rows.map((row) => presentationResult(net, row, run, assigned));
  };
  const mantissa = plastic.learnSupport(parameters, hidden.fired, order, task.supportLabels, (k, run) => {
    support.push(...hear(k, run));
  });
  let query: PresentationResult[] = [];
  if (task.query.length > 0) {
    const fired = tf.stack([...hidden.fired.slice(task.support.length)], 1);
    query = hear(order.length, plastic.answer({ mantissa, bias: parameters.bias }, fired));
  }
  wraps.sort((a, b) => a.presentation - b.presentation || a.step - b.step);
  if (wraps.length > 0 && options.onWrap !== "wrap") throw new WrapError(wraps);
  return {
    ...hidden, support, query, wraps,
    mantissa: Int16Array.from(mantissa.dataSync()),
    logits: logitsOf(net, query, assigned),
  };
}

type HearWrap = (layer: string, wrap: Omit<WrapReport, "layer" | "presentation"> & { readonly sample: number }) => void;

/** The static layers of all samples, some at a time. */
function runStatic(net: LoihiNetwork, samples: readonly SpikeTensor[], record: boolean, onWrap: HearWrap) {
  const { tf, spec, steps } = net;
  const shapes = networkShapes(spec);
  const features = new Int32Array(samples.length * net.inputs);
  const pairs: SpikePairs[][] = samples.map(() => []);
  let counts: Tensor[] = [];
  const fired: Tensor[] = [];
  for (const { first, count } of sampleChunks(net, samples.length, "forward")) {
    const before = counts;
    const result = tf.tidy(() => {
      const now: Tensor[] = [];
      const observe = (layer: number, { spikes, compartments }: LayerRun): void => {
        const sum = tf.sum(tf.sum(spikes, 0), 0);
        now.push(before.length > layer ? tf.add(before[layer], sum) : sum);
        const own = spec.layers[layer];
        if (own.kind !== "pool" && compartments) {
          const { qSum, u, bias } = compartments;
          for (const { sample, ...wrap } of findWraps(tf, net.chip, own.loihi, qSum, u, bias, shapes[layer + 1])) {
            onWrap(own.name, { ...wrap, sample: first + sample });
          }
        }
        if (record) {
          const values = channelFirst(tf, spikes, shapes[layer + 1]);
          for (let k = 0; k < count; k++) pairs[first + k].push(pairsOf(values, steps, count, k));
        }
      };
      const masters = net.hidden.flatMap((layer) => masterTensors(tf, layer));
      const input = sentSpikes(net, samples.slice(first, first + count));
      const last = runHidden(tf, net.chip, net.pool, spec, net.layers, masters, input, observe);
      // Without a hidden layer the features are what arrives of the input: the last row never does.
      const seen = spec.layers.length > 1 ? last : tf.slice(last, [0, 0, 0], [steps - 1, count, net.inputs]);
      features.set(Int32Array.from(tf.sum(seen, 0).dataSync()), first * net.inputs);
      return [now, tf.unstack(last, 1)] as never;
    }) as readonly [Tensor[], Tensor[]];
    if (before.length > 0) tf.dispose(before);
    counts = result[0];
    fired.push(...result[1]);
  }
  return { fired, counts, features, pairs };
}

/** Spikes of sample k of n from [S, n, size], as pairs. */
function pairsOf(values: Float32Array, steps: number, n: number, k: number): SpikePairs {
  const size = values.length / (steps * n);
  const [step, neuron]: [number[], number[]] = [[], []];
  for (let r = 0; r < steps; r++) {
    const row = (r * n + k) * size;
    for (let i = 0; i < size; i++) {
      if (values[row + i] === 0) continue;
      step.push(r + 1);
      neuron.push(i);
    }
  }
  return { step: Uint16Array.from(step), neuron: Uint32Array.from(neuron) };
}

interface Rows {
  readonly u: Int32Array;
  readonly v: Int32Array;
  readonly spikes: Float32Array;
}

/** [presentation] its rows [S, K]. */
function plasticRows(net: LoihiNetwork, { compartments }: PlasticRun): Rows[] {
  const { tf, outputs: K, steps } = net;
  const [u, v, spikes] = (["u", "v", "spikes"] as const).map((name) => tf.stack(compartments[name], 0).dataSync());
  const n = u.length / (steps * K);
  const row = (values: ArrayLike<number>, k: number): number[] =>
    Array.from({ length: steps * K }, (_, at) => values[(Math.floor(at / K) * n + k) * K + (at % K)]);
  return Array.from({ length: n }, (_, k) => ({
    u: Int32Array.from(row(u, k)), v: Int32Array.from(row(v, k)), spikes: Float32Array.from(row(spikes, k)),
  }));
}

function presentationResult(net: LoihiNetwork, { u, v, spikes }: Rows, run: PlasticRun, assigned: readonly boolean[]): PresentationResult {
  const { outputs: K, steps } = net;
  const outputSpikes = new Int32Array(K);
  for (let k = 0; k < (steps - 1) * K; k++) outputSpikes[k % K] += spikes[k];
  return {
    u, v, outputSpikes,
    spikes: pairsOf(spikes, steps, 1, 0),
    windows: run.windows.map(({ r, e, traces }) => ({
      r, e: Int32Array.from(e.dataSync()), traces: traces.map((x) => x.dataSync<"float32">()),
    })),
    mantissa: Int16Array.from(run.mantissa.dataSync()),
    decision: decide(outputSpikes, u.subarray((steps - 1) * K), assigned),
  };
}

/** Logit = κ·N + λ·mean over r of u/vth; 0 for outputs without a class: for reports, from the integers, in float64. */
function logitsOf(net: LoihiNetwork, query: readonly PresentationResult[], assigned: readonly boolean[]): Float64Array {
  const { kappa, lambda } = net.spec.readout;
  const K = net.outputs;
  const vth = net.last.spec.loihi.vthMant * 64;
  return Float64Array.from({ length: query.length * K }, (_, at) => {
    const [row, i] = [query[Math.floor(at / K)], at % K];
    if (!assigned[i]) return 0;
    let sum = 0;
    for (let r = 0; r < net.steps; r++) sum += row.u[r * K + i];
    return kappa * row.outputSpikes[i] + (lambda * sum) / (net.steps * vth);
  });
}
