import type { CommandModule } from "yargs";
import { readFileBytes, writeWhole } from "../../base/node/files.js";
import { createEngine, type EngineName } from "../../engines/create.js";
import { decodeCheckpoint, encodeCheckpoint } from "../../model/checkpoint.js";
import type { Split } from "../../tasks/index.js";
import { resolveConfig } from "../../train/config.js";
import { evaluateTasks, type EvaluationReport } from "../../train/evaluate.js";
import { sourceOf } from "../config-source.js";
import { cacheOption } from "../data-place.js";
import { engineOptions, jsonOption } from "../options.js";
import { Progress } from "../progress.js";
import { type CommandResult, runHandler } from "../run.js";

export interface EvaluateArgs {
  readonly checkpoint: string;
  readonly split: Split;
  readonly tasks: number;
  readonly data?: string;
  /** Folder of recordings made ready; false keeps none. */
  readonly cache?: string | false;
  readonly engine?: EngineName;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Evaluates a checkpoint with every comparison of design §5. A meta-test run is logged in the checkpoint.
 *  @throws UserError E-FILE-…, E-CKPT-001 */
export async function evaluateCheckpoint(args: EvaluateArgs): Promise<CommandResult> {
  const checkpoint = decodeCheckpoint(readFileBytes(args.checkpoint), args.checkpoint);
  const resolved = resolveConfig(JSON.parse(checkpoint.config), args.checkpoint);
  const source = await sourceOf(resolved, args.data, args);
  const { engine, notice } = await createEngine(checkpoint.spec, { engine: args.engine, threads: args.threads });
  if (notice) process.stderr.write(`${notice}\n`);
  if (args.split === "test" && checkpoint.testRuns.length > 0) {
    process.stderr.write(`note: meta-test was run ${checkpoint.testRuns.length} times with this checkpoint before; choose on validation\n`);
  }
  const progress = new Progress("evaluated", args.tasks, args.json === true && process.stderr.isTTY !== true);
  try {
    const report = await evaluateTasks(engine, source, resolved.config, checkpoint.spec, checkpoint.masters, checkpoint.chipSeed, {
      split: args.split, tasks: args.tasks, progress: (done) => progress.update(done),
    });
    progress.done();
    if (args.split === "test") {
      const run = `${new Date().toISOString()} ${args.tasks} tasks: ${(100 * report.accuracy.mean).toFixed(2)} %`;
      writeWhole(args.checkpoint, encodeCheckpoint({ ...checkpoint, testRuns: [...checkpoint.testRuns, run] }));
    }
    return {
      json: { ...inPercent(report), protocol: source.protocol, data: source.data, engine: engine.name, tasks: args.tasks, split: args.split },
      text: describe(args, report, source),
    };
  } finally {
    engine.dispose();
  }
}

/** The report with every share in percent, as all commands print accuracies. */
function inPercent(r: EvaluationReport) {
  const percent = <T extends object>(values: T): T =>
    Object.fromEntries(Object.entries(values).map(([key, x]) => [key, 100 * (x as number)])) as T;
  return {
    accuracy: percent(r.accuracy), before: percent(r.before), floors: percent(r.floors), floorsCi95: percent(r.floorsCi95),
    stdOfTenMeans: 100 * r.stdOfTenMeans, ties: 100 * r.ties, silent: 100 * r.silent, productsLost: 100 * r.productsLost,
    byPosition: r.byPosition.map((x) => 100 * x), loss: r.loss, spikeRates: r.spikeRates, gradientStepRate: r.gradientStepRate,
  };
}

function describe(args: EvaluateArgs, r: EvaluationReport, source: { readonly name: string; readonly data: string; readonly protocol: string }): string {
  const percent = (x: number): string => `${(100 * x).toFixed(1).padStart(5)} %`;
  const row = (name: string, mean: number, ci?: number): string =>
    `  ${name.padEnd(44)}${percent(mean)}${ci === undefined ? "" : ` ± ${(100 * ci).toFixed(1)}`}`;
  return [
    `${args.checkpoint}: ${args.tasks} meta-${args.split} tasks, ${source.name}, ${source.data} recordings, protocol ${source.protocol} (± 95 %)`,
    row("before learning", r.before.mean, r.before.ci95),
    row("after one shot", r.accuracy.mean, r.accuracy.ci95),
    row("chance", r.floors.chance),
    row("prototypes on summed input frames", r.floors.frames, r.floorsCi95.frames),
    row("prototypes on its own last hidden counts", r.floors.features, r.floorsCi95.features),
    row(`one float gradient step (rate ${r.gradientStepRate})`, r.floors.gradientStep, r.floorsCi95.gradientStep),
    `  by place in the support: ${r.byPosition.map((x) => (100 * x).toFixed(0)).join(", ")} %`,
    `  std of ten means ${(100 * r.stdOfTenMeans).toFixed(1)}; ties ${percent(r.ties)}, without output spikes ${percent(r.silent)}, ` +
    `products lost to rounding ${percent(r.productsLost)}`,
  ].join("\n");
}

/** `evaluate CHECKPOINT`. */
export const evaluateCommand: CommandModule = {
  command: "evaluate <checkpoint>",
  describe: "accuracy of a checkpoint before and after one shot, beside every comparison",
  builder: (yargs) => yargs
    .positional("checkpoint", { type: "string", demandOption: true, describe: "checkpoint that train wrote" })
    .options({
      split: { choices: ["train", "validation", "test"] as const, default: "test", describe: "meta split" },
      tasks: { type: "number", default: 200, describe: "tasks" },
      data: { type: "string", describe: "recordings, as train takes them" },
      ...cacheOption, ...engineOptions, ...jsonOption,
    })
    .example("$0 evaluate runs/demo/best.mlh --split validation", "while choosing")
    .example("$0 evaluate runs/demo/best.mlh --tasks 600 --json", "once, at the end"),
  handler: runHandler((args) => evaluateCheckpoint(args as unknown as EvaluateArgs)) as CommandModule["handler"],
};
