// Hessian of a sample's loss times a direction: the tangent of the window along the direction, then the tangent of its backward
// pass. Exact; the products are linear, so tiles serve all of them.
#pragma once
#include "backward.h"

namespace srm {

// W ⊛ A over the window into `out`, for a dense A.
template <class T> void denseForward(const Layer& L, const LayerPack<T>& W, const T* a, int maps, T* out, Work<T>& w) {
  if (usesTiles(L)) {
    tilesConv(L, W.tileForward.get(), a, out, maps, w.tiles);
    return;
  }
  __builtin_memset(out, 0, maps * L.outSize() * sizeof(T));
  for (int t = 0; t < maps; t++) convDense(L, W.plain.forward.get(), a + t * L.aSize(), out + t * L.outSize(), w.segments.data());
}

// Tangent of one step of the neurons: x is the tangent of W ⊛ S, spike σ'(U)·dU of the step before.
template <class T>
static void stepTangent(const Layer& L, const T* x, const T* const* common, const T* bias, const T* u, LayerState<T>& s, T* du) {
  typedef Vec<T> V;
  const Filter<T> f = filterOf<T>(L);
  const int vectors = L.outCp / LANES<T>;
  const V *xs = vectorAt(x), *us = vectorAt(u), *db = vectorAt(bias);
  const V *all = vectorAt(common[0]), *half = vectorAt(common[1]), *turn = vectorAt(common[2]);
  V *p = vectorAt(s.p.get()), *q = vectorAt(s.q.get()), *r = vectorAt(s.r.get()), *z = vectorAt(s.u.get()), *dus = vectorAt(du);
  for (int position = 0, i = 0; position < L.outH * L.outW; position++)
    for (int v = 0; v < vectors; v++, i++) {
      V in = xs[i];
      if (all) in += dus[i] + (all[i] + half[i] + turn[i]);
      const V pn = f.alpha * p[i] + f.oneMinusAlpha * q[i];
      q[i] = f.beta * q[i] + f.oneMinusBeta * in;
      p[i] = pn;
      r[i] = f.alphaR * r[i] - f.drop * z[i];
      dus[i] = pn + db[v] + r[i];
      z[i] = slope<T>(us[i]) * dus[i];
    }
}

// du of every layer and step, tangents of what is passed on. Needs windowForward before.
template <class T> void tangentForward(Network<T>& net, const Sample<T>& sample, Work<T>& w) {
  const int window = net.window();
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    const LayerPack<T>& D = net.direction[l];
    LayerWork<T>& k = w.layer[l];
    LayerState<T>& s = k.tangent;
    for (auto* b : {&s.p, &s.q, &s.r, &s.u}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(T));
    const size_t apart = sumsApart(L);
    if (net.burnIn > 0) startFilters(L, D.plain.forward.get(), sample.state[l], s, w);
    const bool last = l + 1 == net.layers.size();
    if (!last) __builtin_memset(w.layer[l + 1].input.get(), 0, window * net.layers[l + 1].aSize() * sizeof(T));
    // du holds W ⊛ dS until the step that reads it writes its own.
    if (l > 0) denseForward(L, net.weights[l], k.input.get(), window, k.du.get(), w);
    for (int t = 0; t < window; t += BLOCK) {
      const int n = smaller(BLOCK, window - t);
      __builtin_memset(w.x.get(), 0, n * apart * sizeof(T));
      spikeSums(L, D.plain.forward.get(), l == 0 ? sample.input : k.single, l == 0 ? net.burnIn + t : t, n, w.x.get(), apart);
      if (l > 0) {
        __builtin_memset(w.common.get(), 0, SHARED_MAPS * apart * sizeof(T));
        spikeSums(L, D.plain.forward.get(), k.common, t / BLOCK * SHARED_MAPS, SHARED_MAPS, w.common.get(), apart);
      }
      for (int i = 0; i < n; i++) {
        const T* u = k.u.get() + (t + i) * L.outSize();
        T* du = k.du.get() + (t + i) * L.outSize();
        const T* c = w.common.get();
        const T* const common[3] = {l ? c : nullptr, l ? c + halfMap(i) * apart : nullptr, l ? c + turnMap(i) * apart : nullptr};
        stepTangent(L, w.x.get() + i * apart, common, D.plain.bias.get(), u, s, du);
        if (last) continue;
        const Layer& N = net.layers[l + 1];
        T* ds = w.layer[l + 1].input.get() + (t + i) * N.aSize();
        forWinners(L, u, [&](long at, Vec<T> wins, long next) {
          const long position = next / L.outCp, c = next % L.outCp, y = position / L.nextW, x = position % L.nextW;
          *vectorAt(ds + (y * N.aWidth() + N.pW + x) * N.inCp + c) += wins * slope<T>(*vectorAt(u + at)) * *vectorAt(du + at);
        });
      }
    }
  }
}

