import type { ChipImage } from "../../hw/image.js";
import type { PresentationTrace } from "../../sim/trace.js";
import type { SpikeTensor } from "../events/types.js";
import type { TaskReplay } from "../replay/replay-task.js";
import type { Task } from "../tasks/types.js";
import type { ExampleTask, LessonRow, RasterSample } from "./report-data.js";

/** y1 that means "no error". Source: design §6, step 5. */
const NEUTRAL = 64;

/** The close look at one task: rasters of the first lesson and of a query of the same class, every window error, every
 *  weight change. Start weights are read from the load before learning; without it there is nothing to compare with. */
export function exampleTask(image: ChipImage, task: Task, replay: TaskReplay): ExampleTask | null {
  const start = replay.before?.traces[0]?.weights;
  if (!start || task.presentation.length === 0) return null;
  const support = replay.after.traces.slice(0, task.presentation.length);
  const queries = replay.after.traces.slice(task.presentation.length);
  const shown = task.presentation[0];
  const label = task.supportLabels[shown];
  const asked = Math.max(0, task.queryLabels.indexOf(label));
  const windowEnds = windowEndsOf(image);
  const outputs = image.contract.outputs;
  const weightsAfter = support[support.length - 1].weights;
  const inputs = start.length / outputs;
  return {
    number: task.number, classNames: task.classNames, windowEnds,
    lessons: support.map((trace, k) => lessonOf(image, trace, k === 0 ? start : support[k - 1].weights, windowEnds)),
    support: rasterSample(image, task.support[shown], support[0], label, `Support: a recording of class ${task.classNames[label]}`),
    query: rasterSample(image, task.query[asked], queries[asked], task.queryLabels[asked],
      `Query: another recording of class ${task.classNames[task.queryLabels[asked]]}`),
    weightChange: Array.from({ length: outputs }, (_, i) =>
      Int16Array.from({ length: inputs }, (_, j) => weightsAfter[i * inputs + j] - start[i * inputs + j])),
  };
}

/** r = W, 2W, … ≤ S. */
function windowEndsOf({ embedded: { constants } }: ChipImage): number[] {
  const count = Math.floor(constants.presentationSteps / constants.windowSteps);
  return Array.from({ length: count }, (_, k) => (k + 1) * constants.windowSteps);
}

function lessonOf(
  image: ChipImage, trace: PresentationTrace, before: Int16Array, windowEnds: readonly number[],
): LessonRow {
  const { outputs } = image.contract;
  const { epochSteps } = image.embedded.constants;
  const inputs = before.length / outputs;
  const [raised, lowered, sum] = [0, 1, 2].map(() => new Array<number>(outputs).fill(0));
  for (let k = 0; k < before.length; k++) {
    const d = trace.weights[k] - before[k];
    const output = Math.floor(k / inputs);
    if (d > 0) raised[output]++;
    if (d < 0) lowered[output]++;
    sum[output] += d;
  }
  const errors = windowEnds.map((r) =>
    Array.from({ length: outputs }, (_, i) => trace.y1[(r / epochSteps - 1) * outputs + i] - NEUTRAL));
  return { label: trace.label, errors, raised, lowered, sum };
}

/** One presentation for a raster: input frames at the step they are sent, then every layer. */
export function rasterSample(
  image: ChipImage, sample: SpikeTensor, trace: PresentationTrace, target: number, title: string,
): RasterSample {
  const [, polarities, height, width] = sample.shape;
  const inputStep = new Uint16Array(sample.channel.length);
  for (let frame = 0; frame + 1 < sample.rowStart.length; frame++) {
    inputStep.fill(frame + 1, sample.rowStart[frame], sample.rowStart[frame + 1]);
  }
  return {
    title, target, decision: trace.decision, steps: image.contract.presentationSteps, windowEnds: windowEndsOf(image),
    outputSpikes: Array.from(trace.outputSpikes),
    layers: [
      { name: "input", neurons: polarities * height * width, step: inputStep, neuron: sample.channel },
      ...image.layers.map((layer, k) => ({
        name: layer.name, neurons: layer.shape[0] * layer.shape[1] * layer.shape[2], ...trace.spikes[k],
      })),
    ],
  };
}
