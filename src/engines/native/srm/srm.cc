// Engine of the `srm` network: forward, gradient of a sample, Hessian-vector product of a sample. C linkage, no Node types.
// A *set* is a list of samples with their burnt-in states. Every call works on samples lo…hi of a set and adds what it
// finds to the caller's accumulator, so that threads take ranges and the caller adds the accumulators in a fixed order.
// Weights outside: all layers' weights [out][in][kH][kW] then bias [out], one after another. Source: design §4–5.
#include <algorithm>
#include <vector>

#include "../kernels/conv.h"
#include "scan.h"

#ifndef SRM_ISA
#define SRM_ISA base
#endif
#define SRM_JOIN2(a, b) a##_##b
#define SRM_JOIN(a, b) SRM_JOIN2(a, b)
#define SRM_NAME(name) SRM_JOIN(name, SRM_ISA)

namespace srm {
using namespace kernels;
namespace {

template <class T> struct Sample {
  Events input;
  std::vector<LayerState<T>> state;     // at the end of the burn-in
};

// Buffers of one thread.
template <class T> struct Work {
  std::vector<Events> events;        // [layer] input of each layer over the window
  std::vector<Buffer<T>> u, du, dS;     // [layer] U and its tangent over the window; tangent of the layer's input, padded
  std::vector<AdjointState<T>> adjoint;
  std::vector<LayerState<T>> state, tangent;
  Buffer<T> x, gu, dgu, gx, dgx, gIn, dgIn, gNext, dgNext, edge;
  Array<Segment<T>> segments;
  ChannelList list;
};

template <class T> struct Network {
  std::vector<Layer> layers;
  int steps, burnIn;
  std::vector<LayerWeights<T>> weights, direction;
  std::vector<std::vector<Sample<T>>> sets;
  std::vector<Work<T>> work;
};

template <class T> Vec<T>* vectorAt(T* at) { return reinterpret_cast<Vec<T>*>(at); }
template <class T> const Vec<T>* vectorAt(const T* at) { return reinterpret_cast<const Vec<T>*>(at); }

constexpr int BLOCK_STEPS = 4;          // steps whose products share one reading of the weights

template <class T> void loadWeights(const std::vector<Layer>& layers, std::vector<LayerWeights<T>>& to, const T* from) {
  to.resize(layers.size());
  for (size_t l = 0; l < layers.size(); l++) {
    const Layer& L = layers[l];
    LayerWeights<T>& W = to[l];
    W.forward.resize(L.weightSize());
    W.backward.resize(size_t(L.taps()) * L.outC * L.inCp);
    W.bias.resize(L.outCp);
    for (int o = 0; o < L.outC; o++)
      for (int i = 0; i < L.inC; i++)
        for (int tap = 0; tap < L.taps(); tap++) {
          const T w = *from++;
          W.forward[(size_t(tap) * L.inC + i) * L.outCp + o] = w;
          W.backward[(size_t(tap) * L.outC + o) * L.inCp + i] = w;
        }
    for (int o = 0; o < L.outC; o++) W.bias[o] = *from++;
  }
}

// Offset of a layer inside a gradient accumulator: weights [tap][inC][outCp], then bias [outCp].
size_t accumulatorSize(const Layer& L) { return L.weightSize() + L.outCp; }
void accumulatorOffsets(const std::vector<Layer>& layers, Array<size_t>& offset) {
  offset.zero(layers.size());
  for (size_t l = 1; l < layers.size(); l++) offset[l] = offset[l - 1] + accumulatorSize(layers[l - 1]);
}

template <class T> void prepare(const Network<T>& net, Work<T>& w) {
  const size_t n = net.layers.size();
  if (w.u.size() == n) return;
  w.events.resize(n + 1);
  for (auto* list : {&w.u, &w.du, &w.dS}) { list->clear(); for (size_t l = 0; l < n; l++) list->emplace_back(); }
  w.adjoint.clear(); w.state.clear(); w.tangent.clear();
  size_t out = 0, g = 0, in = 0, segments = 0;
  const int window = net.steps - net.burnIn;
  for (size_t l = 0; l < n; l++) {
    const Layer& L = net.layers[l];
    w.u[l].resize(L.outSize() * window);
    w.du[l].resize(L.outSize() * window);
    w.dS[l].resize(L.aSize() * window);
    w.adjoint.emplace_back();
    w.state.emplace_back();
    w.tangent.emplace_back();
    for (auto* b : {&w.adjoint[l].r, &w.adjoint[l].p, &w.adjoint[l].q, &w.adjoint[l].dr, &w.adjoint[l].dp, &w.adjoint[l].dq,
                    &w.state[l].p, &w.state[l].q, &w.state[l].r, &w.state[l].spike,
                    &w.tangent[l].p, &w.tangent[l].q, &w.tangent[l].r, &w.tangent[l].spike}) b->resize(L.outSize());
    out = std::max(out, L.outSize());
    g = std::max(g, L.gSize());
    in = std::max(in, std::max(L.inSize(), L.nextSize()));
    segments = std::max(segments, std::max(size_t(L.taps()), size_t(window) * L.outH));
  }
  w.x.resize(out * BLOCK_STEPS);
  w.gu.resize(out); w.dgu.resize(out);
  w.gx.resize(g * window); w.dgx.resize(g * window);
  w.edge.resize(g * 2);
  for (auto* b : {&w.gIn, &w.dgIn, &w.gNext, &w.dgNext}) b->resize(in * window);
  w.segments.resize(segments);
}

// Steps of one layer from its input events, in blocks; `visit(t, u)` sees the voltages of each step.
template <class T, class F>
void runLayer(const Layer& L, const LayerWeights<T>& W, const Events& in, int t0, int steps, LayerState<T>& s, Work<T>& w, F visit) {
  for (int t = 0; t < steps; t += BLOCK_STEPS) {
    const int n = std::min(BLOCK_STEPS, steps - t);
    __builtin_memset(w.x.get(), 0, n * L.outSize() * sizeof(T));
    convEvents(L, W.forward.get(), in, t0 + t, n, w.x.get());
    for (int k = 0; k < n; k++) visit(t + k, w.x.get() + k * L.outSize());
  }
}

template <class T> void copyState(const LayerState<T>& from, LayerState<T>& to, const Layer& L) {
  const size_t bytes = L.outSize() * sizeof(T);
  __builtin_memcpy(to.r.get(), from.r.get(), bytes);
  __builtin_memcpy(to.spike.get(), from.spike.get(), bytes);
  __builtin_memcpy(to.p.get(), from.p.get(), bytes);
  __builtin_memcpy(to.q.get(), from.q.get(), bytes);
}

// Steps 0…burnIn−1 with the weights in force: leaves the states that the window starts from.
template <class T> void burnSample(Network<T>& net, Sample<T>& sample, Work<T>& w) {
  prepare(net, w);
  sample.state.clear();
  for (const Layer& L : net.layers) {
    sample.state.emplace_back();
    LayerState<T>& s = sample.state.back();
    for (auto* b : {&s.p, &s.q, &s.r, &s.spike}) b->resize(L.outSize());
    for (auto* b : {&s.inP, &s.inQ}) b->resize(L.aSize());
  }
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    LayerState<T>& s = sample.state[l];
    const Events& in = l == 0 ? sample.input : w.events[l];
    const bool last = l + 1 == net.layers.size();
    w.events[l + 1].clear(L.nextH * L.nextW, net.burnIn);
    runLayer(L, net.weights[l], in, 0, net.burnIn, s, w, [&](int t, T* x) {
      stepInput(L, in, t, s);
      stepNeurons(L, x, net.weights[l].bias.get(), s, w.gu.get());
      if (!last) emitEvents(L, w.gu.get(), w.events[l + 1]);
    });
  }
}

// The window, from the burnt-in states: voltages of every layer and step, events between layers; readout = U of the last
// layer at the last step. The filters of W ⊛ input start from W ⊛ the input's own filters, as the weights may be others.
template <class T> void windowForward(Network<T>& net, const Sample<T>& sample, Work<T>& w) {
  prepare(net, w);
  const int window = net.steps - net.burnIn;
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    LayerState<T>& s = w.state[l];
    copyState(sample.state[l], s, L);
    __builtin_memset(s.p.get(), 0, L.outSize() * sizeof(T));
    __builtin_memset(s.q.get(), 0, L.outSize() * sizeof(T));
    if (net.burnIn > 0) {
      convDense(L, net.weights[l].forward.get(), sample.state[l].inP.get(), s.p.get(), w.segments.data());
      convDense(L, net.weights[l].forward.get(), sample.state[l].inQ.get(), s.q.get(), w.segments.data());
    }
    const Events& in = l == 0 ? sample.input : w.events[l];
    const bool last = l + 1 == net.layers.size();
    w.events[l + 1].clear(L.nextH * L.nextW, window);
    runLayer(L, net.weights[l], in, l == 0 ? net.burnIn : 0, window, s, w, [&](int t, T* x) {
      T* u = w.u[l].get() + t * L.outSize();
      stepNeurons(L, x, net.weights[l].bias.get(), s, u);
      if (!last) emitEvents(L, u, w.events[l + 1]);
    });
  }
}

