import { inflateSync } from "fflate";
import { latin } from "../detect-header.js";
import { CompressionError, FRAME_LIMIT_BYTES } from "./lz4.js";

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const METHOD = { stored: 0, deflated: 8 } as const;
/** Deflate gives at most 1032 bytes for one; a size beyond that is damage. */
const DEFLATE_RATIO = 1100;

/** One file of a zip. */
export interface ZipEntry {
  readonly name: string;
  /** Position of its data. */
  readonly at: number;
  readonly content: Uint8Array;
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** CRC-32 of the bytes, unsigned. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Files of a zip in memory, sizes and checksums checked, which fflate's reader leaves undone.
 *  @throws CompressionError where the zip is damaged */
export function readZip(bytes: Uint8Array): readonly ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (at: number, length: number) => { if (at < 0 || at + length > bytes.length) throw new CompressionError("the zip is cut short"); };
  let end = bytes.length - 22;
  const stop = Math.max(0, end - 0xffff);
  while (end >= stop && view.getUint32(end, true) !== END_SIGNATURE) end--;
  if (end < stop) throw new CompressionError("the zip has no directory: it is cut short");
  let at = view.getUint32(end + 16, true);
  const entries: ZipEntry[] = [];
  for (let k = view.getUint16(end + 10, true); k > 0; k--) {
    need(at, 46);
    if (view.getUint32(at, true) !== ENTRY_SIGNATURE) throw new CompressionError("the zip's directory is damaged");
    const [method, crc] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
    const [packed, size, local] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true), view.getUint32(at + 42, true)];
    const nameBytes = view.getUint16(at + 28, true);
    need(at + 46, nameBytes);
    const name = latin(bytes, at + 46, at + 46 + nameBytes);
    need(local, 30);
    if (view.getUint32(local, true) !== LOCAL_SIGNATURE) throw new CompressionError(`"${name}" in the zip is not where its directory says`);
    const data = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    need(data, packed);
    entries.push({ name, at: data, content: contentOf(bytes.subarray(data, data + packed), method, size, crc, name) });
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

function contentOf(packed: Uint8Array, method: number, size: number, crc: number, name: string): Uint8Array {
  if (method !== METHOD.stored && method !== METHOD.deflated) throw new CompressionError(`"${name}" is packed by method ${method}`);
  if (size > FRAME_LIMIT_BYTES * 4 || size > DEFLATE_RATIO * packed.length + 64) throw new CompressionError(`"${name}" has an impossible size of ${size} bytes`);
  let content = packed;
  if (method === METHOD.deflated) {
    try {
      content = inflateSync(packed, { out: new Uint8Array(size) });
    } catch (error) {
      throw new CompressionError(`"${name}" cannot be inflated (${(error as Error).message})`);
    }
  }
  if (content.length !== size || crc32(content) !== crc) throw new CompressionError(`"${name}" does not match its checksum`);
  return content;
}
