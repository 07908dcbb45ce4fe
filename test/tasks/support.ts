import type { SpikeTensor } from "../../src/events/types.js";
import type { DigitRecording } from "../../src/tasks/index.js";

/** Frames [2, 2, 4, 4] whose only event is in step 0 at channel `at`. */
export const oneEvent = (at: number, count = 1): SpikeTensor => ({
  shape: [2, 2, 4, 4], rowStart: Uint32Array.of(0, 1, 1), channel: Uint16Array.of(at), count: Uint8Array.of(count), timestepUs: 1000,
});

/** 800 made-up recordings, index 1…800, digit = index mod 10. */
export const madeUpDigits = (): DigitRecording[] =>
  Array.from({ length: 800 }, (_, k) => ({ label: (k + 1) % 10, index: k + 1, frames: oneEvent((k + 1) % 16) }));

/** MNIST index in a recording id such as `nmnist/00042`. */
export const indexOf = (id: string): number => Number(id.split("/")[1]);
