// convEvents of integer weights that fit 16 bits: X += W ⊛ S, with sums of one kernel row's events held in 16-bit lanes, twice as many
// as of 32 bits, and widened before they could overflow.
//   weights [tap][inC][outCp] int16, |w| ≤ `largest`; S events of value 1; X [y][x][outCp] int32
#pragma once
#include "conv.h"

namespace kernels {

typedef int16_t ShortVec __attribute__((vector_size(VECTOR_BYTES)));
typedef int16_t ShortHalf __attribute__((vector_size(VECTOR_BYTES / 2)));
constexpr int WIDE = LANES<int32_t>;

// Adds one vector of sums to outputs.
static inline void addWide(const ShortHalf& sum, Vec<int32_t>* out) { out[0] += __builtin_convertvector(sum, Vec<int32_t>); }
static inline void addWide(const ShortVec& sum, Vec<int32_t>* out) {
  ShortHalf half[2];
  __builtin_memcpy(half, &sum, sizeof half);
  addWide(half[0], out);
  addWide(half[1], out + 1);
}

// The block of weights may be larger than that of convEvents: the sums are in registers, not beside it in the cache.
constexpr int SHORT_BLOCK_BYTES = 40 * 1024;

// NV vectors V of output channels from channel `first` on, kernel columns kw0…kw1−1.
template <class V, int NV>
__attribute__((noinline)) static void convShortRows(const Layer& L, const int16_t* w, uint32_t longest, const Events& e, int t0, int steps, int32_t* x, int first, int kw0, int kw1) {
  const long cp = L.outCp;
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, L.sH, L.pH, L.inH, L.outH, y0, y1);
    const int16_t* rows = w + size_t(kh) * L.kW * L.inC * cp + first;
    for (int t = 0; t < steps; t++) {
      const uint32_t* start = e.start.data() + size_t(t0 + t) * e.positions;
      for (int y = y0; y < y1; y++) {
        const uint32_t* row = start + (y * L.sH + kh - L.pH) * L.inW;
        if (row[0] == row[L.inW]) continue;
        int32_t* out = x + size_t(t) * L.outSize() + size_t(y) * L.outW * cp + first;
        for (int xo = 0; xo < L.outW; xo++, out += cp) {
          const int left = xo * L.sW - L.pW, from = left + kw0, right = left + kw1;
          if (right <= 0 || from >= L.inW) continue;
          uint32_t k = row[from < 0 ? 0 : from];
          const uint32_t to = row[right > L.inW ? L.inW : right];
          const int16_t* base = rows - long(left) * L.inC * cp;
          while (k < to) {
            const uint32_t end = to - k > longest ? k + longest : to;
            V acc[NV] = {};
            for (; k < end; k++) {
              // Rows are padded to vectors of 32-bit sums: one of 16 bits may begin in the middle of another, so none is taken for aligned.
              V row[NV];
              __builtin_memcpy(row, base + long(e.key[k]) * cp, sizeof row);
              for (int n = 0; n < NV; n++) acc[n] += row[n];
            }
            for (int n = 0; n < NV; n++) addWide(acc[n], reinterpret_cast<Vec<int32_t>*>(out) + n * int(sizeof(V) / sizeof(int16_t)) / WIDE);
          }
        }
      }
    }
  }
}

template <class V, int NV>
static void convShortColumns(const Layer& L, const int16_t* w, uint32_t longest, const Events& e, int t0, int steps, int32_t* x, int first) {
  int columns = SHORT_BLOCK_BYTES / (L.inC * NV * int(sizeof(V)));
  if (columns < 1) columns = 1;
  for (int kw = 0; kw < L.kW; kw += columns)
    convShortRows<V, NV>(L, w, longest, e, t0, steps, x, first, kw, kw + columns < L.kW ? kw + columns : L.kW);
}

// largest ≥ 1. outCp is a multiple of WIDE.
static inline void convShort(const Layer& L, const int16_t* w, int largest, const Events& e, int t0, int steps, int32_t* x) {
  const uint32_t longest = uint32_t(32767 / largest);
  for (int first = 0; first < L.outCp;) {
    const int left = L.outCp - first;
    if (left >= 4 * WIDE) convShortColumns<ShortVec, 2>(L, w, longest, e, t0, steps, x, first), first += 4 * WIDE;
    else if (left >= 2 * WIDE) convShortColumns<ShortVec, 1>(L, w, longest, e, t0, steps, x, first), first += 2 * WIDE;
    else convShortColumns<ShortHalf, 1>(L, w, longest, e, t0, steps, x, first), first += WIDE;
  }
}

}  // namespace kernels
