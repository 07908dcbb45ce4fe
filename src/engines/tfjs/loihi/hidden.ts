import { DECAY_ONE, WIDTH } from "../../../../hw/limits.js";
import { networkShapes, presentationSteps } from "../../../model/shapes.js";
import type { NetworkSpec } from "../../../model/types.js";
import { foldTime } from "../frames.js";
import type { ChipOps } from "../ops/chip.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import type { PoolOps } from "../ops/pool.js";
import { restState, runCompartments } from "./compartments.js";
import { type WeightedLayer, roundedLayer } from "./parameters.js";

/** What a layer did in a presentation; all [S, n, H, W, C], rows by the step it fired in. */
export interface LayerRun {
  readonly spikes: Tensor;
  /** Of weighted layers that may have wrapped: sums of what arrived before the wrap, u, and the bias integers [C]. */
  readonly compartments: { readonly qSum: Tensor; readonly u: Tensor; readonly bias: Tensor } | null;
}

/** Sees every hidden layer of the spec. */
export type ObserveLayer = (layer: number, run: LayerRun) => void;

/** What arrives at each step: what was fired in the step before, nothing in the first. */
export function arriving(tf: Tf, fired: Tensor): Tensor {
  const [steps, ...rest] = fired.shape;
  const sent = tf.slice(fired, fired.shape.map(() => 0), [steps - 1, ...rest]);
  return tf.pad(sent, [[1, 0], ...rest.map((): [number, number] => [0, 0])]);
}

/** Spikes of the last layer before the output as a function of the masters of the hidden layers.
 *  @param masters weight and bias of every hidden weighted layer
 *  @param input [S, n, H, W, P] spikes sent
 *  @returns [S, n, J] in [C, H, W] order */
export function runHidden(
  tf: Tf,
  chip: ChipOps,
  pool: PoolOps,
  spec: NetworkSpec,
  layers: readonly (WeightedLayer | null)[],
  masters: readonly Tensor[],
  input: Tensor,
  observe: ObserveLayer = () => {},
): Tensor {
  let spikes = input;
  // Whose largest value wins a pool: v⁻ of the layer below, 4,096 × its firing inputs for a pool, the input itself.
  let rank = input;
  let used = 0;
  for (let index = 0; index + 1 < spec.layers.length; index++) {
    const layer = layers[index];
    const [below, ranked] = [spikes, rank];
    const pooled = layers[index + 1] === null;
    const masterPair: [Tensor, Tensor] | null = layer && [masters[used++], masters[used++]];
    // A tidy for each layer: of a layer only what the next one or an observer reads stays.
    const now = tf.tidy((): LayerTensors => {
      if (layer && masterPair) return weighted(tf, chip, layer, masterPair, below, index === 0, pooled);
      const winners = pool.winners(flat(tf, arriving(tf, ranked)));
      const arrived = arriving(tf, below);
      const fired = foldTime(tf, arrived, (x) => pool.anyOf(x, winners));
      return { spikes: fired, rank: pooled ? foldTime(tf, arrived, (x) => tf.mul(pool.sumOf(x), 4096)) : fired };
    });
    [spikes, rank] = [now.spikes, now.rank];
    observe(index, { spikes, compartments: now.u ? { qSum: now.qSum, u: now.u, bias: now.bias } : null });
  }
  const [channels, height, width] = networkShapes(spec)[spec.layers.length - 1];
  const [steps, n] = [presentationSteps(spec), input.shape[1]!];
  return tf.reshape(tf.transpose(spikes, [0, 1, 4, 2, 3]), [steps, n, channels * height * width]);
}

/** `spikes`; `rank`, v⁻ where a pool reads it, else the spikes again; `qSum`, `u`, `bias` where something may have wrapped. */
type LayerTensors = Record<string, Tensor>;

/** A convolution or dense layer. */
function weighted(
  tf: Tf,
  chip: ChipOps,
  layer: WeightedLayer,
  masters: readonly [Tensor, Tensor],
  below: Tensor,
  constantInput: boolean,
  pooled: boolean,
): LayerTensors {
  const integers = roundedLayer(tf, chip, layer, masters);
  const weights = chip.effective(integers.mantissa, layer.spec.weight.wgtExp);
  const qSum = foldTime(tf, arriving(tf, below), (x) => layer.linear.apply(x, weights, constantInput));
  const { q: qWraps, u: uWraps } = canWrap(tf, layer, qSum);
  const q = tf.unstack(qWraps ? chip.wrap(qSum, WIDTH.q) : qSum, 0);
  const keep = [...(pooled ? (["vBefore"] as const) : []), ...(uWraps ? (["u"] as const) : [])];
  const run = runCompartments(tf, chip, layer.spec.loihi, q, integers.bias, restState, uWraps, keep);
  const spikes = tf.stack(run.spikes, 0);
  const wraps: LayerTensors = uWraps ? { qSum, u: tf.stack(run.u, 0), bias: integers.bias } : {};
  return { spikes, rank: pooled ? tf.stack(run.vBefore, 0) : spikes, ...wraps };
}

/** Whether q, or u and u + bias, can leave their widths: decay only shrinks, so |u| ≤ max|q|·min(S, 4096/δu). */
function canWrap(tf: Tf, { spec, bias }: WeightedLayer, qSum: Tensor): { readonly q: boolean; readonly u: boolean } {
  const largest = tf.tidy(() => tf.max(tf.abs(qSum)).dataSync()[0]);
  const q = largest >= 2 ** (WIDTH.q - 1);
  const steps = Math.min(qSum.shape[0], DECAY_ONE / spec.loihi.decayU);
  const u = q || largest * steps + bias.reduce((most, b) => Math.max(most, Math.abs(b)), 0) >= 2 ** (WIDTH.u - 1);
  return { q, u };
}

const flat = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [x.shape[0] * x.shape[1]!, ...x.shape.slice(2)]);
