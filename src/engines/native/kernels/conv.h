// The five products of a convolution, each for one time step or a run of them.
//   convEvents   X  += W ⊛ S        S as events                      convDense    X  += W ⊛ A      A dense, padded in x
//   convBack     gA += Wᵀ ⊛ gX      gX dense, padded in x
//   outerEvents  dW += gX ⊗ S                                        outerDense   dW += gX ⊗ A
// X [y][x][outCp]; gX [y][x + 2·padX][outCp]; A [y][x + 2·pW][inCp]; gA [y][x][inCp]; dW [tap][inC][outCp].
#pragma once
#include "gemm.h"

namespace kernels {

// Range of output coordinates o with 0 ≤ o·stride + tap − pad < inSize.
static inline void validRange(int tap, int stride, int pad, int inSize, int outSize, int& from, int& to) {
  const int low = pad - tap;
  from = low > 0 ? (low + stride - 1) / stride : 0;
  const int high = inSize - 1 + pad - tap;
  to = high < 0 ? 0 : high / stride + 1;
  if (to > outSize) to = outSize;
  if (from > to) from = to;
}

// Events of one kernel row under an output position lie side by side, as rows of the event list run along x, then channel:
// an event's key is x·inC + channel, so its weight row is that of key − (first x of the kernel row)·inC.
template <class T, int NV>
__attribute__((noinline)) static void convEventsRows(const Layer& L, const T* w, const Events& e, int t0, int steps, T* x, int firstVector, int kw0, int kw1) {
  typedef Vec<T> V;
  const long cp = L.outCp;
  const bool valued = !e.value.empty();
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, L.sH, L.pH, L.inH, L.outH, y0, y1);
    const T* rows = w + size_t(kh) * L.kW * L.inC * cp + firstVector * LANES<T>;
    for (int t = 0; t < steps; t++) {
      const uint32_t* start = e.start.data() + size_t(t0 + t) * e.positions;
      for (int y = y0; y < y1; y++) {
        const uint32_t* row = start + (y * L.sH + kh - L.pH) * L.inW;
        if (row[0] == row[L.inW]) continue;
        V* out = reinterpret_cast<V*>(x + size_t(t) * L.outSize() + size_t(y) * L.outW * cp) + firstVector;
        for (int xo = 0; xo < L.outW; xo++, out += cp / LANES<T>) {
          const int left = xo * L.sW - L.pW, from = left + kw0, right = left + kw1;
          if (right <= 0 || from >= L.inW) continue;
          uint32_t k = row[from < 0 ? 0 : from];
          const uint32_t to = row[right > L.inW ? L.inW : right];
          if (k >= to) continue;
          const T* base = rows - long(left) * L.inC * cp;
          V acc[NV];
          for (int n = 0; n < NV; n++) acc[n] = out[n];
          if (valued) {
            for (; k < to; k++) {
              const V* r = reinterpret_cast<const V*>(base + long(e.key[k]) * cp);
              for (int n = 0; n < NV; n++) acc[n] += T(e.value[k]) * r[n];
            }
          } else {
            for (; k < to; k++) {
              const V* r = reinterpret_cast<const V*>(base + long(e.key[k]) * cp);
              for (int n = 0; n < NV; n++) acc[n] += r[n];
            }
          }
          for (int n = 0; n < NV; n++) out[n] = acc[n];
        }
      }
    }
  }
}

// Weights are visited in blocks that stay in the first-level cache: two vectors of output channels, and as many columns
// of the kernel as fit beside the voltages.
constexpr int BLOCK_BYTES = 20 * 1024;
template <class T, class F> static inline void forBlocks(const Layer& L, F visit) {
  const int vectors = L.outCp / LANES<T>;
  for (int v = 0; v < vectors;) {
    const int nv = vectors - v >= 2 ? 2 : 1;
    int columns = BLOCK_BYTES / (L.inC * nv * VECTOR_BYTES);
    if (columns < 1) columns = 1;
    for (int kw = 0; kw < L.kW; kw += columns) visit(v, nv, kw, kw + columns < L.kW ? kw + columns : L.kW);
    v += nv;
  }
}

