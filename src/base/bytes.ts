import { sha256 } from "@noble/hashes/sha2.js";

/** Lower-case hexadecimal SHA-256 of the bytes. */
export const sha256Hex = (bytes: Uint8Array): string => toHex(sha256(bytes));

/** Lower-case hexadecimal form of the bytes. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** The bytes behind a typed array, without a copy. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** One array of all the parts. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
