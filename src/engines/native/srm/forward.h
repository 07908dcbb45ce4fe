// Forward passes: the burn-in, which leaves states, and the window, which leaves voltages too. A layer runs all its steps, in
// blocks, before the next one starts.
#pragma once
#include "deep-pools.h"
#include "load.h"
#include "neurons.h"

namespace srm {

// Steps [t0, t0 + steps) of layer l, from the lists of its input to bits and lists of the next layer's input.
template <class T>
void runLayer(const Network<T>& net, Sample<T>& sample, Work<T>& w, int l, int t0, int steps, bool burning, LayerState<T>& state, T* u) {
  const Layer& L = net.layers[l];
  const LayerPack<T>& W = net.weights[l];
  LayerWork<T>& k = w.layer[l];
  const bool last = l + 1 == int(net.layers.size());
  const size_t apart = sumsApart(L);
  LayerWork<T>* next = last ? nullptr : &w.layer[l + 1];
  if (next) {
    next->single.clear(L.nextH * L.nextW, steps);
    next->common.clear(L.nextH * L.nextW, SHARED_MAPS * ((steps + BLOCK - 1) / BLOCK));
  }
  for (int t = 0; t < steps; t += BLOCK) {
    const int n = smaller(BLOCK, steps - t);
    if (l > 0) {
      __builtin_memset(w.common.get(), 0, SHARED_MAPS * apart * sizeof(T));
      spikeSums(L, W.plain.forward.get(), k.common, t / BLOCK * SHARED_MAPS, SHARED_MAPS, w.common.get(), apart);
    }
    for (int from = t; from < t + n; from += l ? BLOCK : INPUT_BLOCK) {
      const int part = l ? n : smaller(INPUT_BLOCK, t + n - from);
      __builtin_memset(w.x.get(), 0, part * apart * sizeof(T));
      spikeSums(L, W.plain.forward.get(), l ? k.single : sample.input, l ? from : t0 + from, part, w.x.get(), apart);
      stepBlock<T>({&net, &sample, l, t0 + from, part, burning, w.x.get(), l ? w.common.get() : nullptr, &W, &state,
                    u ? u + from * L.outSize() : nullptr, last ? nullptr : L.pool > 1 ? &k.first : &sample.bits[l], &w.exact});
    }
    if (next && L.pool > 1) poolDeeper(L, k.first, sample.bits[l], t0 + t, n, state.deeper, w.shared);
    if (next) appendBlock(net.layers[l + 1], sample.bits[l], t0 + t, n, next->single, next->common, w.shared);
  }
}

template <class T> void addInput(const Layer& L, const Events& e, int map, T p, T q, LayerState<T>& s) {
  const uint32_t* start = e.start.data() + size_t(map) * e.positions;
  T *inP = s.in.get(), *inQ = inP + L.aSize();
  for (int y = 0; y < L.inH; y++)
    for (int x = 0; x < L.inW; x++, start++) {
      const long cell = (long(y) * L.aWidth() + L.pW + x) * L.inCp - long(x) * L.inC;
      for (uint32_t k = start[0]; k < start[1]; k++) {
        const T value = e.value.empty() ? T(1) : T(e.value[k]);
        inP[cell + e.key[k]] += p * value;
        inQ[cell + e.key[k]] += q * value;
      }
    }
}

// P and Q of a layer's input at the end of the burn-in, from the lists.
template <class T> void filterInput(const Network<T>& net, const Sample<T>& sample, const Work<T>& w, int l, LayerState<T>& s) {
  const Layer& L = net.layers[l];
  const int steps = net.unadapted;
  const InputFilter<T>& f = net.filter[l];
  __builtin_memset(s.in.get(), 0, 2 * L.aSize() * sizeof(T));
  const auto at = [&](const Array<T>& a, int t) { return t < steps ? a[steps - 1 - t] : T(0); };
  if (l == 0) {
    for (int t = 0; t < steps; t++) addInput(L, sample.input, t, at(f.p, t), at(f.q, t), s);
    return;
  }
  const LayerWork<T>& k = w.layer[l];
  for (int t = 0; t < steps; t++) addInput(L, k.single, t, at(f.p, t), at(f.q, t), s);
  for (int t = 0, map = 0; t < steps; t += BLOCK, map += SHARED_MAPS) {
    T p[SHARED_MAPS] = {}, q[SHARED_MAPS] = {};     // the tree of appendBlock
    for (int k = 0; k < BLOCK; k++) {
      p[turnMap(k)] += at(f.p, t + k);
      q[turnMap(k)] += at(f.q, t + k);
    }
    for (int node = 2; node >= 0; node--) {
      p[node] = p[2 * node + 1] + p[2 * node + 2];
      q[node] = q[2 * node + 1] + q[2 * node + 2];
    }
    for (int node = 0; node < SHARED_MAPS; node++) addInput(L, k.common, map + node, p[node], q[node], s);
  }
}

// Steps 0…unadapted−1 with the weights in force: leaves the states that the window starts from, or the steps before it.
template <class T> void burnSample(Network<T>& net, Sample<T>& sample, Work<T>& w) {
  prepare(net, w);
  loadSample(net, sample, w.cursor);
  auto& state = net.unadapted < net.burnIn ? sample.burnt : sample.state;
  state.make(net.layers.size());
  sample.bits.make(net.layers.size());
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    LayerState<T>& s = state[l];
    makeState(L, s, true);
    for (auto* b : {&s.p, &s.q, &s.r, &s.u}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(T));
    if (l + 1 < net.layers.size()) sample.bits[l].make(net.steps, L.nextH * L.nextW, L.outC);
    runLayer<T>(net, sample, w, int(l), 0, net.unadapted, true, s, nullptr);
    filterInput(net, sample, w, int(l), s);
  }
}

// P and Q of W ⊛ input at the start of the window, for weights that are not those of the burn-in.
template <class T> void startFilters(const Layer& L, const T* forward, const LayerState<T>& from, LayerState<T>& to, Work<T>& w) {
  for (auto* b : {&to.p, &to.q}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(T));
  convDense(L, forward, from.in.get(), to.p.get(), w.segments.data());
  convDense(L, forward, from.in.get() + L.aSize(), to.q.get(), w.segments.data());
}

// The window, from the burnt-in states: voltages of every layer and step, lists between layers; the readout is U of the last
// layer at the last step.
template <class T> void windowForward(Network<T>& net, Sample<T>& sample, Work<T>& w) {
  prepare(net, w);
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    const LayerState<T>& from = sample.state[l];
    LayerState<T>& s = w.layer[l].state;
    const size_t bytes = L.outSize() * sizeof(T);
    continueFrom(L, from, s);
    if (net.weightsAreBurnt || net.burnIn == 0) {
      __builtin_memcpy(s.p.get(), from.p.get(), bytes);
      __builtin_memcpy(s.q.get(), from.q.get(), bytes);
    } else startFilters(L, net.weights[l].plain.forward.get(), from, s, w);
    runLayer(net, sample, w, int(l), net.burnIn, net.window(), false, s, w.layer[l].u.get());
  }
}

template <class T> const T* readoutOf(const Network<T>& net, Work<T>& w) {
  return w.layer[net.layers.size() - 1].u.get() + size_t(net.window() - 1) * net.last().outSize();
}

}  // namespace srm