template <class T> void zeroAdjoint(AdjointState<T>& a, const Layer& L, bool tangents) {
  const size_t bytes = L.outSize() * sizeof(T);
  for (auto* b : {&a.r, &a.p, &a.q}) __builtin_memset(b->get(), 0, bytes);
  if (tangents) for (auto* b : {&a.dr, &a.dp, &a.dq}) __builtin_memset(b->get(), 0, bytes);
}

// Copies [y][x][outCp] into the padded layout of gX, scaled: adjoints of the filters' start.
template <class T> void toPadded(const Layer& L, const T* p, const T* q, T a, T b, T* out) {
  for (int y = 0; y < L.outH; y++)
    for (int x = 0; x < L.outW; x++) {
      const size_t i = (size_t(y) * L.outW + x) * L.outCp;
      T* to = out + (size_t(y) * L.gWidth() + L.padX() + x) * L.outCp;
      for (int k = 0; k < L.outCp; k++) to[k] = a * p[i + k] + b * q[i + k];
    }
}

template <class T> void zeroPadding(const Layer& L, T* g, int maps) {
  __builtin_memset(g, 0, size_t(maps) * L.gSize() * sizeof(T));
}

// The adjoints of P and Q at the window's start times the burnt-in filters of the input.
template <class T> void addStart(const Layer& L, const LayerState<T>& start, const T* p, const T* q, Work<T>& w, T* dW) {
  const Filter<T> f = filterOf<T>(L);
  T* atP = w.edge.get();
  T* atQ = atP + L.gSize();
  zeroPadding(L, w.edge.get(), 2);
  toPadded<T>(L, p, q, f.alpha, T(0), atP);
  toPadded<T>(L, p, q, f.oneMinusAlpha, f.beta, atQ);
  outerDense(L, atP, start.inP.get(), 1, dW, w.segments.data());
  outerDense(L, atQ, start.inQ.get(), 1, dW, w.segments.data());
}

