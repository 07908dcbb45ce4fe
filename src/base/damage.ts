import { sha256Hex } from "./bytes.js";

/** What a manifest keeps of a file to find damage in it: length, hash, and two sums a block that tell which byte changed. */
export interface PartCheck {
  readonly bytes: number;
  readonly sha256: string;
  /** [block of BLOCK_BYTES][2]: Σ b, and Σ (k+1)·b with k the place in the block. */
  readonly sums: readonly (readonly [number, number])[];
}

/** Where a file is damaged. */
export interface Damage {
  /** First damaged byte; with `exact` proven by the hash, else the start of the block that it lies in. */
  readonly byte: number;
  readonly exact: boolean;
  /** One sentence part for people, e.g. "byte 1234 is 0x41 and was 0x43". */
  readonly found: string;
}

const BLOCK_BYTES = 4096;

/** Check values of a file. */
export function partCheck(content: Uint8Array): PartCheck {
  return { bytes: content.length, sha256: sha256Hex(content), sums: sumsOf(content) };
}

function sumsOf(content: Uint8Array): [number, number][] {
  const sums: [number, number][] = [];
  for (let start = 0; start < content.length; start += BLOCK_BYTES) {
    const block = content.subarray(start, start + BLOCK_BYTES);
    let [plain, weighted] = [0, 0];
    for (let k = 0; k < block.length; k++) {
      plain += block[k];
      weighted += (k + 1) * block[k];
    }
    sums.push([plain, weighted]);
  }
  return sums;
}

/** Where the content differs from what was checked, or null where it does not. A single changed byte is named exactly:
 *  the two sums give its place and old value, and the hash of the file with that value put back proves it. */
export function findDamage(content: Uint8Array, check: PartCheck): Damage | null {
  if (content.length === check.bytes && sha256Hex(content) === check.sha256) return null;
  const sums = sumsOf(content);
  const wholeBlocks = Math.floor(Math.min(content.length, check.bytes) / BLOCK_BYTES);
  const comparable = content.length === check.bytes ? check.sums.length : wholeBlocks;
  const differs = (k: number) => sums[k][0] !== check.sums[k][0] || sums[k][1] !== check.sums[k][1];
  const block = Array.from({ length: comparable }, (_, k) => k).find(differs);
  if (content.length !== check.bytes && block === undefined) return lengthDamage(content.length, check.bytes);
  if (block === undefined) return { byte: 0, exact: false, found: "its SHA-256 is not the one in the manifest" };
  const start = block * BLOCK_BYTES;
  return singleByte(content, check, start, sums[block]) ?? {
    byte: start, exact: false, found: `bytes ${start}–${Math.min(start + BLOCK_BYTES, content.length) - 1} are damaged`,
  };
}

function lengthDamage(length: number, expected: number): Damage {
  return length < expected
    ? { byte: length, exact: true, found: `cut short at byte ${length} of ${expected}` }
    : { byte: expected, exact: true, found: `${length - expected} bytes too many from byte ${expected} on` };
}

function singleByte(content: Uint8Array, check: PartCheck, start: number, [plain, weighted]: readonly [number, number]): Damage | null {
  const [plainWas, weightedWas] = check.sums[start / BLOCK_BYTES];
  const change = plain - plainWas;
  const place = (weighted - weightedWas) / change - 1;
  const byte = start + place;
  if (!Number.isInteger(place) || place < 0 || place >= BLOCK_BYTES || byte >= content.length) return null;
  const was = content[byte] - change;
  if (was < 0 || was > 255) return null;
  const mended = content.slice();
  mended[byte] = was;
  if (mended.length !== check.bytes || sha256Hex(mended) !== check.sha256) return null;
  return { byte, exact: true, found: `byte ${byte} is ${hex(content[byte])} and was ${hex(was)}` };
}

const hex = (b: number): string => `0x${b.toString(16).padStart(2, "0")}`;
