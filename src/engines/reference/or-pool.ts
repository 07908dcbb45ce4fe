import type { Shape3 } from "../../model/types.js";

/** An OR pool over all steps of a presentation. It fires at step r if any input of its window fired at r − 1.
 *  @param spikes [S, C·H·W] of the layer below
 *  @returns [S, C·(H/2)·(W/2)]; a last odd row or column is dropped. Source: design §4 */
export function orPool(spikes: Uint16Array, shape: Shape3, steps: number): Uint16Array {
  const [sizeIn, sizeOut] = [shape[0] * shape[1] * shape[2], pooledSize(shape)];
  const out = new Uint16Array(steps * sizeOut);
  forEachWindow(shape, (window, inputs) => {
    for (let r = 2; r <= steps; r++) {
      const row = (r - 2) * sizeIn;
      if (inputs.some((i) => spikes[row + i] > 0)) out[(r - 1) * sizeOut + window] = 1;
    }
  });
  return out;
}

/** Gradient of the spikes below: slope 1 to the input with the largest v⁻ in the step the pool reads, the
 *  first in row-major order on ties.
 *  @param g [S, windows] gradient of the pool's spikes
 *  @param vBeforeReset [S, C·H·W] of the layer below */
export function orPoolGradient(
  g: Float64Array,
  vBeforeReset: ArrayLike<number>,
  shape: Shape3,
  steps: number,
): Float64Array {
  const [sizeIn, sizeOut] = [shape[0] * shape[1] * shape[2], pooledSize(shape)];
  const out = new Float64Array(steps * sizeIn);
  forEachWindow(shape, (window, inputs) => {
    for (let r = 2; r <= steps; r++) {
      const row = (r - 2) * sizeIn;
      let winner = inputs[0];
      for (const i of inputs) if (vBeforeReset[row + i] > vBeforeReset[row + winner]) winner = i;
      out[row + winner] += g[(r - 1) * sizeOut + window];
    }
  });
  return out;
}

/** v⁻ of a pool's own compartments, for a pool on it: 4,096 × its firing inputs of the step before. [S,
 *  windows] */
export function poolVoltage(spikes: Uint16Array, shape: Shape3, steps: number): Int32Array {
  const [sizeIn, sizeOut] = [shape[0] * shape[1] * shape[2], pooledSize(shape)];
  const out = new Int32Array(steps * sizeOut);
  forEachWindow(shape, (window, inputs) => {
    for (let r = 2; r <= steps; r++) {
      for (const i of inputs) out[(r - 1) * sizeOut + window] += 4096 * spikes[(r - 2) * sizeIn + i];
    }
  });
  return out;
}

/** C·⌊H/2⌋·⌊W/2⌋ */
export const pooledSize = ([channels, height, width]: Shape3): number =>
  channels * Math.floor(height / 2) * Math.floor(width / 2);

/** Calls `visit(window, its four inputs in row-major order)` for every 2×2 window. */
export function forEachWindow(
  [channels, height, width]: Shape3,
  visit: (window: number, inputs: readonly number[]) => void,
): void {
  let window = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y + 1 < height; y += 2) {
      for (let x = 0; x + 1 < width; x += 2) {
        const first = (c * height + y) * width + x;
        visit(window++, [first, first + 1, first + width, first + width + 1]);
      }
    }
  }
}