// Gradient of Σ readoutGradient·U(last step) with respect to all weights, added to `into`. Needs windowForward before.
template <class T> void windowBackward(Network<T>& net, const Sample<T>& sample, const T* readoutGradient, Work<T>& w, T* into) {
  const int window = net.steps - net.burnIn;
  Array<size_t> offset;
  accumulatorOffsets(net.layers, offset);
  for (size_t l = net.layers.size(); l-- > 0;) {
    const Layer& L = net.layers[l];
    const bool last = l + 1 == net.layers.size();
    T* dW = into + offset[l];
    T* dB = dW + L.weightSize();
    zeroAdjoint(w.adjoint[l], L, false);
    zeroPadding(L, w.gx.get(), window);
    for (int t = window - 1; t >= 0; t--) {
      const T* u = w.u[l].get() + t * L.outSize();
      __builtin_memset(w.gu.get(), 0, L.outSize() * sizeof(T));
      if (last) {
        if (t == window - 1) for (int k = 0; k < L.outC; k++) w.gu[k] = readoutGradient[k];
      } else {
        const T* g = w.gNext.get() + t * L.nextSize();
        forWinners(L, u, [&](long at, Vec<T> wins, long next) {
          *vectorAt(w.gu.get() + at) = wins * *vectorAt(g + next) * slope<T>(*vectorAt(u + at));
        });
      }
      stepAdjoint(L, u, w.gu.get(), w.adjoint[l], w.gx.get() + t * L.gSize(), dB);
    }
    const Events& in = l == 0 ? sample.input : w.events[l];
    const int t0 = l == 0 ? net.burnIn : 0;
    for (int t = 0; t < window; t += BLOCK_STEPS)
      outerEvents(L, w.gx.get() + t * L.gSize(), in, t0 + t, std::min(BLOCK_STEPS, window - t), dW, w.list);
    if (net.burnIn > 0) addStart(L, sample.state[l], w.adjoint[l].p.get(), w.adjoint[l].q.get(), w, dW);
    if (l == 0) continue;
    __builtin_memset(w.gIn.get(), 0, window * L.inSize() * sizeof(T));
    for (int t = 0; t < window - 1; t++)
      convBack(L, net.weights[l].backward.get(), w.gx.get() + t * L.gSize(), w.gIn.get() + t * L.inSize(), w.segments.data());
    w.gIn.swap(w.gNext);
  }
}

