// X += W ⊛ S for sparse binary S and stride 1: each event is read once for all kW outputs that it reaches in a row.
//   S as events, row (t, position), key = x·inC + channel; W [tap][inC][outCp]; X [t][y][x][outCp]
// The kW output columns that an input column reaches wait in registers, NV vectors of channels each; when the next column
// begins, the first of them is done. kW·NV independent sums hide the additions' latency. Order of a sum: kernel row, then input
// column, then channel.
#pragma once
#include "conv.h"

namespace kernels {

template <class T, int KW, int NV>
__attribute__((noinline)) static void spikeSumRows(const Layer& L, const T* w, const Events& e, int t0, int steps, T* x, int firstVector) {
  typedef Vec<T> V;
  const long cp = L.outCp, tap = long(L.inC) * cp;
  const int lead = KW - 1 - L.pW;
  const uint16_t* const key = e.key.data();
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, 1, L.pH, L.inH, L.outH, y0, y1);
    const T* rows[KW];     // of acc[j]
    for (int j = 0; j < KW; j++) rows[j] = w + (kh * KW + KW - 1 - j) * tap + firstVector * LANES<T>;
    for (int t = 0; t < steps; t++) {
      const uint32_t* start = e.start.data() + size_t(t0 + t) * e.positions;
      for (int y = y0; y < y1; y++) {
        const uint32_t* row = start + (y + kh - L.pH) * L.inW;
        uint32_t k = row[0];
        if (k == row[L.inW]) continue;
        T* out = x + size_t(t) * L.outSize() + size_t(y) * L.outW * cp + firstVector * LANES<T>;
        V acc[KW][NV] = {};
        // acc[j] belongs to output column xi − lead + j, which tap KW − 1 − j joins with input column xi.
        const auto shift = [&](int column) {
          if (column >= 0 && column < L.outW) {
            V* to = reinterpret_cast<V*>(out + column * cp);
            for (int n = 0; n < NV; n++) to[n] += acc[0][n];
          }
          for (int j = 0; j + 1 < KW; j++)
            for (int n = 0; n < NV; n++) acc[j][n] = acc[j + 1][n];
          for (int n = 0; n < NV; n++) acc[KW - 1][n] = V{};
        };
        int xi = 0;
        for (; xi < L.inW; xi++) {
          const int first = xi * L.inC;
          for (const uint32_t end = row[xi + 1]; k < end; k++) {
            const long at = long(key[k] - first) * cp;
            for (int j = 0; j < KW; j++)
              for (int n = 0; n < NV; n++) acc[j][n] += reinterpret_cast<const V*>(rows[j] + at)[n];
          }
          shift(xi - lead);
        }
        for (int j = 0; j + 1 < KW; j++) shift(xi - lead + j);
      }
    }
  }
}

template <class T, int KW> static void spikeSumBlocks(const Layer& L, const T* w, const Events& e, int t0, int steps, T* x) {
  const int vectors = L.outCp / LANES<T>;
  // One kernel row of the weights in sight stays in the first-level cache.
  const bool two = KW * L.inC * 2 * VECTOR_BYTES <= 24 * 1024;
  for (int v = 0; v < vectors;) {
    if (two && vectors - v >= 2) spikeSumRows<T, KW, 2>(L, w, e, t0, steps, x, v), v += 2;
    else spikeSumRows<T, KW, 1>(L, w, e, t0, steps, x, v), v += 1;
  }
}

// As convEvents, which serves strides, other widths and counted events.
template <class T> static void spikeSums(const Layer& L, const T* w, const Events& e, int t0, int steps, T* x) {
  if (e.value.empty() && L.sH == 1 && L.sW == 1 && L.kW == 5) spikeSumBlocks<T, 5>(L, w, e, t0, steps, x);
  else if (e.value.empty() && L.sH == 1 && L.sW == 1 && L.kW == 3) spikeSumBlocks<T, 3>(L, w, e, t0, steps, x);
  else convEvents(L, w, e, t0, steps, x);
}

}  // namespace kernels
