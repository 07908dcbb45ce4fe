// Engine of the `loihi` network with the SOEL rule: a task as phases of independent items, so that threads (or workers on a
// shared memory) take items and the bits never depend on who took which. C linkage, no Node types, no C++ library.
//
//   phase 0  HIDDEN    item = sample: hidden layers forward
//   phase 1  LEARN     one item: support presentations with learning, in their order
//   phase 2  QUERY     item = group of queries: last layer forward; with gradients, everything backward
//   phase 3  UNLEARN   one item: backward through the learning
//   phase 4  SUPPORT   item = support sample: hidden layers backward
//   phase 5  COLLECT   one item: partial gradients added in order of groups
//
// Samples are numbered support first, then queries. Source of the mathematics: design §4, §6.
#include "plastic.h"

#ifndef LOIHI_ISA
#define LOIHI_ISA base
#endif
#define LOIHI_JOIN2(a, b) a##_##b
#define LOIHI_JOIN(a, b) LOIHI_JOIN2(a, b)
#define API(name) extern "C" __attribute__((visibility("default"))) auto LOIHI_JOIN(loihi_##name, LOIHI_ISA)

#ifdef METALOIHI_FREESTANDING
extern "C" double metaloihi_exp(double);
extern "C" double metaloihi_log(double);
#else
#include <math.h>
static inline double metaloihi_exp(double x) { return exp(x); }
static inline double metaloihi_log(double x) { return log(x); }
#endif

