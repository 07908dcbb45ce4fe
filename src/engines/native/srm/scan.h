// The parts of a layer that run along time: filters, refractory trace, pool, and their adjoints and tangents.
#pragma once
#include "../kernels/layout.h"

namespace srm {
using namespace kernels;

// State of one layer between steps; what the burn-in hands to the window.
template <class T> struct LayerState {
  Buffer<T> p, q;        // W ⊛ P and W ⊛ Q of the input   [y][x][outCp]
  Buffer<T> r, spike;    // refractory trace; own unpooled spikes of the step before (0/1)
  Buffer<T> inP, inQ;    // P and Q of the input, padded in x [y][x + 2·pW][inCp]
};

template <class T> struct Filter { T alpha, oneMinusAlpha, beta, oneMinusBeta, alphaR, drop; };
template <class T> static inline Filter<T> filterOf(const Layer& L) {
  return {T(L.alpha), T(1 - L.alpha), T(L.beta), T((1 - L.beta) * L.gain), T(L.alphaR), T((1 - L.alphaR) * L.wr)};
}

template <class T> static inline Vec<T> above(Vec<T> u) {   // 1 where u > 0, else 0
  Vec<T> one, zero = {};
  for (int k = 0; k < LANES<T>; k++) one[k] = 1;
  return (u > zero) ? one : zero;
}
template <class T> static inline Vec<T> magnitude(Vec<T> u) { return u > Vec<T>{} ? u : -u; }
template <class T> static inline Vec<T> slope(Vec<T> u) {          // σ'(u) = 1/(10|u|+1)²
  const Vec<T> d = T(10) * magnitude<T>(u) + T(1);
  return T(1) / (d * d);
}
template <class T> static inline Vec<T> curvature(Vec<T> u) {      // σ''(u) = −20·sign(u)/(10|u|+1)³, sign(0) = 0
  const Vec<T> d = T(10) * magnitude<T>(u) + T(1);
  const Vec<T> c = T(20) / (d * d * d);
  return u > Vec<T>{} ? -c : (u < Vec<T>{} ? c : Vec<T>{});
}

// One step: x is W ⊛ S_in of this step; writes U.
template <class T> static void stepNeurons(const Layer& L, const T* x, const T* bias, LayerState<T>& s, T* u) {
  typedef Vec<T> V;
  const Filter<T> f = filterOf<T>(L);
  const int vectors = L.outCp / LANES<T>;
  const V* b = reinterpret_cast<const V*>(bias);
  const V* xs = reinterpret_cast<const V*>(x);
  V* p = reinterpret_cast<V*>(s.p.get());
  V* q = reinterpret_cast<V*>(s.q.get());
  V* r = reinterpret_cast<V*>(s.r.get());
  V* z = reinterpret_cast<V*>(s.spike.get());
  V* us = reinterpret_cast<V*>(u);
  const int positions = L.outH * L.outW;
  for (int pos = 0, i = 0; pos < positions; pos++) {
    for (int v = 0; v < vectors; v++, i++) {
      const V pn = f.alpha * p[i] + f.oneMinusAlpha * q[i];
      q[i] = f.beta * q[i] + f.oneMinusBeta * xs[i];
      p[i] = pn;
      const V rn = f.alphaR * r[i] - f.drop * z[i];
      r[i] = rn;
      const V un = pn + b[v] + rn;
      us[i] = un;
      z[i] = above<T>(un);
    }
  }
}

// The filters of the input itself, for the states that a window starts from.
template <class T> static void stepInput(const Layer& L, const Events& e, int t, LayerState<T>& s) {
  typedef Vec<T> V;
  const Filter<T> f = filterOf<T>(L);
  V* p = reinterpret_cast<V*>(s.inP.get());
  V* q = reinterpret_cast<V*>(s.inQ.get());
  const size_t n = L.aSize() / LANES<T>;
  for (size_t i = 0; i < n; i++) {
    p[i] = f.alpha * p[i] + f.oneMinusAlpha * q[i];
    q[i] = f.beta * q[i];
  }
  const uint32_t* start = e.start.data() + size_t(t) * e.positions;
  for (int y = 0; y < L.inH; y++) {
    for (int x = 0; x < L.inW; x++) {
      const int pos = y * L.inW + x;
      T* cell = s.inQ.get() + (size_t(y) * L.aWidth() + L.pW + x) * L.inCp;
      for (uint32_t k = start[pos]; k < start[pos + 1]; k++)
        cell[e.key[k] - x * L.inC] += f.oneMinusBeta * (e.value.empty() ? T(1) : T(e.value[k]));
    }
  }
}

// Appends the events of one step of what the layer passes on.
template <class T> static void emitEvents(const Layer& L, const T* u, Events& out) {
  const size_t row = size_t(L.outW) * L.outCp;
  const size_t before = out.key.size();
  out.key.resize(before + size_t(L.nextH) * L.nextW * L.outC);
  uint16_t* const first = out.key.data();
  uint16_t* list = first + before;
  for (int y = 0; y < L.nextH; y++) {
    for (int x = 0; x < L.nextW; x++) {
      const int base = x * L.outC;
      const T* a = u + (L.pool ? size_t(2 * y) * row + size_t(2 * x) * L.outCp : size_t(y) * row + size_t(x) * L.outCp);
      if (L.pool) {
        const T *b = a + L.outCp, *c = a + row, *d = c + L.outCp;
        for (int k = 0; k < L.outC; k++) {
          *list = uint16_t(base + k);
          list += (a[k] > 0) | (b[k] > 0) | (c[k] > 0) | (d[k] > 0);
        }
      } else {
        for (int k = 0; k < L.outC; k++) {
          *list = uint16_t(base + k);
          list += a[k] > 0;
        }
      }
      out.start.push(uint32_t(list - first));
    }
  }
  out.key.resize(list - first);
}

// Adjoint state of a layer while time runs backward; `d…` are the tangents, used by the Hessian-vector product only.
template <class T> struct AdjointState { Buffer<T> r, p, q, dr, dp, dq; };

// The four voltages of a 2×2 window (or the one voltage, where there is no pool) as offsets into [y][x][outCp].
struct Window { long at[4]; };
static inline Window windowOf(const Layer& L, int y, int x) {
  const long row = long(L.outW) * L.outCp;
  if (!L.pool) { const long a = long(y) * row + long(x) * L.outCp; return {{a, a, a, a}}; }
  const long a = long(2 * y) * row + long(2 * x) * L.outCp;
  return {{a, a + L.outCp, a + row, a + row + L.outCp}};
}

// Calls visit(offset of the voltages, 1 where it is the largest of its window (the first on ties) else 0, offset passed on)
// for every vector of every window; voltages outside of all windows are not visited.
template <class T, class F> static inline void forWinners(const Layer& L, const T* u, F visit) {
  typedef Vec<T> V;
  V one;
  for (int k = 0; k < LANES<T>; k++) one[k] = 1;
  for (int y = 0; y < L.nextH; y++) {
    for (int x = 0; x < L.nextW; x++) {
      const Window w = windowOf(L, y, x);
      for (int k = 0; k < L.outCp; k += LANES<T>) {
        const long next = (long(y) * L.nextW + x) * L.outCp + k;
        if (!L.pool) { visit(w.at[0] + k, one, next); continue; }
        V v[4];
        for (int i = 0; i < 4; i++) v[i] = *reinterpret_cast<const V*>(u + w.at[i] + k);
        V top = v[0];
        for (int i = 1; i < 4; i++) top = v[i] > top ? v[i] : top;
        V open = one;
        for (int i = 0; i < 4; i++) {
          const V is = v[i] == top ? open : V{};
          open -= is;
          visit(w.at[i] + k, is, next);
        }
      }
    }
  }
}

// One step backward. gu holds what reaches U from outside (the pool's winners, the readout) and is used up;
// writes gX (padded in x) and adds to the bias gradient. Order of the adjoint is the reverse of stepNeurons.
template <class T>
static void stepAdjoint(const Layer& L, const T* u, T* gu, AdjointState<T>& s, T* gx, T* biasGradient) {
  typedef Vec<T> V;
  const Filter<T> f = filterOf<T>(L);
  const int vectors = L.outCp / LANES<T>;
  const V* us = reinterpret_cast<const V*>(u);
  V* g = reinterpret_cast<V*>(gu);
  V* r = reinterpret_cast<V*>(s.r.get());
  V* p = reinterpret_cast<V*>(s.p.get());
  V* q = reinterpret_cast<V*>(s.q.get());
  V* db = reinterpret_cast<V*>(biasGradient);
  for (int y = 0, i = 0; y < L.outH; y++) {
    V* out = reinterpret_cast<V*>(gx + (size_t(y) * L.gWidth() + L.padX()) * L.outCp);
    for (int x = 0; x < L.outW; x++) {
      for (int v = 0; v < vectors; v++, i++, out++) {
        const V total = g[i] - f.drop * r[i] * slope<T>(us[i]);
        r[i] = total + f.alphaR * r[i];
        const V aq = f.oneMinusAlpha * p[i] + f.beta * q[i];
        p[i] = total + f.alpha * p[i];
        q[i] = aq;
        *out = f.oneMinusBeta * aq;
        db[v] += total;
      }
    }
  }
}

// The same with tangents beside it.
template <class T>
static void stepAdjointTangent(const Layer& L, const T* u, const T* du, T* gu, T* dgu, AdjointState<T>& s, T* gx, T* dgx, T* dBias) {
  typedef Vec<T> V;
  const Filter<T> f = filterOf<T>(L);
  const int vectors = L.outCp / LANES<T>;
  const V* us = reinterpret_cast<const V*>(u);
  const V* dus = reinterpret_cast<const V*>(du);
  V* g = reinterpret_cast<V*>(gu);
  V* dg = reinterpret_cast<V*>(dgu);
  V *r = reinterpret_cast<V*>(s.r.get()), *p = reinterpret_cast<V*>(s.p.get()), *q = reinterpret_cast<V*>(s.q.get());
  V *dr = reinterpret_cast<V*>(s.dr.get()), *dp = reinterpret_cast<V*>(s.dp.get()), *dq = reinterpret_cast<V*>(s.dq.get());
  V* db = reinterpret_cast<V*>(dBias);
  for (int y = 0, i = 0; y < L.outH; y++) {
    const size_t at = (size_t(y) * L.gWidth() + L.padX()) * L.outCp;
    V* out = reinterpret_cast<V*>(gx + at);
    V* dout = reinterpret_cast<V*>(dgx + at);
    for (int x = 0; x < L.outW; x++) {
      for (int v = 0; v < vectors; v++, i++, out++, dout++) {
        const V sl = slope<T>(us[i]);
        const V total = g[i] - f.drop * r[i] * sl;
        const V dtotal = dg[i] - f.drop * (dr[i] * sl + r[i] * curvature<T>(us[i]) * dus[i]);
        r[i] = total + f.alphaR * r[i];
        dr[i] = dtotal + f.alphaR * dr[i];
        const V aq = f.oneMinusAlpha * p[i] + f.beta * q[i];
        const V daq = f.oneMinusAlpha * dp[i] + f.beta * dq[i];
        p[i] = total + f.alpha * p[i];
        dp[i] = dtotal + f.alpha * dp[i];
        q[i] = aq;
        dq[i] = daq;
        *out = f.oneMinusBeta * aq;
        *dout = f.oneMinusBeta * daq;
        db[v] += dtotal;
      }
    }
  }
}

}  // namespace srm
