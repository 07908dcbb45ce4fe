import { type Tensor, type Tf, customOp } from "./custom-op.js";

/** Pools 2×2, stride 2, on [n, H, W, C]; a last odd row or column is dropped. */
export interface PoolOps {
  /** Which of the four of each window is largest, the first in row-major order on ties: four masks
   *  [n, H/2, W/2, C] of 0 and 1. Constants. */
  winners(x: Tensor): Tensor[];
  /** The winner of each window; its gradient goes there alone, to any order. */
  pick(x: Tensor, winners: readonly Tensor[]): Tensor;
  /** 1 where any of a window is above 0; the gradient goes to the winner with slope 1. */
  anyOf(x: Tensor, winners: readonly Tensor[]): Tensor;
  /** Sum of each window. A constant. */
  sumOf(x: Tensor): Tensor;
}

type Shape4 = [number, number, number, number];

/** Makes the operations. */
export function poolOps(tf: Tf): PoolOps {
  /** The four of each window, in row-major order. */
  const split = (x: Tensor): Tensor[] => {
    const [n, height, width, channels] = x.shape as Shape4;
    const [h, w] = [height >> 1, width >> 1];
    const even = 2 * h === height && 2 * w === width ? x : tf.slice(x, [0, 0, 0, 0], [n, 2 * h, 2 * w, channels]);
    const cells = tf.reshape(even, [n * h, 2, w, 2 * channels]);
    return [0, 1].flatMap((row) =>
      [0, 1].map((column) =>
        tf.reshape(tf.slice(cells, [0, row, 0, column * channels], [n * h, 1, w, channels]), [n, h, w, channels]),
      ),
    );
  };
  /** The inverse of `split`, with 0 in what it dropped. */
  const join = (parts: readonly Tensor[], [n, height, width, channels]: Shape4): Tensor => {
    const [h, w] = [height >> 1, width >> 1];
    const flat = parts.map((part) => tf.reshape(part, [n * h, 1, w, channels]));
    const rows = [tf.concat(flat.slice(0, 2), 3), tf.concat(flat.slice(2), 3)];
    const even = tf.reshape(tf.concat(rows, 1), [n, 2 * h, 2 * w, channels]);
    return tf.pad(even, [[0, 0], [0, height - 2 * h], [0, width - 2 * w], [0, 0]]);
  };
  const weighted = (x: Tensor, winners: readonly Tensor[]): Tensor =>
    tf.addN(split(x).map((part, k) => tf.mul(part, winners[k])));
  const pick = (x: Tensor, winners: readonly Tensor[]): Tensor =>
    customOp(tf, [x], (save) => {
      save([...winners]);
      const shape = x.shape as Shape4;
      return { value: tf.tidy(() => weighted(x, winners)), gradient: (dy, saved) => spread(dy, saved, shape) };
    });
  const spread = (y: Tensor, winners: readonly Tensor[], shape: Shape4): Tensor =>
    customOp(tf, [y], (save) => {
      save([...winners]);
      const value = tf.tidy(() => join(winners.map((winner) => tf.mul(y, winner)), shape));
      return { value, gradient: (d, saved) => pick(d, saved) };
    });
  return {
    winners: (x) =>
      tf.tidy(() => {
        const parts = split(x);
        const top = parts.reduce((a, b) => tf.maximum(a, b));
        let free: Tensor = tf.onesLike(top);
        return parts.map((part) => {
          const won = tf.mul(free, tf.cast(tf.equal(part, top), "float32"));
          free = tf.sub(free, won);
          return won;
        });
      }),
    pick,
    anyOf: (x, winners) =>
      customOp(tf, [x], (save) => {
        save([...winners]);
        const shape = x.shape as Shape4;
        const value = tf.tidy(() => tf.cast(tf.greater(tf.addN(split(x)), 0), "float32"));
        return { value, gradient: (dy, saved) => spread(dy, saved, shape) };
      }),
    sumOf: (x) => tf.tidy(() => tf.addN(split(x))),
  };
}
