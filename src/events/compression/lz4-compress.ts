import { concatBytes } from "../../base/bytes.js";
import { xxh32 } from "./xxh32.js";

const MAGIC = 0x184d2204;
/** Version 1, blocks that do not refer to each other, checksum of the content; blocks of up to 4 MiB. Source: LZ4 frame format 1.6. */
const DESCRIPTOR = Uint8Array.of(0x40 | 0x20 | 0x04, 0x70);
const BLOCK_BYTES = 4 * 2 ** 20;
const STORED = 0x80000000;

const MIN_MATCH = 4;
/** The last bytes of a block are literals, and no match begins in its last twelve. Source: LZ4 block format, end of block. */
const LAST_LITERALS = 5;
const MATCH_END = 12;
const MAX_DISTANCE = 0xffff;
const HASH_BITS = 14;
/** After so many misses in a row the search goes faster: what does not compress should not take long. */
const SKIP_BITS = 6;

/** Compresses bytes into one LZ4 frame, blocks that do not get smaller stored as they are.
 *  @returns the frame; `decodeLz4Frame` and any other reader of LZ4 gives the bytes back */
export function encodeLz4Frame(content: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [u32(MAGIC), DESCRIPTOR, Uint8Array.of((xxh32(DESCRIPTOR) >>> 8) & 0xff)];
  for (let at = 0; at < content.length; at += BLOCK_BYTES) {
    const block = content.subarray(at, at + BLOCK_BYTES);
    const packed = compressBlock(block);
    if (packed) parts.push(u32(packed.length), packed);
    else parts.push(u32((block.length | STORED) >>> 0), block);
  }
  parts.push(u32(0), u32(xxh32(content)));
  return concatBytes(parts);
}

function u32(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, true);
  return out;
}

const table = new Int32Array(2 ** HASH_BITS);

/** One block by greedy matching against the last place with the same four bytes. @returns undefined where it gets no smaller */
function compressBlock(input: Uint8Array): Uint8Array | undefined {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const out = new Uint8Array(input.length);
  const matchLimit = input.length - LAST_LITERALS;
  table.fill(-1);
  let anchor = 0;
  let length = 0;
  let misses = 0;
  for (let at = 0; at + MATCH_END < input.length; ) {
    const four = view.getInt32(at, true);
    const slot = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
    const candidate = table[slot];
    table[slot] = at;
    if (candidate < 0 || at - candidate > MAX_DISTANCE || view.getInt32(candidate, true) !== four) {
      at += 1 + (misses++ >> SKIP_BITS);
      continue;
    }
    misses = 0;
    let end = at + MIN_MATCH;
    for (let from = candidate + MIN_MATCH; end < matchLimit && input[end] === input[from]; from++) end++;
    length = writeSequence(out, length, input, anchor, at, at - candidate, end - at);
    if (length < 0) return undefined;
    anchor = end;
    at = end;
  }
  length = writeSequence(out, length, input, anchor, input.length, 0, 0);
  return length < 0 || length >= input.length ? undefined : out.subarray(0, length);
}

/** Writes literals anchor…at and, unless `match` is 0, a match. @returns where it ends; −1 where there is no room */
function writeSequence(out: Uint8Array, start: number, input: Uint8Array, anchor: number, at: number, distance: number, match: number): number {
  const literals = at - anchor;
  const extra = match === 0 ? 0 : match - MIN_MATCH;
  if (start + 8 + literals + Math.ceil(literals / 255) + Math.ceil(extra / 255) > out.length) return -1;
  let n = start;
  out[n++] = (Math.min(15, literals) << 4) | Math.min(15, extra);
  if (literals >= 15) n = writeLength(out, n, literals - 15);
  for (let k = anchor; k < at; k++) out[n++] = input[k];
  if (match === 0) return n;
  out[n++] = distance & 0xff;
  out[n++] = distance >> 8;
  return extra >= 15 ? writeLength(out, n, extra - 15) : n;
}

function writeLength(out: Uint8Array, start: number, rest: number): number {
  let n = start;
  for (; rest >= 255; rest -= 255) out[n++] = 255;
  out[n++] = rest;
  return n;
}
