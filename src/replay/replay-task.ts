import { draw32 } from "../base/rng.js";
import type { ChipImage } from "../../hw/image.js";
import type { Chip, ChipOptions } from "../../sim/chip.js";
import { loadChip } from "../../sim/load.js";
import type { OperationCounts, PresentationTrace } from "../../sim/trace.js";
import type { Task } from "../tasks/types.js";

/** Makes a chip from an image: `loadChip` of sim/load.ts, or a stand-in. */
export type ChipLoader = (image: ChipImage, options: ChipOptions) => Promise<Chip>;

export interface ReplayOptions {
  /** Default: `loadChip`. */
  readonly load?: ChipLoader;
  readonly program?: "typed" | "x86";
  readonly onOverflow?: "stop" | "wrap";
  /** Skip the load that answers the queries before learning (half of the time). */
  readonly skipBefore?: boolean;
}

/** One load of the chip in a task. */
export interface ReplayedLoad {
  /** [presentation] in the order they were shown. */
  readonly traces: readonly PresentationTrace[];
  /** [query] output decided for. */
  readonly decisions: readonly number[];
  /** Share of queries decided rightly, 0…1. */
  readonly accuracy: number;
  /** Operations of this load, from its first step on. */
  readonly counts: OperationCounts;
}

/** What the simulated chip did on one task. */
export interface TaskReplay {
  readonly number: number;
  readonly classNames: readonly string[];
  readonly chipSeed: number;
  /** Queries alone on a load of their own; null where skipped. */
  readonly before: ReplayedLoad | null;
  /** Support presentations with learning in the task's order, then queries with learning off. */
  readonly after: ReplayedLoad;
  /** Operations of the support presentations alone. */
  readonly learningCounts: OperationCounts;
  /** [support + query, features] spike counts of the last hidden layer; support as in `task.support`. For prototypes. */
  readonly features: Int32Array;
  readonly featureCount: number;
  /** Queries decided by the tie rule, and without any output spike. */
  readonly ties: number;
  readonly silent: number;
}

/** Seed of the chip's generator for a task. Source: design §6, random numbers. */
export const taskChipSeed = (imageSeed: number, taskNumber: number): number => draw32(imageSeed, 0, taskNumber, 0);

/** Replays one task on the simulated chip: queries before learning on a load of their own, then a fresh load, the
 *  support once with learning on in the task's order, and the queries with learning off (design §6). */
export async function replayTask(image: ChipImage, task: Task, options: ReplayOptions = {}): Promise<TaskReplay> {
  const load = options.load ?? loadChip;
  const chipSeed = taskChipSeed(image.chipSeed, task.number);
  const chipOptions: ChipOptions = { seed: chipSeed, onOverflow: options.onOverflow, program: options.program };
  const before = options.skipBefore ? null : await withChip(load, image, chipOptions, async (chip) => {
    const traces = await presentQueries(chip, task);
    return loadOf(traces, traces, task, chip.counts);
  });
  return withChip(load, image, chipOptions, async (chip) => {
    const support: PresentationTrace[] = [];
    for (const index of task.presentation) {
      support.push(await chip.present(task.support[index], { learn: true, label: task.supportLabels[index] }));
    }
    const learningCounts = { ...chip.counts };
    const queries = await presentQueries(chip, task);
    const after = loadOf([...support, ...queries], queries, task, chip.counts);
    return {
      number: task.number, classNames: task.classNames, chipSeed, before, after, learningCounts,
      ...hiddenFeatures(image, task, support, queries), ...answerQuality(queries),
    };
  });
}

async function withChip<T>(
  load: ChipLoader, image: ChipImage, options: ChipOptions, use: (chip: Chip) => Promise<T>,
): Promise<T> {
  const chip = await load(image, options);
  try {
    return await use(chip);
  } finally {
    await chip.dispose();
  }
}

async function presentQueries(chip: Chip, task: Task): Promise<PresentationTrace[]> {
  const traces: PresentationTrace[] = [];
  for (const sample of task.query) traces.push(await chip.present(sample, { learn: false, label: -1 }));
  return traces;
}

function loadOf(
  traces: readonly PresentationTrace[], queries: readonly PresentationTrace[], task: Task, counts: OperationCounts,
): ReplayedLoad {
  const decisions = queries.map((trace) => trace.decision);
  const right = decisions.filter((decision, q) => decision === task.queryLabels[q]).length;
  return { traces, decisions, accuracy: right / decisions.length, counts: { ...counts } };
}

/** Spike counts of the layer before the last, one row a sample. A support sample that is shown several times counts
 *  once: hidden layers do not learn, so every showing is the same. */
function hiddenFeatures(
  image: ChipImage, task: Task, support: readonly PresentationTrace[], queries: readonly PresentationTrace[],
): { features: Int32Array; featureCount: number } {
  const hidden = image.layers.length - 2;
  if (hidden < 0) return { features: new Int32Array(0), featureCount: 0 };
  const [c, h, w] = image.layers[hidden].shape;
  const featureCount = c * h * w;
  const features = new Int32Array((task.support.length + task.query.length) * featureCount);
  const addRow = (row: number, trace: PresentationTrace) => {
    for (const neuron of trace.spikes[hidden].neuron) features[row * featureCount + neuron]++;
  };
  task.support.forEach((_, row) => { addRow(row, support[task.presentation.indexOf(row)]); });
  queries.forEach((trace, q) => { addRow(task.support.length + q, trace); });
  return { features, featureCount };
}

function answerQuality(queries: readonly PresentationTrace[]): { ties: number; silent: number } {
  let [ties, silent] = [0, 0];
  for (const { outputSpikes } of queries) {
    const most = outputSpikes.reduce((max, n) => Math.max(max, n), 0);
    if (outputSpikes.filter((n) => n === most).length > 1) ties++;
    if (most === 0) silent++;
  }
  return { ties, silent };
}
