/** Largest difference relative to the largest expected entry; infinite where the lengths differ. */
export function relative(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, scale] = [0, 1e-300];
  for (let k = 0; k < expected.length; k++) {
    difference = Math.max(difference, Math.abs(expected[k] - found[k]));
    scale = Math.max(scale, Math.abs(expected[k]));
  }
  return found.length === expected.length ? difference / scale : Infinity;
}
