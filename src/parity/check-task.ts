import type { Engine } from "../engines/engine.js";
import type { ChipImage } from "../../hw/image.js";
import type { TaskReplay } from "../replay/replay-task.js";
import type { Task } from "../tasks/types.js";
import { addComparisons, compareRecords, type ParityComparison } from "./compare-records.js";
import { predictRun } from "./predict-run.js";

/** Asks the engine for the same task and holds its prediction against what the simulator did, both loads.
 *  The engine must hold the parameters that the image was compiled from. Weights of hidden layers are compared by what
 *  they do: every spike of every layer.
 *  @throws Error where the two runs do not have the same shape */
export async function checkTask(
  engine: Engine, image: ChipImage, task: Task, replay: TaskReplay,
): Promise<ParityComparison> {
  const layerNames = image.layers.map((layer) => layer.name);
  const predicted = await predictRun(engine, task, image.chipSeed, { before: replay.before !== null });
  const after = compareRecords(predicted.after, replay.after.traces, layerNames, engine.spec);
  return replay.before
    ? addComparisons(compareRecords(predicted.before, replay.before.traces, layerNames, engine.spec), after)
    : after;
}
