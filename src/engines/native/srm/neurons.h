// A block of steps of a layer's neurons: filters, refractory trace, threshold, pool. One 2×2 window (or one neuron) at a time,
// with its states in registers over the steps of the block.
#pragma once
#include "exact.h"
#include "spikes.h"

namespace srm {

// The four voltages of a 2×2 window (or the one voltage, where there is no pool) as offsets into [y][x][outCp].
struct Window { long at[4]; };
static inline Window windowOf(const Layer& L, int y, int x) {
  const long row = long(L.outW) * L.outCp;
  if (!L.pool) { const long a = long(y) * row + long(x) * L.outCp; return {{a, a, a, a}}; }
  const long a = long(2 * y) * row + long(2 * x) * L.outCp;
  return {{a, a + L.outCp, a + row, a + row + L.outCp}};
}

template <class T> static inline Vec<T> magnitude(Vec<T> u) {     // without the sign bit
  const Mask<T> sign = (Mask<T>)(-Vec<T>{});
  return (Vec<T>)((Mask<T>)u & ~sign);
}
template <class V> static inline V least(V a, V b) { return a < b ? a : b; }
template <class V> static inline V most(V a, V b) { return a > b ? a : b; }

// Where a block of steps reads and writes.
template <class T> struct NeuronBlock {
  const Network<T>* net;
  Sample<T>* sample;
  int layer, t0, steps;       // first step, of all T
  bool burning;
  const T* single;            // W ⊛ of each step's own list   [steps][sumsApart]
  const T* common;            // W ⊛ of the shared lists       [SHARED_MAPS][sumsApart]; null: there are none
  const LayerPack<T>* weights;
  LayerState<T>* state;
  T* u;                       // [steps][outSize] voltages; null: nobody asks for them
  Bits* bits;                 // null: nothing is passed on
  Array<double>* room;
};

// Recomputes the lanes that are within their tolerance.
template <class T>
__attribute__((noinline)) void decideExactly(const NeuronBlock<T>& b, long at, int step, Vec<T> tolerance, Vec<T>& u) {
  const Layer& L = b.net->layers[b.layer];
  const int position = int(at / L.outCp), channel = int(at % L.outCp);
  for (int k = 0; k < LANES<T>; k++) {
    const T v = u[k] < 0 ? -u[k] : u[k];
    if (v >= tolerance[k] || channel + k >= L.outC) continue;
    u[k] = T(exactVoltage(*b.net, *b.sample, b.layer, channel + k, position / L.outW, position % L.outW, b.t0 + step, b.burning, *b.room));
  }
}

// The neurons at offsets at[0…P−1], vector v of their channels. `pass`: bits of the position are set. Without `careful` it
// writes nothing and returns false where a voltage is within its tolerance of the threshold.
template <class T, int P, bool careful, bool shares>
static inline bool stepWindow(const NeuronBlock<T>& b, const Layer& L, const Filter<T>& f, const long (&at)[P], int v, long position, bool pass) {
  typedef Vec<T> V;
  const V bias = vectorAt(b.weights->plain.bias.get())[v], near = vectorAt(b.weights->tolerance.get())[v];
  LayerState<T>& s = *b.state;
  V p[P], q[P], r[P], last[P], fired[P], shared[P][2], own = {}, closest = near;
  const long from = long(v) * LANES<T>, map = long(L.outSize()), apart = long(sumsApart(L));
  const int steps = b.steps;
  const T *single = b.single + from, *common = b.common + (shares ? from : 0);
  T* const voltages = b.u ? b.u + from : nullptr;
  uint32_t set[BLOCK];
  for (int i = 0; i < P; i++) {
    p[i] = *vectorAt(s.p.get() + at[i] + from);
    q[i] = *vectorAt(s.q.get() + at[i] + from);
    r[i] = *vectorAt(s.r.get() + at[i] + from);
    last[i] = *vectorAt(s.u.get() + at[i] + from);
    fired[i] = above<T>(last[i]);
  }
  for (int k = 0, turn = 0; k < steps; k++, turn ^= 1, single += apart) {
    if (shares && k % HALF == 0) {
      turn = 0;
      for (int i = 0; i < P; i++) {
        const V both = *vectorAt(common + at[i]) + *vectorAt(common + halfMap(k) * apart + at[i]);
        shared[i][0] = both + *vectorAt(common + turnMap(k) * apart + at[i]);
        shared[i][1] = both + *vectorAt(common + (turnMap(k) + 1) * apart + at[i]);
      }
    }
    V top = {};
    for (int i = 0; i < P; i++) {
      V x = *vectorAt(single + at[i]);
      if (shares) x += shared[i][turn];
      p[i] = f.alpha * p[i] + f.oneMinusAlpha * q[i];
      q[i] = f.beta * q[i] + f.oneMinusBeta * x;
      r[i] = f.alphaR * r[i] - f.drop * fired[i];
      const V u = p[i] + bias + r[i];
      last[i] = u;
      top = i ? most(top, u) : u;
      if (sizeof(T) == 4) closest = least(closest, magnitude<T>(u));
    }
    if (careful && anyOf<T>(closest < near)) {
      closest = near;
      for (int i = 0; i < P; i++) {
        decideExactly(b, at[i] + from, k, near, last[i]);
        top = i ? most(top, last[i]) : last[i];
      }
    }
    for (int i = 0; i < P; i++) {
      fired[i] = above<T>(last[i]);
      own += fired[i];
    }
    if (voltages) for (int i = 0; i < P; i++) *vectorAt(voltages + k * map + at[i]) = last[i];
    if (pass) set[k] = bitsOf<T>(top > V{});
  }
  if (!careful && sizeof(T) == 4 && anyOf<T>(closest < near)) return false;
  for (int i = 0; i < P; i++) {
    *vectorAt(s.p.get() + at[i] + from) = p[i];
    *vectorAt(s.q.get() + at[i] + from) = q[i];
    *vectorAt(s.r.get() + at[i] + from) = r[i];
    *vectorAt(s.u.get() + at[i] + from) = last[i];
  }
  if (pass)
    for (int k = 0; k < steps; k++) b.bits->at(b.t0 + k)[position * b.bits->words + from / 64] |= uint64_t(set[k]) << (from % 64);
  for (int k = 0; k < LANES<T>; k++) s.spikes[from + k] += own[k];
  return true;
}

template <class T, int P>
__attribute__((noinline)) void stepCarefully(const NeuronBlock<T>& b, const Layer& L, const Filter<T>& f, const long (&at)[P], int v, long position, bool pass) {
  if (b.common) stepWindow<T, P, true, true>(b, L, f, at, v, position, pass);
  else stepWindow<T, P, true, false>(b, L, f, at, v, position, pass);
}

template <class T, int P>
static inline void stepNeurons(const NeuronBlock<T>& b, const Layer& L, const Filter<T>& f, const long (&at)[P], int v, long position, bool pass) {
  const bool clear = b.common ? stepWindow<T, P, false, true>(b, L, f, at, v, position, pass)
                              : stepWindow<T, P, false, false>(b, L, f, at, v, position, pass);
  if (!clear) stepCarefully(b, L, f, at, v, position, pass);
}

template <class T> void stepBlock(const NeuronBlock<T>& b) {
  const Layer& L = b.net->layers[b.layer];
  const Filter<T> f = filterOf<T>(L);
  const int vectors = L.outCp / LANES<T>;
  if (b.bits)
    for (int k = 0; k < b.steps; k++)
      __builtin_memset(b.bits->at(b.t0 + k), 0, size_t(b.bits->positions) * b.bits->words * sizeof(uint64_t));
  const int height = pooledH(L), width = pooledW(L);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      const Window w = windowOf(L, y, x);
      for (int v = 0; v < vectors; v++) {
        if (L.pool) stepNeurons<T, 4>(b, L, f, w.at, v, y * width + x, b.bits != nullptr);
        else stepNeurons<T, 1>(b, L, f, {w.at[0]}, v, y * width + x, b.bits != nullptr);
      }
    }
  // An odd row or column that no window reads: it only counts its own spikes.
  if (L.pool)
    for (int y = 0; y < L.outH; y++)
      for (int x = y < 2 * height ? 2 * width : 0; x < L.outW; x++)
        for (int v = 0; v < vectors; v++) stepNeurons<T, 1>(b, L, f, {(long(y) * L.outW + x) * L.outCp}, v, 0, false);
  if (b.bits)
    for (int k = 0; k < b.steps; k++) b.state->passed += countBits(*b.bits, b.t0 + k);
}

}  // namespace srm
