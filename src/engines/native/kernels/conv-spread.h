// convEvents of integer weights in 16-bit sums, stride 1, for few input channels of which few fire: X = W ⊛ S. An event adds its kernel
// to the outputs, row by row; as inC·taps·largest ≤ 32767, nothing can leave 16 bits.
//   weights [inC][kH][kW, last first][outCp] int16, |w| ≤ `largest`: spreadWeights
//   S events of value 1; X [step, `apart` numbers each][y][x][outCp] int16, overwritten
#pragma once
#include "conv-short.h"

namespace kernels {

static inline bool spreadServes(const Layer& L, int largest) {
  return L.sH == 1 && L.sW == 1 && L.inC <= 4 && long(L.inC) * L.taps() * largest <= 32767;
}
static inline void spreadWeights(const Layer& L, const int32_t* w, int16_t* out) {
  for (int c = 0; c < L.inC; c++)
    for (int kh = 0; kh < L.kH; kh++)
      for (int kw = L.kW - 1; kw >= 0; kw--)
        for (int o = 0; o < L.outCp; o++) *out++ = int16_t(w[(size_t(kh * L.kW + kw) * L.inC + c) * L.outCp + o]);
}
template <class V> static void spreadAll(const Layer& L, const int16_t* w, const Events& e, int t0, int steps, int16_t* x, size_t apart) {
  const long vectors = L.outCp * long(sizeof(int16_t)) / long(sizeof(V));
  const V* kernels = reinterpret_cast<const V*>(w);
  for (int t = 0; t < steps; t++)
    for (int y = 0; y < L.inH; y++) {
      const uint32_t* row = e.start.data() + size_t(t0 + t) * e.positions + y * L.inW;
      for (uint32_t k = row[0]; k < row[L.inW]; k++) {
        const int xi = e.key[k] / L.inC, c = e.key[k] - xi * L.inC, left = xi + L.pW - L.kW + 1;
        const int from = left < 0 ? -left : 0, to = left + L.kW > L.outW ? L.outW - left : L.kW;
        for (int kh = 0; kh < L.kH; kh++) {
          const int yo = y + L.pH - kh;
          if (yo < 0 || yo >= L.outH) continue;
          const V* add = kernels + long(c * L.kH + kh) * L.kW * vectors;
          V* out = reinterpret_cast<V*>(x + t * apart) + (long(yo) * L.outW + left) * vectors;
          for (long i = from * vectors; i < to * vectors; i++) out[i] += add[i];
        }
      }
    }
}
static inline void convSpread(const Layer& L, const int16_t* w, const Events& e, int t0, int steps, int16_t* x, size_t apart) {
  for (int t = 0; t < steps; t++) __builtin_memset(x + t * apart, 0, L.outSize() * sizeof(int16_t));
  if (L.outCp % (2 * WIDE) == 0) spreadAll<ShortVec>(L, w, e, t0, steps, x, apart);
  else spreadAll<ShortHalf>(L, w, e, t0, steps, x, apart);
}

}  // namespace kernels
