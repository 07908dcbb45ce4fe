/** The machine's peaks and the kernels beside them, for `metaloihi bench kernels` (kernels/peak.cc). */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { packageRoot } from "../../base/node/package-root.js";

/** What can be timed; the position is the number that the kernel knows it by. */
export const PEAK_KERNELS = ["fma", "copy", "triad", "gemm", "convDense", "convBack", "outerDense", "convEvents", "outerEvents", "convBackTiles", "convShort"] as const;
export type PeakKernel = (typeof PEAK_KERNELS)[number];

/** Work and CPU seconds of one call: floating-point operations, bytes, or synaptic operations (…Events). */
export interface PeakRun {
  readonly work: number;
  readonly seconds: number;
}

/** Runs one kernel `repeats` times on this thread. `shape`: convolutions inC, inH, inW, outC, kernel, stride, padding, density in
 *  thousandths; copy and triad: floats of an array.  @throws Error where the addon is not built, or is older than this */
export function peakRunner(): (kernel: PeakKernel, shape: readonly number[], repeats: number) => PeakRun {
  const path = join(packageRoot(), "build", "native", "metaloihi.node");
  if (!existsSync(path)) throw new Error("the native addon is not built (no C++ compiler when the project was set up)");
  const { peakRun } = createRequire(import.meta.url)(path) as { peakRun?: (which: number, shape: Int32Array, repeats: number) => Float64Array };
  if (!peakRun) throw new Error("the native addon is of an older version: npm run setup");
  return (kernel, shape, repeats) => {
    const [work, seconds] = peakRun(PEAK_KERNELS.indexOf(kernel), Int32Array.from({ length: 8 }, (_, k) => shape[k] ?? 0), repeats);
    return { work, seconds };
  };
}
