// convEvents of integer weights in 16-bit sums, stride 1, kernel rows of 3 or 5 taps: X = W ⊛ S, exact or reported as not certain.
//   weights [group of output channels][kH][inC][kW, last first][channels of the group] int16, so that no choice of a kernel row's
//   weights adds up to more than 16 bits hold: slideServes, slideWeights
//   S events of value 1; X [step, `apart` numbers each][y][x][outCp] int16, overwritten
// The outputs under an input position slide along its row in registers: its events add their kernel row to them, then the first of
// them is done with that row. So an event is looked up once a kernel row, not once a tap.
#pragma once
#include "conv-short.h"

namespace kernels {

// w [tap][inC][outCp]
static inline bool slideServes(const Layer& L, const int32_t* w) {
  if (L.sH != 1 || L.sW != 1 || (L.kW != 3 && L.kW != 5) || L.pW >= L.kW) return false;
  for (int kh = 0; kh < L.kH; kh++)
    for (int o = 0; o < L.outC; o++) {
      int64_t up = 0, down = 0;
      for (int i = 0; i < L.kW * L.inC; i++) {
        const int32_t x = w[(size_t(kh) * L.kW * L.inC + i) * L.outCp + o];
        (x > 0 ? up : down) += x;
      }
      if (up > 32767 || down < -32768) return false;
    }
  return true;
}

// A kernel row of a group: it should stay in the first-level cache.
constexpr int SLIDE_BYTES = 24 * 1024;

// visit(first channel, channels) for each group.
template <class F> static inline void slideGroups(const Layer& L, F visit) {
  const bool two = long(L.kW) * L.inC * 2 * VECTOR_BYTES <= SLIDE_BYTES;
  for (int first = 0; first < L.outCp;) {
    const int left = L.outCp - first, n = left >= 4 * WIDE && two ? 4 * WIDE : left >= 2 * WIDE ? 2 * WIDE : WIDE;
    visit(first, n);
    first += n;
  }
}

// [tap][inC][outCp] → the order of the legend
static inline void slideWeights(const Layer& L, const int32_t* w, int16_t* out) {
  slideGroups(L, [&](int first, int n) {
    for (int kh = 0; kh < L.kH; kh++)
      for (int c = 0; c < L.inC; c++)
        for (int kw = L.kW - 1; kw >= 0; kw--)
          for (int o = 0; o < n; o++) *out++ = int16_t(w[(size_t(kh * L.kW + kw) * L.inC + c) * L.outCp + first + o]);
  });
}

// Lanes with a sign bit where adding up kernel rows left 16 bits.
struct SlideDoubt {
  ShortVec left = {};
  bool certain() const {
    int16_t bits = 0;
    for (int i = 0; i < 2 * WIDE; i++) bits |= left[i];
    return bits >= 0;
  }
};
static inline ShortVec widest(ShortVec v) { return v; }
static inline ShortVec widest(ShortHalf v) {
  const ShortHalf both[2] = {v, v};
  ShortVec out;
  __builtin_memcpy(&out, both, sizeof out);
  return out;
}

// Outputs are padded to vectors of 32-bit sums, so one of 16 bits may begin in the middle of another.
template <class V> struct LooseOf { typedef int16_t type __attribute__((vector_size(sizeof(V)), aligned(2))); };

template <class V, int NV, int KW>
__attribute__((noinline)) static void slideRows(const Layer& L, const int16_t* w, const Events& e, int t0, int steps, int16_t* x, size_t apart, int first, SlideDoubt& doubt) {
  const long cp = L.outCp;
  typedef typename LooseOf<V>::type Loose;
  constexpr long ROW = KW * NV * long(sizeof(V) / sizeof(int16_t));
  const V none = {};
  V left = {};
  for (int kh = 0; kh < L.kH; kh++, w += ROW * L.inC) {
    int y0, y1;
    validRange(kh, 1, L.pH, L.inH, L.outH, y0, y1);
    for (int t = 0; t < steps; t++) {
      for (int y = y0; y < y1; y++) {
        const uint32_t* row = e.start.data() + size_t(t0 + t) * e.positions + (y + kh - L.pH) * L.inW;
        if (row[0] == row[L.inW]) continue;
        int16_t* out = x + t * apart + size_t(y) * L.outW * cp + first;
        V acc[KW][NV] = {};
        uint32_t k = row[0];
        for (int xi = 0, xo = L.pW - KW + 1; xo < L.outW; xi++, xo++) {
          if (xi < L.inW) {
            const int16_t* base = w - long(xi) * L.inC * ROW;
            for (const uint32_t to = row[xi + 1]; k < to; k++) {
              const V* tap = reinterpret_cast<const V*>(base + long(e.key[k]) * ROW);
              for (int j = 0; j < KW; j++) for (int n = 0; n < NV; n++) acc[j][n] += tap[j * NV + n];
            }
          }
          if (xo >= 0) {
            Loose* to = reinterpret_cast<Loose*>(out + xo * cp);
            for (int n = 0; n < NV; n++) {
              const V before = to[n], sum = before + acc[0][n];
              left |= (before ^ sum) & (acc[0][n] ^ sum);
              to[n] = sum;
            }
          }
          for (int j = 0; j + 1 < KW; j++) for (int n = 0; n < NV; n++) acc[j][n] = acc[j + 1][n];
          for (int n = 0; n < NV; n++) acc[KW - 1][n] = none;
        }
      }
    }
  }
  doubt.left |= widest(left);
}

template <int KW>
static void slideAll(const Layer& L, const int16_t* w, const Events& e, int t0, int steps, int16_t* x, size_t apart, SlideDoubt& doubt) {
  slideGroups(L, [&](int first, int n) {
    if (n == 4 * WIDE) slideRows<ShortVec, 2, KW>(L, w, e, t0, steps, x, apart, first, doubt);
    else if (n == 2 * WIDE) slideRows<ShortVec, 1, KW>(L, w, e, t0, steps, x, apart, first, doubt);
    else slideRows<ShortHalf, 1, KW>(L, w, e, t0, steps, x, apart, first, doubt);
    w += size_t(L.taps()) * L.inC * n;
  });
}

// Adds to `doubt`: only where it is certain at the end are all sums right.
static inline void convSlide(const Layer& L, const int16_t* w, const Events& e, int t0, int steps, int16_t* x, size_t apart, SlideDoubt& doubt) {
  for (int t = 0; t < steps; t++) __builtin_memset(x + t * apart, 0, L.outSize() * sizeof(int16_t));
  if (L.kW == 5) slideAll<5>(L, w, e, t0, steps, x, apart, doubt);
  else slideAll<3>(L, w, e, t0, steps, x, apart, doubt);
}

}  // namespace kernels
