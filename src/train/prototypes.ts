import type { SpikeTensor } from "../events/types.js";
import type { Task } from "../tasks/types.js";

/** Share of queries whose nearest class mean (Euclidean distance; the lower class on a tie) is their own.
 *  @param vectors [samples, length], support first, in the task's order */
export function prototypeAccuracy(task: Task, vectors: ArrayLike<number>, length: number): number {
  const ways = task.classNames.length;
  const means = new Float64Array(ways * length);
  const shots = new Array<number>(ways).fill(0);
  task.supportLabels.forEach((label, s) => {
    shots[label]++;
    for (let k = 0; k < length; k++) means[label * length + k] += vectors[s * length + k];
  });
  for (let way = 0; way < ways; way++) for (let k = 0; k < length; k++) means[way * length + k] /= Math.max(1, shots[way]);
  let correct = 0;
  task.queryLabels.forEach((label, q) => {
    const at = (task.supportLabels.length + q) * length;
    let best = 0;
    let bestDistance = Infinity;
    for (let way = 0; way < ways; way++) {
      let distance = 0;
      for (let k = 0; k < length; k++) distance += (vectors[at + k] - means[way * length + k]) ** 2;
      if (distance < bestDistance) [best, bestDistance] = [way, distance];
    }
    if (best === label) correct++;
  });
  return correct / Math.max(1, task.queryLabels.length);
}

/** [samples, channels] events of each sample summed over time. */
export function summedFrames(samples: readonly SpikeTensor[]): Float64Array {
  const length = samples[0].shape[1] * samples[0].shape[2] * samples[0].shape[3];
  const out = new Float64Array(samples.length * length);
  samples.forEach(({ channel, count }, s) => {
    for (let k = 0; k < channel.length; k++) out[s * length + channel[k]] += count[k];
  });
  return out;
}

/** Nearest prototype on summed input frames: what the task is worth without a network. Source: design §5. */
export function framesAccuracy(task: Task): number {
  const samples = [...task.support, ...task.query];
  const vectors = summedFrames(samples);
  return prototypeAccuracy(task, vectors, vectors.length / samples.length);
}
