import { Packr } from "msgpackr";
import { sha256Hex, bytesOf, concatBytes } from "../base/bytes.js";
import { userError } from "../base/errors.js";
import { unwrapFile, withHeader } from "../base/file-header.js";
import { parameterShapes } from "./shapes.js";
import { quantizeNetwork } from "./quantize.js";
import type { InputGeometry, NetworkSpec, Parameters, QuantizedNetwork } from "./types.js";

export const CHECKPOINT_FILE = { kind: "checkpoint", formatVersion: 1 } as const;

/** One row of the training curve. */
export interface HistoryRow {
  /** Tasks trained. */
  readonly tasks: number;
  /** Mean query loss and accuracy of training tasks since the last row. */
  readonly loss: number;
  readonly accuracy: number;
  /** Accuracy on meta-validation tasks after learning. */
  readonly validation: number;
}

/** Everything that training needs to go on to the same bits, and that a compiler needs. */
export interface Checkpoint {
  readonly spec: NetworkSpec;
  readonly geometry: InputGeometry;
  readonly masters: Parameters;
  /** The integers the engine used last. */
  readonly quantized: QuantizedNetwork;
  /** Adam's moments by tensor; empty before the first step. */
  readonly optimizer: { readonly first: Parameters; readonly second: Parameters };
  /** Tasks trained so far: also the number of the next training task, so the state of the sampler. */
  readonly step: number;
  readonly seed: number;
  readonly chipSeed: number;
  /** The configuration as it was given, as JSON. */
  readonly config: string;
  readonly history: readonly HistoryRow[];
  /** Sums over the training tasks since the last row of the history. */
  readonly since: { readonly loss: number; readonly accuracy: number; readonly steps: number };
  /** Best validation accuracy so far. */
  readonly bestValidation: number;
  /** Meta-test runs made with this checkpoint, so that a second one is seen (design §5). */
  readonly testRuns: readonly string[];
  readonly data: "real" | "simulated";
  readonly protocol: string;
}

// Typed arrays keep their types; records are off, as their keys would be state between calls.
const packr = new Packr({ moreTypes: true, useRecords: false, structuredClone: true });

/** Bytes of a checkpoint file. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const payload = new Uint8Array(packr.pack(checkpoint));
  return withHeader({ ...CHECKPOINT_FILE, parents: { config: sha256Hex(new TextEncoder().encode(checkpoint.config)) } }, payload);
}

/** Reads a checkpoint file.
 *  @throws UserError E-FILE-001…003 (not one, another version, damaged), E-CKPT-001 (its parts do not fit together) */
export function decodeCheckpoint(bytes: Uint8Array, fileName: string): Checkpoint {
  const { payload } = unwrapFile(bytes, CHECKPOINT_FILE, fileName);
  const broken = (found: string) =>
    userError({ code: "E-CKPT-001", at: fileName, found, hint: "take an undamaged copy, or train again" });
  let value: Checkpoint;
  try {
    value = packr.unpack(payload) as Checkpoint;
  } catch {
    throw broken("the content cannot be unpacked");
  }
  if (!value || typeof value !== "object" || !value.spec || !value.masters || !value.quantized) throw broken("a part is missing");
  for (const { name, shape } of parameterShapes(value.spec)) {
    const length = shape.reduce((a, b) => a * b, 1);
    if (value.masters[name]?.length !== length) throw broken(`parameter "${name}" has ${value.masters[name]?.length ?? 0} of ${length} values`);
  }
  return value;
}

/** SHA-256 of all masters in the order of `parameterShapes`: equal where two trainings ended with the same bits. */
export function parametersHash(spec: NetworkSpec, masters: Parameters): string {
  return sha256Hex(concatBytes(parameterShapes(spec).map(({ name }) => bytesOf(masters[name]))));
}

/** A checkpoint before any training, from start weights. */
export function freshCheckpoint(
  spec: NetworkSpec, geometry: InputGeometry, masters: Parameters,
  about: { readonly seed: number; readonly chipSeed: number; readonly config: string; readonly data: "real" | "simulated"; readonly protocol: string },
): Checkpoint {
  return {
    spec, geometry, masters, quantized: quantizeNetwork(spec, masters), optimizer: { first: {}, second: {} }, step: 0,
    ...about, history: [], since: { loss: 0, accuracy: 0, steps: 0 }, bestValidation: 0, testRuns: [],
  };
}
