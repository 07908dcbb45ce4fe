import { UserError } from "../base/errors.js";
import type { WrapReport } from "./engine.js";

/** A run left the width of q, u or u + bias: the strict simulator stops on the same input (design §4). */
export class WrapError extends UserError {
  /** All the wraps of the run, in the order they happened. */
  readonly wraps: readonly WrapReport[];

  constructor(wraps: readonly WrapReport[]) {
    const [first] = wraps;
    super([
      {
        code: "E-ENG-030",
        at: `layer "${first.layer}", neuron ${first.neuron}, step ${first.step} of presentation ${first.presentation}`,
        found:
          `${first.quantity} left its width and wrapped around` +
          (wraps.length > 1 ? `, the first of ${wraps.length} such places` : ""),
        limit: "q 22 bits, u and u + bias 24 bits, signed (hw/limits.ts)",
        hint: "lower the layer's weights, its weight exponent or its bias; training goes on as the chip would with training.onWrap \"wrap\"",
      },
    ]);
    this.wraps = wraps;
  }
}
