import type { CommandModule } from "yargs";
import { readFileBytes, writeWhole } from "../../base/node/files.js";
import type { EngineName } from "../../engines/create.js";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../../model/checkpoint.js";
import type { Split, TaskSource } from "../../tasks/index.js";
import { engineFor } from "../../train/choose-engine.js";
import { resolveConfig, type ResolvedConfig } from "../../train/config.js";
import { evaluateTasks, type EvaluationReport } from "../../train/evaluate.js";
import { summary } from "../../train/statistics.js";
import { checkCount } from "../check-count.js";
import { sourceOf } from "../config-source.js";
import { cacheOption } from "../data-place.js";
import { evaluationPage } from "../evaluation-page.js";
import { engineOptions, jsonOption, wholeNumber } from "../options.js";
import { Progress } from "../progress.js";
import { type CommandResult, runHandler } from "../run.js";

export interface EvaluateArgs {
  /** One, or several: seeds of one setting. */
  readonly checkpoint: string | readonly string[];
  readonly split: Split;
  readonly tasks: number;
  /** Seed of the sequence of tasks; each checkpoint's own where not given. */
  readonly seed?: number;
  readonly data?: string;
  /** Folder of recordings made ready; false keeps none. */
  readonly cache?: string | false;
  readonly report?: string;
  readonly engine?: EngineName;
  readonly threads?: number;
  readonly json?: boolean;
}

/** A checkpoint with what it reached. */
export interface Evaluated {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  readonly report: EvaluationReport;
  readonly source: Pick<TaskSource, "name" | "data" | "protocol">;
  readonly engine: string;
  readonly ways: number;
  /** Recordings that it was trained on. */
  readonly trainedOn: string;
}

/** Evaluates checkpoints with every comparison of design §5. A meta-test run is logged in the checkpoint.
 *  @throws UserError E-FILE-…, E-CKPT-001 */
export async function evaluateCheckpoint(args: EvaluateArgs): Promise<CommandResult> {
  checkCount("--tasks", args.tasks);
  const paths = typeof args.checkpoint === "string" ? [args.checkpoint] : args.checkpoint;
  const results: Evaluated[] = [];
  for (const path of paths) results.push(await evaluateOne(path, args));
  if (args.report) writeWhole(args.report, evaluationPage(results, args.split));
  const written = args.report ? [`Written: ${args.report}`] : [];
  if (results.length === 1) {
    return { json: jsonOf(results[0], args), text: [describe(results[0], args), ...written].join("\n") };
  }
  const over = overCheckpoints(results);
  return {
    json: { ...over, checkpoints: results.map((r) => jsonOf(r, args)), split: args.split, tasks: args.tasks },
    text: [...results.map((r) => describe(r, args)), describeOver(over, results.length), ...written].join("\n"),
  };
}

async function evaluateOne(path: string, args: EvaluateArgs): Promise<Evaluated> {
  const checkpoint = decodeCheckpoint(readFileBytes(path), path);
  const asTrained = resolveConfig(JSON.parse(checkpoint.config), path);
  const resolved = forEvaluation(asTrained, args);
  const source = await sourceOf(resolved, args.data, args);
  const { engine, notice } = await engineFor(resolved.config, checkpoint.spec, { engine: args.engine, threads: args.threads });
  if (notice) process.stderr.write(`${notice}\n`);
  if (args.split === "test" && checkpoint.testRuns.length > 0) {
    process.stderr.write(`note: meta-test was run ${checkpoint.testRuns.length} times with ${path} before; choose on validation\n`);
  }
  const progress = new Progress("evaluated", args.tasks, args.json === true && process.stderr.isTTY !== true);
  try {
    const report = await evaluateTasks(engine, source, resolved.config, checkpoint.spec, checkpoint.masters, checkpoint.chipSeed, {
      split: args.split, tasks: args.tasks, progress: (done) => progress.update(done), inner: checkpoint.inner,
    });
    progress.done();
    if (args.split === "test") logTestRun(path, checkpoint, `${args.tasks} tasks: ${(100 * report.accuracy.mean).toFixed(2)} %`);
    const simulated = asTrained.config.data.simulated === undefined ? "" : " and simulated ones";
    return { path, checkpoint, report, source, engine: engine.name, ways: resolved.config.data.ways, trainedOn: `${checkpoint.data} recordings${simulated}` };
  } finally {
    engine.dispose();
  }
}

/** Simulated recordings are for training alone: no other split needs the folder that they are in. */
function forEvaluation(resolved: ResolvedConfig, { split, seed }: EvaluateArgs): ResolvedConfig {
  const { config } = resolved;
  const data = split === "train" ? config.data : { ...config.data, simulated: undefined };
  return resolveConfig({ ...config, seed: seed ?? config.seed, data }, "the checkpoint's configuration");
}

