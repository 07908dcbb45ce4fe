// X += W ⊛ S for sparse binary S.
//   S as events, row (t, position), key = x·inC + channel; W [tap][inC][outCp]; X [t][y][x][outCp], steps `apart`
// Two ways, chosen by measured density:
//   by outputs   the events that one kernel row sees of an output are neighbors in their list, and add up in registers, NV
//                vectors of channels; what is left of the time is their loads, and a mispredicted end of most lists
//   by events    where most outputs see none: every event is added to the outputs that it reaches (stride 1)
// The order of a sum depends on the events alone.
#pragma once
#include "conv.h"

namespace kernels {

template <class T, int NV>
__attribute__((noinline)) static void spikeSumOutputs(const Layer& L, const T* w, const Events& e, int t0, int steps, T* x, long apart, int firstVector) {
  typedef Vec<T> V;
  const long cp = L.outCp;
  const uint16_t* const key = e.key.data();
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, L.sH, L.pH, L.inH, L.outH, y0, y1);
    const T* rows = w + size_t(kh) * L.kW * L.inC * cp + firstVector * LANES<T>;
    for (int t = 0; t < steps; t++) {
      const uint32_t* start = e.start.data() + size_t(t0 + t) * e.positions;
      for (int y = y0; y < y1; y++) {
        const uint32_t* row = start + (y * L.sH + kh - L.pH) * L.inW;
        if (row[0] == row[L.inW]) continue;
        T* out = x + t * apart + size_t(y) * L.outW * cp + firstVector * LANES<T>;
        for (int xo = 0; xo < L.outW; xo++, out += cp) {
          const int left = xo * L.sW - L.pW, right = left + L.kW;
          if (right <= 0 || left >= L.inW) continue;
          uint32_t k = row[left < 0 ? 0 : left];
          const uint32_t to = row[right > L.inW ? L.inW : right];
          if (k >= to) continue;
          const T* base = rows - long(left) * L.inC * cp;
          V acc[NV] = {};
          for (; k < to; k++) {
            const V* r = reinterpret_cast<const V*>(base + long(key[k]) * cp);
            for (int n = 0; n < NV; n++) acc[n] += r[n];
          }
          for (int n = 0; n < NV; n++) reinterpret_cast<V*>(out)[n] += acc[n];
        }
      }
    }
  }
}

template <class T, int NV>
__attribute__((noinline)) static void spikeSumEvents(const Layer& L, const T* w, const Events& e, int t0, int steps, T* x, long apart, int firstVector) {
  typedef Vec<T> V;
  const long cp = L.outCp, tap = long(L.inC) * cp;
  for (int t = 0; t < steps; t++) {
    const uint32_t* start = e.start.data() + size_t(t0 + t) * e.positions;
    T* map = x + t * apart + firstVector * LANES<T>;
    for (int yi = 0; yi < L.inH; yi++, start += L.inW) {
      if (start[0] == start[L.inW]) continue;
      for (int xi = 0; xi < L.inW; xi++) {
        for (uint32_t k = start[xi]; k < start[xi + 1]; k++) {
          const T* weights = w + long(e.key[k] - xi * L.inC) * cp + firstVector * LANES<T>;
          for (int kh = 0; kh < L.kH; kh++) {
            const int y = yi + L.pH - kh;
            if (y < 0 || y >= L.outH) continue;
            // Column xo takes tap xi + pW − xo.
            const int from = xi + L.pW - L.kW + 1, to = xi + L.pW + 1;
            for (int xo = from < 0 ? 0 : from; xo < to && xo < L.outW; xo++) {
              V* out = reinterpret_cast<V*>(map + (long(y) * L.outW + xo) * cp);
              const V* r = reinterpret_cast<const V*>(weights + (long(kh) * L.kW + to - 1 - xo) * tap);
              for (int n = 0; n < NV; n++) out[n] += r[n];
            }
          }
        }
      }
    }
  }
}

template <class T, int NV>
static inline void spikeSumVectors(bool byEvents, const Layer& L, const T* w, const Events& e, int t0, int steps, T* x, long apart, int v) {
  if (byEvents) spikeSumEvents<T, NV>(L, w, e, t0, steps, x, apart, v);
  else spikeSumOutputs<T, NV>(L, w, e, t0, steps, x, apart, v);
}

// As convEvents, which serves counted events.
template <class T> static void spikeSums(const Layer& L, const T* w, const Events& e, int t0, int steps, T* x, long apart) {
  if (!e.value.empty()) {
    for (int t = 0; t < steps; t++) convEvents(L, w, e, t0 + t, 1, x + t * apart);
    return;
  }
  const uint32_t* start = e.start.data() + size_t(t0) * e.positions;
  const size_t cells = size_t(steps) * e.positions;
  const bool byEvents = L.sH == 1 && L.sW == 1 && size_t(start[cells] - start[0]) * 2 < cells;
  const int vectors = L.outCp / LANES<T>;
  for (int v = 0; v < vectors;) {
    const int left = vectors - v;
    if (left >= 8) spikeSumVectors<T, 8>(byEvents, L, w, e, t0, steps, x, apart, v), v += 8;
    else if (left >= 4) spikeSumVectors<T, 4>(byEvents, L, w, e, t0, steps, x, apart, v), v += 4;
    else if (left >= 2) spikeSumVectors<T, 2>(byEvents, L, w, e, t0, steps, x, apart, v), v += 2;
    else spikeSumVectors<T, 1>(byEvents, L, w, e, t0, steps, x, apart, v), v += 1;
  }
}

}  // namespace kernels
