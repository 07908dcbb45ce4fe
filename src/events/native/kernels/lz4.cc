// LZ4 blocks and the checksum of their frames. Twins: `decodeBlock` of compression/lz4.ts and compression/xxh32.ts (equal).
#include <stdint.h>

typedef uint32_t u32_unaligned __attribute__((aligned(1)));
typedef uint64_t u64_unaligned __attribute__((aligned(1)));
typedef uint8_t v16b_unaligned __attribute__((vector_size(16), aligned(1)));

enum { DAMAGED = -1, FULL = -2 };

// Inflates in[0…size) behind the `length` bytes of out; matches reach back to `from`. Up to 32 bytes behind the end are written over.
// @returns bytes that are in out now, or what is wrong
extern "C" int lz4_block(const uint8_t* in, int size, uint8_t* out, int length, int room, int from) {
  int at = 0;
  while (at < size) {
    const uint32_t token = in[at++];
    int literals = token >> 4;
    if (literals == 15) {
      uint32_t byte;
      do {
        if (at >= size) return DAMAGED;
        byte = in[at++];
        literals += byte;
        if (literals > room) return FULL;
      } while (byte == 255);
    }
    if (literals > size - at) return DAMAGED;
    if (literals > room - length) return FULL;
    for (int k = 0; k < literals; k += 16) *(v16b_unaligned*)(out + length + k) = *(const v16b_unaligned*)(in + at + k);
    length += literals;
    at += literals;
    if (at == size) break;
    if (at + 2 > size) return DAMAGED;
    const int distance = in[at] | in[at + 1] << 8;
    at += 2;
    int match = token & 15;
    if (match == 15) {
      uint32_t byte;
      do {
        if (at >= size) return DAMAGED;
        byte = in[at++];
        match += byte;
        if (match > room) return FULL;
      } while (byte == 255);
    }
    match += 4;
    if (distance == 0 || distance > length - from) return DAMAGED;
    if (match > room - length) return FULL;
    uint8_t* const to = out + length;
    const uint8_t* const source = to - distance;
    if (distance >= 16) for (int k = 0; k < match; k += 16) *(v16b_unaligned*)(to + k) = *(const v16b_unaligned*)(source + k);
    else if (distance >= 8) for (int k = 0; k < match; k += 8) *(u64_unaligned*)(to + k) = *(const u64_unaligned*)(source + k);
    // Byte by byte, as the match runs into what it writes.
    else for (int k = 0; k < match; k++) to[k] = source[k];
    length += match;
  }
  return length;
}

static inline uint32_t rotl(uint32_t x, int r) { return x << r | x >> (32 - r); }
static const uint32_t P1 = 0x9e3779b1, P2 = 0x85ebca77, P3 = 0xc2b2ae3d, P4 = 0x27d4eb2f, P5 = 0x165667b1;

extern "C" uint32_t xxh32(const uint8_t* in, int length) {
  uint32_t h = P5;
  int at = 0;
  if (length >= 16) {
    uint32_t lane[4] = {P1 + P2, P2, 0, 0 - P1};
    for (; at + 16 <= length; at += 16)
      for (int k = 0; k < 4; k++) lane[k] = rotl(lane[k] + *(const u32_unaligned*)(in + at + 4 * k) * P2, 13) * P1;
    h = rotl(lane[0], 1) + rotl(lane[1], 7) + rotl(lane[2], 12) + rotl(lane[3], 18);
  }
  h += length;
  for (; at + 4 <= length; at += 4) h = rotl(h + *(const u32_unaligned*)(in + at) * P3, 17) * P4;
  for (; at < length; at++) h = rotl(h + in[at] * P5, 11) * P1;
  h ^= h >> 15;
  h *= P2;
  h ^= h >> 13;
  h *= P3;
  return h ^ h >> 16;
}
