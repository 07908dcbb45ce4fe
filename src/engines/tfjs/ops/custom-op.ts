import type * as tfjs from "@tensorflow/tfjs";

/** The TensorFlow.js library, whichever backend it was loaded with. */
export type Tf = typeof tfjs;
export type Tensor = tfjs.Tensor;

/** What an operation computes, and the gradients of its inputs from the gradient of its value. */
export interface OpDefinition {
  readonly value: Tensor;
  /** One tensor an input, in their order. Written in operations that can be differentiated again, where a second
   *  derivative is wanted. Reads only `saved` and constants: anything else may be gone by then. */
  gradient(dy: Tensor, saved: readonly Tensor[]): Tensor | Tensor[];
}

/** Applies an operation with its own gradient. Only `inputs` take part in differentiation: tensors that `define` takes
 *  from its surroundings count as constants, and must be saved where `gradient` reads them. An operation's output must
 *  not be saved for anything but a constant: tfjs keeps a copy that has lost where it came from, and second derivatives
 *  through it are silently wrong (README.md). */
export function customOp(
  tf: Tf,
  inputs: readonly Tensor[],
  define: (save: (kept: Tensor[]) => void) => OpDefinition,
): Tensor {
  const op = (...args: unknown[]) => {
    const { value, gradient } = define(args[args.length - 1] as (kept: Tensor[]) => void);
    return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => tf.tidy(() => gradient(dy, saved)) };
  };
  // The library's type of the callback mixes tensors and the save function in one rest parameter.
  return tf.customGrad(op as Parameters<Tf["customGrad"]>[0])(...inputs);
}
