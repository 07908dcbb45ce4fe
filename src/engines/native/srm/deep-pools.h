// Pools on pools: forward an OR of bits, as the largest U of a window is above 0 where any of it is; backward the gradient goes
// to the first maximum of every window on the way down. L.pool pools; those behind the first, which neurons.h does, are here.
#pragma once
#include "spikes.h"

namespace srm {

// Bits behind the first pool to bits behind the last, of steps [t, t + n). Counts what every pool on the way passes on.
static inline void poolDeeper(const Layer& L, const Bits& first, Bits& last, int t, int n, double* counts, Array<uint64_t>& room) {
  const int words = first.words;
  room.resize(size_t(first.positions) * words);
  uint64_t* map = room.data();
  for (int step = t; step < t + n; step++) {
    __builtin_memcpy(map, first.at(step), size_t(first.positions) * words * sizeof(uint64_t));
    int width = pooledW(L), height = pooledH(L);
    for (int level = 2; level <= L.pool; level++) {
      // In place: a cell is written behind all that the cells after it read.
      const int above = width;
      width /= 2;
      height /= 2;
      uint64_t fired = 0;
      for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
          for (int k = 0; k < words; k++) {
            const uint64_t* from = map + (size_t(2 * y) * above + 2 * x) * words + k;
            const uint64_t any = from[0] | from[words] | from[size_t(above) * words] | from[size_t(above + 1) * words];
            map[(size_t(y) * width + x) * words + k] = any;
            fired += uint64_t(__builtin_popcountll(any));
          }
      counts[level - 2] += double(fired);
    }
    __builtin_memcpy(last.at(step), map, size_t(last.positions) * words * sizeof(uint64_t));
  }
}

// Largest voltages under cell (y, x) behind `level` pools; channels k ….
template <class T> Vec<T> topUnder(const Layer& L, const T* u, int y, int x, int level, int k) {
  if (level == 0) return *vectorAt(u + (long(y) * L.outW + x) * L.outCp + k);
  Vec<T> top = topUnder(L, u, 2 * y, 2 * x, level - 1, k);
  for (int i = 1; i < 4; i++) {
    const Vec<T> v = topUnder(L, u, 2 * y + i / 2, 2 * x + i % 2, level - 1, k);
    top = top > v ? top : v;
  }
  return top;
}

// Calls visit(y, x, wins) for every cell behind `stop` pools that lies under (y, x) behind `level`: wins is `open` where it is
// the first maximum of every window on the way, else 0.
template <class T, class F> void descend(const Layer& L, const T* u, int y, int x, int level, int stop, int k, Vec<T> open, F& visit) {
  if (level == stop) return visit(y, x, open);
  Vec<T> v[4];
  Vec<T> top;
  for (int i = 0; i < 4; i++) {
    v[i] = topUnder(L, u, 2 * y + i / 2, 2 * x + i % 2, level - 1, k);
    top = i ? (top > v[i] ? top : v[i]) : v[i];
  }
  for (int i = 0; i < 4; i++) {
    const Vec<T> is = v[i] == top ? open : Vec<T>{};
    open -= is;
    descend(L, u, 2 * y + i / 2, 2 * x + i % 2, level - 1, stop, k, is, visit);
  }
}

// As forWinners of adjoint.h, through all pools.
template <class T, class F> void forDeepWinners(const Layer& L, const T* u, F& visit) {
  for (int y = 0; y < L.nextH; y++)
    for (int x = 0; x < L.nextW; x++)
      for (int k = 0; k < L.outCp; k += LANES<T>) {
        const long next = (long(y) * L.nextW + x) * L.outCp + k;
        auto each = [&](int vy, int vx, Vec<T> wins) { visit((long(vy) * L.outW + vx) * L.outCp + k, wins, next); };
        descend(L, u, y, x, L.pool, 0, k, ones<T>(), each);
      }
}

// Gradient of what the last pool passes on, g [steps][nextSize], to that of what the first passes on, out [steps][pooledSize].
template <class T> void spreadPools(const Layer& L, const T* u, int steps, const T* g, T* out) {
  __builtin_memset(out, 0, steps * pooledSize(L) * sizeof(T));
  for (int t = 0; t < steps; t++, u += L.outSize(), g += L.nextSize(), out += pooledSize(L))
    for (int y = 0; y < L.nextH; y++)
      for (int x = 0; x < L.nextW; x++)
        for (int k = 0; k < L.outCp; k += LANES<T>) {
          auto each = [&](int py, int px, Vec<T> wins) { *vectorAt(out + (long(py) * pooledW(L) + px) * L.outCp + k) = wins; };
          descend(L, u, y, x, L.pool, 1, k, *vectorAt(g + (long(y) * L.nextW + x) * L.outCp + k), each);
        }
}

}  // namespace srm
