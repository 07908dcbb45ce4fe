import { Packr, Unpackr } from "msgpackr";
import { userError } from "../src/base/errors.js";
import { unwrapFile, withHeader } from "../src/base/file-header.js";
import type { ArrivalQueue, CoreState } from "./core-state.js";

const KIND = { kind: "chip-state", formatVersion: 2 } as const;

/** Arrays of a core that change while it runs, by name. */
function coreArrays(core: CoreState): Record<string, Int32Array | Uint8Array | Int16Array | Float64Array> {
  const { u, v, refractory, q, delayRing, spikeCounter, learning, synapses } = core;
  const plain = { u, v, refractory, q, delayRing, spikeCounter };
  if (learning === null) return plain;
  const { x1, x2, preSpikeStep, postSpikeStep, reward, x1History, x2History, plastic } = learning;
  return {
    ...plain, x1, x2, y1: learning.y[0], y2: learning.y[1], y3: learning.y[2], preSpikeStep, postSpikeStep, reward, x1History,
    x2History, y1History: learning.yHistory[0], y2History: learning.yHistory[1], y3History: learning.yHistory[2],
    mantissa: plastic.mantissa, tag: plastic.tag, weight: synapses.weight, delay: synapses.delay,
  };
}

const coreQueues = (core: CoreState): Record<string, ArrivalQueue> =>
  ({ nextArrivals: core.nextArrivals, firedBefore: core.firedBefore });

/** The chip's own part of a saved state; presentation and program travel beside it as they are. */
export interface SavedChip {
  readonly time: number;
  readonly counts: Record<string, number>;
  readonly cores: readonly Record<string, Uint8Array>[];
  readonly embedded: Uint8Array;
  readonly presentation: unknown;
}

const bytes = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength) as ArrayBuffer);

/** The changing state of every core as bytes. */
export const saveCores = (cores: readonly CoreState[]): Record<string, Uint8Array>[] =>
  cores.map((core) => Object.fromEntries([
    ...Object.entries(coreArrays(core)).map(([name, array]) => [name, bytes(array)] as const),
    ...Object.entries(coreQueues(core)).map(([name, queue]) => [name, bytes(queue.items.slice(0, queue.count))] as const),
  ]));

/** A whole state as a file. @param imageSha256 of the image it belongs to */
export const packState = (saved: SavedChip, imageSha256: string): Uint8Array =>
  withHeader({ ...KIND, parents: { image: imageSha256 } }, new Packr({ structuredClone: true }).pack(saved));

/** Reads a state. @throws UserError E-FILE-001…004, E-SIM-006 where it belongs to another image */
export function unpackState(file: Uint8Array, imageSha256: string): SavedChip {
  const { header, payload } = unwrapFile(file, KIND, "saved chip state");
  if (header.parents.image !== imageSha256) throw foreignState("it was saved from another image");
  return new Unpackr({ structuredClone: true }).unpack(payload) as SavedChip;
}

const foreignState = (found: string) =>
  userError({ code: "E-SIM-006", at: "saved chip state", found, hint: "load the image that it was saved from" });

/** Puts a saved state into freshly loaded cores. @throws UserError E-SIM-006 where sizes differ */
export function restoreCores(cores: readonly CoreState[], saved: readonly Record<string, Uint8Array>[]): void {
  if (saved.length !== cores.length) throw foreignState(`${saved.length} cores`);
  cores.forEach((core, n) => {
    for (const [name, array] of Object.entries(coreArrays(core))) {
      const from = saved[n][name];
      if (from?.length !== array.byteLength) throw foreignState(`the ${name} of core ${core.image.core} has another size`);
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(from);
    }
    core.arrivals.count = 0;
    core.fired.count = 0;
    for (const [name, queue] of Object.entries(coreQueues(core))) {
      const items = new Int32Array(saved[n][name].slice().buffer);
      if (items.length > queue.items.length) queue.items = new Int32Array(items.length);
      queue.items.set(items);
      queue.count = items.length;
    }
  });
}
