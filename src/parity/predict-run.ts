import type { Engine, PresentationRecord } from "../engines/engine.js";
import { taskChipSeed } from "../replay/replay-task.js";
import type { Task } from "../tasks/types.js";

/** A task as the engine says the chip will run it: two separate loads (design §6). */
export interface PredictedRun {
  /** [query] without learning. */
  readonly before: readonly PresentationRecord[];
  /** [support presentations…, queries…] with learning in the support. */
  readonly after: readonly PresentationRecord[];
}

/** What the engine predicts for a task on the chip: every spike, weight and answer, before and after learning.
 *  The engine must hold the parameters that were compiled.
 *  @param imageSeed  `ChipImage.chipSeed`
 *  @throws WrapError where the strict simulator would stop */
export async function predictRun(
  engine: Engine, task: Task, imageSeed: number, parts: { readonly before: boolean } = { before: true },
): Promise<PredictedRun> {
  const options = { outer: "maml", chipSeed: taskChipSeed(imageSeed, task.number) } as const;
  const before = parts.before ? (await engine.record(task, { ...options, learn: false })).presentations : [];
  const after = (await engine.record(task, { ...options, learn: true })).presentations;
  return { before: before.slice(before.length - (parts.before ? task.query.length : 0)), after };
}
