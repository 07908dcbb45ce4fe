// outerEvents of square kernels of 3 or 5 taps with stride 1 and padding K/2: dW += gX ⊗ S, with a channel's whole kernel in
// registers while its events pass, and the gradients of one vector of output channels side by side, so that they stay in the
// first-level cache.
//   gX [step][y][x + 2·padX][outCp], columns beside the map never read; S events of value 1; dW [vector][inC][tap][LANES]
//   plane [step][y][x + R][LANES] of one vector of gX, R = K/2 zero columns between rows
#pragma once
#include "conv.h"

namespace kernels {

static inline bool planesServe(const Layer& L) {
  return L.sH == 1 && L.sW == 1 && L.kH == L.kW && (L.kH == 3 || L.kH == 5) && L.pH == L.kH / 2 && L.pW == L.pH && L.inC >= 16 &&
    L.inH >= L.kH - 1;
}

// Where dW[tap][i][o] stands.
template <class T> static inline size_t planesIndex(const Layer& L, int tap, int i, int o) {
  return ((size_t(o / LANES<T>) * L.inC + i) * L.taps() + tap) * LANES<T> + o % LANES<T>;
}

// Kernel rows whose sums find registers at once: AVX-512 has 32, others half of that.
constexpr int PLANE_ROWS = VECTOR_BYTES == 64 ? 5 : 2;
// Steps are taken together while their planes take no more than this, about the first-level cache.
constexpr int PLANE_BYTES = 32 * 1024;

// Rows of a map by which kernel rows find an output row: the first R rows and the last R a class each, all others one.
template <int K> struct RowClass {
  static constexpr int of(int y, int height) { return y < K / 2 ? y : y < height - K / 2 ? K / 2 : K - (height - y); }
  static constexpr int from(int i) { return i <= K / 2 ? 0 : i - K / 2; }
  static constexpr int to(int i) { return i < K / 2 ? i + K / 2 + 1 : K; }
};

template <class T> struct PlaneSpace {
  Array<uint32_t> start, cursor;   // [inC·K + 1] by channel, then class
  Array<int32_t> cell;             // bytes from the plane's begin to what the last tap of an event reads
  Array<uint16_t> channel, column; // [key]
  Buffer<T> plane;
  const Layer* layer = nullptr;

  void prepare(const Layer& L, int steps) {
    plane.resize((size_t(steps) * L.outH * (L.outW + L.kW / 2) + L.kW) * LANES<T>);
    if (layer == &L) return;
    layer = &L;
    channel.resize(size_t(L.inW) * L.inC);
    column.resize(size_t(L.inW) * L.inC);
    for (int x = 0, key = 0; x < L.inW; x++)
      for (int c = 0; c < L.inC; c++, key++) { channel[key] = uint16_t(c); column[key] = uint16_t(x); }
  }

  template <int K> void sort(const Layer& L, const Events& e, int t0, int steps) {
    const int bins = L.inC * K, line = L.outW + K / 2;
    start.zero(bins + 1);
    cursor.resize(bins + 1);
    const uint32_t* rows = e.start.data() + size_t(t0) * e.positions;
    cell.resize(rows[size_t(steps) * e.positions] - rows[0]);
    for (int t = 0; t < steps; t++)
      for (int y = 0; y < L.inH; y++) {
        const uint32_t* row = rows + (size_t(t) * L.inH + y) * L.inW;
        uint32_t* count = start.data() + RowClass<K>::of(y, L.inH) + 1;
        for (uint32_t k = row[0]; k < row[L.inW]; k++) count[channel[e.key[k]] * K]++;
      }
    for (int b = 0; b < bins; b++) start[b + 1] += start[b];
    __builtin_memcpy(cursor.data(), start.data(), bins * sizeof(uint32_t));
    for (int t = 0; t < steps; t++)
      for (int y = 0; y < L.inH; y++) {
        const uint32_t* row = rows + (size_t(t) * L.inH + y) * L.inW;
        uint32_t* at = cursor.data() + RowClass<K>::of(y, L.inH);
        const int32_t base = (t * L.outH + y - K / 2) * line;
        for (uint32_t k = row[0]; k < row[L.inW]; k++) {
          const uint16_t key = e.key[k];
          cell[at[channel[key] * K]++] = (base + column[key]) * VECTOR_BYTES;
        }
      }
  }

  // Vector v of the maps g.
  void pack(const Layer& L, const T* g, int steps, int v) {
    typedef Vec<T> V;
    const int margin = L.kW / 2, vectors = L.outCp / LANES<T>;
    V* to = reinterpret_cast<V*>(plane.get());
    for (int x = 0; x < margin; x++) *to++ = V{};
    for (int t = 0; t < steps; t++)
      for (int y = 0; y < L.outH; y++) {
        const V* from = reinterpret_cast<const V*>(g + t * L.gSize() + (size_t(y) * L.gWidth() + L.padX()) * L.outCp) + v;
        for (int x = 0; x < L.outW; x++) *to++ = from[long(x) * vectors];
        for (int x = 0; x < margin; x++) *to++ = V{};
      }
  }
};

// Events of class C of a channel: their taps in kernel rows A…B−1.
template <class T, int K, int A, int B, int C>
static inline void planesRun(const char* plane, long line, const int32_t* cell, const uint32_t* start, Vec<T> (&acc)[B - A][K]) {
  constexpr int from = RowClass<K>::from(C) > A ? RowClass<K>::from(C) : A, to = RowClass<K>::to(C) < B ? RowClass<K>::to(C) : B;
  if constexpr (from < to) {
    for (uint32_t k = start[C]; k < start[C + 1]; k++) {
      const char* p = plane + cell[k];
      for (int kh = to - 1; kh >= from; kh--) {
        const Vec<T>* row = reinterpret_cast<const Vec<T>*>(p + (K - 1 - kh) * line);
        for (int kw = 0; kw < K; kw++) acc[kh - A][kw] += row[K - 1 - kw];
      }
    }
  }
  if constexpr (C + 1 < K) planesRun<T, K, A, B, C + 1>(plane, line, cell, start, acc);
}

// Kernel rows A…B−1 of every channel.
template <class T, int K, int A, int B>
__attribute__((noinline)) static void planesRows(const Layer& L, const PlaneSpace<T>& space, Vec<T>* dw) {
  const uint32_t* start = space.start.data();
  for (int c = 0; c < L.inC; c++, start += K, dw += K * K) {
    if (start[0] == start[K]) continue;
    Vec<T> acc[B - A][K];
    for (int kh = A; kh < B; kh++) for (int kw = 0; kw < K; kw++) acc[kh - A][kw] = dw[kh * K + kw];
    planesRun<T, K, A, B, 0>(reinterpret_cast<const char*>(space.plane.get()), long(L.outW + K / 2) * VECTOR_BYTES, space.cell.data(), start, acc);
    for (int kh = A; kh < B; kh++) for (int kw = 0; kw < K; kw++) dw[kh * K + kw] = acc[kh - A][kw];
  }
}
template <class T, int K, int A> static inline void planesKernel(const Layer& L, const PlaneSpace<T>& space, Vec<T>* dw) {
  constexpr int B = A + PLANE_ROWS < K ? A + PLANE_ROWS : K;
  planesRows<T, K, A, B>(L, space, dw);
  if constexpr (B < K) planesKernel<T, K, B>(L, space, dw);
}

template <class T, int K>
static void planesOuterOf(const Layer& L, const T* g, const Events& e, int t0, int steps, T* dw, PlaneSpace<T>& space) {
  int block = PLANE_BYTES / (L.outH * (L.outW + K / 2) * VECTOR_BYTES);
  block = block < 1 ? 1 : block > steps ? steps : block;
  space.prepare(L, block);
  for (int t = 0; t < steps; t += block) {
    const int n = steps - t < block ? steps - t : block;
    space.template sort<K>(L, e, t0 + t, n);
    for (int v = 0; v < L.outCp / LANES<T>; v++) {
      space.pack(L, g + t * L.gSize(), n, v);
      planesKernel<T, K, 0>(L, space, reinterpret_cast<Vec<T>*>(dw) + long(v) * L.inC * K * K);
    }
  }
}
template <class T> static void planesOuter(const Layer& L, const T* g, const Events& e, int t0, int steps, T* dw, PlaneSpace<T>& space) {
  if (L.kH == 5) planesOuterOf<T, 5>(L, g, e, t0, steps, dw, space);
  else planesOuterOf<T, 3>(L, g, e, t0, steps, dw, space);
}

}  // namespace kernels
