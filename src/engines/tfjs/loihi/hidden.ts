import { WIDTH } from "../../../../hw/limits.js";
import { networkShapes, presentationSteps } from "../../../model/shapes.js";
import type { NetworkSpec } from "../../../model/types.js";
import type { ChipOps } from "../ops/chip.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import type { PoolOps } from "../ops/pool.js";
import { foldTime } from "../srm/network.js";
import { restState, runCompartments } from "./compartments.js";
import { type WeightedLayer, roundedLayer } from "./parameters.js";

/** What a layer did in a presentation; all [S, n, H, W, C], rows by the step it fired in. */
export interface LayerRun {
  readonly spikes: Tensor;
  /** Of weighted layers: sums of what arrived before the wrap, u, and the bias integers [C]. */
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
    if (layer === null) {
      const [below, ranked] = [arriving(tf, spikes), arriving(tf, rank)];
      const winners = pool.winners(flat(tf, ranked));
      spikes = foldTime(tf, below, (x) => pool.anyOf(x, winners));
      rank = foldTime(tf, below, (x) => tf.mul(pool.sumOf(x), 4096));
      observe(index, { spikes, compartments: null });
      continue;
    }
    const integers = roundedLayer(tf, chip, layer, [masters[used++], masters[used++]]);
    const weights = chip.effective(integers.mantissa, layer.spec.weight.wgtExp);
    const qSum = foldTime(tf, arriving(tf, spikes), (x) => layer.linear.apply(x, weights, index === 0));
    const q = tf.unstack(chip.wrap(qSum, WIDTH.q), 0);
    const run = runCompartments(tf, chip, layer.spec.loihi, q, integers.bias, restState);
    spikes = tf.stack(run.spikes, 0);
    if (layers[index + 1] === null) rank = tf.stack(run.vBefore, 0);
    observe(index, { spikes, compartments: { qSum, u: tf.stack(run.u, 0), bias: integers.bias } });
  }
  const [channels, height, width] = networkShapes(spec)[spec.layers.length - 1];
  const [steps, n] = [presentationSteps(spec), input.shape[1]!];
  return tf.reshape(tf.transpose(spikes, [0, 1, 4, 2, 3]), [steps, n, channels * height * width]);
}

const flat = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [x.shape[0] * x.shape[1]!, ...x.shape.slice(2)]);
