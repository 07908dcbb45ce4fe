// The one dense micro-kernel: C[m, n] += Σ over segments Σ_k A[m, k]·B[k, n].
// A(m, k) = a[m·sm + k·sk]; B row k at b + k·ldb; C row m at c + m·ldc; n runs over NV whole vectors.
// The accumulators stay in registers over all segments; the order of summation is that of segments, then k.
#pragma once
#include "layout.h"

namespace kernels {

template <class T> struct Segment { const T* a; const T* b; int k; };

// ADD: to what C held, else in its place.
template <class T, int M, int NV, bool ADD = true>
__attribute__((noinline)) static void gemmTile(T* c, long ldc, const Segment<T>* segments, int count, long sm, long sk, long ldb) {
  typedef Vec<T> V;
  V acc[M][NV];
  for (int m = 0; m < M; m++)
    for (int n = 0; n < NV; n++) acc[m][n] = ADD ? *reinterpret_cast<const V*>(c + m * ldc + n * LANES<T>) : V{};
  for (int s = 0; s < count; s++) {
    const T* a = segments[s].a;
    const T* b = segments[s].b;
    for (int k = 0; k < segments[s].k; k++, a += sk, b += ldb) {
      V row[NV];
      for (int n = 0; n < NV; n++) row[n] = *reinterpret_cast<const V*>(b + n * LANES<T>);
      for (int m = 0; m < M; m++) {
        const T x = a[m * sm];
        for (int n = 0; n < NV; n++) acc[m][n] += x * row[n];
      }
    }
  }
  for (int m = 0; m < M; m++)
    for (int n = 0; n < NV; n++) *reinterpret_cast<V*>(c + m * ldc + n * LANES<T>) = acc[m][n];
}

template <class T, int NV, bool ADD>
static inline void gemmRows(int m, T* c, long ldc, const Segment<T>* s, int count, long sm, long sk, long ldb) {
  if constexpr (NV <= 2) switch (m) {
    case 8: gemmTile<T, 8, NV, ADD>(c, ldc, s, count, sm, sk, ldb); break;
    case 7: gemmTile<T, 7, NV, ADD>(c, ldc, s, count, sm, sk, ldb); break;
    case 6: gemmTile<T, 6, NV, ADD>(c, ldc, s, count, sm, sk, ldb); break;
    case 5: gemmTile<T, 5, NV, ADD>(c, ldc, s, count, sm, sk, ldb); break;
    default: break;
  }
  switch (m) {
    case 4: gemmTile<T, 4, NV, ADD>(c, ldc, s, count, sm, sk, ldb); break;
    case 3: gemmTile<T, 3, NV, ADD>(c, ldc, s, count, sm, sk, ldb); break;
    case 2: gemmTile<T, 2, NV, ADD>(c, ldc, s, count, sm, sk, ldb); break;
    case 1: gemmTile<T, 1, NV, ADD>(c, ldc, s, count, sm, sk, ldb); break;
    default: break;
  }
}

// rows m ≤ 8; columns in vectors, taken two at a time (four where there are few rows). The segments' b is shifted along.
template <class T, bool ADD = true>
static inline void gemmBlock(int m, int vectors, T* c, long ldc, Segment<T>* s, int count, long sm, long sk, long ldb) {
  for (int v = 0; v < vectors;) {
    const int left = vectors - v;
    const int nv = VECTOR_BYTES == 64 && m <= 4 && left >= 4 ? 4 : left >= 2 ? 2 : 1;
    if (nv == 4) gemmRows<T, 4, ADD>(m, c, ldc, s, count, sm, sk, ldb);
    else if (nv == 2) gemmRows<T, 2, ADD>(m, c, ldc, s, count, sm, sk, ldb);
    else gemmRows<T, 1, ADD>(m, c, ldc, s, count, sm, sk, ldb);
    v += nv;
    c += nv * LANES<T>;
    for (int i = 0; i < count; i++) s[i].b += nv * LANES<T>;
  }
}

// Accumulators, a row of B and an element of A must find registers: AVX-512 has 32, AVX2, SSE2 and V8's WebAssembly half of that.
constexpr int ROWS = VECTOR_BYTES == 64 ? 8 : 4;

}  // namespace kernels
