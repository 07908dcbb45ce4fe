// Engine of the `loihi` network with the SOEL rule: a task as phases of independent items, so that threads (or workers on a
// shared memory) take items and the bits never depend on who took which. C linkage, no Node types, no C++ library.
//
//   phase 0  HIDDEN    item = sample: hidden layers forward (of the support only where queries are fused)
//   phase 1  LEARN     one item: support presentations with learning, in their order
//   phase 2  QUERY     item = group of queries: last layer forward; with gradients, everything backward. Fused: hidden layers forward
//                      here too, so that a sample's voltages never leave the cache; else the penalty, which is a mean over all
//                      samples, must be known before
//   phase 3  UNLEARN   one item: backward through the learning
//   phase 4  SUPPORT   item = share of the support samples: hidden layers backward
//   phase 5  COLLECT   item = layer: partial gradients added in order of groups
//
// Samples are numbered support first, then queries. Source of the mathematics: design §4, §6.
#include "phases.h"

#ifndef LOIHI_ISA
#define LOIHI_ISA base
#endif
#define LOIHI_JOIN2(a, b) a##_##b
#define LOIHI_JOIN(a, b) LOIHI_JOIN2(a, b)
#define API(name) extern "C" __attribute__((visibility("default"))) auto LOIHI_JOIN(loihi_##name, LOIHI_ISA)

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
  P.hi = P.lo = 0; P.theta = 1; P.rateMant = 1; P.rateExp = 0; P.streamX1 = 1; P.streamW = 2; P.decay2 = 0; P.streamX2 = 3;
  c->work.make(c->threads);
  return c;
}

API(destroy)(void* h) -> void { static_cast<Context*>(h)->~Context(); release(h); }

// soel [15]: epoch, window, γ, impulse, dx, resetTrace, hi, lo, θ, m, s, streams of x1 and w, dx and stream of x2. reals [5]: κ, λ, penalty, low, high
API(rule)(void* h, const int32_t* soel, const double* reals) -> void {
  Context& c = *static_cast<Context*>(h);
  Plastic& P = c.plastic;
  P.epoch = soel[0]; P.window = soel[1]; P.gamma = soel[2]; P.impulse = soel[3]; P.decay = soel[4]; P.resetTrace = soel[5];
  P.hi = soel[6]; P.lo = soel[7]; P.theta = soel[8]; P.rateMant = soel[9]; P.rateExp = soel[10];
  P.streamX1 = uint32_t(soel[11]); P.streamW = uint32_t(soel[12]); P.decay2 = soel[13]; P.streamX2 = uint32_t(soel[14]);
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
    int largest = 1;
    d.backward.zero(size_t(L.taps()) * L.outC * L.inCp);
    d.bias.zero(L.outCp);
    for (int o = 0; o < L.outC; o++)
      for (int i = 0; i < L.inC; i++)
        for (int tap = 0; tap < L.taps(); tap++) {
          const int32_t w = effective(*mantissa++, d.wgtExp);
          d.weights[(size_t(tap) * L.inC + i) * L.outCp + o] = w;
          d.backward[(size_t(tap) * L.outC + o) * L.inCp + i] = float(w * 64);
          if (w > largest || -w > largest) largest = w < 0 ? -w : w;
        }
    for (int o = 0; o < L.outC; o++) d.bias[o] = *bias++;
    d.sums = spreadServes(L, largest) ? SPREAD_SUMS : L.inC >= 16 && slideServes(L, d.weights.data()) ? SLIDE_SUMS : WIDE_SUMS;
    if (d.sums != WIDE_SUMS) {
      d.narrow.resize(L.weightSize());
      if (d.sums == SPREAD_SUMS) spreadWeights(L, d.weights.data(), d.narrow.data());
      else slideWeights(L, d.weights.data(), d.narrow.data());
    }
    // Widening a sum costs as much as several events: short sums pay where many inputs meet.
    d.largest = L.inC >= 16 && largest <= 4096 ? largest : 0;
    if (d.largest) {
      d.shorts.zero(L.weightSize());
      for (size_t i = 0; i < d.weights.size(); i++) d.shorts[i] = int16_t(d.weights[i]);
    }
    d.tilesStale = 1;
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
  t.fused = (flags & 2) && !(flags & 8) && c.penalty == 0;
  t.learn = flags & 1; t.gradient = flags & 2; t.keep = (flags & 4) && !t.fused; t.record = flags & 8; t.seed = seed;
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
    c.partial.zero(groupsOf(query) * hiddenSize(c) + 1);
    c.partialPlastic.zero(groupsOf(query) * (c.w0.size() + c.plastic.kp) + 1);
    c.gradient.zero(outsideSize(c));
    for (int l = 1; l < c.layers(); l++) {
      Hidden& h = c.hidden[l];
      if (h.kind == POOL || !h.tilesStale || !winogradServes(h.L)) continue;
      h.tiles.resize(size_t(POINTS) * h.L.outC * h.L.inCp);
      winogradKernels<float>(h.L, h.backward.data(), h.tiles.data());
      h.tilesStale = 0;
    }
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
    case 0: return c.task.support + (c.task.fused ? 0 : c.task.query);
    case 1: return 1;
    case 2: return groupsOf(c.task.query);
    case 3: return c.task.gradient ? 1 : 0;
    case 4: return !c.task.gradient || !c.layers() ? 0 : c.task.support < groupsOf(c.task.query) ? c.task.support : groupsOf(c.task.query);
    case 5: return c.task.gradient ? c.layers() + 1 : 0;
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
    case 5: phaseCollect(c, item); break;
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
  if (x1 && t.label >= 0 && P.form != NONE)
    for (int r = 0; r < c.S; r++) for (int j = 0; j < P.inputs; j++) x1[size_t(r) * P.inputs + P.logical[j]] = t.x1[size_t(r) * P.inputs + j];
  const int16_t* w = t.weights.data() + t.errorStep.size() * c.w0.size();
  for (int i = 0; i < P.outputs; i++)
    for (int j = 0; j < P.inputs; j++) weights[size_t(i) * P.inputs + P.logical[j]] = w[size_t(j) * P.kp + i];
  for (int i = 0; i < P.outputs; i++) totals[i] = t.total[i];
  return t.decision;
}

// Wraps of a sample: rows of (layer, quantity, step, neuron in [y][x][c] order, presentation or −1). Returns the number; writes where given.
API(wraps)(void* h, int sample, int32_t* rows) -> uint32_t {
  const Context& c = *static_cast<Context*>(h);
  const Array<Wrap>& w = c.tapes[sample].wraps;
  if (rows) __builtin_memcpy(rows, w.data(), w.size() * sizeof(Wrap));
  return uint32_t(w.size());
}
