import { pack, unpack } from "msgpackr";
import { userError } from "../base/errors.js";
import { unwrapFile, withHeader } from "../base/file-header.js";

/** One class that the chip was taught. */
export interface TaughtClass {
  /** The user's name for it. */
  readonly name: string;
  /** Output that stands for it. */
  readonly output: number;
  /** Samples it was learned from so far. */
  readonly samples: number;
}

/** A taught chip at rest: enough to power it up again to the same bits, next to the image it was made with. */
export interface TaughtState {
  readonly classes: readonly TaughtClass[];
  /** Seed of the chip's generator for this load. */
  readonly chipSeed: number;
  /** Form of the embedded program that ran: the other form cannot take over its memory. */
  readonly program: "typed" | "x86";
  /** [out, in] mantissas of the plastic layer, for people and tools; the chip itself restores `chipState`. */
  readonly weights: Int16Array;
  /** Whole state of the chip after the last presentation (`Chip.saveState`). */
  readonly chipState: Uint8Array;
}

const FILE = { kind: "taught-state", formatVersion: 1 } as const;

/** Name of the taught state in a bundle's folder. */
export const TAUGHT_FILE = "taught.mlh";

/** Bytes of `taught.mlh`. @param imageHash  SHA-256 of the image's content, so that the state is never put on another */
export function encodeTaught(state: TaughtState, imageHash: string): Uint8Array {
  const payload = pack({
    classes: state.classes, chipSeed: state.chipSeed, program: state.program, chipState: state.chipState,
    weights: Array.from(state.weights),
  });
  return withHeader({ ...FILE, parents: { image: imageHash } }, payload);
}

/** Reads `taught.mlh`.
 *  @throws UserError E-FILE-001…004 (damaged, or something else), E-TEACH-006 (made with another image) */
export function decodeTaught(bytes: Uint8Array, imageHash: string, fileName: string): TaughtState {
  const { header, payload } = unwrapFile(bytes, FILE, fileName);
  if (header.parents.image !== imageHash) {
    throw userError({
      code: "E-TEACH-006", at: fileName, found: "it was taught to another chip image than the one beside it",
      hint: "take image and taught state from the same bundle",
    });
  }
  const raw = unpack(payload) as Omit<TaughtState, "weights"> & { readonly weights: readonly number[] };
  return { ...raw, weights: Int16Array.from(raw.weights), chipState: Uint8Array.from(raw.chipState) };
}
