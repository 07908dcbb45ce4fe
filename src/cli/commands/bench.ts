import type { CommandModule } from "yargs";
import type { EngineName } from "../../engines/create.js";
import { benchmarkChipStep } from "../bench/chip-step.js";
import { benchmarkMetaStep } from "../bench/meta-step.js";
import { engineOptions, jsonOption } from "../options.js";
import { type CommandResult, type CommonArgs, runHandler } from "../run.js";
import { benchDecodeCommand } from "./data-bench.js";

/** Figures as one line a name. */
const table = (figures: object): string =>
  Object.entries(figures).map(([name, value]) => `  ${name.padEnd(22)}${typeof value === "number" ? Number(value.toPrecision(6)) : value}`).join("\n");
const resultOf = (title: string, figures: object): CommandResult => ({ json: figures, text: `${title}\n${table(figures)}` });

interface MetaStepArgs extends CommonArgs {
  readonly network: "srm" | "loihi";
  readonly mode: "second" | "first" | "eval";
  readonly problem?: string;
  readonly repeats: number;
  readonly engine?: EngineName;
  readonly threads?: number;
}

const metaStep: CommandModule<object, MetaStepArgs> = {
  command: "meta-step",
  describe: "one step of meta-training on the paper's network, 5 + 50 samples",
  builder: (yargs) => yargs
    .options({
      network: { choices: ["srm", "loihi"] as const, default: "loihi" as const, describe: "neuron model" },
      mode: { choices: ["second", "first", "eval"] as const, default: "second" as const, describe: "second-order step, first-order step, or evaluation" },
      problem: { type: "string", describe: "the peers' problem (.npz) instead of a real task; srm only" },
      repeats: { type: "number", default: 5, describe: "timed calls after one warm-up" },
      ...engineOptions, ...jsonOption,
    })
    .example("$0 bench meta-step --network srm --mode second", "what PyTorch and JAX are timed with"),
  handler: runHandler(async (args: MetaStepArgs) => resultOf("meta-step", await benchmarkMetaStep({ ...args, network: args.problem ? "srm" : args.network }))),
};

interface ChipStepArgs extends CommonArgs { readonly case: "paper" | "plastic"; readonly repeats: number }

const chipStep: CommandModule<object, ChipStepArgs> = {
  command: "chip-step",
  describe: "one step of the simulated chip",
  builder: (yargs) => yargs
    .options({
      case: { choices: ["paper", "plastic"] as const, default: "paper" as const, describe: "the paper's network, or a plastic 1024×5 layer" },
      repeats: { type: "number", default: 5, describe: "timed runs" }, ...jsonOption,
    })
    .example("$0 bench chip-step --case plastic --json", "for programs"),
  handler: runHandler(async (args: ChipStepArgs) => resultOf("chip-step", await benchmarkChipStep(args.case, { repeats: args.repeats }))),
};

/** `bench`. */
export const benchCommand: CommandModule = {
  command: "bench <what>",
  describe: "figures of this machine: meta-step, chip-step, decode",
  builder: (yargs) => yargs.command(metaStep).command(chipStep).command(benchDecodeCommand).demandCommand(1, "name a benchmark"),
  handler: () => {},
};