namespace loihi {
namespace {

constexpr int BLOCK_STEPS = 4;           // steps whose products share one reading of the weights
constexpr int OUTER_STEPS = 12;          // steps whose spikes are sorted by channel together
constexpr int MAX_GROUPS = 24;
enum Kind { CONV = 0, POOL = 1 };

struct Hidden {
  int kind;
  Layer L;                        // a pool has inC, inH, inW, outC, outH, outW of its own and nextH, nextW = out
  Neuron neuron;
  int wgtExp;
  Array<int32_t> weights;         // effective [tap][inC][outCp]
  Array<float> backward;          // effective [tap][outC][inCp]
  Array<int32_t> bias;            // [outCp]
};

// What the backward of a sample reads.
struct Tape {
  Objects<Events> spikes;                 // [layers + 1] input, then what each hidden layer fired; row r−1 for step r
  Objects<Buffer<int32_t>> vBefore;       // [layers] conv: [S][outSize]; empty for pools
  Array<Wrap> wraps;
};

struct Work {
  Buffer<int32_t> q, spike;
  Objects<NeuronState> neurons;
  Objects<AdjointState> adjoint;
  Buffer<float> gx, gIn, gNext, feature;
  Array<uint8_t> flags;
  Array<Segment<float>> segments;
  ChannelList list;
  PlasticState plastic;
  PlasticTape tape;
  PlasticReverse reverse;
  Tape scratch;
};

struct Task {
  int support = 0, query = 0, presentations = 0, learn = 0, gradient = 0, keep = 0, record = 0;
  uint32_t seed = 0;
  Array<int32_t> order, supportLabels, queryLabels;
  Array<uint8_t> assigned;
  int ways = 0;
};

struct Context {
  int S = 0, T = 0, threads = 1, counts = 0;
  float kappa = 0, lambda = 0, penalty = 0, low = 0, high = 0;
  Objects<Hidden> hidden;
  Plastic plastic;
  Array<int16_t> w0;                       // [inputs][kp]
  int inC = 0, inH = 0, inW = 0;
  Task task;
  Objects<Tape> tapes;                     // [samples]
  Objects<Array<int32_t>> counted;         // [samples] spikes by layer and channel, layers one after another
  Objects<PlasticTape> learnt, asked;      // [presentations], [queries] (asked: only where recorded)
  Objects<Work> work;
  PlasticState learnState;
  Array<float> logits;                     // [query][outputs]
  Array<int32_t> decisions, totals, ties, silent, features;
  Array<float> partial;                    // [groups][hiddenSize], then [support][hiddenSize]
  Array<float> partialPlastic;             // [groups][inputs·kp + kp]
  Objects<Buffer<float>> gSupport;         // [support] [S][inputs] gradient of the last hidden spikes
  Array<float> perSpike;                   // by layer and channel (padded), gradient of the penalty for one spike
  double loss = 0, penaltyLoss = 0, scalars[4] = {};
  Array<float> gradient;                   // outside layout
  Array<double> losses;
  int channelsTotal = 0;
  int layers() const { return int(hidden.size()); }
};

size_t accumulatorSize(const Hidden& h) { return h.kind == POOL ? 0 : h.L.weightSize() + h.L.outCp; }
size_t hiddenSize(const Context& c) {
  size_t n = 0;
  for (int l = 0; l < c.layers(); l++) n += accumulatorSize(c.hidden[l]);
  return n;
}
int groupsOf(int samples) { return samples < MAX_GROUPS ? samples : MAX_GROUPS; }

void prepare(Context& c, Work& w) {
  if (w.neurons.size() == c.hidden.size() && w.q.size()) return;
  w.neurons.make(c.hidden.size());
  w.adjoint.make(c.hidden.size());
  size_t out = 16, g = 16, in = size_t(c.plastic.inputs) + 16, segments = 64;
  for (int l = 0; l < c.layers(); l++) {
    const Layer& L = c.hidden[l].L;
    if (L.outSize() > in) in = L.outSize();
    if (L.inSize() > in) in = L.inSize();
    if (c.hidden[l].kind == POOL) continue;
    if (L.outSize() > out) out = L.outSize();
    if (L.gSize() > g) g = L.gSize();
    if (size_t(L.taps()) > segments) segments = L.taps();
    for (auto* b : {&w.neurons[l].u, &w.neurons[l].v, &w.neurons[l].refractory}) b->resize(L.outSize());
    for (auto* b : {&w.adjoint[l].u, &w.adjoint[l].v}) b->resize(L.outSize());
  }
  w.q.resize(out * BLOCK_STEPS);
  w.spike.resize(out);
  w.gx.resize(g * c.S);
  w.gIn.resize(in * c.S);
  w.gNext.resize(in * c.S);
  w.feature.resize(size_t(c.plastic.inputs) * c.S);
  w.segments.resize(segments);
}

// Which lanes of a vector of −1 and 0 are set, as bits.
static inline uint32_t laneBits(VI v) {
  typedef int8_t Bytes __attribute__((vector_size(LANE)));
  const Bytes narrow = __builtin_convertvector(v, Bytes);
  uint64_t half[2];
  __builtin_memcpy(half, &narrow, sizeof half);
  uint32_t bits = 0;
  for (int i = 0; i < 2; i++) bits |= uint32_t(((half[i] & 0x8040201008040201ull) * 0x0101010101010101ull) >> 56) << (8 * i);
  return bits;
}

void emitSpikes(const Layer& L, const int32_t* spike, Events& out) {
  const size_t before = out.key.size();
  out.key.resize(before + size_t(L.outH) * L.outW * L.outC + 2);
  const size_t row = out.start.size();
  out.start.resize(row + size_t(L.outH) * L.outW);
  uint32_t* start = out.start.data() + row;
  uint16_t* const first = out.key.data();
  uint16_t* list = first + before;
  const VI* s = reinterpret_cast<const VI*>(spike);
  for (int y = 0; y < L.outH; y++) {
    for (int x = 0; x < L.outW; x++) {
      const int base = x * L.outC;
      for (int k = 0; k < L.outCp; k += LANE, s++) {
        // Two slots are written whatever there is: a branch on each spike would be guessed wrong too often.
        const uint32_t bits = laneBits(*s), more = bits & (bits - 1);
        list[0] = uint16_t(base + k + __builtin_ctz(bits | 0x80000000u));
        list[1] = uint16_t(base + k + __builtin_ctz(more | 0x80000000u));
        const int count = __builtin_popcount(bits);
        if (count > 2) {
          uint16_t* next = list + 2;
          for (uint32_t rest = more & (more - 1); rest; rest &= rest - 1) *next++ = uint16_t(base + k + __builtin_ctz(rest));
        }
        list += count;
      }
      *start++ = uint32_t(list - first);
    }
  }
  out.key.resize(list - first);
}

// OR pool: fires at step r where any input of its window fired at r − 1. A last odd row or column is dropped.
void poolForward(const Layer& L, const Events& in, int S, Events& out, Array<uint8_t>& flags) {
  out.clear(L.outH * L.outW, S);
  flags.zero(size_t(L.outW) * L.outC);
  for (int r = 1; r <= S; r++) {
    for (int y = 0; y < L.outH; y++) {
      if (r >= 2) {
        for (int dy = 0; dy < 2; dy++) {
          const uint32_t* row = in.start.data() + size_t(r - 2) * in.positions + (2 * y + dy) * L.inW;
          const uint32_t end = row[2 * L.outW];
          for (uint32_t k = row[0]; k < end; k++) {
            const int x = in.key[k] / L.inC, ch = in.key[k] - x * L.inC;
            flags[size_t(x >> 1) * L.outC + ch] = 1;
          }
        }
      }
      for (int x = 0, i = 0; x < L.outW; x++) {
        for (int ch = 0; ch < L.outC; ch++, i++) if (flags[i]) { out.key.push(uint16_t(i)); flags[i] = 0; }
        out.start.push(uint32_t(out.key.size()));
      }
    }
  }
}

// Counts by channel of one layer's spikes, added to counts.
void countChannels(const Events& e, int channels, int32_t* counts) {
  for (size_t k = 0; k < e.key.size(); k++) counts[e.key[k] % channels]++;
}

template <bool Careful> bool runHidden(Context& c, Tape& tape, Work& w) {
  VI seen = {};
  for (int l = 0; l < c.layers(); l++) {
    Hidden& h = c.hidden[l];
    const Layer& L = h.L;
    const Events& in = tape.spikes[l];
    Events& out = tape.spikes[l + 1];
    if (h.kind == POOL) {
      poolForward(L, in, c.S, out, w.flags);
    } else {
      NeuronState& s = w.neurons[l];
      for (auto* b : {&s.u, &s.v, &s.refractory}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(int32_t));
      tape.vBefore[l].resize(L.outSize() * c.S);
      out.clear(L.outH * L.outW, c.S);
      for (int r = 1; r <= c.S; r += BLOCK_STEPS) {
        const int n = c.S - r + 1 < BLOCK_STEPS ? c.S - r + 1 : BLOCK_STEPS;
        __builtin_memset(w.q.get(), 0, n * L.outSize() * sizeof(int32_t));
        // What fired at r − 1 arrives at r; nothing arrives at r = 1.
        const int skip = r == 1 ? 1 : 0;
        if (n > skip) convEvents<int32_t>(L, h.weights.data(), in, r - 2 + skip, n - skip, w.q.get() + skip * L.outSize());
        for (int k = 0; k < n; k++) {
          seen |= stepNeurons<Careful>(L.outH * L.outW, L.outC, L.outCp, h.neuron, w.q.get() + k * L.outSize(), h.bias.data(), s,
                      tape.vBefore[l].get() + size_t(r + k - 1) * L.outSize(), w.spike.get(), tape.wraps, l, r + k);
          emitSpikes(L, w.spike.get(), out);
        }
      }
    }
  }
  return any(seen);
}

void hiddenForward(Context& c, Tape& tape, Work& w, int32_t* counts) {
  prepare(c, w);
  tape.vBefore.make(c.hidden.size());
  tape.wraps.clear();
  if (runHidden<false>(c, tape, w)) runHidden<true>(c, tape, w);
  int channel = 0;
  for (int l = 0; l < c.layers(); l++) {
    const Layer& L = c.hidden[l].L;
    if (counts) countChannels(tape.spikes[l + 1], L.outC, counts + channel);
    channel += L.outC;
  }
}

// Slope 1 to the input with the largest v⁻ in the step the pool reads, the first in row-major order on ties.
// v⁻ of a pool below is 4,096 × its firing inputs. g [S][outH·outW·outC] unpadded → gIn [S][inH·inW][cp of the layer below].
int32_t voltageOf(int32_t stored) {
  return stored == BLOCKED ? 0 : stored;      // ±2^23 stands for ±(2^23 − 1): same order
}

void poolBackward(Context& c, int l, const Tape& tape, const float* g, float* gIn, int below) {
  const Hidden& h = c.hidden[l];
  const Layer& L = h.L;
  const size_t sizeIn = size_t(L.inH) * L.inW * below, sizeOut = size_t(L.outH) * L.outW * L.outCp;
  __builtin_memset(gIn, 0, sizeIn * c.S * sizeof(float));
  const bool onConv = l > 0 && c.hidden[l - 1].kind == CONV;
  Array<int32_t> counts;                       // v⁻ of a pool below, one step
  for (int r = 2; r <= c.S; r++) {
    const float* gs = g + size_t(r - 1) * sizeOut;
    float* to = gIn + size_t(r - 2) * sizeIn;
    const int32_t* v = onConv ? tape.vBefore[l - 1].get() + size_t(r - 2) * sizeIn : nullptr;
    if (!onConv) {
      // The pool (or input) below at step r − 1: its own inputs fired at r − 2.
      counts.zero(sizeIn);
      if (l > 0 && r >= 3) {
        const Layer& B = c.hidden[l - 1].L;
        const Events& e = tape.spikes[l - 1];
        for (int p = 0; p < e.positions; p++) {
          const int y = p / B.inW, x = p % B.inW;
          if (y / 2 >= B.outH || x / 2 >= B.outW) continue;
          const uint32_t* row = e.start.data() + size_t(r - 3) * e.positions + p;
          for (uint32_t k = row[0]; k < row[1]; k++) counts[(size_t(y / 2) * B.outW + x / 2) * below + e.key[k] - x * B.inC] += 4096;
        }
      }
      v = counts.data();
    }
    for (int y = 0; y < L.outH; y++) {
      for (int x = 0; x < L.outW; x++) {
        const size_t a = (size_t(2 * y) * L.inW + 2 * x) * below, down = size_t(L.inW) * below;
        const size_t at[4] = {a, a + below, a + down, a + down + below};
        const float* from = gs + (size_t(y) * L.outW + x) * L.outCp;
        for (int k = 0; k < L.outC; k++) {
          size_t best = at[0] + k;
          for (int i = 1; i < 4; i++) if (voltageOf(v[at[i] + k]) > voltageOf(v[best])) best = at[i] + k;
          to[best] += from[k];
        }
      }
    }
  }
}

// The columns beside the map, which taps read as zeros; the map itself is written whole.
void zeroMargins(const Layer& L, float* g, int maps) {
  const size_t margin = size_t(L.padX()) * L.outCp, line = size_t(L.gWidth()) * L.outCp;
  for (size_t row = 0; row < size_t(maps) * L.outH; row++, g += line) {
    __builtin_memset(g, 0, margin * sizeof(float));
    __builtin_memset(g + line - margin, 0, margin * sizeof(float));
  }
}

// gFeature [S][inputs]: gradient of the last hidden layer's spikes, unpadded [y][x][c].
void hiddenBackward(Context& c, const Tape& tape, const float* gFeature, Work& w, float* into) {
  if (c.layers() == 0) return;
  prepare(c, w);
  size_t offset = hiddenSize(c), channel = 0;
  for (int l = 0; l < c.layers(); l++) channel += c.hidden[l].L.outCp;
  // Into the padded layout of the last hidden layer.
  const Layer& top = c.hidden[c.layers() - 1].L;
  const int positions = top.outH * top.outW;
  for (size_t row = 0; row < size_t(c.S) * positions; row++) {
    float* to = w.gNext.get() + row * top.outCp;
    for (int k = 0; k < top.outC; k++) to[k] = gFeature[row * top.outC + k];
    for (int k = top.outC; k < top.outCp; k++) to[k] = 0;
  }
  for (int l = c.layers() - 1; l >= 0; l--) {
    const Hidden& h = c.hidden[l];
    const Layer& L = h.L;
    channel -= L.outCp;
    if (h.kind == POOL) {
      if (l == 0) return;
      poolBackward(c, l, tape, w.gNext.get(), w.gIn.get(), c.hidden[l - 1].L.outCp);
      w.gIn.swap(w.gNext);
      continue;
    }
    offset -= accumulatorSize(h);
    float* dW = into + offset;
    float* dB = dW + L.weightSize();
    AdjointState& s = w.adjoint[l];
    for (auto* b : {&s.u, &s.v}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(float));
    zeroMargins(L, w.gx.get(), c.S);
    // Row r − 2 of gx: gradient of q at step r, beside the events that arrived then. q at r = 1 is nothing.
    for (int r = c.S; r >= 1; r--) {
      float* gq = w.gx.get() + size_t(r >= 2 ? r - 2 : c.S - 1) * L.gSize();
      stepAdjoint(L, h.neuron, tape.vBefore[l].get() + size_t(r - 1) * L.outSize(), w.gNext.get() + size_t(r - 1) * L.outSize(),
                  c.perSpike.data() + channel, s, gq, dB);
    }
    const Events& in = tape.spikes[l];
    for (int t = 0; t < c.S - 1; t += OUTER_STEPS) {
      const int n = c.S - 1 - t < OUTER_STEPS ? c.S - 1 - t : OUTER_STEPS;
      outerEvents<float>(L, w.gx.get() + size_t(t) * L.gSize(), in, t, n, dW, w.list);
    }
    if (l == 0) continue;
    __builtin_memset(w.gIn.get(), 0, size_t(c.S) * L.inSize() * sizeof(float));
    for (int t = 0; t < c.S - 1; t++)
      convBack<float>(L, h.backward.data(), w.gx.get() + size_t(t) * L.gSize(), w.gIn.get() + size_t(t) * L.inSize(), w.segments.data());
    w.gIn.swap(w.gNext);
  }
}

void startPlastic(const Context& c, PlasticState& s) {
  s.w.resize(c.w0.size());
  __builtin_memcpy(s.w.data(), c.w0.data(), c.w0.size() * sizeof(int16_t));
  s.x1.zero(c.plastic.inputs);
  s.triggered = s.lost = 0;
  effectiveAll(c.plastic, s);
}

const Events& lastSpikes(const Tape& t, const Context& c) { return t.spikes[c.layers()]; }
int featureChannels(const Context& c) { return c.layers() ? c.hidden[c.layers() - 1].L.outC : c.inC; }
int featureWidth(const Context& c) { return c.layers() ? c.hidden[c.layers() - 1].L.outW : c.inW; }

Tape& tapeOf(Context& c, int sample, Work& w) {
  return c.task.keep || sample < c.task.support || c.task.record ? c.tapes[sample] : w.scratch;
}

void copyInput(const Context& c, int sample, Tape& to) {
  const Events& from = c.tapes[sample].spikes[0];
  to.spikes.make(c.layers() + 1);
  Events& e = to.spikes[0];
  e.positions = from.positions;
  e.steps = from.steps;
  e.start.resize(from.start.size());
  __builtin_memcpy(e.start.data(), from.start.data(), from.start.size() * sizeof(uint32_t));
  e.key.resize(from.key.size());
  if (from.key.size()) __builtin_memcpy(e.key.data(), from.key.data(), from.key.size() * sizeof(uint16_t));
  e.value.resize(from.value.size());
  if (from.value.size()) __builtin_memcpy(e.value.data(), from.value.data(), from.value.size() * sizeof(uint16_t));
}

void copyEvents(const Events& from, Events& to) {
  to.positions = from.positions;
  to.steps = from.steps;
  to.start.resize(from.start.size());
  __builtin_memcpy(to.start.data(), from.start.data(), from.start.size() * sizeof(uint32_t));
  to.key.resize(from.key.size());
  if (from.key.size()) __builtin_memcpy(to.key.data(), from.key.data(), from.key.size() * sizeof(uint16_t));
}

void phaseHidden(Context& c, int sample, Work& w) {
  Array<int32_t>& counts = c.counted[sample];
  counts.zero(c.channelsTotal ? c.channelsTotal : 1);
  Tape& tape = tapeOf(c, sample, w);
  if (&tape == &w.scratch) copyInput(c, sample, tape);
  hiddenForward(c, tape, w, counts.data());
  // The last layer reads the last hidden layer's spikes, kept whatever else is.
  if (&tape == &w.scratch) {
    copyEvents(lastSpikes(tape, c), c.tapes[sample].spikes[c.layers()]);
    c.tapes[sample].wraps.clear();
    for (size_t k = 0; k < tape.wraps.size(); k++) c.tapes[sample].wraps.push(tape.wraps[k]);
  }
  int32_t* f = c.features.data() + size_t(sample) * c.plastic.inputs;
  __builtin_memset(f, 0, c.plastic.inputs * sizeof(int32_t));
  const Events& e = lastSpikes(c.tapes[sample], c);
  const int ch = featureChannels(c), width = featureWidth(c);
  for (size_t row = 0; row + 1 < e.start.size(); row++) {
    const int p = int(row % e.positions), shift = p * ch - (p % width) * ch;
    for (uint32_t k = e.start[row]; k < e.start[row + 1]; k++) f[c.plastic.logical[shift + e.key[k]]] += e.value.empty() ? 1 : e.value[k];
  }
}

// Penalty of design §6 over all samples of the task, and its gradient for one spike of a channel.
void ratePenalty(Context& c) {
  size_t padded = 0;
  for (int l = 0; l < c.layers(); l++) padded += c.hidden[l].L.outCp;
  c.perSpike.zero(padded ? padded : 16);
  c.penaltyLoss = 0;
  if (c.penalty == 0) return;
  const int samples = c.task.support + c.task.query;
  size_t at = 0, channel = 0;
  for (int l = 0; l < c.layers(); l++) {
    const Layer& L = c.hidden[l].L;
    if (c.hidden[l].kind == CONV) {
      const double n = double(L.outH) * L.outW * samples * c.S;
      for (int k = 0; k < L.outC; k++) {
        double sum = 0;
        for (int s = 0; s < samples; s++) sum += c.counted[s][channel + k];
        const double rate = sum / n;
        const double low = rate < c.low ? (c.low - rate) / c.low : 0, high = rate > c.high ? (rate - c.high) / c.high : 0;
        c.penaltyLoss += c.penalty * (low * low + high * high) / L.outC;
        c.perSpike[at + k] = float(c.penalty * 2 * (high / c.high - low / c.low) / L.outC / n);
      }
    }
    at += L.outCp;
    channel += L.outC;
  }
}

void phaseLearn(Context& c) {
  ratePenalty(c);
  startPlastic(c, c.learnState);
  c.learnt.make(c.task.presentations ? c.task.presentations : 1);
  for (int k = 0; k < c.task.presentations; k++) {
    const int sample = c.task.order[k];
    Array<Wrap>& wraps = c.learnt[k].u.empty() ? c.tapes[sample].wraps : c.tapes[sample].wraps;
    present(c.plastic, c.learnState, lastSpikes(c.tapes[sample], c), featureChannels(c), featureWidth(c), c.S, uint32_t(k) * c.S,
            c.task.supportLabels[sample], c.task.assigned.data(), c.task.seed, c.learnt[k], wraps, c.layers());
  }
}

double crossEntropy(const float* logits, const uint8_t* assigned, int outputs, int label, double n, float* gradient) {
  double top = -1e300, sum = 0;
  for (int k = 0; k < outputs; k++) if (assigned[k] && logits[k] > top) top = logits[k];
  for (int k = 0; k < outputs; k++) if (assigned[k]) sum += metaloihi_exp(logits[k] - top);
  for (int k = 0; k < outputs; k++)
    gradient[k] = assigned[k] ? float((metaloihi_exp(logits[k] - top) / sum - (k == label ? 1 : 0)) / n) : 0.0f;
  return metaloihi_log(sum) + top - double(logits[label]);
}

void phaseQuery(Context& c, int group, Work& w) {
  const int n = c.task.query, groups = groupsOf(n), K = c.plastic.outputs;
  const int from = int(int64_t(n) * group / groups), to = int(int64_t(n) * (group + 1) / groups);
  const float vth = float(c.plastic.neuron.vth);
  PlasticState& s = w.plastic;
  s.w.resize(c.w0.size());
  __builtin_memcpy(s.w.data(), c.learnState.w.data(), c.w0.size() * sizeof(int16_t));
  effectiveAll(c.plastic, s);
  if (c.task.gradient) w.reverse.start(c.plastic);
  float* partial = c.task.gradient ? c.partial.data() + size_t(group) * hiddenSize(c) : nullptr;
  for (int i = from; i < to; i++) {
    const int sample = c.task.support + i;
    PlasticTape& tape = c.task.record ? c.asked[i] : w.tape;
    const Events& in = lastSpikes(c.tapes[sample], c);
    // The trace that runs on from the learning is not read by a query; only its seed of x1 would differ.
    s.x1.zero(c.plastic.inputs);
    present(c.plastic, s, in, featureChannels(c), featureWidth(c), c.S, uint32_t(c.task.presentations + i) * c.S, -1,
            c.task.assigned.data(), c.task.seed, tape, c.tapes[sample].wraps, c.layers());
    float* logits = c.logits.data() + size_t(i) * K;
    for (int k = 0; k < K; k++) {
      double sum = 0;
      for (int r = 0; r < c.S; r++) sum += tape.u[size_t(r) * c.plastic.kp + k];
      logits[k] = c.task.assigned[k] ? float(c.kappa * tape.total[k] + c.lambda * sum / (double(c.S) * vth)) : 0.0f;
      c.totals[size_t(i) * K + k] = tape.total[k];
    }
    c.decisions[i] = tape.decision;
    c.ties[i] = tape.tie;
    c.silent[i] = tape.silent;
    float g[MAX_OUTPUTS], gN[MAX_OUTPUTS], gU[MAX_OUTPUTS];
    c.losses[i] = crossEntropy(logits, c.task.assigned.data(), K, c.task.queryLabels[i], n, g);
    if (!c.task.gradient) continue;
    for (int k = 0; k < K; k++) { gN[k] = g[k] * c.kappa; gU[k] = g[k] * c.lambda / (float(c.S) * vth); }
    presentBackward(c.plastic, w.reverse, tape, in, featureChannels(c), featureWidth(c), c.S, gN, gU, w.feature.get());
    Tape& hidden = tapeOf(c, sample, w);
    if (&hidden == &w.scratch) { copyInput(c, sample, hidden); hiddenForward(c, hidden, w, nullptr); }
    hiddenBackward(c, hidden, w.feature.get(), w, partial);
  }
  if (!c.task.gradient) return;
  const size_t size = c.w0.size() + c.plastic.kp;
  float* p = c.partialPlastic.data() + size_t(group) * size;
  __builtin_memcpy(p, w.reverse.weight.data(), c.w0.size() * sizeof(float));
  __builtin_memcpy(p + c.w0.size(), w.reverse.bias.data(), c.plastic.kp * sizeof(float));
}

void phaseUnlearn(Context& c) {
  Work& w = c.work[0];
  prepare(c, w);
  PlasticReverse& R = w.reverse;
  R.start(c.plastic);
  const size_t size = c.w0.size() + c.plastic.kp;
  const int groups = groupsOf(c.task.query);
  for (int g = 0; g < groups; g++) {
    const float* p = c.partialPlastic.data() + size_t(g) * size;
    for (size_t i = 0; i < c.w0.size(); i++) R.weight[i] += p[i];
    for (int i = 0; i < c.plastic.kp; i++) R.bias[i] += p[c.w0.size() + i];
  }
  const size_t rows = size_t(c.S) * c.plastic.inputs;
  c.gSupport.make(c.task.support ? c.task.support : 1);
  for (int s = 0; s < c.task.support; s++) {
    c.gSupport[s].resize(rows);
    __builtin_memset(c.gSupport[s].get(), 0, rows * sizeof(float));
  }
  for (int k = c.task.presentations - 1; k >= 0; k--) {
    const int sample = c.task.order[k];
    presentBackward(c.plastic, R, c.learnt[k], lastSpikes(c.tapes[sample], c), featureChannels(c), featureWidth(c), c.S, nullptr, nullptr,
                    w.feature.get());
    float* g = c.gSupport[sample].get();
    for (size_t i = 0; i < rows; i++) g[i] += w.feature[i];
  }
  c.scalars[0] = R.hi; c.scalars[1] = R.lo; c.scalars[2] = R.theta; c.scalars[3] = R.rho;
}

void phaseSupport(Context& c, int sample, Work& w) {
  float* partial = c.partial.data() + size_t(groupsOf(c.task.query) + sample) * hiddenSize(c);
  hiddenBackward(c, c.tapes[sample], c.gSupport[sample].get(), w, partial);
}

// ∂w_eff/∂mantissa of the real-valued formula.
float slopeOf(int wgtExp) { return wgtExp >= 0 ? 64.0f * float(1 << wgtExp) : 64.0f / float(1 << -wgtExp); }

// Gradients of mantissas and bias integers in the outside layout; the masters' slopes are the caller's.
void phaseCollect(Context& c) {
  const size_t size = hiddenSize(c);
  const int groups = groupsOf(c.task.query) + c.task.support;
  float* out = c.gradient.data();
  size_t at = 0;
  for (int l = 0; l < c.layers(); l++) {
    const Hidden& h = c.hidden[l];
    if (h.kind == POOL) continue;
    const Layer& L = h.L;
    for (int g = 1; g < groups; g++) {
      float* first = c.partial.data() + at;
      const float* p = first + size_t(g) * size;
      for (size_t i = 0; i < accumulatorSize(h); i++) first[i] += p[i];
    }
    const float* sum = c.partial.data() + at;
    const float slope = slopeOf(h.wgtExp);
    for (int o = 0; o < L.outC; o++)
      for (int i = 0; i < L.inC; i++)
        for (int tap = 0; tap < L.taps(); tap++) *out++ = slope * sum[(size_t(tap) * L.inC + i) * L.outCp + o];
    for (int o = 0; o < L.outC; o++) *out++ = sum[L.weightSize() + o];
    at += accumulatorSize(h);
  }
  const PlasticReverse& R = c.work[0].reverse;
  const Plastic& P = c.plastic;
  for (int i = 0; i < P.outputs; i++)
    for (int j = 0; j < P.inputs; j++) out[size_t(i) * P.inputs + P.logical[j]] = R.weight[size_t(j) * P.kp + i];
  out += size_t(P.outputs) * P.inputs;
  for (int i = 0; i < P.outputs; i++) out[i] = R.bias[i];
  c.loss = 0;
  for (int i = 0; i < c.task.query; i++) c.loss += c.losses[i] / c.task.query;
}

size_t outsideSize(const Context& c) {
  size_t n = 0;
  for (int l = 0; l < c.layers(); l++)
    if (c.hidden[l].kind == CONV) n += c.hidden[l].L.externalWeights() + c.hidden[l].L.outC;
  return n + size_t(c.plastic.outputs) * c.plastic.inputs + c.plastic.outputs;
}

}  // namespace
}  // namespace loihi

