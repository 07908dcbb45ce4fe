import { userError } from "../../src/base/errors.js";
import type { PresentationMessage } from "../chip.js";

/** The host's message as the words that the program reads: learn, label, then 1 an output with a class, else 0. */
export function messageWords(message: PresentationMessage, outputCount: number): Int32Array {
  const words = new Int32Array(2 + outputCount);
  words[0] = Number(message.learn);
  words[1] = message.label;
  const { assigned } = message;
  for (let i = 0; i < outputCount; i++) words[2 + i] = assigned === undefined ? 1 : Number(assigned[i] !== 0);
  return words;
}

/** Words one after another as bytes, little-endian. */
export function bytesOfWords(...parts: readonly Int32Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, p) => sum + 4 * p.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) for (const word of part) view.setInt32(((at += 4) - 4), word, true);
  return bytes;
}

/** The reverse. @throws E-PROG-005 where the state is not `count` words long */
export function wordsOfBytes(bytes: Uint8Array, count: number): Int32Array {
  if (bytes.length !== 4 * count) {
    throw userError({
      code: "E-PROG-005", at: "saved state of the embedded program", found: `${bytes.length} bytes`,
      limit: `${4 * count} bytes`,
      hint: "restore a state into the image and the kind of program that saved it",
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: count }, (_, k) => view.getInt32(4 * k, true));
}
