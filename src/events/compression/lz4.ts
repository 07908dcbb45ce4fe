import { xxh32 } from "./xxh32.js";

const MAGIC = 0x184d2204;
/** Bits of the frame descriptor's first byte. Source: LZ4 frame format 1.6. */
const FLAG = { dictionary: 0x01, contentChecksum: 0x04, contentSize: 0x08, blockChecksum: 0x10, independent: 0x20 } as const;
const VERSION = 0x40;
const VERSION_MASK = 0xc0;
const STORED = 0x80000000;
const MIN_MATCH = 4;
/** One frame may not grow beyond this: damaged lengths must not take all memory. DV's packets are far below. */
export const FRAME_LIMIT_BYTES = 256 * 2 ** 20;

/** Bytes in the frame are not LZ4, or do not give what their checksum says. */
export class CompressionError extends Error {}

/** The blocks of a frame, as far as they are sound on the face of it. */
export interface Lz4Plan {
  readonly blocks: readonly { readonly at: number; readonly size: number; readonly stored: boolean; readonly checksum: number | undefined }[];
  /** No block refers back into an earlier one. */
  readonly independent: boolean;
  /** Of the whole content. */
  readonly checksum: number | undefined;
}

/** Where a frame's blocks stand; undefined where anything is not as in a sound frame, which `decodeLz4Frame` then names. */
export function planLz4Frame(bytes: Uint8Array): Lz4Plan | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 11 || view.getUint32(0, true) !== MAGIC || (bytes[4] & VERSION_MASK) !== VERSION) return undefined;
  const flags = bytes[4];
  let at = 6 + (flags & FLAG.contentSize ? 8 : 0) + (flags & FLAG.dictionary ? 4 : 0);
  if (at + 5 > bytes.length || ((xxh32(bytes.subarray(4, at)) >>> 8) & 0xff) !== bytes[at]) return undefined;
  at++;
  const checksumBytes = flags & FLAG.blockChecksum ? 4 : 0;
  const blocks: Lz4Plan["blocks"][number][] = [];
  for (;;) {
    if (at + 4 > bytes.length) return undefined;
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word & ~STORED;
    if (at + size + checksumBytes > bytes.length) return undefined;
    blocks.push({ at, size, stored: (word & STORED) !== 0, checksum: checksumBytes ? view.getUint32(at + size, true) : undefined });
    at += size + checksumBytes;
  }
  if (flags & FLAG.contentChecksum && at + 4 > bytes.length) return undefined;
  return { blocks, independent: (flags & FLAG.independent) !== 0, checksum: flags & FLAG.contentChecksum ? view.getUint32(at, true) : undefined };
}

/** Inflates one LZ4 frame, checksums checked. lz4js trusts lengths and offsets of the file, so this is our own.
 *  @throws CompressionError where the frame is damaged or cut */
export function decodeLz4Frame(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (end: number) => { if (end > bytes.length) throw new CompressionError("the LZ4 frame is cut short"); };
  need(7);
  if (view.getUint32(0, true) !== MAGIC) throw new CompressionError("no LZ4 frame begins here");
  const flags = bytes[4];
  if ((flags & VERSION_MASK) !== VERSION) throw new CompressionError("an LZ4 frame of unknown version");
  let at = 6 + (flags & FLAG.contentSize ? 8 : 0) + (flags & FLAG.dictionary ? 4 : 0);
  need(at + 1);
  if (((xxh32(bytes.subarray(4, at)) >>> 8) & 0xff) !== bytes[at]) throw new CompressionError("the LZ4 frame's header is damaged");
  at++;
  let out = new Uint8Array(Math.min(FRAME_LIMIT_BYTES, Math.max(1024, 4 * bytes.length)));
  let length = 0;
  for (;;) {
    need(at + 4);
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word & ~STORED;
    need(at + size);
    const block = bytes.subarray(at, at + size);
    const from = flags & FLAG.independent ? length : 0;
    if (word & STORED) {
      out = roomFor(out, length, size);
      out.set(block, length);
      length += size;
    } else [out, length] = decodeBlock(block, out, length, from);
    at += size;
    if (flags & FLAG.blockChecksum) {
      need(at + 4);
      if (view.getUint32(at, true) !== xxh32(block)) throw new CompressionError("an LZ4 block does not match its checksum");
      at += 4;
    }
  }
  const content = out.subarray(0, length);
  if (flags & FLAG.contentChecksum) {
    need(at + 4);
    if (view.getUint32(at, true) !== xxh32(content)) throw new CompressionError("the LZ4 frame does not match its checksum");
  }
  return content;
}

function roomFor(out: Uint8Array<ArrayBuffer>, length: number, extra: number): Uint8Array<ArrayBuffer> {
  if (length + extra <= out.length) return out;
  if (length + extra > FRAME_LIMIT_BYTES) throw new CompressionError("the LZ4 frame inflates beyond 256 MiB");
  const grown = new Uint8Array(Math.min(FRAME_LIMIT_BYTES, Math.max(length + extra, 2 * out.length)));
  grown.set(out.subarray(0, length));
  return grown;
}

/** Inflates one block behind `length` bytes that are there; matches may reach back to `from`. */
function decodeBlock(block: Uint8Array, out: Uint8Array<ArrayBuffer>, length: number, from: number): [Uint8Array<ArrayBuffer>, number] {
  const damaged = () => new CompressionError("an LZ4 block is damaged");
  let at = 0;
  const longer = (start: number): number => {
    let total = start;
    let byte: number;
    do {
      if (at >= block.length) throw damaged();
      byte = block[at++];
      total += byte;
    } while (byte === 0xff);
    return total;
  };
  while (at < block.length) {
    const token = block[at++];
    let literals = token >>> 4;
    if (literals === 15) literals = longer(15);
    if (at + literals > block.length) throw damaged();
    out = roomFor(out, length, literals);
    for (const end = at + literals; at < end; ) out[length++] = block[at++];
    if (at === block.length) break;
    if (at + 2 > block.length) throw damaged();
    const distance = block[at] | (block[at + 1] << 8);
    at += 2;
    let match = token & 15;
    if (match === 15) match = longer(15);
    match += MIN_MATCH;
    if (distance === 0 || distance > length - from) throw damaged();
    out = roomFor(out, length, match);
    // Byte by byte, as a match may run into what it writes.
    for (const end = length + match; length < end; length++) out[length] = out[length - distance];
  }
  return [out, length];
}