using namespace loihi;

// head [12]: hidden layers, T, S, threads, inC, inH, inW, outputs, plastic bits, plastic wgtExp, form, counts
// rows [17 a layer, the last layer's row at the end]: kind, inC, inH, inW, outC, outH, outW, kH, kW, sH, sW, pH, pW, δu, δv, vth, R | wgtExp in exps
API(create)(const int32_t* head, const int32_t* rows, const int32_t* exps) -> void* {
  Context* c = new (allocate(sizeof(Context))) Context();
  const int layers = head[0];
  c->T = head[1]; c->S = head[2]; c->threads = head[3];
  c->inC = head[4]; c->inH = head[5]; c->inW = head[6];
  c->counts = head[11];
  c->hidden.make(layers);
  for (int l = 0; l < layers; l++, rows += 17) {
    Hidden& h = c->hidden[l];
    Layer& L = h.L;
    L = Layer{};
    h.kind = rows[0];
    L.inC = rows[1]; L.inH = rows[2]; L.inW = rows[3]; L.outC = rows[4]; L.outH = rows[5]; L.outW = rows[6];
    L.kH = rows[7]; L.kW = rows[8]; L.sH = rows[9]; L.sW = rows[10]; L.pH = rows[11]; L.pW = rows[12];
    L.inCp = (L.inC + LANE - 1) / LANE * LANE;
    L.outCp = (L.outC + LANE - 1) / LANE * LANE;
    L.nextH = L.outH; L.nextW = L.outW;
    h.neuron = {4096 - rows[13], 4096 - rows[14], rows[15], rows[16]};
    h.wgtExp = exps[l];
    c->channelsTotal += L.outC;
  }
  Plastic& P = c->plastic;
  P.outputs = head[7];
  P.kp = (P.outputs + LANE - 1) / LANE * LANE;
  P.bits = head[8];
  P.wgtExp = head[9];
  P.form = head[10];
  P.neuron = {4096 - rows[13], 4096 - rows[14], rows[15], rows[16]};
  const int C = featureChannels(*c), W = featureWidth(*c);
  const int H = layers ? c->hidden[layers - 1].L.outH : c->inH;
  P.inputs = C * H * W;
  P.logical.resize(P.inputs);
  for (int p = 0; p < H * W; p++) for (int ch = 0; ch < C; ch++) P.logical[p * C + ch] = uint32_t(ch * H * W + p);
  P.bias.zero(P.kp);
  P.epoch = 1; P.window = 1; P.gamma = 0; P.impulse = 0; P.decay = 0; P.resetTrace = 1;
  P.hi = P.lo = 0; P.theta = 1; P.rateMant = 1; P.rateExp = 0; P.streamX1 = 1; P.streamW = 2;
  c->work.make(c->threads);
  return c;
}

