// Forward passes: the burn-in, which leaves states, and the window, which leaves voltages too. A layer runs all its steps, in
// blocks, before the next one starts.
#pragma once
#include "neurons.h"

namespace srm {

// Steps [t0, t0 + steps) of layer l, from the lists of its input to bits and lists of the next layer's input.
template <class T>
void runLayer(const Network<T>& net, Sample<T>& sample, Work<T>& w, int l, int t0, int steps, bool burning, LayerState<T>& state, T* u) {
  const Layer& L = net.layers[l];
  const LayerPack<T>& W = net.weights[l];
  LayerWork<T>& k = w.layer[l];
  const bool last = l + 1 == int(net.layers.size());
  LayerWork<T>* next = last ? nullptr : &w.layer[l + 1];
  if (next) {
    next->single.clear(L.nextH * L.nextW, steps);
    next->common.clear(L.nextH * L.nextW, SHARED_MAPS * ((steps + BLOCK - 1) / BLOCK));
  }
  for (int t = 0; t < steps; t += BLOCK) {
    const int n = smaller(BLOCK, steps - t);
    __builtin_memset(w.x.get(), 0, n * L.outSize() * sizeof(T));
    if (l == 0) convEvents(L, W.plain.forward.get(), sample.input, t0 + t, n, w.x.get());
    else {
      convEvents(L, W.plain.forward.get(), k.single, t, n, w.x.get());
      __builtin_memset(w.common.get(), 0, SHARED_MAPS * L.outSize() * sizeof(T));
      convEvents(L, W.plain.forward.get(), k.common, t / BLOCK * SHARED_MAPS, SHARED_MAPS, w.common.get());
    }
    const NeuronBlock<T> block = {&net, &sample, l, t0 + t, n, burning, w.x.get(), l ? w.common.get() : nullptr, &W, &state,
                                  u ? u + t * L.outSize() : nullptr, last ? nullptr : &sample.bits[l], &w.exact};
    stepBlock(block);
    if (next) appendBlock(net.layers[l + 1], sample.bits[l], t0 + t, n, next->single, next->common);
  }
}

// What a spike adds to P and Q of its input, by how many steps before the end of the burn-in it came.
template <class T> struct InputFilter {
  Array<T> p, q;
  void make(const Layer& L, int steps) {
    p.resize(steps);
    q.resize(steps);
    double a = 0, b = (1 - L.beta) * L.gain;
    for (int k = 0; k < steps; k++) {
      p[k] = T(a);
      q[k] = T(b);
      a = L.alpha * a + (1 - L.alpha) * b;
      b *= L.beta;
    }
  }
};

template <class T> void addInput(const Layer& L, const Events& e, int map, T p, T q, LayerState<T>& s) {
  const uint32_t* start = e.start.data() + size_t(map) * e.positions;
  for (int y = 0; y < L.inH; y++)
    for (int x = 0; x < L.inW; x++, start++) {
      const long cell = (long(y) * L.aWidth() + L.pW + x) * L.inCp - long(x) * L.inC;
      for (uint32_t k = start[0]; k < start[1]; k++) {
        const T value = e.value.empty() ? T(1) : T(e.value[k]);
        s.inP[cell + e.key[k]] += p * value;
        s.inQ[cell + e.key[k]] += q * value;
      }
    }
}

// P and Q of a layer's input at the end of the burn-in, from the lists.
template <class T> void filterInput(const Network<T>& net, const Sample<T>& sample, const Work<T>& w, int l, LayerState<T>& s) {
  const Layer& L = net.layers[l];
  const int steps = net.burnIn;
  InputFilter<T> f;
  f.make(L, steps);
  for (auto* b : {&s.inP, &s.inQ}) __builtin_memset(b->get(), 0, L.aSize() * sizeof(T));
  const auto at = [&](const Array<T>& a, int t) { return t < steps ? a[steps - 1 - t] : T(0); };
  if (l == 0) {
    for (int t = 0; t < steps; t++) addInput(L, sample.input, t, at(f.p, t), at(f.q, t), s);
    return;
  }
  const LayerWork<T>& k = w.layer[l];
  for (int t = 0; t < steps; t++) addInput(L, k.single, t, at(f.p, t), at(f.q, t), s);
  for (int t = 0, map = 0; t < steps; t += BLOCK, map += SHARED_MAPS) {
    const T earlyP = at(f.p, t) + at(f.p, t + 1), earlyQ = at(f.q, t) + at(f.q, t + 1);
    const T lateP = at(f.p, t + 2) + at(f.p, t + 3), lateQ = at(f.q, t + 2) + at(f.q, t + 3);
    addInput(L, k.common, map, earlyP + lateP, earlyQ + lateQ, s);
    addInput(L, k.common, map + 1, earlyP, earlyQ, s);
    addInput(L, k.common, map + 2, lateP, lateQ, s);
  }
}

// Steps 0…burnIn−1 with the weights in force: leaves the states that the window starts from.
template <class T> void burnSample(Network<T>& net, Sample<T>& sample, Work<T>& w) {
  prepare(net, w);
  sample.state.make(net.layers.size());
  sample.bits.make(net.layers.size());
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    LayerState<T>& s = sample.state[l];
    makeState(L, s, true);
    for (auto* b : {&s.p, &s.q, &s.r, &s.u}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(T));
    if (l + 1 < net.layers.size()) sample.bits[l].make(net.steps, L.nextH * L.nextW, L.outC);
    runLayer<T>(net, sample, w, int(l), 0, net.burnIn, true, s, nullptr);
    filterInput(net, sample, w, int(l), s);
  }
}

// P and Q of W ⊛ input at the start of the window, for weights that are not those of the burn-in.
template <class T> void startFilters(const Layer& L, const T* forward, const LayerState<T>& from, LayerState<T>& to, Work<T>& w) {
  for (auto* b : {&to.p, &to.q}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(T));
  convDense(L, forward, from.inP.get(), to.p.get(), w.segments.data());
  convDense(L, forward, from.inQ.get(), to.q.get(), w.segments.data());
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
    __builtin_memcpy(s.r.get(), from.r.get(), bytes);
    __builtin_memcpy(s.u.get(), from.u.get(), bytes);
    if (net.weightsAreBurnt || net.burnIn == 0) {
      __builtin_memcpy(s.p.get(), from.p.get(), bytes);
      __builtin_memcpy(s.q.get(), from.q.get(), bytes);
    } else startFilters(L, net.weights[l].plain.forward.get(), from, s, w);
    for (int k = 0; k < L.outCp; k++) s.spikes[k] = from.spikes[k];
    s.passed = from.passed;
    runLayer(net, sample, w, int(l), net.burnIn, net.window(), false, s, w.layer[l].u.get());
  }
}

template <class T> const T* readoutOf(const Network<T>& net, Work<T>& w) {
  return w.layer[net.layers.size() - 1].u.get() + size_t(net.window() - 1) * net.last().outSize();
}

}  // namespace srm
