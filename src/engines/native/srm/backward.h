// Gradient of a sample's loss: the window backward, layer by layer from the last.
#pragma once
#include "adjoint.h"
#include "traces.h"

namespace srm {

// Copies [y][x][outCp] into the padded layout of gX, scaled: adjoints of the filters' start.
template <class T> void toPadded(const Layer& L, const T* p, const T* q, T a, T b, T* out) {
  for (int y = 0; y < L.outH; y++)
    for (int x = 0; x < L.outW; x++) {
      const size_t i = (size_t(y) * L.outW + x) * L.outCp;
      T* to = out + (size_t(y) * L.gWidth() + L.padX() + x) * L.outCp;
      for (int k = 0; k < L.outCp; k++) to[k] = a * p[i + k] + b * q[i + k];
    }
}

// dW += gX ⊗ A over some maps, for a dense A. `tiles`: by Winograd's tiles, where they serve.
template <class T> void denseOuter(const Layer& L, const T* gx, const T* a, int maps, bool tiles, T* dW, Work<T>& w) {
  if (tiles && usesTiles(L)) tilesOuter(L, gx, a, dW, maps, w.tiles, w.tileSums);
  else outerDense(L, gx, a, maps, dW, w.segments.data());
}

// dW += the adjoints of P and Q at the window's start times the burnt-in filters of the input.
template <class T>
void addStart(const Layer& L, const LayerState<T>& start, const T* p, const T* q, bool tiles, Work<T>& w, T* dW) {
  const Filter<T> f = filterOf<T>(L);
  T* atP = w.edge.get();
  T* atQ = atP + L.gSize();
  __builtin_memset(atP, 0, 2 * L.gSize() * sizeof(T));
  toPadded<T>(L, p, q, f.alpha, T(0), atP);
  toPadded<T>(L, p, q, f.oneMinusAlpha, f.beta, atQ);
  denseOuter(L, atP, start.in.get(), 2, tiles, dW, w);
}

// dW += gX ⊗ S for steps [t, t + n) of the window; `shared` holds the block's sums of gX.
template <class T>
void outerBlock(const Network<T>& net, const Sample<T>& sample, LayerWork<T>& k, int l, int t, int n, const T* gx, const T* shared, T* dW) {
  const Layer& L = net.layers[l];
  if (l == 0) {
    outerEvents(L, gx, sample.input, net.burnIn + t, n, dW, k.singleList);
    return;
  }
  outerEvents(L, gx, k.single, t, n, dW, k.singleList);
  outerEvents(L, shared, k.common, t / BLOCK * SHARED_MAPS, SHARED_MAPS, dW, k.commonList);
}

template <class T> void zeroAdjoint(AdjointState<T>& a, const Layer& L, bool tangents) {
  const size_t bytes = L.outSize() * sizeof(T);
  for (auto* b : {&a.r, &a.p, &a.q}) __builtin_memset(b->get(), 0, bytes);
  if (tangents) for (auto* b : {&a.dr, &a.dp, &a.dq}) __builtin_memset(b->get(), 0, bytes);
}

// gA = Wᵀ ⊛ gX of the window's steps but the last, whose gX is 0. `tiles`: by Winograd's tiles, where they serve.
template <class T> void inputGradient(const Layer& L, const LayerPack<T>& W, const T* gx, int window, bool tiles, T* out, Work<T>& w) {
  if (tiles && usesTiles(L)) {
    tilesBack(L, W.tileBackward.get(), gx, out, window - 1, w.tiles);
    __builtin_memset(out + (window - 1) * L.inSize(), 0, L.inSize() * sizeof(T));
    return;
  }
  __builtin_memset(out, 0, window * L.inSize() * sizeof(T));
  for (int t = 0; t < window - 1; t++)
    convBack(L, W.plain.backward.get(), gx + t * L.gSize(), out + t * L.inSize(), w.segments.data());
}

// Gradient of Σ readout·U + Σ trace·P at the last step with respect to all weights, added to `into`; P is the filtered input of
// the last layer, [C, H, W], null: none. Needs windowForward before.
// The support's gradient becomes weights whose rounding may flip spikes: it takes the plain sums (tiles: false).
template <class T>
void windowBackward(Network<T>& net, const Sample<T>& sample, const T* readout, const T* trace, bool tiles, Work<T>& w, T* into) {
  const int window = net.window();
  for (int l = int(net.layers.size()) - 1; l >= 0; l--) {
    const Layer& L = net.layers[l];
    const bool last = l + 1 == int(net.layers.size());
    LayerWork<T>& k = w.layer[l];
    T* dW = into + net.offset[l];
    zeroAdjoint(k.adjoint, L, false);
    if (!last && L.pool > 1) {
      spreadPools(L, k.u.get(), window, w.gNext.get(), w.gIn.get());
      w.gIn.swap(w.gNext);
    }
    const int block = l ? BLOCK : INPUT_BLOCK;
    for (int t = (window - 1) / block * block; t >= 0; t -= block) {
      const int n = smaller(block, window - t);
      // Nobody reads the first layer's gX again.
      T* gx = k.gx.get() + (l ? t * L.gSize() : 0);
      T* shared = l > 0 ? k.shared.get() : nullptr;
      backBlock<T>(L, {n, k.u.get() + t * L.outSize(), last ? nullptr : w.gNext.get() + t * pooledSize(L),
                       last && t + n == window ? readout : nullptr, &k.adjoint, gx, shared, dW + L.weightSize()});
      outerBlock(net, sample, k, l, t, n, gx, shared, dW);
    }
    if (net.burnIn > 0) addStart(L, sample.state[l], k.adjoint.p.get(), k.adjoint.q.get(), tiles, w, dW);
    if (l == 0) continue;
    inputGradient(L, net.weights[l], k.gx.get(), window, tiles, w.gIn.get(), w);
    if (last && trace) addTraceGradient(L, window, trace, w.gIn.get());
    w.gIn.swap(w.gNext);
  }
}

}  // namespace srm