// Tangent of the window along `direction`: du of every layer and step, tangents of what is passed on.
template <class T> void tangentForward(Network<T>& net, const Sample<T>& sample, Work<T>& w) {
  typedef Vec<T> V;
  const int window = net.steps - net.burnIn;
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    const LayerWeights<T>& D = net.direction[l];
    const Filter<T> f = filterOf<T>(L);
    LayerState<T>& s = w.tangent[l];
    for (auto* b : {&s.p, &s.q, &s.r, &s.spike}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(T));
    if (net.burnIn > 0) {
      convDense(L, D.forward.get(), sample.state[l].inP.get(), s.p.get(), w.segments.data());
      convDense(L, D.forward.get(), sample.state[l].inQ.get(), s.q.get(), w.segments.data());
    }
    const Events& in = l == 0 ? sample.input : w.events[l];
    const int vectors = L.outCp / LANES<T>;
    const V* db = reinterpret_cast<const V*>(D.bias.get());
    const bool last = l + 1 == net.layers.size();
    if (!last) __builtin_memset(w.dS[l + 1].get(), 0, window * net.layers[l + 1].aSize() * sizeof(T));
    runLayer(L, D, in, l == 0 ? net.burnIn : 0, window, s, w, [&](int t, T* x) {
      if (l > 0) convDense(L, net.weights[l].forward.get(), w.dS[l].get() + t * L.aSize(), x, w.segments.data());
      const V* us = reinterpret_cast<const V*>(w.u[l].get() + t * L.outSize());
      V* dus = reinterpret_cast<V*>(w.du[l].get() + t * L.outSize());
      const V* xs = reinterpret_cast<const V*>(x);
      V *p = reinterpret_cast<V*>(s.p.get()), *q = reinterpret_cast<V*>(s.q.get());
      V *r = reinterpret_cast<V*>(s.r.get()), *z = reinterpret_cast<V*>(s.spike.get());
      for (int pos = 0, i = 0; pos < L.outH * L.outW; pos++)
        for (int v = 0; v < vectors; v++, i++) {
          const V pn = f.alpha * p[i] + f.oneMinusAlpha * q[i];
          q[i] = f.beta * q[i] + f.oneMinusBeta * xs[i];
          p[i] = pn;
          r[i] = f.alphaR * r[i] - f.drop * z[i];
          dus[i] = pn + db[v] + r[i];
          z[i] = slope<T>(us[i]) * dus[i];
        }
      if (last) return;
      const Layer& N = net.layers[l + 1];
      const T* u = w.u[l].get() + t * L.outSize();
      const T* du = w.du[l].get() + t * L.outSize();
      T* ds = w.dS[l + 1].get() + t * N.aSize();
      forWinners(L, u, [&](long at, Vec<T> wins, long next) {
        const long position = next / L.outCp, c = next % L.outCp;
        const long y = position / L.nextW, xx = position % L.nextW;
        *vectorAt(ds + (y * N.aWidth() + N.pW + xx) * N.inCp + c) += wins * slope<T>(*vectorAt(u + at)) * *vectorAt(du + at);
      });
    });
  }
}

