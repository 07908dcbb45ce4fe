// What the srm engine keeps: the network, its samples, and the buffers of each thread.
//   T timesteps, of which the first B burn in and the rest, the window, is differentiated; O outputs, C channels.
//   Maps are channels-last, channels padded to whole vectors (kernels/layout.h). A layer's map of U is [y][x][outCp]; gX has
//   kW zero columns on each side. What a layer passes on are bits: [t][position] words of 64 channels.
#pragma once
#include "../kernels/spike-sums.h"
#include "../kernels/tiles.h"

namespace srm {
using namespace kernels;

// Steps that are summed together: spikes that some of them share are added once (spikes.h). Map 0 is what all share, then
// what each half shares besides, then what steps 0, 2, 4 and steps 1, 3 of each half share besides.
constexpr int HALF = 5, BLOCK = 2 * HALF;
constexpr int SHARED_MAPS = 7;
// Sums of a block's steps lie apart by a few lines of the cache more than they fill: maps are powers of two, and the lines of
// all steps would share one set.
static inline size_t sumsApart(const Layer& L) { return L.outSize() + 5 * 64 / sizeof(float); }
static inline int halfMap(int step) { return 1 + step / HALF; }
static inline int turnMap(int step) { return 3 + step / HALF * 2 + step % HALF % 2; }
constexpr int DEEPER = 15;               // pools behind a first one: rows of a map are numbered in 16 bits
constexpr int INPUT_BLOCK = 5;           // steps at a time in the first layer, which shares nothing and has the largest maps

// Weights as the kernels read them.
template <class T> struct LayerPack {
  LayerWeights<T> plain;
  Buffer<T> tileForward, tileBackward;   // [64][inC][outCp], [64][outC][inCp]; empty where tiles do not serve
  Buffer<T> tolerance;                   // [outCp] |U| below which a spike is decided exactly (exact.h)
};

// Spikes that a layer passes on, as bits: [steps][positions][words].
struct Bits {
  Array<uint64_t> word;
  int positions = 0, words = 0;
  void make(int steps, int positionCount, int channels) {
    positions = positionCount;
    words = (channels + 63) / 64;
    word.resize(size_t(steps) * positions * words);
  }
  uint64_t* at(int t) { return word.data() + size_t(t) * positions * words; }
  const uint64_t* at(int t) const { return word.data() + size_t(t) * positions * words; }
};

// What the first pool of a layer passes on; the layer's own map where there is none. L.pool counts the pools.
static inline int pooledH(const Layer& L) { return L.pool ? L.outH / 2 : L.outH; }
static inline int pooledW(const Layer& L) { return L.pool ? L.outW / 2 : L.outW; }
static inline size_t pooledSize(const Layer& L) { return size_t(pooledH(L)) * pooledW(L) * L.outCp; }

template <class A> static inline A larger(A a, A b) { return a > b ? a : b; }
static inline int smaller(int a, int b) { return a < b ? a : b; }

// State of one layer at the end of the burn-in.
template <class T> struct LayerState {
  Buffer<T> p, q, r;       // W ⊛ P and W ⊛ Q of the input, refractory trace   [y][x][outCp]
  Buffer<T> u;             // voltages of the last step
  Buffer<T> in;            // P, then Q of the input                            [2][y][x + 2·pW][inCp]
  Array<double> spikes;    // [outCp] spikes of each channel so far, all positions
  double passed = 0;       // spikes passed on so far, by the first pool where there are several
  double deeper[DEEPER];   // and by each pool behind that
};

template <class T> struct Sample {
  Array<uint32_t> rowStart, channel;   // as they came, until the burn-in makes `input` of them
  Array<uint16_t> count;
  Events input;                    // of the first layer, all steps
  Objects<LayerState<T>> state;    // [layer] where the window starts
  Objects<LayerState<T>> burnt;    // [layer] where the burn-in ends, if that is earlier (middle.h)
  Objects<Bits> bits;              // [layer] what it passes on, all steps
  int set = 0;
};

// Adjoints of a layer's filters while time runs backward; `d…` are their tangents (Hessian-vector product only).
template <class T> struct AdjointState { Buffer<T> r, p, q, dr, dp, dq; };

// Buffers of one layer in one thread.
template <class T> struct LayerWork {
  Buffer<T> u, du;            // [window][y][x][outCp] voltages and their tangents
  Buffer<T> gx, dgx;          // [window] gX and its tangent
  Buffer<T> shared;           // [SHARED_MAPS] sums of gX over steps that share spikes
  Buffer<T> input;            // [window][y][x + 2·pW][inCp] tangent of what the layer reads
  Events single, common;      // input of the layer: per step; [block][SHARED_MAPS]
  ChannelList singleList, commonList;
  Bits first;                 // what the first of several pools passes on
  AdjointState<T> adjoint;
  LayerState<T> state, tangent;
};

template <class T> struct Work {
  Objects<LayerWork<T>> layer;
  Buffer<T> x, common, gu, dgu, edge, gIn, dgIn, gNext, dgNext, scratch;
  Array<Segment<T>> segments;
  TileWork<T> tiles;
  Buffer<T> tileSums;
  Array<double> exact;        // weights of one neuron, twice
  Array<uint32_t> cursor;
  Array<uint64_t> shared;     // [BLOCK + SHARED_MAPS] maps of bits
  Array<double> traces;       // [2][position][inC] of one layer
};

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

// What a run of phases does (srm.cc).
struct Job {
  int kind = 0, set = 0, samples = 0, gradient = 0, traces = 0, burning = 0, pack = 0, packDirection = 0;
  Array<int32_t> label;
  Array<int32_t> groupStart;
};

template <class T> struct Network {
  Array<Layer> layers;
  Array<int> groups;                     // [layer]
  int steps, burnIn;                     // burnIn: where the window starts
  int unadapted;                         // steps with the burn-in's weights; burnIn, or less (middle.h)
  Objects<LayerPack<T>> weights, direction;
  Array<T> raw, rawDirection;            // [layer] weights [out][in][kH][kW] (groups filled with zeros), then bias [out]
  Objects<Array<T>> rawBurn;             // [set] the weights that its samples were burnt in with
  bool stale = true, staleDirection = true, weightsAreBurnt = false;
  Objects<Objects<Sample<T>>> sets;
  Array<int> setSize;
  Objects<Work<T>> work;
  Array<size_t> offset, rawOffset;       // [layer + 1] in accumulators; in `raw`
  Objects<InputFilter<T>> filter;        // [layer]
  Array<double> losses;                  // [sample]
  Array<T> reported;                     // [sample][reported]
  Buffer<T> accumulators;                // [group][offset of the end]
  Array<T> collected;                    // gradient or Hessian product in the outside layout
  Array<double> traces;                  // [sample][C, H, W] P of the last layer's input at the last step
  Array<T> cotangents;                   // [sample of the support] gradient of U [outC], then of P [C, H, W], at the last step
  Job job;
  int window() const { return steps - burnIn; }
  int blocks() const { return (window() + BLOCK - 1) / BLOCK; }
  const Layer& last() const { return layers[layers.size() - 1]; }
  // readout [outC], then for each layer how many spikes it fired and how many it passed on, all steps (each of several pools);
  // then spikes of each output, all steps; then how often each input of the last layer [C, H, W] fired, all steps
  size_t reportedSize() const {
    const Layer& L = last();
    size_t counters = 0;
    for (size_t l = 0; l < layers.size(); l++) counters += larger(2, 1 + layers[l].pool);
    return size_t(2) * L.outC + counters + features();
  }
  size_t features() const { return size_t(last().inC) * last().inH * last().inW; }
};

// Tiles serve stride 1 and square kernels once there are channels to share the transforms.
static inline bool usesTiles(const Layer& L) { return tilesFit(L) && L.inC >= 8 && L.outC >= 8; }
static inline size_t accumulatorSize(const Layer& L) { return L.weightSize() + L.outCp; }

template <class T> static inline Vec<T>* vectorAt(T* at) { return reinterpret_cast<Vec<T>*>(at); }
template <class T> static inline const Vec<T>* vectorAt(const T* at) { return reinterpret_cast<const Vec<T>*>(at); }
template <class T> struct Filter { T alpha, oneMinusAlpha, beta, oneMinusBeta, alphaR, drop; };
template <class T> static inline Filter<T> filterOf(const Layer& L) {
  return {T(L.alpha), T(1 - L.alpha), T(L.beta), T((1 - L.beta) * L.gain), T(L.alphaR), T((1 - L.alphaR) * L.wr)};
}

template <class T> void makeState(const Layer& L, LayerState<T>& s, bool input) {
  for (auto* b : {&s.p, &s.q, &s.r, &s.u}) b->resize(L.outSize());
  if (input) s.in.resize(2 * L.aSize());
  s.spikes.zero(L.outCp);
  s.passed = 0;
  for (double& count : s.deeper) count = 0;
}

// Goes on from a state; its P and Q are the caller's.
template <class T> void continueFrom(const Layer& L, const LayerState<T>& from, LayerState<T>& s) {
  __builtin_memcpy(s.r.get(), from.r.get(), L.outSize() * sizeof(T));
  __builtin_memcpy(s.u.get(), from.u.get(), L.outSize() * sizeof(T));
  for (int k = 0; k < L.outCp; k++) s.spikes[k] = from.spikes[k];
  s.passed = from.passed;
  for (int k = 0; k < DEEPER; k++) s.deeper[k] = from.deeper[k];
}

// Makes a thread's buffers, once.
template <class T> void prepare(const Network<T>& net, Work<T>& w) {
  const size_t n = net.layers.size();
  if (w.layer.size() == n) return;
  w.layer.make(n);
  size_t out = 0, g = 0, in = 0, segments = 0, inputs = 0;
  const int window = net.window();
  for (size_t l = 0; l < n; l++) {
    const Layer& L = net.layers[l];
    LayerWork<T>& k = w.layer[l];
    k.u.resize(L.outSize() * window);
    k.gx.resize(L.gSize() * window);
    k.shared.resize(L.gSize() * SHARED_MAPS);
    makeState(L, k.state, false);
    for (auto* b : {&k.adjoint.r, &k.adjoint.p, &k.adjoint.q}) b->resize(L.outSize());
    if (L.pool > 1) k.first.make(net.steps, pooledH(L) * pooledW(L), L.outC);
    out = larger(out, sumsApart(L));
    g = larger(g, L.gSize());
    in = larger(in, larger(L.inSize(), pooledSize(L)));
    segments = larger(segments, larger(size_t(L.taps()), size_t(larger(window, 2)) * L.outH));      // 2: P and Q of addStart
    inputs = larger(inputs, size_t(L.taps()) * L.inC);
  }
  w.x.resize(out * BLOCK);
  w.common.resize(out * SHARED_MAPS);
  w.scratch.resize(out);
  w.edge.resize(g * 2);
  for (auto* b : {&w.gIn, &w.gNext}) b->resize(in * window);
  w.segments.resize(segments);
  w.exact.resize(inputs * 2);
}

// What the Hessian-vector product needs besides.
template <class T> void prepareTangents(const Network<T>& net, Work<T>& w) {
  prepare(net, w);
  if (w.gu.size() > 0) return;
  size_t out = 0, in = 0;
  for (size_t l = 0; l < net.layers.size(); l++) {
    const Layer& L = net.layers[l];
    LayerWork<T>& k = w.layer[l];
    k.du.resize(L.outSize() * net.window());
    k.dgx.resize(L.gSize() * net.window());
    k.input.resize(L.aSize() * net.window());
    makeState(L, k.tangent, false);
    for (auto* b : {&k.adjoint.dr, &k.adjoint.dp, &k.adjoint.dq}) b->resize(L.outSize());
    out = larger(out, L.outSize());
    in = larger(in, larger(L.inSize(), L.nextSize()));
  }
  w.gu.resize(out);
  w.dgu.resize(out);
  for (auto* b : {&w.dgIn, &w.dgNext}) b->resize(in * net.window());
}

}  // namespace srm