API(destroy)(void* h) -> void { static_cast<Context*>(h)->~Context(); release(h); }

// soel [13]: epoch, window, γ, impulse, dx, resetTrace, hi, lo, θ, m, s, stream of x1, stream of w. reals [5]: κ, λ, penalty, low, high
API(rule)(void* h, const int32_t* soel, const double* reals) -> void {
  Context& c = *static_cast<Context*>(h);
  Plastic& P = c.plastic;
  P.epoch = soel[0]; P.window = soel[1]; P.gamma = soel[2]; P.impulse = soel[3]; P.decay = soel[4]; P.resetTrace = soel[5];
  P.hi = soel[6]; P.lo = soel[7]; P.theta = soel[8]; P.rateMant = soel[9]; P.rateExp = soel[10];
  P.streamX1 = uint32_t(soel[11]); P.streamW = uint32_t(soel[12]);
  c.kappa = float(reals[0]); c.lambda = float(reals[1]); c.penalty = float(reals[2]); c.low = float(reals[3]); c.high = float(reals[4]);
}

// mantissas and bias integers of all weighted layers in the outside layout: [out][in][kH][kW], then [out]; one after another.
API(parameters)(void* h, const int16_t* mantissa, const int32_t* bias) -> void {
  Context& c = *static_cast<Context*>(h);
  for (int l = 0; l < c.layers(); l++) {
    Hidden& d = c.hidden[l];
    if (d.kind == POOL) continue;
    const Layer& L = d.L;
    d.weights.zero(L.weightSize());
    d.backward.zero(size_t(L.taps()) * L.outC * L.inCp);
    d.bias.zero(L.outCp);
    for (int o = 0; o < L.outC; o++)
      for (int i = 0; i < L.inC; i++)
        for (int tap = 0; tap < L.taps(); tap++) {
          const int32_t w = effective(*mantissa++, d.wgtExp);
          d.weights[(size_t(tap) * L.inC + i) * L.outCp + o] = w;
          d.backward[(size_t(tap) * L.outC + o) * L.inCp + i] = float(w);
        }
    for (int o = 0; o < L.outC; o++) d.bias[o] = *bias++;
  }
  Plastic& P = c.plastic;
  c.w0.zero(size_t(P.inputs) * P.kp);
  for (int i = 0; i < P.outputs; i++)
    for (int j = 0; j < P.inputs; j++) c.w0[size_t(j) * P.kp + i] = mantissa[size_t(i) * P.inputs + P.logical[j]];
  for (int i = 0; i < P.outputs; i++) P.bias[i] = bias[i];
}

