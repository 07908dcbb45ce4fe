// The phases of a task, each over items that do not depend on one another. See loihi.cc.
#pragma once
#include "hidden.h"

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

void startPlastic(const Context& c, PlasticState& s) {
  s.w.resize(c.w0.size());
  __builtin_memcpy(s.w.data(), c.w0.data(), c.w0.size() * sizeof(int16_t));
  s.x1.zero(c.plastic.inputs);
  s.x2.zero(c.plastic.inputs);
  s.triggered = s.lost = 0;
  effectiveAll(c.plastic, s);
}

Tape& tapeOf(Context& c, int sample, Work& w) {
  return c.task.keep || (c.task.gradient && sample < c.task.support) || c.task.record ? c.tapes[sample] : w.scratch;
}

template <class A> void copyArray(const A& from, A& to) {
  to.resize(from.size());
  if (from.size()) __builtin_memcpy(to.data(), from.data(), from.size() * sizeof(from.data()[0]));
}
void copyEvents(const Events& from, Events& to) {
  to.positions = from.positions;
  to.steps = from.steps;
  copyArray(from.start, to.start);
  copyArray(from.key, to.key);
  copyArray(from.value, to.value);
}
void copyInput(const Context& c, int sample, Tape& to) {
  to.spikes.make(c.layers() + 1);
  copyEvents(c.tapes[sample].spikes[0], to.spikes[0]);
}

// Hidden layers of a sample, with what is told of it: spikes by channel, features, wraps.
Tape& sampleForward(Context& c, int sample, Work& w, bool store) {
  Array<int32_t>& counts = c.counted[sample];
  counts.zero(c.channelsTotal ? c.channelsTotal : 1);
  Tape& tape = tapeOf(c, sample, w);
  if (&tape == &w.scratch) copyInput(c, sample, tape);
  hiddenForward(c, tape, w, counts.data(), store);
  if (&tape == &w.scratch) {
    c.tapes[sample].wraps.clear();
    for (size_t k = 0; k < tape.wraps.size(); k++) c.tapes[sample].wraps.push(tape.wraps[k]);
  }
  int32_t* f = c.features.data() + size_t(sample) * c.plastic.inputs;
  __builtin_memset(f, 0, c.plastic.inputs * sizeof(int32_t));
  const Events& e = lastSpikes(tape, c);
  const int ch = featureChannels(c), width = featureWidth(c);
  for (size_t row = 0; row + 1 < e.start.size(); row++) {
    const int p = int(row % e.positions), shift = p * ch - (p % width) * ch;
    for (uint32_t k = e.start[row]; k < e.start[row + 1]; k++) f[c.plastic.logical[shift + e.key[k]]] += e.value.empty() ? 1 : e.value[k];
  }
  return tape;
}

void phaseHidden(Context& c, int sample, Work& w) {
  const Tape& tape = sampleForward(c, sample, w, c.task.gradient && (c.task.keep || sample < c.task.support));
  // The last layer reads the last hidden layer's spikes, kept whatever else is.
  if (&tape == &w.scratch) copyEvents(lastSpikes(tape, c), c.tapes[sample].spikes[c.layers()]);
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
    Array<Wrap>& wraps = c.tapes[sample].wraps;
    const size_t before = wraps.size();
    present(c.plastic, c.learnState, lastSpikes(c.tapes[sample], c), featureChannels(c), featureWidth(c), c.S, uint32_t(k) * c.S,
            c.task.supportLabels[sample], c.task.assigned.data(), c.task.seed, c.learnt[k], wraps, c.layers());
    for (size_t i = before; i < wraps.size(); i++) wraps[i].presentation = k;
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
    const Events& in = lastSpikes(c.task.fused ? sampleForward(c, sample, w, true) : c.tapes[sample], c);
    // The trace that runs on from the learning is not read by a query; only its seed of x1 would differ.
    s.x1.zero(c.plastic.inputs);
    s.x2.zero(c.plastic.inputs);
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
    if (&hidden == &w.scratch && !c.task.fused) { copyInput(c, sample, hidden); hiddenForward(c, hidden, w, nullptr, true); }
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

// Added to a group's partial sums, which nobody else holds: there are as many items as groups at most.
void phaseSupport(Context& c, int item, Work& w) {
  const int groups = groupsOf(c.task.query);
  float* partial = c.partial.data() + size_t(item) * hiddenSize(c);
  for (int sample = item; sample < c.task.support; sample += groups) hiddenBackward(c, c.tapes[sample], c.gSupport[sample].get(), w, partial);
}

// ∂w_eff/∂mantissa of the real-valued formula.
float slopeOf(int wgtExp) { return wgtExp >= 0 ? 64.0f * float(1 << wgtExp) : 64.0f / float(1 << -wgtExp); }

// Gradients of mantissas and bias integers in the outside layout; the masters' slopes are the caller's.
// Item l < layers: a hidden layer; item layers: the last one, and the loss.
void phaseCollect(Context& c, int item) {
  const size_t size = hiddenSize(c);
  const int groups = groupsOf(c.task.query);
  float* out = c.gradient.data();
  size_t at = 0;
  for (int l = 0; l < c.layers() && l < item; l++) {
    if (c.hidden[l].kind == POOL) continue;
    out += c.hidden[l].L.externalWeights() + c.hidden[l].L.outC;
    at += accumulatorSize(c.hidden[l]);
  }
  if (item < c.layers()) {
    const Hidden& h = c.hidden[item];
    if (h.kind == POOL) return;
    const Layer& L = h.L;
    float* sum = c.partial.data() + at;
    for (int g = 1; g < groups; g++) {
      const float* p = sum + size_t(g) * size;
      for (size_t i = 0; i < accumulatorSize(h); i++) sum[i] += p[i];
    }
    const float slope = slopeOf(h.wgtExp);
    for (int o = 0; o < L.outC; o++)
      for (int i = 0; i < L.inC; i++)
        for (int tap = 0; tap < L.taps(); tap++) *out++ = slope * sum[sumIndex(L, tap, i, o)];
    for (int o = 0; o < L.outC; o++) *out++ = sum[L.weightSize() + o];
    return;
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
