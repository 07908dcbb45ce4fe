/** `bench scaling`: what a meta-step costs against steps, samples, density, channels and threads, on made-up events. */
import { createEngine, type EngineName } from "../../engines/create.js";
import type { Engine } from "../../engines/engine.js";
import { asSrm, convLayer, denseLayer, paperNetwork, poolLayer } from "../../model/presets.js";
import { quantizeNetwork } from "../../model/quantize.js";
import type { NetworkSpec, Parameters } from "../../model/types.js";
import { loihiStartWeights, srmStartWeights } from "../../train/start.js";
import { median } from "./kernels.js";
import { madeUpTask } from "./made-up.js";

export const AXES = ["steps", "samples", "density", "channels", "threads"] as const;
export type Axis = (typeof AXES)[number];

/** The base point, and what is varied around it. Queries are ten times the support. */
const BASE = { steps: 100, samples: 22, density: 3, channels: 32 } as const;
const VALUES: Readonly<Record<Exclude<Axis, "threads">, readonly number[]>> = {
  steps: [25, 50, 100, 150, 200], samples: [11, 22, 44, 66, 88], density: [0.5, 1.5, 3, 6, 12], channels: [8, 16, 32, 64, 96],
};

export interface ScalingPoint {
  readonly value: number;
  /** Medians of a meta-step: user and system time of all threads, and time on the clock. */
  readonly cpu_ms: number;
  readonly wall_ms: number;
}

export interface ScalingCurve {
  readonly axis: Axis;
  readonly unit: string;
  readonly points: readonly ScalingPoint[];
  /** Least-squares line cpu = a + b·value, and the largest distance of a point from it, percent of the point; for threads: of
   *  CPU time, which more threads should not raise. */
  readonly line: { readonly offset_ms: number; readonly slope_ms: number; readonly worst_percent: number };
}

export interface ScalingReport {
  readonly engine: string;
  readonly network: "srm" | "loihi";
  readonly threads: number;
  readonly curves: readonly ScalingCurve[];
  /** Largest resident set of this process so far. */
  readonly peak_rss_mib: number;
}

export interface ScalingBench {
  readonly network: "srm" | "loihi";
  readonly engine?: EngineName;
  readonly threads?: number;
  readonly repeats: number;
  readonly axes: readonly Axis[];
  readonly progress?: (line: string) => void;
}

const UNITS: Readonly<Record<Axis, string>> = {
  steps: "steps of a sample", samples: "samples of a task (10 of 11 are queries)", density: "% of the input pixels firing in a step",
  channels: "channels of the middle convolution", threads: "threads",
};

/** Times second-order meta-steps (loihi: through SOEL) on the paper's network with half of its channels; one axis varies at a
 *  time. CPU time is what to read on a busy machine. */
export async function benchmarkScaling(bench: ScalingBench): Promise<ScalingReport> {
  const curves: ScalingCurve[] = [];
  let engineName = "";
  for (const axis of bench.axes) {
    const points: ScalingPoint[] = [];
    const values = axis === "threads" ? threadCounts(bench.threads ?? 1) : VALUES[axis];
    for (const value of values) {
      const { engine, ...point } = await pointAt(bench, axis, value);
      engineName = engine;
      points.push(point);
      bench.progress?.(`${axis} ${value}: ${point.cpu_ms.toFixed(1)} ms of CPU`);
    }
    curves.push({ axis, unit: UNITS[axis], points, line: fittedLine(points) });
  }
  return { engine: engineName, network: bench.network, threads: bench.threads ?? 1, curves, peak_rss_mib: process.resourceUsage().maxRSS / 1024 };
}

const threadCounts = (most: number): number[] => Array.from({ length: Math.ceil(Math.log2(most)) + 1 }, (_, k) => Math.min(most, 2 ** k));