// flags: 1 learn, 2 gradient, 4 keep hidden tapes of queries, 8 record. Labels and order as in the task.
API(task)(void* h, int support, int query, int presentations, int flags, uint32_t seed, const int32_t* order, const int32_t* supportLabels,
          const int32_t* queryLabels, const uint8_t* assigned) -> void {
  Context& c = *static_cast<Context*>(h);
  Task& t = c.task;
  t.support = support; t.query = query; t.presentations = flags & 1 ? presentations : 0;
  t.learn = flags & 1; t.gradient = flags & 2; t.keep = flags & 4; t.record = flags & 8; t.seed = seed;
  t.order.resize(presentations ? presentations : 1);
  for (int i = 0; i < presentations; i++) t.order[i] = order[i];
  t.supportLabels.resize(support ? support : 1);
  for (int i = 0; i < support; i++) t.supportLabels[i] = supportLabels[i];
  t.queryLabels.resize(query ? query : 1);
  for (int i = 0; i < query; i++) t.queryLabels[i] = queryLabels[i];
  t.assigned.resize(c.plastic.outputs);
  for (int i = 0; i < c.plastic.outputs; i++) t.assigned[i] = assigned[i];
  const int K = c.plastic.outputs;
  c.tapes.make(support + query);
  c.counted.make(support + query);
  if (t.record) c.asked.make(query ? query : 1);
  c.logits.zero(size_t(query ? query : 1) * K);
  c.totals.zero(size_t(query ? query : 1) * K);
  for (auto* a : {&c.decisions, &c.ties, &c.silent}) a->zero(query ? query : 1);
  c.losses.zero(query ? query : 1);
  c.features.zero(size_t(support + query) * c.plastic.inputs + 1);
  if (t.gradient) {
    c.partial.zero((groupsOf(query) + support) * hiddenSize(c) + 1);
    c.partialPlastic.zero(groupsOf(query) * (c.w0.size() + c.plastic.kp) + 1);
    c.gradient.zero(outsideSize(c));
  }
}

