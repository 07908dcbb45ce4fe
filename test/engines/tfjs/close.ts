import { expect } from "vitest";
import type { Gradients } from "../../../src/engines/engine.js";

/** float32 against float64: every value passes some hundred operations that round by 2^−24 = 6e-8, and the largest entry of
 *  a tensor may be left over from a cancellation of ten times larger terms: 300 · 10 · 6e-8. A wrong rule is off by 4e-4 or
 *  more (golden/README.md). */
export const BOUND = 2e-4;

/** Compares gradients by name, each relative to its largest entry, or to a thousandth of the largest of all where
 *  cancellation left less than that. */
export function closeGradients(found: Gradients, expected: Gradients, what: string): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  const largest = Math.max(...Object.values(expected).flatMap((g) => [...g].map(Math.abs)));
  for (const [name, g] of Object.entries(expected)) {
    const scale = Math.max(1e-3, 1e-3 * largest, ...[...g].map(Math.abs));
    const worst = Math.max(0, ...[...g].map((x, k) => Math.abs(x - found[name][k])));
    expect(worst / scale, `${what}, ${name}`).toBeLessThan(BOUND);
  }
}