/** Figures that took minutes are not lost where the checkpoint cannot be written. */
function logTestRun(path: string, checkpoint: Checkpoint, figures: string): void {
  try {
    writeWhole(path, encodeCheckpoint({ ...checkpoint, testRuns: [...checkpoint.testRuns, `${new Date().toISOString()} ${figures}`] }));
  } catch (error) {
    process.stderr.write(`the meta-test run could not be logged: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

const jsonOf = (r: Evaluated, { tasks, split }: EvaluateArgs): object => ({
  checkpoint: r.path, ...inPercent(r.report), protocol: r.source.protocol, data: r.source.data, engine: r.engine, tasks, split, trainedOn: r.trainedOn,
  seed: r.checkpoint.seed, trainedTasks: r.checkpoint.step, curve: curveOf(r.checkpoint),
});

/** The training curve, accuracies in percent. */
export const curveOf = ({ history }: Checkpoint) =>
  history.map(({ tasks, loss, accuracy, validation }) => ({ tasks, loss, training: 100 * accuracy, validation: 100 * validation }));

/** Mean and spread over checkpoints, percent: of seeds, where they are seeds of one setting. */
function overCheckpoints(results: readonly Evaluated[]) {
  const over = (value: (r: EvaluationReport) => number) => {
    const { mean, std, ci95 } = summary(results.map(({ report }) => 100 * value(report)));
    return { mean, std, ci95 };
  };
  return {
    accuracy: over((r) => r.accuracy.mean), before: over((r) => r.before.mean),
    floors: {
      chance: over((r) => r.floors.chance), frames: over((r) => r.floors.frames), features: over((r) => r.floors.features),
      gradientStep: over((r) => r.floors.gradientStep),
    },
    aboveFeatures: over((r) => r.accuracy.mean - r.floors.features),
  };
}

function describeOver(over: ReturnType<typeof overCheckpoints>, count: number): string {
  const row = (name: string, { mean, std }: { readonly mean: number; readonly std: number }): string =>
    `  ${name.padEnd(44)}${mean.toFixed(1).padStart(5)} % ± ${std.toFixed(1)}`;
  return [
    `Over ${count} checkpoints (± standard deviation between them):`,
    row("before learning", over.before), row("after one shot", over.accuracy), row("prototypes on summed input frames", over.floors.frames),
    row("prototypes on its own last hidden counts", over.floors.features), row("one float gradient step", over.floors.gradientStep),
    `  after one shot, above its own prototypes      ${over.aboveFeatures.mean >= 0 ? "+" : ""}${over.aboveFeatures.mean.toFixed(1)} ± ${over.aboveFeatures.std.toFixed(1)}`,
  ].join("\n");
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

function describe({ path, checkpoint, report: r, source, trainedOn }: Evaluated, args: EvaluateArgs): string {
  const percent = (x: number): string => `${(100 * x).toFixed(1).padStart(5)} %`;
  const row = (name: string, mean: number, ci?: number): string =>
    `  ${name.padEnd(44)}${percent(mean)}${ci === undefined ? "" : ` ± ${(100 * ci).toFixed(1)}`}`;
  const loihi = checkpoint.spec.neuronModel === "loihi";
  return [
    `${path}: ${args.tasks} meta-${args.split} tasks, ${source.name}, ${source.data} recordings, protocol ${source.protocol} (± 95 %)`,
    `  trained for ${checkpoint.step} tasks on ${trainedOn}, seed ${checkpoint.seed}${curveLine(checkpoint)}`,
    row("before learning", r.before.mean, r.before.ci95),
    row("after one shot", r.accuracy.mean, r.accuracy.ci95),
    row("chance", r.floors.chance),
    row("prototypes on summed input frames", r.floors.frames, r.floorsCi95.frames),
    row("prototypes on its own last hidden counts", r.floors.features, r.floorsCi95.features),
    row(`one float gradient step (rate ${r.gradientStepRate})`, r.floors.gradientStep, r.floorsCi95.gradientStep),
    ...(loihi ? [`  by place in the support: ${r.byPosition.map((x) => (100 * x).toFixed(0)).join(", ")} %`] : []),
    ...(args.tasks >= 10 ? [`  standard deviation of ten means (the paper's way) ${(100 * r.stdOfTenMeans).toFixed(1)} points`] : []),
    ...(loihi ? [`  ties ${percent(r.ties)}, without output spikes ${percent(r.silent)}, products lost to rounding ${percent(r.productsLost)}`] : []),
  ].join("\n");
}

/** Meta-validation over the run, as a line of eight heights between its least and its largest. */
function curveLine({ history }: Checkpoint): string {
  if (history.length < 2) return "";
  const values = history.map(({ validation }) => 100 * validation);
  const [least, largest] = [Math.min(...values), Math.max(...values)];
  const bars = values.slice(-60).map((v) => "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor((8 * (v - least)) / (largest - least || 1)))]).join("");
  return `; meta-validation ${bars} ${least.toFixed(1)}…${largest.toFixed(1)} %`;
}

/** `evaluate CHECKPOINT`. */
export const evaluateCommand: CommandModule = {
  command: "evaluate <checkpoint..>",
  describe: "accuracy of a checkpoint before and after one shot, beside every comparison; of several, also their mean",
  builder: (yargs) => yargs
    .positional("checkpoint", { type: "string", array: true, demandOption: true, describe: "checkpoint that train wrote; several: seeds of one setting" })
    .options({
      split: { choices: ["train", "validation", "test"] as const, default: "test", describe: "meta split" },
      tasks: { type: "number", requiresArg: true, default: 200, describe: "tasks" },
      seed: { type: "number", requiresArg: true, describe: "seed of the sequence of tasks (default: each configuration's)", coerce: wholeNumber("seed", 0, 2 ** 32 - 1) },
      report: { type: "string", requiresArg: true, describe: "write the figures and the training curves to FILE.html" },
      data: { type: "string", describe: "recordings, as train takes them" },
      ...cacheOption, ...engineOptions, ...jsonOption,
    })
    .example("$0 evaluate runs/demo/best.mlh --split validation", "while choosing")
    .example("$0 evaluate runs/demo/best.mlh --tasks 600 --json", "once, at the end")
    .example("$0 evaluate runs/my/seed-*/best.mlh --split validation --report seeds.html", "several seeds, their mean, and their curves"),
  handler: runHandler((args) => evaluateCheckpoint(args as unknown as EvaluateArgs)) as CommandModule["handler"],
};
