// Spikes as bits, and as the lists that the products of a convolution take.
// Steps that are close share most of their spikes, as neurons fire in every step or, held back by their refractory trace, in
// every other one: what all ten steps of a block have in common, what each half of it has besides, and each other step of a
// half, is summed once (lists `common`: seven maps a block), the rest step by step (lists `single`). Unlike sums of
// differences nothing drifts. On the paper's network a third of the additions is left.
#pragma once
#include "network.h"

namespace srm {

template <class T> using Mask = decltype(Vec<T>{} > Vec<T>{});

// A vector of ones as a sum: clang for WebAssembly leaves a loop over the lanes in memory, whose stores then stalled the load.
template <class T> static inline Vec<T> ones() { return Vec<T>{} + T(1); }

template <class T> static inline Vec<T> above(Vec<T> u) { return u > Vec<T>{} ? ones<T>() : Vec<T>{}; }   // 1 where u > 0, else 0

// One bit a lane of a mask. Eight bytes of 0 or 1 times this constant leave their bits side by side in the highest byte; a
// vector of four lanes is not narrowed to bytes, which WebAssembly would do lane by lane.
template <class T> static inline uint32_t bitsOf(Mask<T> mask) {
  if constexpr (LANES<T> == 4 && VECTOR_BYTES == 16) {
    uint64_t half[2];
    const Mask<T> bit = mask & Mask<T>{1, 2, 4, 8};
    __builtin_memcpy(half, &bit, sizeof half);
    const uint64_t both = half[0] | half[1];
    return uint32_t(both | both >> 32);
  } else {
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
}

// Whether a mask has a lane.
template <class T> static inline bool anyOf(Mask<T> mask) {
  if constexpr (VECTOR_BYTES == 16) {
    uint64_t half[2];
    __builtin_memcpy(half, &mask, sizeof half);
    return (half[0] | half[1]) != 0;
  } else {
    typedef int8_t Bytes __attribute__((vector_size(LANES<T>)));
    const Bytes bytes = __builtin_convertvector(mask, Bytes);
    uint64_t words[2] = {0, 0};
    __builtin_memcpy(words, &bytes, LANES<T>);
    return (words[0] | words[1]) != 0;
  }
}

// Appends the channels of the set bits of a position as keys x·C + channel.
static inline uint16_t* appendKeys(uint64_t bits, uint32_t base, uint16_t* list) {
  for (; bits; bits &= bits - 1) *list++ = uint16_t(base + __builtin_ctzll(bits));
  return list;
}

// Bits of one map [position][words] appended to a list.
static inline void appendMap(const Layer& next, int words, Events& e, const uint64_t* word) {
  const size_t before = e.key.size();
  e.key.resize(before + size_t(next.inH) * next.inW * next.inC);
  uint16_t* const first = e.key.data();
  uint16_t* list = first + before;
  size_t row = e.start.size();
  e.start.resize(row + size_t(next.inH) * next.inW);
  uint32_t* start = e.start.data() + row;
  for (int y = 0, i = 0; y < next.inH; y++)
    for (int x = 0; x < next.inW; x++) {
      for (int k = 0; k < words; k++, i++) list = appendKeys(word[i], uint32_t(x * next.inC + k * 64), list);
      *start++ = uint32_t(list - first);
    }
  e.key.resize(list - first);
}

// Lists of steps [t, t + n) of the layer that reads `bits`; n ≤ BLOCK. A step that is missing shares nothing. `room` holds a
// tree of maps: leaves are steps, and a node is what its children share, which is taken from all of them.
static inline void appendBlock(const Layer& next, const Bits& bits, int t, int n, Events& single, Events& common, Array<uint64_t>& room) {
  const size_t map = size_t(bits.positions) * bits.words;
  room.resize((BLOCK + SHARED_MAPS) * map);
  uint64_t* const steps = room.data() + SHARED_MAPS * map;
  __builtin_memcpy(steps, bits.at(t), n * map * sizeof(uint64_t));
  __builtin_memset(steps + n * map, 0, (BLOCK - n) * map * sizeof(uint64_t));
  for (int node = SHARED_MAPS - 1; node >= 0; node--) {
    uint64_t* child[3];
    int children = 0;
    if (node >= 3) {
      for (int k = 0; k < BLOCK; k++) if (turnMap(k) == node) child[children++] = steps + k * map;
    } else {
      for (int k = 2 * node + 1; k < 2 * node + 3; k++) child[children++] = room.data() + k * map;
    }
    uint64_t *parent = room.data() + node * map, *third = children > 2 ? child[2] : child[1];
    for (size_t i = 0; i < map; i++) {
      const uint64_t shared = child[0][i] & child[1][i] & third[i];
      parent[i] = shared;
      for (int k = 0; k < children; k++) child[k][i] &= ~shared;
    }
  }
  for (int node = 0; node < SHARED_MAPS; node++) appendMap(next, bits.words, common, room.data() + node * map);
  for (int k = 0; k < n; k++) appendMap(next, bits.words, single, steps + k * map);
}

static inline double countBits(const Bits& bits, int t) {
  const uint64_t* at = bits.at(t);
  uint64_t n = 0;
  for (int i = 0; i < bits.positions * bits.words; i++) n += uint64_t(__builtin_popcountll(at[i]));
  return double(n);
}

}  // namespace srm