// rowStart [T + 1]; channel = (p·H + y)·W + x, ascending in a row; count ≥ 1. Frame f is sent at r = f + 1.
API(sample)(void* h, int index, const uint32_t* rowStart, const uint32_t* channel, const uint16_t* count) -> void {
  Context& c = *static_cast<Context*>(h);
  Tape& tape = c.tapes[index];
  tape.spikes.make(c.layers() + 1);
  Events& e = tape.spikes[0];
  const int positions = c.inH * c.inW;
  e.clear(positions, c.S);
  e.start.zero(size_t(c.S) * positions + 1);
  const uint32_t total = rowStart[c.T];
  e.key.resize(total);
  bool valued = false;
  if (c.counts) for (uint32_t k = 0; k < total; k++) valued = valued || count[k] != 1;
  if (valued) e.value.resize(total);
  for (int t = 0; t < c.T; t++)
    for (uint32_t k = rowStart[t]; k < rowStart[t + 1]; k++) e.start[size_t(t) * positions + channel[k] % positions + 1]++;
  for (size_t i = 1; i < e.start.size(); i++) e.start[i] += e.start[i - 1];
  Array<uint32_t> at;
  at.resize(e.start.size());
  __builtin_memcpy(at.data(), e.start.data(), e.start.size() * sizeof(uint32_t));
  for (int t = 0; t < c.T; t++)
    for (uint32_t k = rowStart[t]; k < rowStart[t + 1]; k++) {
      const uint32_t slot = at[size_t(t) * positions + channel[k] % positions]++;
      e.key[slot] = uint16_t(channel[k] % c.inW * c.inC + channel[k] / positions);
      if (valued) e.value[slot] = count[k];
    }
}

