// What a task is worked on with: layers, weights, tapes, a thread's own space.
#pragma once
#include "../kernels/conv-slide.h"
#include "../kernels/conv-spread.h"
#include "../kernels/outer-planes.h"
#include "../kernels/winograd.h"
#include "plastic.h"
#include "windows.h"

namespace loihi {
namespace {

constexpr int BLOCK_STEPS = 4;           // steps whose products share one reading of the weights
constexpr int CHUNK = 12;                // steps that the backward takes together, fewer where their gradients would leave the cache
constexpr size_t CHUNK_BYTES = 400 * 1024;
constexpr int MAX_GROUPS = 12;
constexpr int SHORT_GAP = 64;            // between the 16-bit sums of two steps, which would share a few sets of the cache
int chunkOf(const Layer& L) {
  const size_t steps = CHUNK_BYTES / (L.gSize() * sizeof(float));
  return steps >= size_t(CHUNK) ? CHUNK : steps < 4 ? 4 : int(steps);
}
enum Kind { CONV = 0, POOL = 1 };
// How what arrives is summed: by 32 bits, or by 16 where the layer's form allows.
enum Sums { WIDE_SUMS = 0, SLIDE_SUMS = 1, SPREAD_SUMS = 2 };

struct Hidden {
  int kind;
  Layer L;                        // a pool has inC, inH, inW, outC, outH, outW of its own and nextH, nextW = out
  Neuron neuron;
  int wgtExp;
  Array<int32_t> weights;         // ⌊mantissa·2^wgtExp⌋, the effective weight over 64: [tap][inC][outCp]
  Array<int16_t> shorts;          // the same where `largest` allows
  int largest;                    // 0: `weights` is read
  int sums;                       // of Sums
  Array<int16_t> narrow;          // the weights once more, as convSlide or convSpread takes them
  Array<float> backward;          // effective [tap][outC][inCp]
  int tilesStale;
  Array<float> tiles;             // of `backward` by winogradKernels, where that serves
  Array<int32_t> bias;            // [outCp]
};

// What the backward of a sample reads.
struct Tape {
  Objects<Events> spikes;                 // [layers + 1] input, then what each hidden layer fired; row r−1 for step r
  Objects<Buffer<int32_t>> vBefore;       // [layers] conv: [S][outSize]; empty for pools, and where no backward follows
  Objects<Buffer<int32_t>> marks;         // [layers] a layer run by windows: [S][windows][cp] (windows.h), and no vBefore
  Array<uint8_t> windowed;                // [layers] it was
  Array<uint8_t> cut;                     // [layers] some voltage was clipped or blocked
  Array<Wrap> wraps;
};

struct Work {
  Buffer<int32_t> q, tally;               // tally [outCp] spikes by channel
  Buffer<int16_t> shortQ;
  Array<uint16_t> words;                  // [S][positions][outCp/LANE] spikes of a layer under a pool, a bit each; by windows: the pool's
  WinogradSpace<float> winograd;
  Objects<NeuronState> neurons;
  Objects<AdjointState> adjoint;
  Buffer<float> gx, gIn, gNext, feature;
  Array<uint8_t> flags;
  Array<uint16_t> pool;                   // [positions][outCp/LANE] of a pool, one step
  Array<Segment<float>> segments;
  ChannelList list;
  PlaneSpace<float> planes;
  PlasticState plastic;
  PlasticTape tape;
  PlasticReverse reverse;
  Tape scratch;
};

struct Task {
  int support = 0, query = 0, presentations = 0, learn = 0, gradient = 0, keep = 0, record = 0;
  int fused = 0;                          // a query goes forward and backward in one go: nothing but its own spikes is needed
  uint32_t seed = 0;
  Array<int32_t> order, supportLabels, queryLabels;
  Array<uint8_t> assigned;
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
  Array<float> partial;                    // [groups][hiddenSize]
  Array<float> partialPlastic;             // [groups][inputs·kp + kp]
  Objects<Buffer<float>> gSupport;         // [support] [S][inputs] gradient of the last hidden spikes
  Array<float> perSpike;                   // by layer and channel (padded), gradient of the penalty for one spike
  double loss = 0, penaltyLoss = 0, scalars[4] = {};
  Array<float> gradient;                   // outside layout
  Array<double> losses;
  int channelsTotal = 0;
  int layers() const { return int(hidden.size()); }
};

// Where the gradient of a weight stands in a group's sums.
size_t sumIndex(const Layer& L, int tap, int i, int o) {
  return planesServe(L) ? planesIndex<float>(L, tap, i, o) : (size_t(tap) * L.inC + i) * L.outCp + o;
}
size_t accumulatorSize(const Hidden& h) { return h.kind == POOL ? 0 : h.L.weightSize() + h.L.outCp; }
size_t hiddenSize(const Context& c) {
  size_t n = 0;
  for (int l = 0; l < c.layers(); l++) n += accumulatorSize(c.hidden[l]);
  return n;
}
int groupsOf(int samples) { return samples < MAX_GROUPS ? samples : MAX_GROUPS; }

// Hidden layers whose spikes are read as a list: by a convolution, by the last layer, by a pool that is not on a convolution.
bool listed(const Context& c, int l) {
  if (c.task.record || l + 1 == c.layers() || c.hidden[l].kind == POOL || c.hidden[l + 1].kind == CONV) return true;
  return l + 2 < c.layers() && c.hidden[l + 2].kind == POOL;
}
bool pooled(const Context& c, int l) { return l + 1 < c.layers() && c.hidden[l].kind == CONV && c.hidden[l + 1].kind == POOL; }

// Layers of which a pool needs no more than windows.h gives; where sums are of 16 bits.
bool windowed(const Context& c, int l) {
  const Hidden& h = c.hidden[l];
  return pooled(c, l) && !listed(c, l) && h.sums != WIDE_SUMS && c.penalty == 0 && windowsServe(h.L, h.neuron);
}

void prepare(Context& c, Work& w) {
  if (w.neurons.size() == c.hidden.size() && w.q.size()) return;
  w.neurons.make(c.hidden.size());
  w.adjoint.make(c.hidden.size());
  size_t out = 16, g = 16, in = size_t(c.plastic.inputs) + 16, segments = 64, tally = 16;
  for (int l = 0; l < c.layers(); l++) {
    const Layer& L = c.hidden[l].L;
    if (L.outSize() > in) in = L.outSize();
    if (L.inSize() > in) in = L.inSize();
    if (size_t(L.outCp) > tally) tally = L.outCp;
    if (c.hidden[l].kind == POOL) continue;
    if (L.outSize() > out) out = L.outSize();
    if (L.gSize() > g) g = L.gSize();
    if (size_t(L.taps()) > segments) segments = L.taps();
    for (auto* b : {&w.neurons[l].u, &w.neurons[l].v, &w.neurons[l].refractory}) b->resize(L.outSize());
    for (auto* b : {&w.adjoint[l].u, &w.adjoint[l].v}) b->resize(L.outSize());
  }
  w.q.resize(out * BLOCK_STEPS);
  w.shortQ.resize((out + SHORT_GAP) * BLOCK_STEPS);
  w.tally.resize(tally);
  w.gx.resize(g * CHUNK);
  w.gIn.resize(in * c.S);
  w.gNext.resize(in * c.S);
  w.feature.resize(size_t(c.plastic.inputs) * c.S);
  w.segments.resize(segments);
}

const Events& lastSpikes(const Tape& t, const Context& c) { return t.spikes[c.layers()]; }
int featureChannels(const Context& c) { return c.layers() ? c.hidden[c.layers() - 1].L.outC : c.inC; }
int featureWidth(const Context& c) { return c.layers() ? c.hidden[c.layers() - 1].L.outW : c.inW; }

}  // namespace
}  // namespace loihi
