import type { InputFrames } from "../../../sim/chip.js";

/** Input frames from a string of 0 and 1, [frame][channel]. */
export function framesOfBits(bits: string, channels: number): InputFrames {
  const frames = bits.length / channels;
  return framesOfSpikes(
    Array.from(bits).flatMap((bit, k) => (bit === "1" ? [[Math.floor(k / channels), k % channels] as const] : [])), frames,
  );
}

/** Input frames from spikes [frame, channel] in any order; a repeated one counts twice. */
export function framesOfSpikes(spikes: readonly (readonly [number, number])[], frames: number): InputFrames {
  const rows: Map<number, number>[] = Array.from({ length: frames }, () => new Map());
  for (const [frame, channel] of spikes) rows[frame].set(channel, (rows[frame].get(channel) ?? 0) + 1);
  const sorted = rows.map((row) => [...row].sort((a, b) => a[0] - b[0]));
  const rowStart = new Uint32Array(frames + 1);
  sorted.forEach((row, frame) => {
    rowStart[frame + 1] = rowStart[frame] + row.length;
  });
  const flat = sorted.flat();
  return {
    rowStart, channel: Uint32Array.from(flat, ([channel]) => channel), count: Uint16Array.from(flat, ([, count]) => count),
  };
}
