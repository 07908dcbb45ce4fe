import { decompress } from "fzstd";
import { xxh64 } from "./xxh64.js";
import { CompressionError, FRAME_LIMIT_BYTES } from "./lz4.js";

const MAGIC = 0xfd2fb528;
/** Bit of the frame header: 4 bytes of xxHash64 follow, which fzstd does not look at. */
const CHECKSUM_FLAG = 0x04;
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Content size that a zstd frame header declares; undefined where it declares none. Source: RFC 8878 §3.1.1.1. */
function declaredSize(bytes: Uint8Array): { content?: number; window: number } {
  const descriptor = bytes[4];
  const single = (descriptor >> 5) & 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
  const sizeBytes = [single, 2, 4, 8][descriptor >> 6];
  const at = 5 + (single ? 0 : 1) + dictionaryBytes;
  let content = 0;
  for (let i = sizeBytes - 1; i >= 0; i--) content = content * 256 + (bytes[at + i] ?? 0);
  if (sizeBytes === 2) content += 256;
  const window = single ? content : 2 ** (10 + (bytes[5] >> 3)) * (1 + (bytes[5] & 7) / 8);
  return { content: sizeBytes === 0 ? undefined : content, window };
}

/** Inflates one zstd frame. @throws CompressionError where it is damaged, cut, or beyond 256 MiB */
export function decodeZstdFrame(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 6 || viewOf(bytes).getUint32(0, true) !== MAGIC) {
    throw new CompressionError("no zstd frame begins here");
  }
  const { content, window } = declaredSize(bytes);
  // fzstd allocates what the header says, so a damaged header must be stopped before it.
  if ((content ?? 0) > FRAME_LIMIT_BYTES || window > FRAME_LIMIT_BYTES) throw new CompressionError("the zstd frame inflates beyond 256 MiB");
  try {
    const out = decompress(bytes);
    if (content !== undefined && out.length !== content) throw new Error("length differs from the header's");
    if (bytes[4] & CHECKSUM_FLAG && Number(xxh64(out) & 0xffffffffn) !== viewOf(bytes).getUint32(bytes.length - 4, true)) {
      throw new Error("the content does not match its checksum");
    }
    return out;
  } catch (error) {
    throw new CompressionError(`the zstd frame is damaged (${(error as Error).message})`);
  }
}
