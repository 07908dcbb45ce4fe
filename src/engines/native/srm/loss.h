// Cross-entropy of a sample, and what a caller sees of it.
#pragma once
#include "forward.h"
#include "hessian.h"
#include "traces.h"

#ifdef METALOIHI_FREESTANDING
extern "C" double metaloihi_exp(double);      // wasm/platform.cc
extern "C" double metaloihi_log(double);
#define SRM_EXP metaloihi_exp
#define SRM_LOG metaloihi_log
#else
#define SRM_EXP __builtin_exp
#define SRM_LOG __builtin_log
#endif

namespace srm {

// softmax cross-entropy of one sample, its gradient over n samples; `probability` [outC].
template <class T> double crossEntropy(const T* u, int outputs, int label, double n, T* gradient, double* probability) {
  double top = double(u[0]), sum = 0;
  for (int k = 1; k < outputs; k++) top = larger(top, double(u[k]));
  for (int k = 0; k < outputs; k++) sum += SRM_EXP(double(u[k]) - top);
  for (int k = 0; k < outputs; k++) {
    probability[k] = SRM_EXP(double(u[k]) - top) / sum;
    gradient[k] = T((probability[k] - (k == label ? 1 : 0)) / n);
  }
  return SRM_LOG(sum) + top - double(u[label]);
}

// See Network::reportedSize.
template <class T> void report(const Network<T>& net, const Sample<T>& sample, const Work<T>& w, const T* u, T* out) {
  const size_t layers = net.layers.size();
  const Layer& last = net.last();
  for (int k = 0; k < last.outC; k++) *out++ = u[k];
  for (size_t l = 0; l < layers; l++) {
    const LayerState<T>& s = w.layer[l].state;
    double fired = 0;
    for (int k = 0; k < net.layers[l].outC; k++) fired += s.spikes[k];
    *out++ = T(fired);
    *out++ = T(s.passed);
    for (int pool = 2; pool <= net.layers[l].pool; pool++) *out++ = T(s.deeper[pool - 2]);
  }
  for (int k = 0; k < last.outC; k++) *out++ = T(w.layer[layers - 1].state.spikes[k]);
  const size_t map = size_t(last.inH) * last.inW;
  __builtin_memset(out, 0, map * last.inC * sizeof(T));
  if (layers == 1) {
    const Events& e = sample.input;
    for (size_t row = 0; row + 1 < e.start.size(); row++)
      for (uint32_t k = e.start[row]; k < e.start[row + 1]; k++)
        out[e.key[k] % last.inC * map + row % map] += e.value.empty() ? 1 : T(e.value[k]);
    return;
  }
  const Bits& bits = sample.bits[layers - 2];
  for (int t = 0; t < net.steps; t++)
    for (size_t position = 0; position < map; position++)
      for (int k = 0; k < bits.words; k++)
        for (uint64_t m = bits.at(t)[position * bits.words + k]; m; m &= m - 1)
          out[size_t(k * 64 + __builtin_ctzll(m)) * map + position] += 1;
}

constexpr int MAX_OUTPUTS = 1024;      // srm-engine.ts checks

// Forward of one sample; its gradient added to `into` where that is wanted. Support (set 0) takes the plain sums.
template <class T>
double gradient(Network<T>& net, int thread, int set, int index, int label, double samples, T* reported, T* into) {
  Work<T>& w = net.work[thread];
  Sample<T>& sample = net.sets[set][index];
  windowForward(net, sample, w);
  const int outputs = net.last().outC;
  const T* u = readoutOf(net, w);
  alignas(64) T g[MAX_OUTPUTS + VECTOR_BYTES] = {};
  double p[MAX_OUTPUTS];
  const double loss = crossEntropy<T>(u, outputs, label, samples, g, p);
  report(net, sample, w, u, reported);
  if (net.job.traces) lastTrace(net, sample, w.traces, net.traces.data() + index * net.features());
  if (into) windowBackward<T>(net, sample, g, nullptr, set != 0, w, into);
  return loss;
}

// Gradient of what a rule reads of a support sample at the last step: U and P, with the cotangents that were handed over.
template <class T> void pullBack(Network<T>& net, int thread, int index, T* into) {
  Work<T>& w = net.work[thread];
  Sample<T>& sample = net.sets[0][index];
  windowForward(net, sample, w);
  const int outputs = net.last().outC;
  const T* from = net.cotangents.data() + index * (outputs + net.features());
  alignas(64) T g[MAX_OUTPUTS + VECTOR_BYTES] = {};
  for (int k = 0; k < outputs; k++) g[k] = from[k];
  windowBackward<T>(net, sample, g, from + outputs, true, w, into);
}

template <class T> void hessian(Network<T>& net, int thread, int set, int index, int label, double samples, T* into) {
  Work<T>& w = net.work[thread];
  Sample<T>& sample = net.sets[set][index];
  prepareTangents(net, w);
  windowForward(net, sample, w);
  tangentForward(net, sample, w);
  const Layer& L = net.last();
  T g[MAX_OUTPUTS], dg[MAX_OUTPUTS];
  double p[MAX_OUTPUTS], mean = 0;
  crossEntropy<T>(readoutOf(net, w), L.outC, label, samples, g, p);
  const T* du = w.layer[net.layers.size() - 1].du.get() + size_t(net.window() - 1) * L.outSize();
  for (int k = 0; k < L.outC; k++) mean += p[k] * double(du[k]);
  for (int k = 0; k < L.outC; k++) dg[k] = T(p[k] * (double(du[k]) - mean) / samples);
  tangentBackward(net, sample, g, dg, w, into);
}

}  // namespace srm
