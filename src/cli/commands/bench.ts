import type { CommandModule } from "yargs";
import type { EngineName } from "../../engines/create.js";
import { writeWhole } from "../../base/node/files.js";
import { benchmarkChipStep } from "../bench/chip-step.js";
import { benchmarkKernels, describeKernels } from "../bench/kernels.js";
import { BENCH_NETWORKS, type BenchNetwork, benchmarkMetaStep } from "../bench/meta-step.js";
import { scalingPage } from "../bench/scaling-page.js";
import { AXES, type Axis, benchmarkScaling, describeScaling } from "../bench/scaling.js";
import { checkCount } from "../check-count.js";
import { engineOptions, jsonOption } from "../options.js";
import { type CommandResult, type CommonArgs, runHandler } from "../run.js";
import { namesOf } from "../usage-sentence.js";
import { benchDecodeCommand } from "./data-bench.js";

/** Figures as one line a name. */
const table = (figures: object): string =>
  Object.entries(figures).map(([name, value]) => `  ${name.padEnd(22)}${typeof value === "number" ? Number(value.toPrecision(6)) : Array.isArray(value) ? value.join(", ") : value}`).join("\n");
const resultOf = (title: string, figures: object): CommandResult => ({ json: figures, text: `${title}\n${table(figures)}` });

interface RepeatArgs extends CommonArgs {
  readonly repeats: number;
}
interface EngineArgs extends RepeatArgs {
  readonly engine?: EngineName;
  readonly threads?: number;
}
const repeatsOption = (count: number, describe: string) => ({ repeats: { type: "number", default: count, describe } }) as const;

interface MetaStepArgs extends EngineArgs {
  readonly network: BenchNetwork;
  readonly mode: "second" | "first" | "eval" | "forward";
  readonly problem?: string;
}

const metaStep: CommandModule<object, MetaStepArgs> = {
  command: "meta-step",
  describe: "one step of meta-training on the paper's network, 5 + 50 samples",
  builder: (yargs) => yargs
    .options({
      network: { choices: BENCH_NETWORKS, default: "loihi" as const, describe: "the paper's network in either model, or the demo's" },
      mode: { choices: ["second", "first", "eval", "forward"] as const, default: "second" as const, describe: "second-order step, first-order step, evaluation (learn, then classify), or the queries alone" },
      problem: { type: "string", describe: "the peers' problem instead of a real task: their FILE.npz (srm), or the word peers (loihi)" },
      ...repeatsOption(5, "timed calls after one warm-up"), ...engineOptions, ...jsonOption,
    })
    .example("$0 bench meta-step --network srm --mode second", "what PyTorch and JAX are timed with"),
  handler: runHandler(async (args: MetaStepArgs) => {
    checkCount("--repeats", args.repeats, 10_000);
    return resultOf("meta-step", await benchmarkMetaStep({ ...args, network: args.problem?.endsWith(".npz") ? "srm" : args.network }));
  }),
};

const kernels: CommandModule<object, RepeatArgs> = {
  command: "kernels",
  describe: "the native kernels against the measured peak of a core, and copy and triad of its memory",
  builder: (yargs) => yargs
    .options({ ...repeatsOption(5, "rounds; medians count"), ...jsonOption })
    .example("$0 bench kernels", "percent of the peak, synaptic operations a second"),
  handler: runHandler((args: RepeatArgs) => {
    checkCount("--repeats", args.repeats, 1000);
    const report = benchmarkKernels(args.repeats);
    return { json: report, text: describeKernels(report) };
  }),
};

interface ScalingArgs extends EngineArgs {
  readonly network: "srm" | "loihi";
  readonly axis?: readonly Axis[];
  readonly out?: string;
}

const scaling: CommandModule<object, ScalingArgs> = {
  command: "scaling",
  describe: "cost of a meta-step against steps, samples, density, channels and threads",
  builder: (yargs) => yargs
    .options({
      network: { choices: ["srm", "loihi"] as const, default: "loihi" as const, describe: "neuron model" },
      axis: { type: "array", choices: AXES, describe: "what to vary (default: each in turn)" },
      out: { alias: "o", type: "string", describe: "write the curves to FILE.html" },
      ...repeatsOption(3, "timed calls a point, after one warm-up"), ...engineOptions, ...jsonOption,
    })
    .example("$0 bench scaling --network srm -o scaling.html", "all five curves, as a page too") as never,
  handler: runHandler(async (args: ScalingArgs) => {
    checkCount("--repeats", args.repeats, 1000);
    const report = await benchmarkScaling({ ...args, axes: args.axis ?? AXES, progress: (line) => void process.stderr.write(`${line}\n`) });
    if (args.out) writeWhole(args.out, scalingPage(report));
    return { json: report, text: `${describeScaling(report)}${args.out ? `\nWritten: ${args.out}` : ""}` };
  }),
};

interface ChipStepArgs extends RepeatArgs {
  readonly case: "paper" | "plastic";
  readonly problem?: string;
}

const chipStep: CommandModule<object, ChipStepArgs> = {
  command: "chip-step",
  describe: "one step of the simulated chip",
  builder: (yargs) => yargs
    .options({
      case: { choices: ["paper", "plastic"] as const, default: "paper" as const, describe: "the paper's network, or a plastic 1024×5 layer" },
      problem: { type: "string", describe: "the peers' network or plastic layer, with their integers (.npz of .config/bench-peers-chip.mjs --save)" },
      ...repeatsOption(5, "timed runs"), ...jsonOption,
    })
    .example("$0 bench chip-step --case plastic --json", "for programs"),
  handler: runHandler(async (args: ChipStepArgs) => {
    checkCount("--repeats", args.repeats, 10_000);
    return resultOf("chip-step", await benchmarkChipStep(args.case, { repeats: args.repeats, problem: args.problem }));
  }),
};

/** `bench`. */
export const benchCommand: CommandModule = {
  command: "bench <what>",
  describe: "figures of this machine: meta-step, scaling, kernels, chip-step, decode",
  builder: (yargs) => yargs.command(metaStep).command(scaling).command(kernels).command(chipStep).command(benchDecodeCommand)
    .demandCommand(1, `name a benchmark: ${namesOf("bench")}`),
  handler: () => {},
};
