// Weights from the outside layout (all layers' weights [out][in / groups][kH][kW], then bias [out]) to the kernels' ones, and
// gradients back. Work is cut by whole vectors of output channels, so that threads share it.
#pragma once
#include "exact.h"

namespace srm {

// Copies the outside weights; a grouped layer becomes a full one whose other weights are 0. Returns whether they changed.
template <class T> bool copyWeights(const Network<T>& net, const T* from, Array<T>& to) {
  const size_t size = net.rawOffset[net.layers.size()];
  bool changed = to.size() != size;
  if (changed) to.zero(size);
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    const int groups = net.groups[l], inputs = L.inC / groups, taps = L.taps();
    T* at = to.data() + net.rawOffset[l];
    for (int o = 0; o < L.outC; o++, from += inputs * taps) {
      T* row = at + (size_t(o) * L.inC + size_t(o / (L.outC / groups)) * inputs) * taps;
      const size_t bytes = size_t(inputs) * taps * sizeof(T);
      if (__builtin_memcmp(row, from, bytes) == 0) continue;
      __builtin_memcpy(row, from, bytes);
      changed = true;
    }
    T* bias = at + size_t(L.outC) * L.inC * taps;
    for (int o = 0; o < L.outC; o++, from++) {
      changed = changed || bias[o] != *from;
      bias[o] = *from;
    }
  }
  return changed;
}

// Items of `packWeights`: one for each vector of output channels of each layer.
template <class T> int packItems(const Network<T>& net) {
  int items = 0;
  for (size_t l = 0; l < net.layers.size(); l++) items += net.layers[l].outCp / LANES<T>;
  return items;
}

// Bias of channels that only fill a vector: they never fire, and are never near their threshold.
constexpr double SILENT = -1;

template <class T> void packWeights(const Network<T>& net, const Array<T>& raw, Objects<LayerPack<T>>& to, int item) {
  size_t l = 0;
  while (item >= net.layers[l].outCp / LANES<T>) item -= net.layers[l++].outCp / LANES<T>;
  const Layer& L = net.layers[l];
  LayerPack<T>& W = to[l];
  const T* from = raw.data() + net.rawOffset[l];
  const int first = item * LANES<T>, end = smaller(first + LANES<T>, L.outC), taps = L.taps();
  for (int o = first; o < end; o++)
    for (int i = 0; i < L.inC; i++) {
      const T* w = from + (size_t(o) * L.inC + i) * taps;
      for (int tap = 0; tap < taps; tap++) {
        W.plain.forward[(size_t(tap) * L.inC + i) * L.outCp + o] = w[tap];
        W.plain.backward[(size_t(tap) * L.outC + o) * L.inCp + i] = w[tap];
      }
    }
  const T* bias = from + size_t(L.outC) * L.inC * taps;
  for (int o = first; o < first + LANES<T>; o++) {
    W.plain.bias[o] = o < L.outC ? bias[o] : T(SILENT);
    W.tolerance[o] = o < L.outC ? tolerance<T>(L, from + size_t(o) * L.inC * taps, double(bias[o])) : T(0);
  }
  if (!usesTiles(L)) return;
  tileWeights<T>(L.kH, W.plain.backward.get(), L.outC, L.inCp, first, end, 0, L.inCp, true, W.tileBackward.get());
  tileWeights<T>(L.kH, W.plain.forward.get(), L.inC, L.outCp, 0, L.inC, first, first + LANES<T>, false, W.tileForward.get());
}

template <class T> void makePacks(const Network<T>& net, Objects<LayerPack<T>>& to) {
  if (to.size() == net.layers.size()) return;
  to.make(net.layers.size());
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    LayerPack<T>& W = to[l];
    const size_t backward = size_t(L.outC) * L.inCp;
    W.plain.forward.resize(L.weightSize());
    W.plain.backward.resize(L.taps() * backward);
    W.plain.bias.resize(L.outCp);
    W.tolerance.resize(L.outCp);
    if (!usesTiles(L)) continue;
    W.tileForward.resize(size_t(POINTS) * L.inC * L.outCp);
    W.tileBackward.resize(POINTS * backward);
  }
}

// The groups' accumulators added in order, for the outputs of one item, in the outside layout.
template <class T> void collect(Network<T>& net, int groupCount, int item) {
  size_t l = 0, out = 0;
  for (; item >= net.layers[l].outCp / LANES<T>; l++) {
    const Layer& L = net.layers[l];
    item -= L.outCp / LANES<T>;
    out += L.externalWeights() / net.groups[l] + L.outC;
  }
  const Layer& L = net.layers[l];
  const int groups = net.groups[l], inputs = L.inC / groups, taps = L.taps(), first = item * LANES<T>;
  const int end = smaller(first + LANES<T>, L.outC);
  const size_t size = net.offset[net.layers.size()];
  const T* from = net.accumulators.get() + net.offset[l] + first;
  T* to = net.collected.data() + out;
  const auto sum = [&](size_t row) {
    Vec<T> s = {};
    for (int g = 0; g < groupCount; g++) s += *vectorAt(from + g * size + row * L.outCp);
    return s;
  };
  for (int tap = 0; tap < taps; tap++)
    for (int i = 0; i < L.inC; i++) {
      const Vec<T> s = sum(size_t(tap) * L.inC + i);
      for (int o = first; o < end; o++) {
        const int group = o / (L.outC / groups);
        if (i / inputs == group) to[(size_t(o) * inputs + i - group * inputs) * taps + tap] = s[o - first];
      }
    }
  const Vec<T> s = sum(size_t(taps) * L.inC);
  for (int o = first; o < end; o++) to[size_t(L.outC) * inputs * taps + o] = s[o - first];
}

}  // namespace srm
