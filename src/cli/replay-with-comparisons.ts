import type { ChipImage } from "../../hw/image.js";
import type { OperationCounts } from "../../sim/trace.js";
import type { Engine } from "../engines/engine.js";
import type { Checkpoint } from "../model/checkpoint.js";
import { checkTask } from "../parity/check-task.js";
import { addComparisons, EMPTY_COMPARISON, type ParityComparison } from "../parity/compare-records.js";
import { accuracyOf, addOperations, noOperations, type ReplayResult, replayRun } from "../replay/replay-run.js";
import type { TaskReplay } from "../replay/replay-task.js";
import type { ExampleTask, ReportData } from "../report/report-data.js";
import { exampleTask } from "../report/example-task.js";
import type { Split, Task, TaskOptions, TaskSource } from "../tasks/types.js";
import type { TrainConfig } from "../train/config.js";
import { chooseGradientStepRate } from "../train/evaluate.js";
import { stepOptions } from "../train/loop.js";
import { framesAccuracy, prototypeAccuracy } from "../train/prototypes.js";
import { summary } from "../train/statistics.js";

export interface ReplayPlan {
  readonly image: ChipImage;
  readonly checkpoint: Checkpoint;
  readonly config: TrainConfig;
  /** Holds the parameters of the checkpoint as they were compiled; asked for parity and the gradient step. */
  readonly engine: Engine;
  readonly source: TaskSource;
  readonly split: Split;
  /** Numbers of the tasks. */
  readonly tasks: readonly number[];
  readonly options: TaskOptions;
  readonly program: "typed" | "x86";
  /** How many of the tasks are held against the engine; the first ones. All where undefined. */
  readonly parityTasks?: number;
  /** Meta-validation tasks on which the rate of the float gradient step is chosen; default 8. */
  readonly rateTasks?: number;
  readonly progress?: (done: number, result: { readonly after: number }) => void;
  /** Sees each task with its traces before they are dropped. */
  readonly visit?: (task: Task, replay: TaskReplay) => Promise<void> | void;
}

export interface ComparedReplay {
  readonly result: ReplayResult;
  /** Percent, on the same tasks. */
  readonly floors: ReportData["floors"];
  readonly comparison: ParityComparison;
  /** Numbers of the tasks that were held against the engine. */
  readonly comparedTasks: readonly number[];
  /** The first task, for the report. */
  readonly example: ExampleTask | null;
  /** Operations of the queries before learning: presentations without any. */
  readonly queryCounts: OperationCounts;
}

/** Replays tasks on the simulated chip, holds them against the engine, and measures every comparison of design §5 on the
 *  same tasks. The chip's own hidden spike counts serve for the prototypes.
 *  @throws WrapError where a run leaves the width of the chip's registers */
export async function replayWithComparisons(plan: ReplayPlan): Promise<ComparedReplay> {
  const { image, engine, source, config, checkpoint } = plan;
  engine.setParameters(checkpoint.masters, checkpoint.quantized);
  const rate = await chooseGradientStepRate(engine, source, config, checkpoint.spec, image.chipSeed, plan.rateTasks);
  const columns = { frames: [] as number[], features: [] as number[], gradientStep: [] as number[] };
  const parityTasks = plan.tasks.slice(0, plan.parityTasks ?? plan.tasks.length);
  const queryCounts = noOperations();
  let comparison = EMPTY_COMPARISON;
  let example: ExampleTask | null = null;
  let done = 0;
  const drawn = (function* () { for (const number of plan.tasks) yield source.draw(plan.split, number, plan.options); })();
  const result = await replayRun(image, drawn, { program: plan.program }, async (task, replay) => {
    columns.frames.push(framesAccuracy(task));
    columns.features.push(prototypeAccuracy(task, replay.features, replay.featureCount));
    columns.gradientStep.push(await engine.gradientStepAccuracy(task, { ...stepOptions(config, image.chipSeed, task.number), rate }));
    if (parityTasks.includes(task.number)) comparison = addComparisons(comparison, await checkTask(engine, image, task, replay));
    if (replay.before) addOperations(queryCounts, replay.before.counts);
    example ??= exampleTask(image, task, replay);
    await plan.visit?.(task, replay);
    plan.progress?.(++done, { after: 100 * replay.after.accuracy });
  });
  const percent = (values: readonly number[]): number => 100 * summary(values).mean;
  return {
    result, comparison, comparedTasks: parityTasks, example, queryCounts,
    floors: {
      chance: 100 / plan.options.ways, frames: percent(columns.frames), features: percent(columns.features), gradientStep: percent(columns.gradientStep),
    },
  };
}

/** The table that a person reads: percent with one digit, and parity. */
export function describeAccuracy({ result, floors, comparison }: ComparedReplay): string {
  const { before, after, ci95 } = accuracyOf(result.perTask);
  const row = (name: string, value: string) => `  ${name.padEnd(34)}${value.padStart(6)} %`;
  return [
    row("chip, before learning", before.toFixed(1)),
    `${row("chip, after one look at each class", after.toFixed(1))}${result.perTask.length > 1 ? ` ± ${ci95.toFixed(1)}` : ""}`,
    row("chance", floors.chance.toFixed(1)),
    row("prototypes on input frames", floors.frames.toFixed(1)),
    row("prototypes on its own features", floors.features.toFixed(1)),
    row("one float gradient step", floors.gradientStep.toFixed(1)),
    `  parity with the engine: ${comparison.differences} differences in ${comparison.compared.spikes.toLocaleString("en-US")} spikes and ` +
    `${comparison.compared.weights.toLocaleString("en-US")} weights`,
  ].join("\n");
}