// Hessian of the support loss times `direction`, added to `into`; needs windowForward and tangentForward before.
template <class T>
void tangentBackward(Network<T>& net, const Sample<T>& sample, const T* g, const T* dg, Work<T>& w, T* into) {
  const int window = net.steps - net.burnIn;
  Array<size_t> offset;
  accumulatorOffsets(net.layers, offset);
  for (size_t l = net.layers.size(); l-- > 0;) {
    const Layer& L = net.layers[l];
    const bool last = l + 1 == net.layers.size();
    T* dW = into + offset[l];
    T* dB = dW + L.weightSize();
    zeroAdjoint(w.adjoint[l], L, true);
    zeroPadding(L, w.gx.get(), window);
    zeroPadding(L, w.dgx.get(), window);
    for (int t = window - 1; t >= 0; t--) {
      const T* u = w.u[l].get() + t * L.outSize();
      const T* du = w.du[l].get() + t * L.outSize();
      __builtin_memset(w.gu.get(), 0, L.outSize() * sizeof(T));
      __builtin_memset(w.dgu.get(), 0, L.outSize() * sizeof(T));
      if (last) {
        if (t == window - 1) for (int k = 0; k < L.outC; k++) { w.gu[k] = g[k]; w.dgu[k] = dg[k]; }
      } else {
        const T* gs = w.gNext.get() + t * L.nextSize();
        const T* dgs = w.dgNext.get() + t * L.nextSize();
        forWinners(L, u, [&](long at, Vec<T> wins, long next) {
          const Vec<T> us = *vectorAt(u + at), sl = slope<T>(us), from = *vectorAt(gs + next);
          *vectorAt(w.gu.get() + at) = wins * from * sl;
          *vectorAt(w.dgu.get() + at) = wins * (*vectorAt(dgs + next) * sl + from * curvature<T>(us) * *vectorAt(du + at));
        });
      }
      stepAdjointTangent(L, u, du, w.gu.get(), w.dgu.get(), w.adjoint[l], w.gx.get() + t * L.gSize(), w.dgx.get() + t * L.gSize(), dB);
    }
    const Events& in = l == 0 ? sample.input : w.events[l];
    const int t0 = l == 0 ? net.burnIn : 0;
    for (int t = 0; t < window; t += BLOCK_STEPS)
      outerEvents(L, w.dgx.get() + t * L.gSize(), in, t0 + t, std::min(BLOCK_STEPS, window - t), dW, w.list);
    if (l > 0) outerDense(L, w.gx.get(), w.dS[l].get(), window, dW, w.segments.data());
    if (net.burnIn > 0) addStart(L, sample.state[l], w.adjoint[l].dp.get(), w.adjoint[l].dq.get(), w, dW);
    if (l == 0) continue;
    __builtin_memset(w.gIn.get(), 0, window * L.inSize() * sizeof(T));
    __builtin_memset(w.dgIn.get(), 0, window * L.inSize() * sizeof(T));
    for (int t = 0; t < window - 1; t++) {
      const size_t at = t * L.gSize(), to = t * L.inSize();
      convBack(L, net.weights[l].backward.get(), w.gx.get() + at, w.gIn.get() + to, w.segments.data());
      convBack(L, net.weights[l].backward.get(), w.dgx.get() + at, w.dgIn.get() + to, w.segments.data());
      convBack(L, net.direction[l].backward.get(), w.gx.get() + at, w.dgIn.get() + to, w.segments.data());
    }
    w.gIn.swap(w.gNext);
    w.dgIn.swap(w.dgNext);
  }
}

