import { WIDTH } from "../../../../hw/limits.js";
import type { LoihiNeuron, Shape3 } from "../../../model/types.js";
import type { WrapReport } from "../../engine.js";
import { channelFirst } from "../frames.js";
import type { ChipOps } from "../ops/chip.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import { scoped } from "../scope.js";

/** A wrap in some rows of compartments. */
export interface FoundWrap {
  /** Index of the sample in the rows. */
  readonly sample: number;
  readonly quantity: WrapReport["quantity"];
  /** r, from 1. */
  readonly step: number;
  readonly neuron: number;
}

/** Finds where q, u or u + bias left its width, from what a run left: all tensors [S, n, H, W, C]. Sorted by sample, step,
 *  neuron in [C, H, W] order, then quantity as the chip computes them. */
export function findWraps(
  tf: Tf,
  chip: ChipOps,
  neuron: LoihiNeuron,
  qSum: Tensor,
  u: Tensor,
  bias: Tensor,
  shape: Shape3,
): FoundWrap[] {
  const masks = scoped(tf, () => {
    const [steps, ...rest] = u.shape;
    const q = chip.wrap(qSum, WIDTH.q);
    const kept = tf.slice(u, u.shape.map(() => 0), [steps - 1, ...rest]);
    const before = tf.concat([tf.zeros([1, ...rest]), kept], 0);
    const drive = tf.add(u, bias);
    const pairs = [
      [q, qSum],
      [u, tf.add(chip.decay(before, neuron.decayU), q)],
      [chip.wrap(drive, WIDTH.u), drive],
    ];
    const found = pairs.map(([kept, raw]) => tf.cast(tf.notEqual(kept, raw), "float32"));
    if (tf.max(tf.addN(found)).dataSync()[0] === 0) return null;
    return found.map((mask) => channelFirst(tf, mask, shape));
  });
  if (!masks) return [];
  const [steps, samples] = u.shape as [number, number];
  const size = shape[0] * shape[1] * shape[2];
  const out: FoundWrap[] = [];
  for (let sample = 0; sample < samples; sample++) {
    for (let r = 0; r < steps; r++) {
      for (let i = 0; i < size; i++) {
        const at = (r * samples + sample) * size + i;
        (["q", "u", "u+bias"] as const).forEach((quantity, k) => {
          if (masks[k][at] !== 0) out.push({ sample, quantity, step: r + 1, neuron: i });
        });
      }
    }
  }
  return out;
}
