import type { SoelPaper } from "../../soel-paper.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import { type Batch, type Tensors, innerProduct, visitEnds } from "./batch.js";
import type { RunOptions, SrmNetwork } from "./network.js";

/** ΔW/α = −Σ Ê·Pᵀ of some samples as a function of the weights and of θ; n counts the samples of the whole support.
 *  S = U > 0 at the last step; E = (softmax(S) − onehot)/n, zeroed where |E| ≤ θ, divided by θ as `divide` says.
 *  Straight-through: S has the neuron's surrogate slope, ⌊|E|/θ⌋ the slope of |E|/θ, the zeroing none. Source: design §6,
 *  `paper`. [out, in] */
function updateOf(
  tf: Tf,
  network: SrmNetwork,
  frames: Tensor,
  labels: Tensor,
  n: number,
  options: RunOptions,
  { divide }: SoelPaper,
): (theta: Tensor, ...weights: Tensor[]) => Tensor {
  const { smooth } = network;
  return (theta, ...weights) => {
    const { readout, lastTrace } = network.run(weights, frames, options);
    const softmax = smooth.exp(smooth.logSoftmax(smooth.spike(readout)));
    const whole = tf.div(tf.sub(softmax, labels), n);
    const error = smooth.masked(whole, tf.cast(tf.greater(tf.abs(whole), theta), "float32"));
    let scaled = error;
    if (divide !== "none") scaled = tf.div(error, theta);
    // No `trunc` in the library: sign times floor of the absolute value.
    if (divide === "integer") {
      scaled = smooth.straightThrough(scaled, (x) => tf.mul(tf.sign(x), tf.floor(tf.abs(x))));
    }
    return tf.neg(tf.matMul(scaled, lastTrace, true, false));
  };
}

/** ΔW/α over the whole support. [out, in] */
export function soelPaperUpdate(
  tf: Tf,
  network: SrmNetwork,
  at: Tensors,
  support: Batch,
  options: SoelPaper,
): Float64Array {
  const names = network.parameters.map(({ name }) => name);
  const sum = new Float64Array(at[names[names.length - 2]].length);
  visitEnds(tf, network, at, support, null, ({ labels }, weights, frames, run) => {
    const update = updateOf(tf, network, frames, labels, support.size, run, options);
    update(tf.scalar(options.theta), ...weights).dataSync().forEach((x, k) => {
      sum[k] += x;
    });
  });
  return sum;
}

/** Gradients of ⟨ΔW/α, `along`⟩ for all weights (null where `order` is 1: the update counts as constant) and for θ. */
export function soelPaperPullBack(
  tf: Tf,
  network: SrmNetwork,
  at: Tensors,
  support: Batch,
  options: SoelPaper,
  along: Float64Array,
): { readonly gradients: Tensors | null; readonly theta: number } {
  const second = options.order === 2;
  const names = network.parameters.map(({ name }) => name);
  const gradients = Object.fromEntries(names.map((name) => [name, new Float64Array(at[name].length)]));
  let theta = 0;
  visitEnds(tf, network, at, support, null, ({ labels }, weights, frames, run) => {
    const direction = tf.tensor(Float32Array.from(along), [...network.parameters[names.length - 2].shape]);
    const update = updateOf(tf, network, frames, labels, support.size, run, options);
    const objective = (t: Tensor, ...ws: Tensor[]): Tensor =>
      innerProduct(tf, [update(t, ...(second ? ws : weights))], [direction]);
    const at0 = tf.scalar(options.theta);
    if (options.divide !== "none") theta += tf.grad((t) => objective(t, ...weights) as never)(at0).dataSync()[0];
    if (!second) return;
    const grads = tf.grads(((...ws: Tensor[]) => objective(at0, ...ws)) as never)(weights);
    grads.forEach((g, k) => {
      const to = gradients[names[k]];
      g.dataSync().forEach((x, i) => {
        to[i] += x;
      });
    });
  });
  return { gradients: second ? gradients : null, theta };
}
