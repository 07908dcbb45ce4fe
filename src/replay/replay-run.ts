import type { ChipImage } from "../../hw/image.js";
import type { OperationCounts } from "../../sim/trace.js";
import type { Task } from "../tasks/types.js";
import { type ReplayOptions, replayTask, type TaskReplay } from "./replay-task.js";

/** Accuracy in percent over tasks. */
export interface ReplayAccuracy {
  readonly before: number;
  readonly after: number;
  /** Half width of the 95 % interval of `after` over tasks: 1.96·sd/√n; 0 for one task. */
  readonly ci95: number;
}

/** One row of `perTask`. */
export interface ReplayedTask {
  readonly task: number;
  readonly classes: readonly string[];
  /** Percent. */
  readonly before: number;
  readonly after: number;
  readonly chipSeed: number;
  readonly ties: number;
  readonly silent: number;
}

export interface ReplayResult {
  readonly accuracy: ReplayAccuracy;
  readonly perTask: readonly ReplayedTask[];
  /** Operations of all loads with learning: support and queries. */
  readonly counts: OperationCounts;
  /** Operations of the support presentations alone. */
  readonly learningCounts: OperationCounts;
  readonly presentations: { readonly support: number; readonly query: number };
}

/** Replays tasks one after another, each on loads of its own.
 *  @param visit  sees every task with its traces, which are dropped afterwards; e.g. to compare them with a prediction */
export async function replayRun(
  image: ChipImage, tasks: Iterable<Task>, options: ReplayOptions,
  visit: (task: Task, replay: TaskReplay) => Promise<void> | void = () => {},
): Promise<ReplayResult> {
  const perTask: ReplayedTask[] = [];
  const counts = noOperations();
  const learningCounts = noOperations();
  const presentations = { support: 0, query: 0 };
  for (const task of tasks) {
    const replay = await replayTask(image, task, options);
    await visit(task, replay);
    perTask.push({
      task: task.number, classes: task.classNames, chipSeed: replay.chipSeed,
      before: 100 * (replay.before?.accuracy ?? Number.NaN), after: 100 * replay.after.accuracy,
      ties: replay.ties, silent: replay.silent,
    });
    addOperations(counts, replay.after.counts);
    addOperations(learningCounts, replay.learningCounts);
    presentations.support += task.presentation.length;
    presentations.query += task.query.length;
  }
  return { accuracy: accuracyOf(perTask), perTask, counts, learningCounts, presentations };
}

/** Mean before and after, and the interval of `after`, all in percent. */
export function accuracyOf(perTask: readonly { readonly before: number; readonly after: number }[]): ReplayAccuracy {
  const after = perTask.map((t) => t.after);
  return { before: meanOf(perTask.map((t) => t.before)), after: meanOf(after), ci95: ci95Of(after) };
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** Half width of the 95 % interval of a mean over tasks, normal approximation; 0 where there is one value. */
export function ci95Of(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = meanOf(values);
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  return 1.96 * Math.sqrt(variance / values.length);
}

/** Counters at zero. */
export const noOperations = (): OperationCounts => ({
  steps: 0, synapticOperations: 0, sparseOperations: 0, denseOperations: 0, populationOperations: 0, activeUpdates: 0,
  inactiveUpdates: 0, spikes: 0, messages: 0, hopsEastWest: 0, hopsNorthSouth: 0, offChipMessages: 0,
  synapticUpdates: 0, busiestSecondsD18: 0, busiestSecondsSanafe: 0, embeddedReads: 0, embeddedWrites: 0,
});

/** Adds `more` to `total`. */
export function addOperations(total: OperationCounts, more: Readonly<OperationCounts>): void {
  for (const key of Object.keys(total) as (keyof OperationCounts)[]) total[key] += more[key];
}