async function pointAt(bench: ScalingBench, axis: Axis, value: number): Promise<ScalingPoint & { readonly engine: string }> {
  const at = { ...BASE, [axis]: value };
  const spec = network(bench.network, at.channels, at.steps);
  const threads = axis === "threads" ? value : (bench.threads ?? 1);
  const { engine } = await createEngine(spec, { engine: bench.engine, threads });
  try {
    const masters = await weights(spec, engine);
    engine.setParameters(masters, quantizeNetwork(spec, masters));
    const task = madeUpTask(spec, Math.round(at.samples / 11), at.samples, at.density / 100);
    // The authors' share of burn-in, at any number of steps.
    const inner = { rule: "gradient", steps: 1, rate: 1, frozen: [], burnIn: Math.floor(0.7 * at.steps) } as const;
    const options = { outer: "maml", chipSeed: 1, inner } as const;
    await engine.metaStep(task, options);
    const [cpu, wall]: number[][] = [[], []];
    for (let k = 0; k < bench.repeats; k++) {
      const [before, start] = [process.cpuUsage(), performance.now()];
      await engine.metaStep(task, options);
      const used = process.cpuUsage(before);
      cpu.push((used.user + used.system) / 1000);
      wall.push(performance.now() - start);
    }
    return { value, cpu_ms: median(cpu), wall_ms: median(wall), engine: engine.name };
  } finally {
    engine.dispose();
  }
}

/** The paper's network with half of its channels (16, 32, 64), or `channels` in the middle. */
function network(model: "srm" | "loihi", channels: number, steps: number): NetworkSpec {
  const base = paperNetwork("scaling", 16, 32);
  const layers = [
    convLayer("conv1", 16, 5, { first: true }), poolLayer("pool1"), convLayer("conv2", channels, 5), poolLayer("pool2"),
    convLayer("conv3", 64, 5), poolLayer("pool3"), denseLayer("output", 5),
  ];
  const spec = { ...base, steps, layers };
  return model === "srm" ? asSrm(spec) : spec;
}

/** Start weights fitted to a small task of the base density, so that the hidden activity is that of training. */
async function weights(spec: NetworkSpec, engine: Engine): Promise<Parameters> {
  const small = madeUpTask(spec, 1, 2, BASE.density / 100);
  return spec.neuronModel === "srm" ? srmStartWeights(spec, engine, small, 1) : loihiStartWeights(spec, engine, small, 1);
}

/** Least squares, and the worst relative distance from the line. */
export function fittedLine(points: readonly { readonly value: number; readonly cpu_ms: number }[]): ScalingCurve["line"] {
  const n = points.length;
  const [mx, my] = [points.reduce((s, p) => s + p.value, 0) / n, points.reduce((s, p) => s + p.cpu_ms, 0) / n];
  const sxx = points.reduce((s, p) => s + (p.value - mx) ** 2, 0);
  const slope = sxx > 0 ? points.reduce((s, p) => s + (p.value - mx) * (p.cpu_ms - my), 0) / sxx : 0;
  const offset = my - slope * mx;
  const worst = Math.max(...points.map((p) => Math.abs(p.cpu_ms - offset - slope * p.value) / p.cpu_ms));
  return { offset_ms: offset, slope_ms: slope, worst_percent: 100 * worst };
}

/** Tables for people. */
export function describeScaling(r: ScalingReport): string {
  return [
    `A meta-step of the ${r.network} network, engine ${r.engine}, ${r.threads} threads; base point: ${BASE.steps} steps, ${BASE.samples} samples, ` +
    `${BASE.density} % density; made-up events`,
    ...r.curves.flatMap(({ axis, unit, points, line }) => [
      `${axis} (${unit})`,
      ...points.map((p) => `  ${String(p.value).padStart(6)}  ${p.cpu_ms.toFixed(1).padStart(9)} ms of CPU  ${p.wall_ms.toFixed(1).padStart(9)} ms`),
      axis === "threads"
        ? `  1 → ${points[points.length - 1].value} threads: ${(points[0].wall_ms / points[points.length - 1].wall_ms).toFixed(2)}× faster`
        : `  line: ${line.offset_ms.toFixed(1)} ms + ${line.slope_ms.toPrecision(3)} ms each; no point is further than ${line.worst_percent.toFixed(0)} % from it`,
    ]),
    `Peak memory of this process: ${r.peak_rss_mib.toFixed(0)} MiB`,
  ].join("\n");
}