// softmax cross-entropy of one sample, its gradient over n samples; `probability` [outC].
template <class T> double crossEntropy(const T* u, int outputs, int label, double n, T* gradient, T* probability) {
  double top = u[0], sum = 0;
  for (int k = 1; k < outputs; k++) top = std::max(top, double(u[k]));
  for (int k = 0; k < outputs; k++) sum += __builtin_exp(double(u[k]) - top);
  for (int k = 0; k < outputs; k++) {
    const double p = __builtin_exp(double(u[k]) - top) / sum;
    probability[k] = T(p);
    gradient[k] = T((p - (k == label ? 1 : 0)) / n);
  }
  return __builtin_log(sum) + top - double(u[label]);
}

template <class T> const T* readoutOf(const Network<T>& net, const Work<T>& w) {
  const Layer& L = net.layers.back();
  return w.u.back().get() + size_t(net.steps - net.burnIn - 1) * L.outSize();
}

}  // namespace

template <class T> void* create(const int32_t* ints, const double* reals) {
  auto* net = new Network<T>();
  const int count = ints[0];
  net->steps = ints[1];
  net->burnIn = ints[2];
  net->work.resize(ints[3]);
  net->sets.resize(2);
  const int32_t* row = ints + 4;
  for (int l = 0; l < count; l++, row += 13, reals += 5) {
    Layer L{};
    L.inC = row[0]; L.inH = row[1]; L.inW = row[2]; L.outC = row[3]; L.outH = row[4]; L.outW = row[5];
    L.kH = row[6]; L.kW = row[7]; L.sH = row[8]; L.sW = row[9]; L.pH = row[10]; L.pW = row[11]; L.pool = row[12];
    L.alpha = reals[0]; L.beta = reals[1]; L.alphaR = reals[2]; L.wr = reals[3]; L.gain = reals[4];
    L.inCp = (L.inC + LANES<T> - 1) / LANES<T> * LANES<T>;
    L.outCp = (L.outC + LANES<T> - 1) / LANES<T> * LANES<T>;
    L.nextH = L.pool ? L.outH / 2 : L.outH;
    L.nextW = L.pool ? L.outW / 2 : L.outW;
    net->layers.push_back(L);
  }
  return net;
}

}  // namespace srm

using srm::Network;

