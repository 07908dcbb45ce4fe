const [P1, P2, P3, P4, P5] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];
const rotl = (x: number, r: number): number => (x << r) | (x >>> (32 - r));

/** xxHash32 of the bytes, unsigned; the checksum of LZ4 frames. Source: xxHash specification, Y. Collet. */
export function xxh32(bytes: Uint8Array, seed = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number) => view.getInt32(at, true);
  let at = 0;
  let h = (seed + P5) | 0;
  if (bytes.length >= 16) {
    let [a, b, c, d] = [(seed + P1 + P2) | 0, (seed + P2) | 0, seed | 0, (seed - P1) | 0];
    const round = (lane: number, input: number) => Math.imul(rotl((lane + Math.imul(input, P2)) | 0, 13), P1);
    for (; at + 16 <= bytes.length; at += 16) {
      a = round(a, word(at));
      b = round(b, word(at + 4));
      c = round(c, word(at + 8));
      d = round(d, word(at + 12));
    }
    h = (rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18)) | 0;
  }
  h = (h + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4) h = Math.imul(rotl((h + Math.imul(word(at), P3)) | 0, 17), P4);
  for (; at < bytes.length; at++) h = Math.imul(rotl((h + Math.imul(bytes[at], P5)) | 0, 11), P1);
  h = Math.imul(h ^ (h >>> 15), P2);
  h = Math.imul(h ^ (h >>> 13), P3);
  return (h ^ (h >>> 16)) >>> 0;
}
