import { pack, unpack } from "msgpackr";
import { unwrapFile, withHeader } from "../base/file-header.js";
import type { PresentationTrace } from "../../sim/trace.js";

/** A recorded run: what a simulator did, or an engine says it will do. */
export interface TraceFile {
  /** Who wrote it, e.g. "simulator (typed)" or "engine native". */
  readonly source: string;
  readonly layerNames: readonly string[];
  /** Seed of the chip's generator. */
  readonly chipSeed: number;
  readonly presentations: readonly PresentationTrace[];
}

const FILE = { kind: "trace", formatVersion: 1 } as const;

/** Bytes of a trace file. @param parents  name → SHA-256 of what was run */
export function encodeTrace(trace: TraceFile, parents: Readonly<Record<string, string>>): Uint8Array {
  const presentations = trace.presentations.map((p) => ({
    ...p, u: Array.from(p.u), v: Array.from(p.v), y1: Array.from(p.y1), weights: Array.from(p.weights),
    outputSpikes: Array.from(p.outputSpikes),
    spikes: p.spikes.map((s) => ({ step: Array.from(s.step), neuron: Array.from(s.neuron) })),
  }));
  return withHeader({ ...FILE, parents }, pack({ ...trace, presentations }));
}

type Plain<T> = T extends ArrayBufferView ? number[]
  : T extends readonly (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

/** Reads a trace file. @throws UserError E-FILE-001…004 */
export function decodeTrace(bytes: Uint8Array, fileName: string): TraceFile {
  const raw = unpack(unwrapFile(bytes, FILE, fileName).payload) as Plain<TraceFile>;
  return {
    ...raw,
    presentations: raw.presentations.map((p) => ({
      ...p, u: Int32Array.from(p.u), v: Int32Array.from(p.v), y1: Uint8Array.from(p.y1),
      weights: Int16Array.from(p.weights), outputSpikes: Int32Array.from(p.outputSpikes),
      spikes: p.spikes.map((s) => ({ step: Uint16Array.from(s.step), neuron: Uint32Array.from(s.neuron) })),
    })),
  };
}
