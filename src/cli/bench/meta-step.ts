/** `bench meta-step`: one step of meta-training, on real tasks or on the peers' own problem. */
import { userError } from "../../base/errors.js";
import { createEngine, type EngineName } from "../../engines/create.js";
import type { Engine, Gradients, MetaStepOptions } from "../../engines/engine.js";
import { PRESETS } from "../../model/presets.js";
import { quantizeNetwork } from "../../model/quantize.js";
import type { NetworkSpec, Parameters } from "../../model/types.js";
import type { Task } from "../../tasks/index.js";
import { resolveConfig } from "../../train/config.js";
import { passesOf, startCheckpoint, taskOptions } from "../../train/loop.js";
import { doubleNmnistSource } from "../task-source.js";
import { adamStep } from "../../train/adam.js";
import { median } from "./kernels.js";
import { peersLoihiProblem } from "./made-up.js";
import { readPeersProblem } from "./peers-problem.js";

export const BENCH_NETWORKS = ["srm", "loihi", "demo"] as const;
export type BenchNetwork = (typeof BENCH_NETWORKS)[number];
const PRESET_OF: Readonly<Record<BenchNetwork, string>> = { srm: "double-nmnist-srm", loihi: "double-nmnist", demo: "demo" };

export interface MetaStepBench {
  /** The paper's network in either model, or the demo's. */
  readonly network: BenchNetwork;
  readonly mode: "second" | "first" | "eval" | "forward";
  /** The peers' problem: their .npz for srm; for loihi the word `peers`, which draws a problem of the same activity. */
  readonly problem?: string;
  readonly repeats: number;
  readonly engine?: EngineName;
  readonly threads?: number;
}

export interface MetaStepFigures {
  readonly median_ms: number;
  readonly min_ms: number;
  readonly max_ms: number;
  /** Largest resident set of the process, recordings and compiler included. */
  readonly rss_mib: number;
  /** User and system time of all threads, median. */
  readonly cpu_ms: number;
  readonly loss: number;
  readonly gradient_norm: number | null;
  readonly threads: number;
  readonly engine: string;
  readonly network: string;
  readonly mode: string;
  readonly samples: number;
  /** [layer] spikes a neuron and step, percent; of what the engine reports. */
  readonly spike_rates_percent: readonly number[];
}

interface Problem {
  readonly spec: NetworkSpec;
  readonly masters: Parameters;
  readonly task: Task;
}

/** Times the step on the paper's network with 5 + 50 samples; one warm-up call first. */
export async function benchmarkMetaStep(bench: MetaStepBench): Promise<MetaStepFigures> {
  const preset = PRESET_OF[bench.network];
  const spec = PRESETS[preset].network;
  const { engine } = await createEngine(spec, { engine: bench.engine, threads: bench.threads });
  try {
    const problem = await problemOf(bench, preset, spec, engine);
    engine.setParameters(problem.masters, quantizeNetwork(spec, problem.masters));
    const options: MetaStepOptions = { outer: bench.mode === "first" ? "fomaml" : "maml", chipSeed: 1 };
    const [times, cpu]: number[][] = [[], []];
    let [loss, norm] = [Number.NaN, null as number | null];
    let rates: readonly number[] = [];
    for (let k = 0; k <= bench.repeats; k++) {
      const [start, before] = [performance.now(), process.cpuUsage()];
      if (bench.mode === "eval" || bench.mode === "forward") {
        ({ loss, spikeRates: rates } = await engine.evaluate(problem.task, { ...options, learn: bench.mode === "eval", features: false }));
      }
      else {
        const result = await engine.metaStep(problem.task, options);
        // The peers' steps include the optimizer's.
        adamStep(problem.masters, result.gradients, { first: {}, second: {} }, 1, () => 2e-3);
        [loss, norm, rates] = [result.loss, normOf(result.gradients), result.spikeRates];
      }
      if (k === 0) continue;
      const used = process.cpuUsage(before);
      times.push(performance.now() - start);
      cpu.push((used.user + used.system) / 1000);
    }
    times.sort((a, b) => a - b);
    return {
      median_ms: times[times.length >> 1], min_ms: times[0], max_ms: times[times.length - 1], rss_mib: process.resourceUsage().maxRSS / 1024,
      cpu_ms: median(cpu), loss, gradient_norm: norm, threads: engine.threads, engine: engine.name, network: spec.name, mode: bench.mode,
      samples: problem.task.support.length + problem.task.query.length, spike_rates_percent: rates.map((r) => Number((100 * r).toPrecision(3))),
    };
  } finally {
    engine.dispose();
  }
}

async function problemOf({ problem }: MetaStepBench, preset: string, spec: NetworkSpec, engine: Engine): Promise<Problem> {
  if (problem === undefined) return realProblem(preset, spec, engine);
  if (spec.neuronModel === "srm") return readPeersProblem(problem, spec);
  if (problem === "peers") return peersLoihiProblem(spec, engine);
  throw userError({ code: "E-BENCH-003", at: "--problem", found: problem, limit: '"peers" for loihi, a .npz for --network srm', hint: "--problem peers" });
}

/** A real double N-MNIST task (protocol B, training split) and start weights. */
async function realProblem(name: string, spec: NetworkSpec, engine: Engine): Promise<Problem> {
  const resolved = resolveConfig({ name, preset: name });
  const source = await doubleNmnistSource();
  const { masters } = await startCheckpoint(resolved, engine, source);
  return { spec, masters, task: source.draw("train", 0, taskOptions(resolved.config, passesOf(spec), "test")) };
}

/** Norm of all gradients of weights and biases together. */
function normOf(gradients: Gradients): number {
  let sum = 0;
  for (const [name, g] of Object.entries(gradients)) if (name.includes(".")) for (const x of g) sum += x * x;
  return Math.sqrt(sum);
}