// Sums of dgX over the steps that share spikes: the tree of appendBlock.
template <class T> void shareSums(const Layer& L, const T* gx, int n, T* out) {
  typedef Vec<T> V;
  const long map = long(L.gSize()) / LANES<T>;
  const V* g = vectorAt(gx);
  V* to = vectorAt(out);
  for (long i = 0; i < map; i++) {
    V sum[SHARED_MAPS] = {};
    for (int k = 0; k < n; k++) sum[turnMap(k)] += g[k * map + i];
    for (int node = 2; node >= 0; node--) sum[node] = sum[2 * node + 1] + sum[2 * node + 2];
    for (int node = 0; node < SHARED_MAPS; node++) to[node * map + i] = sum[node];
  }
}

template <class T> void addTo(T* to, const T* from, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] += from[i];
}

// Hessian of the loss times `direction`, added to `into`; needs windowForward and tangentForward before.
template <class T>
void tangentBackward(Network<T>& net, const Sample<T>& sample, const T* g, const T* dg, Work<T>& w, T* into) {
  const int window = net.window();
  for (int l = int(net.layers.size()) - 1; l >= 0; l--) {
    const Layer& L = net.layers[l];
    const bool last = l + 1 == int(net.layers.size());
    LayerWork<T>& k = w.layer[l];
    T* dW = into + net.offset[l];
    zeroAdjoint(k.adjoint, L, true);
    for (int t = window - 1; t >= 0; t--) {
      const T* u = k.u.get() + t * L.outSize();
      const T* du = k.du.get() + t * L.outSize();
      __builtin_memset(w.gu.get(), 0, L.outSize() * sizeof(T));
      __builtin_memset(w.dgu.get(), 0, L.outSize() * sizeof(T));
      if (last) {
        if (t == window - 1) for (int o = 0; o < L.outC; o++) { w.gu[o] = g[o]; w.dgu[o] = dg[o]; }
      } else {
        const T* gs = w.gNext.get() + t * L.nextSize();
        const T* dgs = w.dgNext.get() + t * L.nextSize();
        forWinners(L, u, [&](long at, Vec<T> wins, long next) {
          const Vec<T> us = *vectorAt(u + at), sl = slope<T>(us), from = *vectorAt(gs + next);
          *vectorAt(w.gu.get() + at) = wins * from * sl;
          *vectorAt(w.dgu.get() + at) = wins * (*vectorAt(dgs + next) * sl + from * curvature<T>(us) * *vectorAt(du + at));
        });
      }
      stepAdjointTangent(L, u, du, w.gu.get(), w.dgu.get(), k.adjoint, k.gx.get() + t * L.gSize(), k.dgx.get() + t * L.gSize(),
                         dW + L.weightSize());
    }
    for (int t = 0; t < window; t += BLOCK) {
      const int n = smaller(BLOCK, window - t);
      const T* dgx = k.dgx.get() + t * L.gSize();
      if (l > 0) shareSums(L, dgx, n, k.shared.get());
      outerBlock(net, sample, k, l, t, n, dgx, k.shared.get(), dW);
    }
    if (net.burnIn > 0) addStart(L, sample.state[l], k.adjoint.dp.get(), k.adjoint.dq.get(), true, w, dW);
    if (l == 0) continue;
    denseOuter(L, k.gx.get(), k.input.get(), window, true, dW, w);
    inputGradient(L, net.direction[l], k.gx.get(), window, true, w.dgIn.get(), w);
    inputGradient(L, net.weights[l], k.dgx.get(), window, true, w.gIn.get(), w);
    addTo(w.dgIn.get(), w.gIn.get(), window * L.inSize());
    inputGradient(L, net.weights[l], k.gx.get(), window, true, w.gIn.get(), w);
    w.gIn.swap(w.gNext);
    w.dgIn.swap(w.dgNext);
  }
}

}  // namespace srm
