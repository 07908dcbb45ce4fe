// The same block of steps backward: adjoints of filters, refractory trace and pool.
#pragma once
#include "deep-pools.h"
#include "neurons.h"

namespace srm {

template <class T> static inline Vec<T> slope(Vec<T> u) {          // σ'(u) = 1/(10|u|+1)²
  const Vec<T> d = T(10) * magnitude<T>(u) + T(1);
  return T(1) / (d * d);
}
template <class T> static inline Vec<T> curvature(Vec<T> u) {      // σ''(u) = −20·sign(u)/(10|u|+1)³, sign(0) = 0
  const Vec<T> d = T(10) * magnitude<T>(u) + T(1);
  const Vec<T> c = T(20) / (d * d * d);
  return u > Vec<T>{} ? -c : (u < Vec<T>{} ? c : Vec<T>{});
}

// Calls visit(offset of the voltages, 1 where it is the largest of its window (the first on ties) else 0, offset passed on)
// for every vector of every window; voltages outside of all windows are not visited.
template <class T, class F> static inline void forWinners(const Layer& L, const T* u, F visit) {
  typedef Vec<T> V;
  if (L.pool > 1) return forDeepWinners<T>(L, u, visit);
  const V one = ones<T>();
  for (int y = 0; y < L.nextH; y++) {
    for (int x = 0; x < L.nextW; x++) {
      const Window w = windowOf(L, y, x);
      for (int k = 0; k < L.outCp; k += LANES<T>) {
        const long next = (long(y) * L.nextW + x) * L.outCp + k;
        if (!L.pool) { visit(w.at[0] + k, one, next); continue; }
        V v[4];
        for (int i = 0; i < 4; i++) v[i] = *vectorAt(u + w.at[i] + k);
        V top = v[0];
        for (int i = 1; i < 4; i++) top = most(top, v[i]);
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

// Where a block of steps backward reads and writes; steps run from the last to the first.
template <class T> struct AdjointBlock {
  int steps;
  const T* u;           // [steps][outSize]
  const T* next;        // [steps][pooledSize] gradient of what is passed on, by the first pool; null: none
  const T* readout;     // [outCp] gradient of U at the block's last step; null: none
  AdjointState<T>* state;
  T* gx;                // [steps][gSize], margins zero
  T* shared;            // [SHARED_MAPS][gSize] sums over the steps of the shared lists; null: none
  T* bias;              // [outCp] added to
};

template <class T, int P>
static inline void backWindow(const AdjointBlock<T>& b, const Layer& L, const Filter<T>& f, const long (&at)[P], const long (&to)[P], int v, long position) {
  typedef Vec<T> V;
  const long from = long(v) * LANES<T>, map = long(L.outSize()), gMap = long(L.gSize()), nextMap = long(pooledSize(L));
  AdjointState<T>& s = *b.state;
  V r[P], p[P], q[P], turn[P][2], all[P], total = {};
  for (int i = 0; i < P; i++) {
    r[i] = *vectorAt(s.r.get() + at[i] + from);
    p[i] = *vectorAt(s.p.get() + at[i] + from);
    q[i] = *vectorAt(s.q.get() + at[i] + from);
    turn[i][0] = turn[i][1] = all[i] = V{};
  }
  for (int k = b.steps - 1; k >= 0; k--) {
    V u[P], top;
    for (int i = 0; i < P; i++) {
      u[i] = *vectorAt(b.u + k * map + at[i] + from);
      top = i ? most(top, u[i]) : u[i];
    }
    V g = {};
    if (b.next) g = *vectorAt(b.next + k * nextMap + position * L.outCp + from);
    for (int i = 0; i < P; i++) {
      // What reaches a window goes to its first maximum.
      const V is = u[i] == top ? g : V{};
      if (P > 1) g = u[i] == top ? V{} : g;
      V t = (is - f.drop * r[i]) * slope<T>(u[i]);
      if (b.readout && k == b.steps - 1) t += *vectorAt(b.readout + from);
      r[i] = t + f.alphaR * r[i];
      const V aq = f.oneMinusAlpha * p[i] + f.beta * q[i];
      p[i] = t + f.alpha * p[i];
      q[i] = aq;
      total += t;
      const V gx = f.oneMinusBeta * aq;
      *vectorAt(b.gx + k * gMap + to[i] + from) = gx;
      if (!b.shared) continue;
      // Sums over what the shared lists stand for.
      turn[i][k % HALF % 2] += gx;
      if (k % HALF) continue;
      const V half = turn[i][0] + turn[i][1];
      *vectorAt(b.shared + turnMap(k) * gMap + to[i] + from) = turn[i][0];
      *vectorAt(b.shared + (turnMap(k) + 1) * gMap + to[i] + from) = turn[i][1];
      *vectorAt(b.shared + halfMap(k) * gMap + to[i] + from) = half;
      all[i] += half;
      turn[i][0] = turn[i][1] = V{};
    }
  }
  for (int i = 0; i < P; i++) {
    *vectorAt(s.r.get() + at[i] + from) = r[i];
    *vectorAt(s.p.get() + at[i] + from) = p[i];
    *vectorAt(s.q.get() + at[i] + from) = q[i];
    if (b.shared) *vectorAt(b.shared + to[i] + from) = all[i];
  }
  *vectorAt(b.bias + from) += total;
}

template <class T> void backBlock(const Layer& L, const AdjointBlock<T>& b) {
  const Filter<T> f = filterOf<T>(L);
  const int vectors = L.outCp / LANES<T>;
  const auto padded = [&](long at) {
    const long position = at / L.outCp;
    return (position / L.outW * L.gWidth() + L.padX() + position % L.outW) * L.outCp;
  };
  for (int y = 0; y < pooledH(L); y++)
    for (int x = 0; x < pooledW(L); x++) {
      const Window w = windowOf(L, y, x);
      const long to[4] = {padded(w.at[0]), padded(w.at[1]), padded(w.at[2]), padded(w.at[3])};
      for (int v = 0; v < vectors; v++) {
        if (L.pool) backWindow<T, 4>(b, L, f, w.at, to, v, y * pooledW(L) + x);
        else backWindow<T, 1>(b, L, f, {w.at[0]}, {to[0]}, v, y * pooledW(L) + x);
      }
    }
}

// One step backward with tangents beside it. gu, dgu hold what reaches U from outside; gX and its tangent are padded in x.
template <class T>
static void stepAdjointTangent(const Layer& L, const T* u, const T* du, T* gu, T* dgu, AdjointState<T>& s, T* gx, T* dgx, T* dBias) {
  typedef Vec<T> V;
  const Filter<T> f = filterOf<T>(L);
  const int vectors = L.outCp / LANES<T>;
  const V *us = vectorAt(u), *dus = vectorAt(du);
  V *g = vectorAt(gu), *dg = vectorAt(dgu);
  V *r = vectorAt(s.r.get()), *p = vectorAt(s.p.get()), *q = vectorAt(s.q.get());
  V *dr = vectorAt(s.dr.get()), *dp = vectorAt(s.dp.get()), *dq = vectorAt(s.dq.get());
  V* db = vectorAt(dBias);
  for (int y = 0, i = 0; y < L.outH; y++) {
    const size_t at = (size_t(y) * L.gWidth() + L.padX()) * L.outCp;
    V *out = vectorAt(gx + at), *dout = vectorAt(dgx + at);
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
