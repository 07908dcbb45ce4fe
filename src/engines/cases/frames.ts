import type { SpikeTensor } from "../../events/types.js";
import type { Task } from "../../tasks/types.js";

/** Samples of a case file: strings of 0/1 in the order [sample][step], each a row-major frame of `shape` [C,
 *  H, W]. */
export function samplesOf(
  frames: readonly string[],
  samples: number,
  shape: readonly [number, number, number],
  timestepUs = 1000,
): SpikeTensor[] {
  const steps = frames.length / samples;
  return Array.from({ length: samples }, (_, s) =>
    spikeTensor(frames.slice(s * steps, (s + 1) * steps), shape, timestepUs),
  );
}

function spikeTensor(
  frames: readonly string[],
  [c, h, w]: readonly [number, number, number],
  timestepUs: number,
): SpikeTensor {
  const rowStart = new Uint32Array(frames.length + 1);
  const channel: number[] = [];
  frames.forEach((frame, f) => {
    for (let k = 0; k < frame.length; k++) if (frame[k] === "1") channel.push(k);
    rowStart[f + 1] = channel.length;
  });
  return {
    shape: [frames.length, c, h, w],
    rowStart,
    channel: Uint32Array.from(channel),
    count: new Uint8Array(channel.length).fill(1),
    timestepUs,
  };
}

/** A task made of a case's samples, presented in the order they stand. */
export function taskOf(
  ways: number,
  support: readonly SpikeTensor[],
  supportLabels: readonly number[],
  query: readonly SpikeTensor[],
  queryLabels: readonly number[],
): Task {
  return {
    number: 0,
    seed: 0,
    classNames: Array.from({ length: ways }, (_, k) => `class ${k}`),
    support,
    supportLabels,
    presentation: support.map((_, k) => k),
    query,
    queryLabels,
    supportRecordings: support.map((_, k) => [`support ${k}`]),
    queryRecordings: query.map((_, k) => [`query ${k}`]),
  };
}
