// The five products of a convolution, each for one time step or a run of them.
//   convEvents   X  += W ⊛ S        S as events                      convDense    X  += W ⊛ A      A dense, padded in x
//   convBack     gA += Wᵀ ⊛ gX      gX dense, padded in x
//   outerEvents  dW += gX ⊗ S                                        outerDense   dW += gX ⊗ A
// X [y][x][outCp]; gX [y][x + 2·padX][outCp]; A [y][x + 2·pW][inCp]; gA [y][x][inCp]; dW [tap][inC][outCp].
#pragma once
#include "gemm.h"

namespace srm {

// Range of output coordinates o with 0 ≤ o·stride + tap − pad < inSize.
static inline void validRange(int tap, int stride, int pad, int inSize, int outSize, int& from, int& to) {
  const int low = pad - tap;
  from = low > 0 ? (low + stride - 1) / stride : 0;
  const int high = inSize - 1 + pad - tap;
  to = high < 0 ? 0 : high / stride + 1;
  if (to > outSize) to = outSize;
  if (from > to) from = to;
}

template <class T, int NV>
static void convEventsTaps(const Layer& L, const T* w, const Events<T>& e, int t0, int steps, T* x) {
  typedef Vec<T> V;
  const long cp = L.outCp;
  const bool valued = !e.value.empty();
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, L.sH, L.pH, L.inH, L.outH, y0, y1);
    for (int kw = 0; kw < L.kW; kw++) {
      int x0, x1;
      validRange(kw, L.sW, L.pW, L.inW, L.outW, x0, x1);
      const T* tap = w + size_t(kh * L.kW + kw) * L.inC * cp;
      for (int t = 0; t < steps; t++) {
        const uint32_t* start = e.start.data() + size_t(t0 + t) * e.positions;
        for (int y = y0; y < y1; y++) {
          const int rowIn = (y * L.sH + kh - L.pH) * L.inW + kw - L.pW;
          for (int xo = x0; xo < x1; xo++) {
            const uint32_t* row = start + rowIn + xo * L.sW;
            const uint32_t from = row[0], to = row[1];
            if (from == to) continue;
            V* out = reinterpret_cast<V*>(x + size_t(t) * L.outSize() + (size_t(y) * L.outW + xo) * cp);
            for (long v = 0; v < cp / LANES<T>; v += NV) {
              V acc[NV];
              for (int n = 0; n < NV; n++) acc[n] = out[v + n];
              if (valued) {
                for (uint32_t k = from; k < to; k++) {
                  const V* r = reinterpret_cast<const V*>(tap + e.channel[k] * cp) + v;
                  for (int n = 0; n < NV; n++) acc[n] += e.value[k] * r[n];
                }
              } else {
                for (uint32_t k = from; k < to; k++) {
                  const V* r = reinterpret_cast<const V*>(tap + e.channel[k] * cp) + v;
                  for (int n = 0; n < NV; n++) acc[n] += r[n];
                }
              }
              for (int n = 0; n < NV; n++) out[v + n] = acc[n];
            }
          }
        }
      }
    }
  }
}

template <class T> static void convEvents(const Layer& L, const T* w, const Events<T>& e, int t0, int steps, T* x) {
  const int vectors = L.outCp / LANES<T>;
  if (vectors % 8 == 0) convEventsTaps<T, 8>(L, w, e, t0, steps, x);
  else if (vectors % 4 == 0) convEventsTaps<T, 4>(L, w, e, t0, steps, x);
  else if (vectors % 2 == 0) convEventsTaps<T, 2>(L, w, e, t0, steps, x);
  else convEventsTaps<T, 1>(L, w, e, t0, steps, x);
}

template <class T> static void convDense(const Layer& L, const T* w, const T* a, T* x, Segment<T>* segments) {
  const long cp = L.outCp;
  for (int y = 0; y < L.outH; y++) {
    for (int xo = 0; xo < L.outW; xo += ROWS) {
      const int m = L.outW - xo < ROWS ? L.outW - xo : ROWS;
      int count = 0;
      for (int kh = 0; kh < L.kH; kh++) {
        const int yi = y * L.sH + kh - L.pH;
        if (yi < 0 || yi >= L.inH) continue;
        for (int kw = 0; kw < L.kW; kw++) {
          segments[count++] = {a + (size_t(yi) * L.aWidth() + xo * L.sW + kw) * L.inCp,
                               w + size_t(kh * L.kW + kw) * L.inC * cp, L.inC};
        }
      }
      gemmBlock<T>(m, int(cp / LANES<T>), x + (size_t(y) * L.outW + xo) * cp, cp, segments, count,
                   long(L.sW) * L.inCp, 1, cp);
    }
  }
}