// Number of items of a phase.
API(items)(void* h, int phase) -> int {
  const Context& c = *static_cast<Context*>(h);
  switch (phase) {
    case 0: return c.task.support + c.task.query;
    case 1: return 1;
    case 2: return groupsOf(c.task.query);
    case 3: case 5: return c.task.gradient ? 1 : 0;
    case 4: return c.task.gradient && c.layers() ? c.task.support : 0;
    default: return 0;
  }
}

API(run)(void* h, int phase, int item, int thread) -> void {
  Context& c = *static_cast<Context*>(h);
  Work& w = c.work[thread];
  switch (phase) {
    case 0: phaseHidden(c, item, w); break;
    case 1: phaseLearn(c); break;
    case 2: prepare(c, w); phaseQuery(c, item, w); break;
    case 3: phaseUnlearn(c); break;
    case 4: phaseSupport(c, item, w); break;
    case 5: phaseCollect(c); break;
    default: break;
  }
}

// Results: which 0 logits f32 [query][K], 1 decisions, 2 totals [query][K], 3 ties, 4 silent, 5 features [sample][inputs logical],
// 6 gradient f32, 7 losses f64 [query], 8 scalars f64 hi lo θ ρ; returns the address, sets *length in elements.
API(result)(void* h, int which, uint32_t* length) -> const void* {
  Context& c = *static_cast<Context*>(h);
  const size_t K = c.plastic.outputs;
  switch (which) {
    case 0: *length = c.task.query * K; return c.logits.data();
    case 1: *length = c.task.query; return c.decisions.data();
    case 2: *length = c.task.query * K; return c.totals.data();
    case 3: *length = c.task.query; return c.ties.data();
    case 4: *length = c.task.query; return c.silent.data();
    case 5: *length = (c.task.support + c.task.query) * c.plastic.inputs; return c.features.data();
    case 6: *length = uint32_t(c.gradient.size()); return c.gradient.data();
    case 7: *length = c.task.query; return c.losses.data();
    case 8: *length = 4; return c.scalars;
    default: *length = 0; return nullptr;
  }
}

