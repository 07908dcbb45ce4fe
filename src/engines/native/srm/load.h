// Samples as the kernels take them: events of the first layer by step and position.
#pragma once
#include "network.h"

namespace srm {

// Keeps a sample as it came: rowStart [steps + 1]; channel = (p·H + y)·W + x, ascending in a row; count ≥ 1.
template <class T> void keepSample(Sample<T>& s, int steps, const uint32_t* rowStart, const uint32_t* channel, const uint16_t* count) {
  const uint32_t total = rowStart[steps];
  s.rowStart.resize(steps + 1);
  s.channel.resize(total);
  s.count.resize(total);
  __builtin_memcpy(s.rowStart.data(), rowStart, (steps + 1) * sizeof(uint32_t));
  if (total == 0) return;
  __builtin_memcpy(s.channel.data(), channel, total * sizeof(uint32_t));
  __builtin_memcpy(s.count.data(), count, total * sizeof(uint16_t));
}

// Sorts the kept events by step and position. `cursor` is room.
template <class T> void loadSample(const Network<T>& net, Sample<T>& s, Array<uint32_t>& cursor) {
  const Layer& L = net.layers[0];
  Events& e = s.input;
  const uint32_t positions = uint32_t(L.inH * L.inW), total = uint32_t(s.channel.size());
  e.positions = int(positions);
  e.steps = net.steps;
  e.start.zero(size_t(net.steps) * positions + 1);
  e.key.resize(total);
  bool binary = true;
  for (uint32_t k = 0; k < total; k++) binary = binary && s.count[k] == 1;
  e.value.clear();
  if (!binary) e.value.resize(total);
  for (int t = 0; t < net.steps; t++)
    for (uint32_t k = s.rowStart[t]; k < s.rowStart[t + 1]; k++) e.start[size_t(t) * positions + s.channel[k] % positions + 1]++;
  for (size_t i = 1; i < e.start.size(); i++) e.start[i] += e.start[i - 1];
  cursor.resize(e.start.size());
  __builtin_memcpy(cursor.data(), e.start.data(), e.start.size() * sizeof(uint32_t));
  for (int t = 0; t < net.steps; t++)
    for (uint32_t k = s.rowStart[t]; k < s.rowStart[t + 1]; k++) {
      const uint32_t channel = s.channel[k], slot = cursor[size_t(t) * positions + channel % positions]++;
      e.key[slot] = uint16_t(channel % L.inW * L.inC + channel / positions);
      if (!binary) e.value[slot] = s.count[k];
    }
}

}  // namespace srm