#define SRM_API(T, suffix)                                                                                             \
  extern "C" void* SRM_JOIN(SRM_NAME(srm_create), suffix)(const int32_t* ints, const double* reals) {                 \
    return srm::create<T>(ints, reals);                                                                                \
  }                                                                                                                    \
  extern "C" void SRM_JOIN(SRM_NAME(srm_destroy), suffix)(void* h) { delete static_cast<Network<T>*>(h); }             \
  /* which 0: weights, 1: direction of the Hessian-vector product */                                                   \
  extern "C" void SRM_JOIN(SRM_NAME(srm_weights), suffix)(void* h, int which, const T* from) {                        \
    auto* net = static_cast<Network<T>*>(h);                                                                           \
    srm::loadWeights<T>(net->layers, which ? net->direction : net->weights, from);                                     \
  }                                                                                                                    \
  extern "C" void SRM_JOIN(SRM_NAME(srm_set_size), suffix)(void* h, int set, int samples) {                           \
    auto& list = static_cast<Network<T>*>(h)->sets[set];                                                               \
    if (int(list.size()) == samples) return;                                                                           \
    list.clear();                                                                                                      \
    for (int i = 0; i < samples; i++) list.emplace_back();                                                             \
  }                                                                                                                    \
  /* rowStart [steps + 1]; channel = (p·H + y)·W + x, ascending in a row; count ≥ 1 */                                 \
  extern "C" void SRM_JOIN(SRM_NAME(srm_sample), suffix)(void* h, int set, int index, const uint32_t* rowStart,       \
                                                         const uint32_t* channel, const uint16_t* count) {             \
    auto* net = static_cast<Network<T>*>(h);                                                                           \
    srm::loadSample<T>(*net, net->sets[set][index].input, rowStart, channel, count);                                   \
  }                                                                                                                    \
  extern "C" void SRM_JOIN(SRM_NAME(srm_burn), suffix)(void* h, int thread, int set, int index) {                     \
    auto* net = static_cast<Network<T>*>(h);                                                                           \
    srm::burnSample<T>(*net, net->sets[set][index], net->work[thread]);                                                \
  }                                                                                                                    \
  extern "C" size_t SRM_JOIN(SRM_NAME(srm_accumulator), suffix)(void* h) {                                            \
    size_t n = 0;                                                                                                      \
    for (const auto& L : static_cast<Network<T>*>(h)->layers) n += srm::accumulatorSize(L);                            \
    return n;                                                                                                          \
  }                                                                                                                    \
  /* readout: see report(); into: accumulator or null (forward only); returns the sample's cross-entropy */                   \
  extern "C" double SRM_JOIN(SRM_NAME(srm_gradient), suffix)(void* h, int thread, int set, int index, int label,      \
                                                             double samples, T* readout, T* into) {                    \
    return srm::gradient<T>(*static_cast<Network<T>*>(h), thread, set, index, label, samples, readout, into);          \
  }                                                                                                                    \
  extern "C" void SRM_JOIN(SRM_NAME(srm_hessian), suffix)(void* h, int thread, int set, int index, int label,         \
                                                          double samples, T* into) {                                   \
    srm::hessian<T>(*static_cast<Network<T>*>(h), thread, set, index, label, samples, into);                           \
  }                                                                                                                    \
  /* accumulators [groups][size] added in order of groups, written in the outside layout */                            \
  extern "C" void SRM_JOIN(SRM_NAME(srm_collect), suffix)(void* h, const T* accumulators, int groups, T* out) {       \
    srm::collect<T>(*static_cast<Network<T>*>(h), accumulators, groups, out);                                          \
  }