template <class T> static void convEvents(const Layer& L, const T* w, const Events& e, int t0, int steps, T* x) {
  forBlocks<T>(L, [&](int v, int nv, int kw0, int kw1) {
    if (nv == 2) convEventsRows<T, 2>(L, w, e, t0, steps, x, v, kw0, kw1);
    else convEventsRows<T, 1>(L, w, e, t0, steps, x, v, kw0, kw1);
  });
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
static void outerEventsRows(const Layer& L, const T* g, const Events& e, int t0, int steps, T* dw, int firstVector, int kw0, int kw1) {
  typedef Vec<T> V;
  const long cp = L.outCp;
  const bool valued = !e.value.empty();
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, L.sH, L.pH, L.inH, L.outH, y0, y1);
    T* rows = dw + size_t(kh) * L.kW * L.inC * cp + firstVector * LANES<T>;
    for (int t = 0; t < steps; t++) {
      const uint32_t* start = e.start.data() + size_t(t0 + t) * e.positions;
      for (int y = y0; y < y1; y++) {
        const uint32_t* row = start + (y * L.sH + kh - L.pH) * L.inW;
        if (row[0] == row[L.inW]) continue;
        const V* grad = reinterpret_cast<const V*>(g + size_t(t) * L.gSize() + (size_t(y) * L.gWidth() + L.padX()) * cp) + firstVector;
        for (int xo = 0; xo < L.outW; xo++, grad += cp / LANES<T>) {
          const int left = xo * L.sW - L.pW, from = left + kw0, right = left + kw1;
          if (right <= 0 || from >= L.inW) continue;
          uint32_t k = row[from < 0 ? 0 : from];
          const uint32_t to = row[right > L.inW ? L.inW : right];
          if (k >= to) continue;
          T* base = rows - long(left) * L.inC * cp;
          V value[NV];
          for (int n = 0; n < NV; n++) value[n] = grad[n];
          for (; k < to; k++) {
            V* r = reinterpret_cast<V*>(base + long(e.key[k]) * cp);
            if (valued) for (int n = 0; n < NV; n++) r[n] += T(e.value[k]) * value[n];
            else for (int n = 0; n < NV; n++) r[n] += value[n];
          }
        }
      }
    }
  }
}

// Events of a run of steps once more, sorted by channel and by the phase of their column in the stride: which input row
// each is in, and which cell of gX lies under its first tap, but for the output row.
struct ChannelList {
  Array<uint32_t> start, cell;     // [inC·sW + 1]; (step·outH·gWidth + padX + output column)
  Array<uint16_t> row;             // input row
  Array<int16_t> outputRow;        // [kH][inH] the output row that tap kh of an input row reaches, −1: none
  void sort(const Layer& L, const Events& e, int t0, int steps) {
    if (layer_ != &L) prepare(L);
    const int bins = L.inC * L.sW;
    start.zero(bins + 1);
    const uint32_t* rows = e.start.data() + size_t(t0) * e.positions;
    const uint32_t first = rows[0], last = rows[size_t(steps) * e.positions];
    cell.resize(last - first);
    row.resize(last - first);
    for (uint32_t k = first; k < last; k++) start[binOf_[e.key[k]] + 1]++;
    for (int b = 0; b < bins; b++) start[b + 1] += start[b];
    cursor_.resize(bins + 1);
    for (int b = 0; b < bins; b++) cursor_[b] = start[b];
    for (int t = 0; t < steps; t++)
      for (int y = 0; y < L.inH; y++, rows += L.inW) {
        const uint32_t base = uint32_t(t) * L.outH * L.gWidth();
        for (uint32_t k = rows[0]; k < rows[L.inW]; k++) {
          const uint16_t key = e.key[k];
          const uint32_t slot = cursor_[binOf_[key]]++;
          cell[slot] = base + columnOf_[key];
          row[slot] = uint16_t(y);
        }
      }
  }
 private:
  void prepare(const Layer& L) {
    layer_ = &L;
    binOf_.resize(size_t(L.inW) * L.inC);
    columnOf_.resize(size_t(L.inW) * L.inC);
    for (int x = 0, key = 0; x < L.inW; x++)
      for (int c = 0; c < L.inC; c++, key++) {
        const int phase = (x + L.pW) % L.sW;
        binOf_[key] = uint16_t(c * L.sW + phase);
        columnOf_[key] = uint16_t(L.padX() + (x + L.pW - phase) / L.sW);
      }
    outputRow.resize(size_t(L.kH) * L.inH);
    for (int kh = 0; kh < L.kH; kh++)
      for (int y = 0; y < L.inH; y++) {
        const int o = y + L.pH - kh;
        outputRow[size_t(kh) * L.inH + y] = int16_t(o >= 0 && o % L.sH == 0 && o / L.sH < L.outH ? o / L.sH : -1);
      }
  }
  const Layer* layer_ = nullptr;
  Array<uint32_t> cursor_;
  Array<uint16_t> binOf_, columnOf_;   // [key]
};

