// Spikes as bits, and as the lists that the products of a convolution take.
// Consecutive steps share most of their spikes: what all four steps of a block have in common, and what two of them have
// besides, is summed once (lists `common`: three maps a block), the rest step by step (lists `single`). Sums stay sums of
// positive terms, so nothing drifts. On the paper's network a third of the additions is left out.
#pragma once
#include "network.h"

namespace srm {

template <class T> using Mask = decltype(Vec<T>{} > Vec<T>{});

template <class T> static inline Vec<T> above(Vec<T> u) {   // 1 where u > 0, else 0
  Vec<T> one, zero = {};
  for (int k = 0; k < LANES<T>; k++) one[k] = 1;
  return (u > zero) ? one : zero;
}

// One bit a lane of a mask. Eight bytes of 0 or 1 times this constant leave their bits side by side in the highest byte.
template <class T> static inline uint32_t bitsOf(Mask<T> mask) {
  typedef int8_t Bytes __attribute__((vector_size(LANES<T>)));
  const Bytes bytes = __builtin_convertvector(mask, Bytes);
  uint32_t bits = 0;
  for (int k = 0; k < LANES<T>; k += 8) {
    uint64_t eight = 0;
    __builtin_memcpy(&eight, reinterpret_cast<const char*>(&bytes) + k, LANES<T> < 8 ? LANES<T> : 8);
    bits |= uint32_t(((eight & 0x0101010101010101ull) * 0x0102040810204080ull) >> 56) << k;
  }
  return bits;
}

// Appends the channels of the set bits of a position as keys x·C + channel.
static inline uint16_t* appendKeys(uint64_t bits, uint32_t base, uint16_t* list) {
  for (; bits; bits &= bits - 1) *list++ = uint16_t(base + __builtin_ctzll(bits));
  return list;
}

// Map of one step appended to a list: positions' words given by `word(index)`.
template <class F> static inline void appendMap(const Layer& next, int words, Events& e, F word) {
  const size_t before = e.key.size();
  e.key.resize(before + size_t(next.inH) * next.inW * next.inC);
  uint16_t* const first = e.key.data();
  uint16_t* list = first + before;
  size_t row = e.start.size();
  e.start.resize(row + size_t(next.inH) * next.inW);
  uint32_t* start = e.start.data() + row;
  for (int y = 0, i = 0; y < next.inH; y++)
    for (int x = 0; x < next.inW; x++) {
      for (int k = 0; k < words; k++, i++) list = appendKeys(word(i), uint32_t(x * next.inC + k * 64), list);
      *start++ = uint32_t(list - first);
    }
  e.key.resize(list - first);
}

// Lists of steps [t, t + n) of the layer that reads `bits`; n ≤ BLOCK. A step that is missing shares nothing.
static inline void appendBlock(const Layer& next, const Bits& bits, int t, int n, Events& single, Events& common) {
  const uint64_t* step[BLOCK];
  for (int k = 0; k < BLOCK; k++) step[k] = bits.at(t + smaller(k, n - 1));
  const uint64_t *a = step[0], *b = step[1], *c = step[2], *d = step[3];
  const uint64_t early = n >= 2 ? ~0ull : 0, late = n >= 4 ? ~0ull : 0;
  const int words = bits.words;
  appendMap(next, words, common, [&](int i) { return a[i] & b[i] & c[i] & d[i] & late; });
  appendMap(next, words, common, [&](int i) { return a[i] & b[i] & early & ~(c[i] & d[i] & late); });
  appendMap(next, words, common, [&](int i) { return c[i] & d[i] & late & ~(a[i] & b[i]); });
  for (int k = 0; k < n; k++) {
    const uint64_t *other = step[k ^ 1], partner = k < 2 ? early : late;
    const uint64_t* own = step[k];
    appendMap(next, words, single, [&](int i) { return own[i] & ~(other[i] & partner); });
  }
}

static inline double countBits(const Bits& bits, int t) {
  const uint64_t* at = bits.at(t);
  uint64_t n = 0;
  for (int i = 0; i < bits.positions * bits.words; i++) n += uint64_t(__builtin_popcountll(at[i]));
  return double(n);
}

}  // namespace srm
