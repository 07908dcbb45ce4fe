// Filtered input of a layer, from its spikes: P and Q of design §4, one neuron of the input at a time, in double.
#pragma once
#include "network.h"

namespace srm {

// Calls visit(position·inC + channel, count) for every event of layer l's input at step t.
template <class T, class F> void forInput(const Network<T>& net, const Sample<T>& sample, int l, int t, F visit) {
  const Layer& L = net.layers[l];
  const int positions = L.inH * L.inW;
  for (int position = 0; position < positions; position++) {
    const size_t at = size_t(position) * L.inC;
    if (l == 0) {
      const Events& e = sample.input;
      const size_t row = size_t(t) * positions + position;
      for (uint32_t k = e.start[row]; k < e.start[row + 1]; k++)
        visit(at + e.key[k] - size_t(position % L.inW) * L.inC, e.value.empty() ? 1 : double(e.value[k]));
      continue;
    }
    const Bits& bits = sample.bits[l - 1];
    const uint64_t* words = bits.at(t) + size_t(position) * bits.words;
    for (int k = 0; k < bits.words; k++)
      for (uint64_t m = words[k]; m; m &= m - 1) visit(at + k * 64 + __builtin_ctzll(m), 1);
  }
}

// P, then Q of layer l's input after `steps` steps: [2][position][inC].
template <class T> void inputTraces(const Network<T>& net, const Sample<T>& sample, int l, int steps, Array<double>& out) {
  const Layer& L = net.layers[l];
  const size_t size = size_t(L.inH) * L.inW * L.inC;
  out.zero(2 * size);
  double *p = out.data(), *q = p + size;
  for (int t = 0; t < steps; t++) {
    for (size_t i = 0; i < size; i++) {
      p[i] = L.alpha * p[i] + (1 - L.alpha) * q[i];
      q[i] *= L.beta;
    }
    forInput(net, sample, l, t, [&](size_t i, double count) { q[i] += (1 - L.beta) * L.gain * count; });
  }
}

// P of the last layer's input at the last step, [C, H, W].
template <class T> void lastTrace(const Network<T>& net, const Sample<T>& sample, Array<double>& room, double* out) {
  const Layer& L = net.last();
  const size_t map = size_t(L.inH) * L.inW;
  inputTraces(net, sample, int(net.layers.size()) - 1, net.steps, room);
  for (size_t position = 0; position < map; position++)
    for (int c = 0; c < L.inC; c++) out[c * map + position] = room[position * L.inC + c];
}

// Adds the gradient of P at the last step, `trace` [C, H, W], to that of the window's spikes: [window][position][inCp].
template <class T> void addTraceGradient(const Layer& L, int window, const T* trace, T* gIn) {
  const size_t map = size_t(L.inH) * L.inW;
  double p = 0, q = (1 - L.beta) * L.gain;            // what a spike adds to P and Q of later steps
  for (int t = window - 1; t >= 0; t--) {
    for (size_t position = 0; position < map; position++)
      for (int c = 0; c < L.inC; c++) gIn[(t * map + position) * L.inCp + c] += T(p * double(trace[c * map + position]));
    p = L.alpha * p + (1 - L.alpha) * q;
    q *= L.beta;
  }
}

}  // namespace srm
