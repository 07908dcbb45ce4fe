/** `bench kernels`: the native kernels against what this machine's core and memory reach, measured in the same run. */
import { userError } from "../../base/errors.js";
import { nativeInstructionSet } from "../../engines/native/native-engine.js";
import { type PeakKernel, peakRunner } from "../../engines/native/peak.js";

interface KernelCase {
  readonly kernel: PeakKernel;
  readonly layer: string;
  readonly shape: readonly number[];
}

/** Convolutions of the paper's network and of the demo's: inC, inH, inW, outC, kernel, stride, padding, and the share of the
 *  inputs that fire in a step, in thousandths, as in the peers' problem and in the demo. */
const LAYERS: Readonly<Record<string, readonly number[]>> = {
  "paper conv1 2→32 5×5": [2, 16, 32, 32, 5, 1, 2, 30],
  "paper conv2 32→64 5×5": [32, 8, 16, 64, 5, 1, 2, 230],
  "paper conv3 64→128 5×5": [64, 4, 8, 128, 5, 1, 2, 160],
  "demo conv2 16→32 3×3 /2": [16, 8, 16, 32, 3, 2, 1, 70],
  "demo conv3 32→64 3×3 /2": [32, 4, 8, 64, 3, 2, 1, 70],
};
const DENSE = ["convDense", "convBack", "outerDense"] as const;
const SPARSE = ["convEvents", "convShort", "outerEvents"] as const;
/** Layers that tiles serve: square kernels, stride 1. */
const TILED = ["paper conv2 32→64 5×5", "paper conv3 64→128 5×5"] as const;
/** Floats of an array for copy and triad: 32 MiB, beyond the caches of a core. */
const MEMORY_FLOATS = 1 << 23;
/** CPU seconds that one measurement lasts, about. */
const SLICE_SECONDS = 0.03;

const CASES: readonly KernelCase[] = [
  { kernel: "gemm", layer: "96×256 · 256×64", shape: [] },
  // The first layer passes no gradient back to the input.
  ...Object.entries(LAYERS).flatMap(([layer, shape]) => DENSE.filter((k) => k !== "convBack" || shape[0] > 2).map((kernel) => ({ kernel, layer, shape }))),
  ...TILED.map((layer) => ({ kernel: "convBackTiles", layer, shape: LAYERS[layer] }) as const),
  ...Object.entries(LAYERS).flatMap(([layer, shape]) => SPARSE.map((kernel) => ({ kernel, layer, shape }))),
];

/** One kernel: medians over the rounds. */
export interface KernelFigures {
  readonly kernel: PeakKernel;
  readonly layer: string;
  /** Dense kernels: multiply-adds count 2; of convBackTiles, those of the direct form, so that it may pass the peak. */
  readonly gflops?: number;
  /** Percent of the peak measured just before, in the same round. */
  readonly percent_of_peak?: number;
  /** Sparse kernels: 10⁹ synaptic operations a second, at that share of inputs firing. */
  readonly gsops?: number;
  readonly density_percent?: number;
}

export interface KernelReport {
  readonly instruction_set: string;
  readonly peak_gflops: number;
  readonly copy_gb_per_s: number;
  readonly triad_gb_per_s: number;
  readonly rounds: number;
  readonly kernels: readonly KernelFigures[];
  /** Least and median share of the peak among the dense kernels, percent. */
  readonly dense_percent_of_peak: { readonly least: number; readonly median: number };
}

/** Measures on one thread, in CPU time, so that other processes matter little; every round measures the peak anew.
 *  @throws UserError E-BENCH-002 where there is no native addon */
export function benchmarkKernels(rounds: number, sliceSeconds = SLICE_SECONDS): KernelReport {
  let run: ReturnType<typeof peakRunner>;
  try {
    run = peakRunner();
  } catch (error) {
    throw userError({
      code: "E-BENCH-002", at: "bench kernels", found: (error as Error).message, limit: "the native kernels", hint: "npm run setup, where a C++ compiler is",
    });
  }
  const measure = measurer(run, sliceSeconds);
  const [fma, copy, triad]: number[][] = [[], [], []];
  const rates = CASES.map((): number[] => []);
  const shares = CASES.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    copy.push(measure("copy", [MEMORY_FLOATS]));
    triad.push(measure("triad", [MEMORY_FLOATS]));
    CASES.forEach(({ kernel, layer, shape }, k) => {
      const peak = measure("fma", []);
      const rate = measure(kernel, shape, layer);
      fma.push(peak);
      rates[k].push(rate);
      shares[k].push((100 * rate) / peak);
    });
  }
  const kernels = CASES.map(({ kernel, layer, shape }, k): KernelFigures => (SPARSE as readonly string[]).includes(kernel)
    ? { kernel, layer, gsops: median(rates[k]), density_percent: shape[7] / 10 }
    : { kernel, layer, gflops: median(rates[k]), percent_of_peak: median(shares[k]) });
  // Tiles save multiplications: what they do is counted as the direct form's work, and their share says nothing of the core.
  const dense = kernels.flatMap(({ kernel, percent_of_peak }) => (kernel === "convBackTiles" ? [] : (percent_of_peak ?? [])));
  return {
    instruction_set: nativeInstructionSet(), peak_gflops: median(fma), copy_gb_per_s: median(copy), triad_gb_per_s: median(triad), rounds, kernels,
    dense_percent_of_peak: { least: Math.min(...dense), median: median(dense) },
  };
}

/** Giga-units a second of a kernel; how often it runs in a slice is found once. */
function measurer(run: ReturnType<typeof peakRunner>, slice: number): (kernel: PeakKernel, shape: readonly number[], layer?: string) => number {
  const repeats = new Map<string, number>();
  return (kernel, shape, layer = "") => {
    const key = `${kernel} ${layer}`;
    let count = repeats.get(key);
    if (count === undefined) {
      count = 1;
      for (let { seconds } = run(kernel, shape, count); seconds < slice; { seconds } = run(kernel, shape, count)) {
        count = Math.ceil(count * Math.min(10, Math.max(1.5, (1.2 * slice) / Math.max(1e-6, seconds))));
      }
      repeats.set(key, count);
    }
    const { work, seconds } = run(kernel, shape, count);
    return work / seconds / 1e9;
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** The table that a person reads. */
export function describeKernels(r: KernelReport): string {
  const figures = (k: KernelFigures): string => (k.gflops === undefined
    ? `${(k.gsops ?? 0).toFixed(1).padStart(8)} G synaptic operations/s at ${k.density_percent} % of the inputs`
    : `${k.gflops.toFixed(1).padStart(8)} GFLOP/s ${(k.percent_of_peak ?? 0).toFixed(0).padStart(5)} % of the peak`);
  const row = (k: KernelFigures): string => `  ${k.kernel.padEnd(15)}${k.layer.padEnd(26)}${figures(k)}`;
  return [
    `One core, ${r.instruction_set}, median of ${r.rounds} rounds in CPU time; the peak is measured before each kernel:`,
    `  peak           multiply-adds in registers ${r.peak_gflops.toFixed(1).padStart(7)} GFLOP/s`,
    `  memory         copy ${r.copy_gb_per_s.toFixed(1)} GB/s, triad ${r.triad_gb_per_s.toFixed(1)} GB/s (3 arrays of 32 MiB)`,
    ...r.kernels.map(row),
    `Dense kernels: ${r.dense_percent_of_peak.least.toFixed(0)} % of the peak at least, ${r.dense_percent_of_peak.median.toFixed(0)} % in the median (padding is not counted as work)`,
  ].join("\n");
}