namespace srm {

template <class T>
void loadSample(Network<T>& net, Events& e, const uint32_t* rowStart, const uint32_t* channel, const uint16_t* count) {
  const Layer& L = net.layers[0];
  const int positions = L.inH * L.inW;
  e.positions = positions;
  e.steps = net.steps;
  const uint32_t total = rowStart[net.steps];
  e.start.zero(size_t(net.steps) * positions + 1);
  e.key.resize(total);
  bool binary = true;
  for (uint32_t k = 0; k < total; k++) binary = binary && count[k] == 1;
  e.value.clear();
  if (!binary) e.value.resize(total);
  for (int t = 0; t < net.steps; t++)
    for (uint32_t k = rowStart[t]; k < rowStart[t + 1]; k++) e.start[size_t(t) * positions + channel[k] % positions + 1]++;
  for (size_t i = 1; i < e.start.size(); i++) e.start[i] += e.start[i - 1];
  Array<uint32_t> at;
  at.resize(e.start.size());
  __builtin_memcpy(at.data(), e.start.data(), e.start.size() * sizeof(uint32_t));
  for (int t = 0; t < net.steps; t++)
    for (uint32_t k = rowStart[t]; k < rowStart[t + 1]; k++) {
      const uint32_t slot = at[size_t(t) * positions + channel[k] % positions]++;
      e.key[slot] = uint16_t(channel[k] % L.inW * L.inC + channel[k] / positions);
      if (!binary) e.value[slot] = count[k];
    }
}

// What a caller sees of a sample: readout [outC], then for each layer the rate of what it passes on (of the last layer:
// of U > 0 at the last step), then how often each input of the last layer [C, H, W] fired in the window.
template <class T> void report(const Network<T>& net, const Work<T>& w, const T* u, T* out) {
  const size_t layers = net.layers.size();
  const Layer& last = net.layers.back();
  const int window = net.steps - net.burnIn;
  T above = 0;
  for (int k = 0; k < last.outC; k++) { *out++ = u[k]; above += u[k] > 0; }
  for (size_t l = 0; l + 1 < layers; l++) {
    const Layer& L = net.layers[l];
    *out++ = T(w.events[l + 1].key.size()) / T(double(window) * L.nextH * L.nextW * L.outC);
  }
  *out++ = above / T(last.outC);
  const Events& e = w.events[layers - 1];
  const size_t features = size_t(last.inC) * last.inH * last.inW;
  __builtin_memset(out, 0, features * sizeof(T));
  if (layers < 2) return;
  for (size_t row = 0; row + 1 < e.start.size(); row++) {
    const int position = int(row % e.positions), y = position / last.inW;
    for (uint32_t k = e.start[row]; k < e.start[row + 1]; k++) {
      const int x = e.key[k] / last.inC, c = e.key[k] % last.inC;
      out[(size_t(c) * last.inH + y) * last.inW + x] += 1;
    }
  }
}

template <class T>
double gradient(Network<T>& net, int thread, int set, int index, int label, double samples, T* readout, T* into) {
  Work<T>& w = net.work[thread];
  const Sample<T>& sample = net.sets[set][index];
  windowForward(net, sample, w);
  const int outputs = net.layers.back().outC;
  const T* u = readoutOf(net, w);
  Array<T> g, p;
  g.zero(outputs);
  p.zero(outputs);
  const double loss = crossEntropy<T>(u, outputs, label, samples, g.data(), p.data());
  if (readout) report(net, w, u, readout);
  if (into) windowBackward(net, sample, g.data(), w, into);
  return loss;
}

template <class T> void hessian(Network<T>& net, int thread, int set, int index, int label, double samples, T* into) {
  Work<T>& w = net.work[thread];
  const Sample<T>& sample = net.sets[set][index];
  windowForward(net, sample, w);
  tangentForward(net, sample, w);
  const int outputs = net.layers.back().outC;
  Array<T> g, p, dg;
  for (auto* a : {&g, &p, &dg}) a->zero(outputs);
  crossEntropy<T>(readoutOf(net, w), outputs, label, samples, g.data(), p.data());
  const T* du = w.du.back().get() + size_t(net.steps - net.burnIn - 1) * net.layers.back().outSize();
  T mean = 0;
  for (int k = 0; k < outputs; k++) mean += p[k] * du[k];
  for (int k = 0; k < outputs; k++) dg[k] = p[k] * (du[k] - mean) / T(samples);
  tangentBackward(net, sample, g.data(), dg.data(), w, into);
}

template <class T> void collect(Network<T>& net, const T* accumulators, int groups, T* out) {
  size_t size = 0, at = 0;
  for (const Layer& L : net.layers) size += accumulatorSize(L);
  for (const Layer& L : net.layers) {
    for (int o = 0; o < L.outC; o++)
      for (int i = 0; i < L.inC; i++)
        for (int tap = 0; tap < L.taps(); tap++) {
          T sum = 0;
          for (int g = 0; g < groups; g++) sum += accumulators[g * size + at + (size_t(tap) * L.inC + i) * L.outCp + o];
          *out++ = sum;
        }
    for (int o = 0; o < L.outC; o++) {
      T sum = 0;
      for (int g = 0; g < groups; g++) sum += accumulators[g * size + at + L.weightSize() + o];
      *out++ = sum;
    }
    at += accumulatorSize(L);
  }
}

}  // namespace srm

SRM_API(float, f32)
SRM_API(double, f64)
