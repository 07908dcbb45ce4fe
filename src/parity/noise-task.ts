import type { InputContract } from "../../hw/image.js";
import { Rng, STREAM } from "../base/rng.js";
import type { SpikeTensor } from "../events/types.js";
import type { Task } from "../tasks/types.js";

/** Share of pixels with an event in a step: a little more than a recording has, so that all layers fire. */
const EVENT_SHARE = 0.03;

/** A task of seeded noise that fits any input contract: one sample an output to learn, `queries` to ask. It says nothing
 *  about accuracy; it drives every layer, window and weight, so trainer and chip can be held against each other where no
 *  recordings are at hand. */
export function noiseTask(contract: InputContract, seed: number, number: number, queries: number): Task {
  const rng = new Rng(seed, STREAM.noiseInput, number);
  const labels = Array.from({ length: contract.outputs }, (_, output) => output);
  const queryLabels = Array.from({ length: queries }, (_, q) => q % contract.outputs);
  const names = (kind: string, count: number) => Array.from({ length: count }, (_, k) => [`noise ${kind} ${k}`]);
  return {
    number, seed, classNames: labels.map((output) => `noise ${output}`),
    support: labels.map(() => noiseSample(contract, rng)), supportLabels: labels,
    presentation: Array.from({ length: contract.passes }, () => rng.shuffled(labels)).flat(),
    query: queryLabels.map(() => noiseSample(contract, rng)), queryLabels,
    supportRecordings: names("support", labels.length), queryRecordings: names("query", queries),
  };
}

function noiseSample({ shape, steps, timestepUs }: InputContract, rng: Rng): SpikeTensor {
  const channels = shape[0] * shape[1] * shape[2];
  const rowStart = new Uint32Array(steps + 1);
  const [channel, count]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps; step++) {
    for (let c = 0; c < channels; c++) {
      if (rng.uniform() >= EVENT_SHARE) continue;
      channel.push(c);
      count.push(1 + rng.below(3));
    }
    rowStart[step + 1] = channel.length;
  }
  return {
    shape: [steps, shape[0], shape[1], shape[2]], rowStart, timestepUs,
    channel: channels > 0x10000 ? Uint32Array.from(channel) : Uint16Array.from(channel), count: Uint8Array.from(count),
  };
}