// The N weight rows that one channel's events of one phase reach stay in registers while the events pass.
template <class T, int N, int NV>
__attribute__((noinline)) static void outerByChannel(const Layer& L, const T* g, const ChannelList& list, T* dw, int firstVector, int phase) {
  typedef Vec<T> V;
  const long cv = L.outCp / LANES<T>;
  const V* grad = reinterpret_cast<const V*>(g) + firstVector;
  const long apart = long(L.sW) * L.inC * cv, line = L.gWidth();
  for (int kh = 0; kh < L.kH; kh++) {
    const int16_t* outputRow = list.outputRow.data() + size_t(kh) * L.inH;
    for (int c = 0; c < L.inC; c++) {
      const uint32_t from = list.start[c * L.sW + phase], to = list.start[c * L.sW + phase + 1];
      if (from == to) continue;
      V* rows = reinterpret_cast<V*>(dw) + ((long(kh) * L.kW + phase) * L.inC + c) * cv + firstVector;
      V acc[N][NV];
      for (int i = 0; i < N; i++)
        for (int n = 0; n < NV; n++) acc[i][n] = rows[i * apart + n];
      for (uint32_t k = from; k < to; k++) {
        const long row = outputRow[list.row[k]];
        if (row < 0) continue;
        const V* p = grad + (long(list.cell[k]) + row * line) * cv;
        for (int i = 0; i < N; i++)
          for (int n = 0; n < NV; n++) acc[i][n] += p[n - i * cv];
      }
      for (int i = 0; i < N; i++)
        for (int n = 0; n < NV; n++) rows[i * apart + n] = acc[i][n];
    }
  }
}

// Sums that find registers: AVX-512 has 32, AVX2, SSE2 and V8's WebAssembly half of that.
constexpr int OUTER_SUMS = VECTOR_BYTES == 64 ? 20 : 12;

template <class T, int N> static void outerAllChannels(const Layer& L, const T* g, const ChannelList& list, T* dw, int phase) {
  const int vectors = L.outCp / LANES<T>;
  for (int v = 0; v < vectors;) {
    const int left = vectors - v;
    if (left >= 4 && N * 4 <= OUTER_SUMS) outerByChannel<T, N, 4>(L, g, list, dw, v, phase), v += 4;
    else if (left >= 2) outerByChannel<T, N, 2>(L, g, list, dw, v, phase), v += 2;
    else outerByChannel<T, N, 1>(L, g, list, dw, v, phase), v += 1;
  }
}

template <class T>
static void outerEvents(const Layer& L, const T* g, const Events& e, int t0, int steps, T* dw, ChannelList& list) {
  if (e.value.empty() && L.kW <= 5 && L.sW <= L.kW) {
    list.sort(L, e, t0, steps);
    for (int phase = 0; phase < L.sW; phase++) {
      switch ((L.kW - phase + L.sW - 1) / L.sW) {
        case 5: outerAllChannels<T, 5>(L, g, list, dw, phase); break;
        case 4: outerAllChannels<T, 4>(L, g, list, dw, phase); break;
        case 3: outerAllChannels<T, 3>(L, g, list, dw, phase); break;
        case 2: outerAllChannels<T, 2>(L, g, list, dw, phase); break;
        default: outerAllChannels<T, 1>(L, g, list, dw, phase); break;
      }
    }
    return;
  }
  forBlocks<T>(L, [&](int v, int nv, int kw0, int kw1) {
    if (nv == 2) outerEventsRows<T, 2>(L, g, e, t0, steps, dw, v, kw0, kw1);
    else outerEventsRows<T, 1>(L, g, e, t0, steps, dw, v, kw0, kw1);
  });
}

// a: `steps` maps of aSize each, g: `steps` maps of gSize each; the positions of a row are the inner sum. Rows of a tile are
// input channels, or the taps of a kernel row where there are more of those.
template <class T> static void outerDense(const Layer& L, const T* g, const T* a, int steps, T* dw, Segment<T>* segments) {
  const long cp = L.outCp;
  const bool byTaps = L.kW > L.inC;
  const int outer = byTaps ? L.inC : L.kW, inner = byTaps ? L.kW : L.inC;
  const long tap = L.inC * cp, outerW = byTaps ? cp : tap, innerW = byTaps ? tap : cp;
  const long outerA = byTaps ? 1 : L.inCp, innerA = byTaps ? L.inCp : 1;
  for (int kh = 0; kh < L.kH; kh++) {
    int y0, y1;
    validRange(kh, L.sH, L.pH, L.inH, L.outH, y0, y1);
    for (int i = 0; i < outer; i++) {
      T* to = dw + kh * L.kW * tap + i * outerW;
      for (int j = 0; j < inner; j += ROWS) {
        const int m = inner - j < ROWS ? inner - j : ROWS;
        int count = 0;
        for (int t = 0; t < steps; t++) {
          for (int y = y0; y < y1; y++) {
            const int yi = y * L.sH + kh - L.pH;
            segments[count++] = {a + t * L.aSize() + size_t(yi) * L.aWidth() * L.inCp + i * outerA + j * innerA,
                                 g + t * L.gSize() + (size_t(y) * L.gWidth() + L.padX()) * cp, L.outW};
          }
        }
        gemmBlock<T>(m, int(cp / LANES<T>), to + j * innerW, innerW, segments, count, innerA, long(L.sW) * L.inCp, cp);
      }
    }
  }
}

}  // namespace kernels
