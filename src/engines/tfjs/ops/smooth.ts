import { type Tensor, type Tf, customOp } from "./custom-op.js";

/** Operations of the readout and the spike of `srm`, right to the second derivative. */
export interface SmoothOps {
  /** e^x from its saved input; the library saves the output, whose derivatives are then lost. */
  exp(x: Tensor): Tensor;
  /** log softmax over the last axis. [n, K] */
  logSoftmax(x: Tensor): Tensor;
  /** Sum over rows of the cross-entropy of logits [n, K] against one-hot rows. */
  crossEntropySum(logits: Tensor, oneHot: Tensor): Tensor;
  /** 1 where u > 0; backward the surrogate, whose own derivative is known too. */
  spike(u: Tensor): Tensor;
  /** x·mask with the mask held constant. */
  masked(x: Tensor, mask: Tensor): Tensor;
  /** Forward `value`, backward slope 1 to x. */
  straightThrough(x: Tensor, value: (x: Tensor) => Tensor): Tensor;
}

/** What a `srm` neuron fires, with the two derivatives that stand for the true ones. */
export interface SpikeTensors {
  value(tf: Tf, u: Tensor): Tensor;
  slope(tf: Tf, u: Tensor): Tensor;
  curve(tf: Tf, u: Tensor): Tensor;
}

/** 10|u| + 1, the denominator of the surrogate. Source: design §4. */
const widened = (tf: Tf, u: Tensor): Tensor => tf.add(tf.mul(tf.abs(u), 10), 1);

/** The paper's spike: a step, σ'(u) = 1/(10|u|+1)², and −20·sign(u)/(10|u|+1)³ with sign(0) = 0. */
export const stepSpike: SpikeTensors = {
  value: (tf, u) => tf.cast(tf.greater(u, 0), "float32"),
  slope: (tf, u) => tf.reciprocal(tf.square(widened(tf, u))),
  curve: (tf, u) => {
    const inverse = tf.reciprocal(widened(tf, u));
    return tf.mul(tf.mul(tf.sign(u), -20), tf.mul(tf.square(inverse), inverse));
  },
};

/** Makes the operations. `spike` other than the step is for tests. */
export function smoothOps(tf: Tf, spike: SpikeTensors = stepSpike): SmoothOps {
  const exp = (x: Tensor): Tensor =>
    customOp(tf, [x], (save) => {
      save([x]);
      return { value: tf.exp(x), gradient: (dy, [input]) => tf.mul(dy, exp(input)) };
    });
  // The largest entry may count as constant: log softmax does not depend on what is subtracted.
  const shifted = (x: Tensor): Tensor =>
    customOp(tf, [x], () => ({ value: tf.sub(x, tf.max(x, -1, true)), gradient: (dy) => dy }));
  const logSoftmax = (x: Tensor): Tensor => {
    const y = shifted(x);
    return tf.sub(y, tf.log(tf.sum(exp(y), -1, true)));
  };
  const slope = (u: Tensor): Tensor =>
    customOp(tf, [u], (save) => {
      save([u]);
      return { value: spike.slope(tf, u), gradient: (dy, [input]) => tf.mul(dy, spike.curve(tf, input)) };
    });
  const masked = (x: Tensor, mask: Tensor): Tensor =>
    customOp(tf, [x], (save) => {
      save([mask]);
      return { value: tf.mul(x, mask), gradient: (dy, [kept]) => masked(dy, kept) };
    });
  return {
    exp,
    logSoftmax,
    masked,
    crossEntropySum: (logits, oneHot) => tf.neg(tf.sum(tf.mul(logSoftmax(logits), oneHot))),
    spike: (u) =>
      customOp(tf, [u], (save) => {
        save([u]);
        return { value: spike.value(tf, u), gradient: (dy, [input]) => tf.mul(dy, slope(input)) };
      }),
    straightThrough: (x, value) => customOp(tf, [x], () => ({ value: value(x), gradient: (dy) => dy })),
  };
}
