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
  /** What the outer loop learned of an `srm` network's inner loop: `inner.rate.<layer>`, `inner.theta`; absent where that is
   *  nothing. */
  readonly inner?: Parameters;
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
 *  @throws UserError E-FILE-001…004 (not one, another version, damaged), E-CKPT-001 (its parts do not fit together) */
export function decodeCheckpoint(bytes: Uint8Array, fileName: string): Checkpoint {
  const { header, payload } = unwrapFile(bytes, CHECKPOINT_FILE, fileName);
  let value: Checkpoint;
  try {
    value = packr.unpack(payload) as Checkpoint;
  } catch {
    throw brokenCheckpoint(fileName, "the content cannot be unpacked");
  }
  const fault = faultOf(value, header.parents.config);
  if (fault) throw brokenCheckpoint(fileName, fault);
  return value;
}

const brokenCheckpoint = (fileName: string, found: string) =>
  userError({ code: "E-CKPT-001", at: fileName, found, hint: "take an undamaged copy, or train again" });

/** Types of the simple parts. */
const PART_TYPE = {
  spec: "object", geometry: "object", masters: "object", quantized: "object", optimizer: "object", step: "number", seed: "number",
  chipSeed: "number", config: "string", history: "object", since: "object", bestValidation: "number", testRuns: "object",
  data: "string", protocol: "string",
} as const satisfies Record<Exclude<keyof Checkpoint, "inner">, string>;

/** What is wrong with a value that another program may have written, or undefined. The hash guards against damage; this
 *  guards the code behind it, which trusts lengths and names. */
function faultOf(value: Checkpoint, configHash: string | undefined): string | undefined {
  if (typeof value !== "object" || value === null) return "no checkpoint in it";
  for (const [part, type] of Object.entries(PART_TYPE)) {
    const found = value[part as keyof Checkpoint];
    if (typeof found !== type || found === null) return `the part "${part}" is missing`;
  }
  // The header is not under the payload's hash, but what it says of the parent can be checked.
  if (configHash !== sha256Hex(new TextEncoder().encode(value.config))) return "the header names another configuration";
  for (const [name, numbers] of Object.entries(value.inner ?? {})) {
    if (!(numbers instanceof Float32Array) || numbers.length !== 1) return `the inner loop's "${name}" is no number`;
  }
  try {
    return lengthFault(value);
  } catch {
    return "the network in it cannot be read";
  }
}

function lengthFault({ spec, masters, quantized, optimizer }: Checkpoint): string | undefined {
  const shapes = parameterShapes(spec).map(({ name, shape }) => ({ name, length: shape.reduce((a, b) => a * b, 1) }));
  for (const { name, length } of shapes) {
    if (!(masters[name] instanceof Float32Array) || masters[name].length !== length) {
      return `parameter "${name}" has ${masters[name]?.length ?? 0} of ${length} values`;
    }
    for (const moments of [optimizer.first, optimizer.second]) {
      if (moments[name] && moments[name].length !== length) return `the optimizer's moments of "${name}" have another length`;
    }
    const [layer, kind] = name.split(".");
    const integers = quantized.layers.find((l) => l.name === layer);
    if (kind && (kind === "weight" ? integers?.mantissa : integers?.biasMant)?.length !== length) {
      return `the integers of "${name}" have another length`;
    }
  }
  return undefined;
}

/** SHA-256 of all masters in the order of `parameterShapes`, then of what was learned of the inner loop: equal where two
 *  trainings ended with the same bits. */
export function parametersHash(spec: NetworkSpec, masters: Parameters, inner: Parameters = {}): string {
  return sha256Hex(concatBytes([...parameterShapes(spec).map(({ name }) => masters[name]), ...Object.values(inner)].map(bytesOf)));
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
