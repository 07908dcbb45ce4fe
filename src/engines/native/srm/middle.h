// Steps between the burn-in and the window, where the window is shorter than what is left: they run with the weights of the
// window, from the burn-in's states, and leave the states that the window starts from.
#pragma once
#include "forward.h"
#include "traces.h"

namespace srm {

template <class T> void runMiddle(Network<T>& net, Sample<T>& sample, Work<T>& w) {
  prepare(net, w);
  sample.state.make(net.layers.size());
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    const LayerState<T>& from = sample.burnt[l];
    LayerState<T>& s = sample.state[l];
    makeState(L, s, true);
    continueFrom(L, from, s);
    startFilters(L, net.weights[l].plain.forward.get(), from, s, w);
    runLayer<T>(net, sample, w, int(l), net.unadapted, net.burnIn - net.unadapted, false, s, nullptr);
    inputTraces(net, sample, int(l), net.burnIn, w.traces);
    __builtin_memset(s.in.get(), 0, 2 * L.aSize() * sizeof(T));
    const double* value = w.traces.data();
    for (int which = 0; which < 2; which++)
      for (int y = 0; y < L.inH; y++)
        for (int x = 0; x < L.inW; x++)
          for (int c = 0; c < L.inC; c++) s.in[which * L.aSize() + (size_t(y) * L.aWidth() + L.pW + x) * L.inCp + c] = T(*value++);
  }
}

}  // namespace srm
