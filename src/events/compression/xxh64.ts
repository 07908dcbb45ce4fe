const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n,
];
const wrap = (x: bigint): bigint => BigInt.asUintN(64, x);
const rotl = (x: bigint, r: bigint): bigint => wrap(x << r) | (x >> (64n - r));
const round = (lane: bigint, input: bigint): bigint => wrap(rotl(wrap(lane + input * P2), 31n) * P1);

/** xxHash64 of the bytes with seed 0, whose low 32 bits close zstd frames. Source: xxHash specification, Y. Collet. */
export function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let h = P5;
  if (bytes.length >= 32) {
    const lanes = [wrap(P1 + P2), P2, 0n, wrap(-P1)];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let k = 0; k < 4; k++) lanes[k] = round(lanes[k], view.getBigUint64(at + 8 * k, true));
    }
    h = wrap(rotl(lanes[0], 1n) + rotl(lanes[1], 7n) + rotl(lanes[2], 12n) + rotl(lanes[3], 18n));
    for (const lane of lanes) h = wrap((h ^ round(0n, lane)) * P1 + P4);
  }
  h = wrap(h + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) h = wrap(rotl(h ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4);
  if (at + 4 <= bytes.length) {
    h = wrap(rotl(h ^ wrap(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < bytes.length; at++) h = wrap(rotl(h ^ wrap(BigInt(bytes[at]) * P5), 11n) * P1);
  h = wrap((h ^ (h >> 33n)) * P2);
  h = wrap((h ^ (h >> 29n)) * P3);
  return h ^ (h >> 32n);
}
