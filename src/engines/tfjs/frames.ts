import type { SpikeTensor } from "../../events/types.js";
import { sizeOf } from "../../model/shapes.js";
import type { NetworkSpec, Shape3 } from "../../model/types.js";
import type { Tensor, Tf } from "./ops/custom-op.js";

/** Input of some samples, [steps, sample, H, W, P]: event counts, or 1 where there is any. Frame f stands in row f; rows
 *  past the spec's T are 0. */
export function inputFrames(
  tf: Tf,
  spec: NetworkSpec,
  samples: readonly SpikeTensor[],
  steps: number,
  mode: "binary" | "counts",
): Tensor {
  const { polarities, height, width } = spec.input;
  const pixels = height * width;
  const out = new Float32Array(steps * samples.length * pixels * polarities);
  samples.forEach((sample, n) => {
    for (let f = 0; f < Math.min(spec.steps, sample.rowStart.length - 1); f++) {
      const row = (f * samples.length + n) * pixels * polarities;
      for (let k = sample.rowStart[f]; k < sample.rowStart[f + 1]; k++) {
        const channel = sample.channel[k];
        out[row + (channel % pixels) * polarities + Math.floor(channel / pixels)] = mode === "counts" ? sample.count[k] : 1;
      }
    }
  });
  return tf.tensor(out, [steps, samples.length, height, width, polarities]);
}

/** The values of a tensor [rows…, H, W, C] in the order [rows, C, H, W] that everything outside this engine has. */
export function channelFirst(tf: Tf, x: Tensor, [channels, height, width]: Shape3): Float32Array {
  const rows = x.size / sizeOf([channels, height, width]);
  return tf.tidy(() =>
    tf.transpose(tf.reshape(x, [rows, height, width, channels]), [0, 3, 1, 2]).dataSync<"float32">(),
  );
}

/** Some tensor's time steps [a, b) of the first axis. */
export function stepsOf(tf: Tf, x: Tensor, from: number, to: number): Tensor {
  if (from === 0 && to === x.shape[0]) return x;
  return tf.slice(x, [from, ...x.shape.slice(1).map(() => 0)], [to - from, ...x.shape.slice(1)]);
}

/** Applies something that works on [n, H, W, C] to [steps, n, H, W, C]. */
export function foldTime(tf: Tf, x: Tensor, f: (flat: Tensor) => Tensor): Tensor {
  const [steps, n, ...rest] = x.shape;
  const y = f(tf.reshape(x, [steps * n, ...rest]));
  return tf.reshape(y, [steps, n, ...y.shape.slice(1)]);
}
