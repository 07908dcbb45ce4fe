/** Checksums of a bundle's part that also say where it was damaged: one sum a block, and the XOR of all blocks byte by byte.
 *  A changed byte breaks its block's sum and its column's XOR, which together name it. */
import { sha256Hex } from "../base/bytes.js";

const BLOCK_BYTES = 1024;

export interface PartSums {
  readonly bytes: number;
  readonly sha256: string;
  /** [block] CRC-32 as 8 hexadecimal digits each, one after another. */
  readonly blocks: string;
  /** [BLOCK_BYTES, fewer in a shorter part] XOR of the blocks, two hexadecimal digits a byte. */
  readonly columns: string;
}

/** What is wrong with a part; undefined: nothing. */
export interface PartDamage {
  readonly found: string;
  /** Byte of the part, exact where one block is damaged; undefined where it cannot be told. */
  readonly byte?: number;
}

export function sumsOf(bytes: Uint8Array): PartSums {
  const columns = new Uint8Array(Math.min(BLOCK_BYTES, bytes.length));
  for (let k = 0; k < bytes.length; k++) columns[k % BLOCK_BYTES] ^= bytes[k];
  let blocks = "";
  for (let from = 0; from < bytes.length; from += BLOCK_BYTES)
    blocks += crcHex(bytes.subarray(from, from + BLOCK_BYTES));
  return {
    bytes: bytes.length,
    sha256: sha256Hex(bytes),
    blocks,
    columns: Buffer.from(columns).toString("hex"),
  };
}

/** Holds a part against its sums, and says where it differs. */
export function damageOf(bytes: Uint8Array, sums: PartSums): PartDamage | undefined {
  const now = sumsOf(bytes);
  if (now.sha256 === sums.sha256) return undefined;
  if (now.bytes !== sums.bytes)
    return { found: `${now.bytes} bytes, not ${sums.bytes}`, byte: Math.min(now.bytes, sums.bytes) };
  const blocks = differing(now.blocks, sums.blocks, CRC_DIGITS);
  if (blocks.length === 0) return { found: "a SHA-256 other than the manifest's" };
  const columns = differing(now.columns, sums.columns, 2);
  if (blocks.length === 1 && columns.length > 0) {
    return {
      found: columns.length === 1 ? "a changed byte" : `${columns.length} changed bytes`,
      byte: blocks[0] * BLOCK_BYTES + columns[0],
    };
  }
  return {
    found: `changes in ${blocks.length} blocks of ${BLOCK_BYTES} bytes, the first from here on`,
    byte: blocks[0] * BLOCK_BYTES,
  };
}

/** Indices at which two texts of fields of `digits` digits differ. */
function differing(a: string, b: string, digits: number): number[] {
  const out: number[] = [];
  for (let k = 0; k * digits < Math.max(a.length, b.length); k++) {
    if (a.slice(k * digits, (k + 1) * digits) !== b.slice(k * digits, (k + 1) * digits)) out.push(k);
  }
  return out;
}

const CRC_DIGITS = 8;
const CRC_POLYNOMIAL = 0xedb88320;
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ CRC_POLYNOMIAL : c >>> 1;
  return c;
});

/** CRC-32 of ISO 3309 (as in zip); crc32("123456789") = cbf43926. */
export function crcHex(bytes: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(CRC_DIGITS, "0");
}