API(penalty)(void* h) -> double { return static_cast<Context*>(h)->penaltyLoss; }
// which 0: products of triggered windows, 1: those that floor to 0 or −1
API(products)(void* h, int which) -> double {
  const PlasticState& s = static_cast<Context*>(h)->learnState;
  return double(which ? s.lost : s.triggered);
}
// [sample][layer] spikes of hidden layers; last: of one presentation (see record)
API(spike_count)(void* h, int sample, int layer) -> double {
  Context& c = *static_cast<Context*>(h);
  double sum = 0;
  int channel = 0;
  for (int l = 0; l < layer; l++) channel += c.hidden[l].L.outC;
  for (int k = 0; k < c.hidden[layer].L.outC; k++) sum += c.counted[sample][channel + k];
  return sum;
}
// Weights after learning [outputs][inputs], logical order.
API(weights)(void* h, int16_t* out) -> void {
  const Context& c = *static_cast<Context*>(h);
  const Plastic& P = c.plastic;
  for (int i = 0; i < P.outputs; i++)
    for (int j = 0; j < P.inputs; j++) out[size_t(i) * P.inputs + P.logical[j]] = c.learnState.w[size_t(j) * P.kp + i];
}

// Spikes of a hidden layer of a sample as (step, neuron) pairs, neuron in [C, H, W] order; returns the number, writes where given.
API(spikes)(void* h, int sample, int layer, uint16_t* step, uint32_t* neuron) -> uint32_t {
  const Context& c = *static_cast<Context*>(h);
  const Events& e = c.tapes[sample].spikes[layer + 1];
  if (!step) return uint32_t(e.key.size());
  const Layer& L = c.hidden[layer].L;
  for (size_t row = 0; row + 1 < e.start.size(); row++) {
    const int p = int(row % e.positions), x = p % L.outW;
    for (uint32_t k = e.start[row]; k < e.start[row + 1]; k++) {
      step[k] = uint16_t(row / e.positions + 1);
      neuron[k] = uint32_t((e.key[k] - x * L.outC) * e.positions + p);
    }
  }
  return uint32_t(e.key.size());
}

// A presentation of the last layer: index < presentations: a support one, else query. u, v [S][K], spike [S][K], y1 [S/E0][K],
// x1 [S][inputs] logical (learning only; else untouched), c [S][K], weights [K][inputs] at its end, totals [K]. Returns the decision.
API(presentation)(void* h, int index, int32_t* u, int32_t* v, uint8_t* spike, uint8_t* y1, uint8_t* x1, int32_t* counter, int16_t* weights,
                  int32_t* totals) -> int {
  Context& c = *static_cast<Context*>(h);
  const Plastic& P = c.plastic;
  const PlasticTape& t = index < c.task.presentations ? c.learnt[index] : c.asked[index - c.task.presentations];
  for (int r = 0; r < c.S; r++)
    for (int i = 0; i < P.outputs; i++) {
      u[r * P.outputs + i] = t.u[size_t(r) * P.kp + i];
      v[r * P.outputs + i] = t.v[size_t(r) * P.kp + i];
      spike[r * P.outputs + i] = uint8_t(t.spike[size_t(r) * P.kp + i]);
      counter[r * P.outputs + i] = t.counter[size_t(r) * P.kp + i];
    }
  for (size_t k = 0; k < t.y1.size(); k++) y1[k] = t.y1[k];
  if (x1 && t.label >= 0 && P.form == 1)
    for (int r = 0; r < c.S; r++) for (int j = 0; j < P.inputs; j++) x1[size_t(r) * P.inputs + P.logical[j]] = t.x1[size_t(r) * P.inputs + j];
  const int16_t* w = t.weights.data() + t.errorStep.size() * c.w0.size();
  for (int i = 0; i < P.outputs; i++)
    for (int j = 0; j < P.inputs; j++) weights[size_t(i) * P.inputs + P.logical[j]] = w[size_t(j) * P.kp + i];
  for (int i = 0; i < P.outputs; i++) totals[i] = t.total[i];
  return t.decision;
}

// Wraps of a sample: rows of (layer, quantity, step, neuron in [y][x][c] order). Returns the number; writes where given.
API(wraps)(void* h, int sample, int32_t* rows) -> uint32_t {
  const Context& c = *static_cast<Context*>(h);
  const Array<Wrap>& w = c.tapes[sample].wraps;
  if (rows) __builtin_memcpy(rows, w.data(), w.size() * sizeof(Wrap));
  return uint32_t(w.size());
}
