import type { Tf } from "./ops/custom-op.js";

/** Runs something that makes tensors and gives none: all of them are gone afterwards, also where it throws. */
export function scoped<T>(tf: Tf, run: () => T): T {
  let result: T | undefined;
  tf.tidy(() => {
    result = run();
  });
  return result as T;
}