// Input positions of one phase (x mod stride) form the rows of a tile; their taps reach every stride-th output.
template <class T> static void convBack(const Layer& L, const T* wBack, const T* g, T* a, Segment<T>* segments) {
  const long cp = L.inCp;
  for (int yi = 0; yi < L.inH; yi++) {
    for (int phase = 0; phase < L.sW && phase < L.inW; phase++) {
      const int rows = (L.inW - phase + L.sW - 1) / L.sW;
      for (int first = 0; first < rows; first += ROWS) {
        const int m = rows - first < ROWS ? rows - first : ROWS;
        const int xi = phase + first * L.sW;
        int count = 0;
        for (int kh = 0; kh < L.kH; kh++) {
          const int oy = yi + L.pH - kh;
          if (oy < 0 || oy % L.sH != 0 || oy / L.sH >= L.outH) continue;
          for (int kw = 0; kw < L.kW; kw++) {
            const int ox = xi + L.pW - kw;
            if (((ox % L.sW) + L.sW) % L.sW != 0) continue;
            const int column = (ox < 0 ? -((-ox) / L.sW) : ox / L.sW);
            if (column + m <= 0 || column >= L.outW) continue;
            segments[count++] = {g + (size_t(oy / L.sH) * L.gWidth() + L.padX() + column) * L.outCp,
                                 wBack + size_t(kh * L.kW + kw) * L.outC * cp, L.outC};
          }
        }
        gemmBlock<T>(m, int(cp / LANES<T>), a + (size_t(yi) * L.inW + xi) * cp, cp * L.sW, segments, count,
                     L.outCp, 1, cp);
      }
    }
  }
}

template <class T, int NV>
static void outerEventsTaps(const Layer& L, const T* g, const Events<T>& e, int t0, int steps, T* dw) {
  typedef Vec<T> V;
  const long cp = L.outCp;
  const bool valued = !e.value.empty();
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, L.sH, L.pH, L.inH, L.outH, y0, y1);
    for (int kw = 0; kw < L.kW; kw++) {
      int x0, x1;
      validRange(kw, L.sW, L.pW, L.inW, L.outW, x0, x1);
      T* tap = dw + size_t(kh * L.kW + kw) * L.inC * cp;
      for (int t = 0; t < steps; t++) {
        const uint32_t* start = e.start.data() + size_t(t0 + t) * e.positions;
        for (int y = y0; y < y1; y++) {
          const int rowIn = (y * L.sH + kh - L.pH) * L.inW + kw - L.pW;
          for (int xo = x0; xo < x1; xo++) {
            const uint32_t* row = start + rowIn + xo * L.sW;
            if (row[0] == row[1]) continue;
            const V* grad = reinterpret_cast<const V*>(g + size_t(t) * L.gSize() + (size_t(y) * L.gWidth() + L.padX() + xo) * cp);
            for (long v = 0; v < cp / LANES<T>; v += NV) {
              V value[NV];
              for (int n = 0; n < NV; n++) value[n] = grad[v + n];
              for (uint32_t k = row[0]; k < row[1]; k++) {
                V* r = reinterpret_cast<V*>(tap + e.channel[k] * cp) + v;
                if (valued) for (int n = 0; n < NV; n++) r[n] += e.value[k] * value[n];
                else for (int n = 0; n < NV; n++) r[n] += value[n];
              }
            }
          }
        }
      }
    }
  }
}

template <class T> static void outerEvents(const Layer& L, const T* g, const Events<T>& e, int t0, int steps, T* dw) {
  const int vectors = L.outCp / LANES<T>;
  if (vectors % 8 == 0) outerEventsTaps<T, 8>(L, g, e, t0, steps, dw);
  else if (vectors % 4 == 0) outerEventsTaps<T, 4>(L, g, e, t0, steps, dw);
  else if (vectors % 2 == 0) outerEventsTaps<T, 2>(L, g, e, t0, steps, dw);
  else outerEventsTaps<T, 1>(L, g, e, t0, steps, dw);
}

// a: `steps` maps of aSize each, g: `steps` maps of gSize each; the positions of a row are the inner sum.
template <class T> static void outerDense(const Layer& L, const T* g, const T* a, int steps, T* dw, Segment<T>* segments) {
  const long cp = L.outCp;
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, L.sH, L.pH, L.inH, L.outH, y0, y1);
    for (int kw = 0; kw < L.kW; kw++) {
      T* tap = dw + size_t(kh * L.kW + kw) * L.inC * cp;
      for (int ci = 0; ci < L.inC; ci += ROWS) {
        const int m = L.inC - ci < ROWS ? L.inC - ci : ROWS;
        int count = 0;
        for (int t = 0; t < steps; t++) {
          for (int y = y0; y < y1; y++) {
            const int yi = y * L.sH + kh - L.pH;
            segments[count++] = {a + t * L.aSize() + (size_t(yi) * L.aWidth() + kw) * L.inCp + ci,
                                 g + t * L.gSize() + (size_t(y) * L.gWidth() + L.padX()) * cp, L.outW};
          }
        }
        gemmBlock<T>(m, int(cp / LANES<T>), tap + ci * cp, cp, segments, count, 1, long(L.sW) * L.inCp, cp);
      }
    }
  }
}

}  // namespace srm
