// The plastic last layer under SOEL `chip`: integers forward, float backward. One sample after another.
// Rows of the layer's inputs are in the order the kernels use ([y][x][c]); `logical` gives the index that draws use.
// Source: design §6, steps 1–7.
#pragma once
#include "neurons.h"

namespace loihi {

static inline uint32_t fmix(uint32_t h) {
  h ^= h >> 16; h *= 0x85EBCA6Bu; h ^= h >> 13; h *= 0xC2B2AE35u; h ^= h >> 16;
  return h;
}
static inline uint32_t drawPrefix(uint32_t seed, uint32_t stream, uint32_t t) {
  return fmix(fmix(fmix(seed ^ 0x9E3779B9u) ^ stream) ^ t);
}

enum Form { NONE = 0, CHIP = 1, AUTHORS = 2 };

struct Plastic {
  int inputs, outputs, kp;        // kp: outputs padded to a vector
  int bits, wgtExp;
  Neuron neuron;
  int form;                       // 0: no rule, CHIP, AUTHORS
  int epoch, window, gamma, impulse, decay, resetTrace;
  int hi, lo, theta, rateMant, rateExp;
  uint32_t streamX1, streamW;
  int decay2;                     // of x2, which only AUTHORS has: same impulse, a stream of its own
  uint32_t streamX2;
  int neutral() const { return form == AUTHORS ? 20 : 64; }
  Array<uint32_t> logical;        // [inputs]
  Array<int32_t> bias;            // [kp] as added to u
};

constexpr int MAX_OUTPUTS = 64;

struct WindowError { int e; float byCount, byTarget, byTheta; };

// What a presentation leaves for the backward and for records. Row r−1 for step r.
struct PlasticTape {
  Array<int32_t> u, v, vBefore, spike;    // [S][kp]; v after reset; spike 0/1
  Array<uint8_t> x1, x2;                  // [S][inputs], learning presentations only
  Array<uint8_t> y1;                      // [S/E0][outputs]
  Array<int32_t> counter;                 // [S][kp] after step 4
  Array<WindowError> errors;              // [windows][outputs]
  Array<int32_t> errorStep;               // [windows] r
  Array<int16_t> weights;                 // [windows + 1][inputs][kp] before each learning; last: at the end
  Array<uint8_t> flags;                   // [windows][inputs][kp] 1: a or w' saturated, 2 and 4: first and second product saturated
  int32_t total[MAX_OUTPUTS];
  int decision, label, tie, silent;
};

struct PlasticState {
  Array<int16_t> w;           // [inputs][kp] mantissas
  Array<int32_t> eff;         // [inputs][kp] effective weights over 64
  Array<uint8_t> x1, x2;      // [inputs]
  NeuronState neurons;
  Array<int32_t> q;
  Array<uint8_t> arrived;
  int64_t triggered = 0, lost = 0;
};

// ⌊mantissa·2^wgtExp⌋, the effective weight over 64.
static inline int32_t effective(int16_t m, int wgtExp) { return wgtExp >= 0 ? int32_t(m) * (1 << wgtExp) : int32_t(m) >> -wgtExp; }
static inline void effectiveAll(const Plastic& P, PlasticState& s) {
  s.eff.resize(s.w.size());
  for (size_t i = 0; i < s.w.size(); i++) s.eff[i] = effective(s.w[i], P.wgtExp);
}

static inline int32_t clip(int64_t x, int64_t low, int64_t high) { return int32_t(x < low ? low : x > high ? high : x); }

static inline WindowError windowError(int gamma, int theta, int count, int target) {
  const int d = target - count, size = (d < 0 ? -d : d) / theta;
  const int raw = gamma * (d < 0 ? -size : size);
  const int e = clip(raw, -63, 63);
  if (e != raw) return {e, 0, 0, 0};
  const float g = float(gamma), t = float(theta);
  return {e, -g / t, g / t, -g * float(d) / (t * t)};
}

// Error of an output with a class at a window's end. AUTHORS: of the target only, and written only past a threshold that adapts
// within a presentation.
static inline WindowError outputError(const Plastic& P, int output, int label, int count, int& threshold) {
  if (P.form == CHIP) return windowError(P.gamma, P.theta, count, output == label ? P.hi : P.lo);
  if (output != label) return {};
  WindowError error = windowError(1, 1, count, P.hi);
  const bool written = error.e != 0 && (error.e < 0 ? -error.e : error.e) > threshold;
  threshold = written ? threshold + 1 : threshold > 0 ? threshold - 1 : 0;
  error.byTarget = error.byTheta = 0;
  return written ? error : WindowError{};
}

// A trace on to step t: decayed with stochastic rounding, then raised where a spike arrived.
static inline void stepTrace(const Plastic& P, uint8_t* x, const uint8_t* arrived, int decay, uint32_t prefix) {
  for (int j = 0; j < P.inputs; j++) {
    const uint32_t draw = fmix(prefix ^ P.logical[j]) >> 16;
    const int next = int((uint32_t(x[j]) * uint32_t(decay) + draw) >> 16) + (arrived[j] ? P.impulse : 0);
    x[j] = uint8_t(next > 127 ? 127 : next);
  }
}

// Step 6 for every output with an error: CHIP dw = ρ·x1·e, AUTHORS dw = ρ·x2·e − ρ·x1·e, products one after another.
static inline void learn(const Plastic& P, PlasticState& s, const WindowError* errors, uint32_t seed, uint32_t t, uint8_t* flags) {
  const int step = 1 << (9 - P.bits), N = 16 - P.bits, grid = 9 - P.bits;
  const uint32_t prefix = drawPrefix(seed, P.streamW, t);
  const int up = P.rateExp + 7;
  for (int j = 0; j < P.inputs; j++) {
    for (int i = 0; i < P.outputs; i++) {
      flags[size_t(j) * P.kp + i] = 0;
      const int e = errors[i].e;
      if (e == 0) continue;
      const int products = P.form == AUTHORS ? 2 : 1;
      int32_t a = 128 * s.w[size_t(j) * P.kp + i];
      int64_t floored = 0;
      uint8_t flag = 0;
      for (int k = 0; k < products; k++) {
        const int mant = products == 1 ? P.rateMant : k == 0 ? 1 : -1, x = products == 2 && k == 0 ? s.x2[j] : s.x1[j];
        floored = (int64_t(mant) * x * e) >> 3;
        const int64_t raw = floored * (int64_t(1) << up);
        const int32_t p = clip(raw, -32768, 32767);
        const int64_t sum = int64_t(a) + p;
        a = clip(sum, -32768, 32767);
        flag |= uint8_t((a != sum ? 1 : 0) | (p != raw ? 2 << k : 0));
      }
      if (s.x1[j] || (products == 2 && s.x2[j])) { s.triggered++; s.lost += floored == 0 || floored == -1; }
      const uint32_t draw = fmix(prefix ^ (uint32_t(i) * uint32_t(P.inputs) + P.logical[j])) >> (32 - N);
      const int32_t rounded = ((a + int32_t(draw)) >> N) * (1 << grid);
      const int32_t w = clip(rounded, -256, 256 - step);
      flags[size_t(j) * P.kp + i] = uint8_t(flag | (w != rounded ? 1 : 0));
      s.w[size_t(j) * P.kp + i] = int16_t(w);
    }
  }
}

// One presentation of S steps from `t0` + 1 on. `in`: events of the layer below, row r−1 holds what fired at step r.
// label < 0: learning off. assigned [outputs].
static inline void present(const Plastic& P, PlasticState& s, const Events& in, int inC, int inW, int S, uint32_t t0, int label,
                           const uint8_t* assigned, uint32_t seed, PlasticTape& tape, Array<Wrap>& wraps, int layer) {
  const int kp = P.kp, vectors = kp / LANE;
  const bool learning = P.form != NONE && label >= 0;
  tape.label = label;
  for (auto* a : {&tape.u, &tape.v, &tape.vBefore, &tape.spike, &tape.counter}) a->zero(size_t(S) * kp);
  if (learning) tape.x1.resize(size_t(S) * P.inputs);
  if (learning && P.form == AUTHORS) tape.x2.resize(size_t(S) * P.inputs);
  tape.y1.clear();
  tape.errors.clear();
  tape.errorStep.clear();
  tape.weights.clear();
  tape.flags.clear();
  for (auto* b : {&s.neurons.u, &s.neurons.v, &s.neurons.refractory}) {
    b->resize(kp);
    __builtin_memset(b->get(), 0, kp * sizeof(int32_t));
  }
  if (P.form == NONE || P.resetTrace) { s.x1.zero(P.inputs); s.x2.zero(P.inputs); }
  s.q.resize(kp);
  s.arrived.resize(P.inputs);
  Array<int32_t>& q = s.q;
  int32_t count[MAX_OUTPUTS] = {}, total[MAX_OUTPUTS] = {}, threshold[MAX_OUTPUTS] = {};
  // Learning or not, x1 must run on where it is not cleared between presentations.
  const bool traced = learning || (P.form != NONE && !P.resetTrace);
  for (int r = 1; r <= S; r++) {
    const uint32_t t = t0 + uint32_t(r);
    __builtin_memset(q.data(), 0, kp * sizeof(int32_t));
    if (traced) __builtin_memset(s.arrived.data(), 0, P.inputs);
    if (r >= 2) {
      const uint32_t* row = in.start.data() + size_t(r - 2) * in.positions;
      for (int p = 0; p < in.positions; p++) {
        const int shift = p * inC - (p % inW) * inC;           // key = x·C + c; input index = position·C + c
        for (uint32_t k = row[p]; k < row[p + 1]; k++) {
          const int j = shift + in.key[k];
          const int32_t n = in.value.empty() ? 1 : in.value[k];
          const VI* w = reinterpret_cast<const VI*>(s.eff.data() + size_t(j) * kp);
          VI* qs = reinterpret_cast<VI*>(q.data());
          for (int v = 0; v < vectors; v++) qs[v] += w[v] * n;
          if (traced) s.arrived[j] = 1;
        }
      }
    }
    if (traced) {
      stepTrace(P, s.x1.data(), s.arrived.data(), P.decay, drawPrefix(seed, P.streamX1, t));
      if (P.form == AUTHORS) stepTrace(P, s.x2.data(), s.arrived.data(), P.decay2, drawPrefix(seed, P.streamX2, t));
      if (learning) __builtin_memcpy(tape.x1.data() + size_t(r - 1) * P.inputs, s.x1.data(), P.inputs);
      if (learning && P.form == AUTHORS) __builtin_memcpy(tape.x2.data() + size_t(r - 1) * P.inputs, s.x2.data(), P.inputs);
    }
    int32_t* spike = tape.spike.data() + size_t(r - 1) * kp;
    stepExact(StepInput<int32_t>{1, P.outputs, kp, q.data(), P.bias.data(), layer, r}, P.neuron, s.neurons, tape.vBefore.data() + size_t(r - 1) * kp, wraps,
              [&](int i, int, VI fired) { reinterpret_cast<VI*>(spike)[i] = fired & 1; });
    for (int i = 0; i < P.outputs; i++) {
      tape.u[size_t(r - 1) * kp + i] = s.neurons.u[i];
      tape.v[size_t(r - 1) * kp + i] = s.neurons.v[i];
      if (r > 1) { const int32_t fired = tape.spike[size_t(r - 2) * kp + i]; count[i] += fired; total[i] += fired; }
      tape.counter[size_t(r - 1) * kp + i] = count[i];
    }
    if (P.form == NONE || t % uint32_t(P.epoch) != 0) continue;
    const bool windowEnds = r % P.window == 0;
    WindowError errors[MAX_OUTPUTS] = {};
    const bool writes = learning && windowEnds;
    for (int i = 0; i < P.outputs; i++) {
      if (writes && assigned[i]) errors[i] = outputError(P, i, label, count[i], threshold[i]);
      tape.y1.push(uint8_t(P.neutral() + errors[i].e));
    }
    if (writes) {
      const size_t size = size_t(P.inputs) * kp, at = tape.errorStep.size() * size;
      tape.weights.resize(at + size);
      __builtin_memcpy(tape.weights.data() + at, s.w.data(), size * sizeof(int16_t));
      tape.flags.resize(at + size);
      learn(P, s, errors, seed, t, tape.flags.data() + at);
      effectiveAll(P, s);
      for (int i = 0; i < P.outputs; i++) tape.errors.push(errors[i]);
      tape.errorStep.push(r);
    }
    if (windowEnds) for (int i = 0; i < P.outputs; i++) count[i] = 0;
  }
  const size_t size = s.w.size(), at = tape.errorStep.size() * size;
  tape.weights.resize(at + size);
  __builtin_memcpy(tape.weights.data() + at, s.w.data(), size * sizeof(int16_t));
  // Decision: most spikes among outputs with a class, then larger u of step S, then lower index.
  int best = -1, most = 0;
  tape.silent = 1;
  tape.tie = 0;
  const int32_t* u = tape.u.data() + size_t(S - 1) * kp;
  for (int i = 0; i < P.outputs; i++) {
    tape.total[i] = total[i];
    if (!assigned[i]) continue;
    if (total[i] > 0) tape.silent = 0;
    if (best < 0 || total[i] > most || (total[i] == most && u[i] > u[best])) best = i;
    if (total[best] > most || best == i) most = total[best];
  }
  for (int i = 0; i < P.outputs; i++) if (assigned[i] && i != best && total[i] == total[best]) tape.tie = 1;
  tape.decision = best;
}

// Gradients of the last layer, carried from the last presentation to the first.
struct PlasticReverse {
  Array<float> weight;           // [inputs][kp] of the mantissas
  Array<float> bias;             // [kp] of the bias integers
  Array<float> x1, x2;           // [inputs] carried where traces run on
  double hi = 0, lo = 0, theta = 0, rho = 0;
  Array<float> gSpike, effT;
  void start(const Plastic& P) {
    weight.zero(size_t(P.inputs) * P.kp);
    bias.zero(P.kp);
    x1.zero(P.inputs);
    x2.zero(P.inputs);
    hi = lo = theta = rho = 0;
  }
};

// Goes back through a presentation. gN, gU [outputs] gradients of N and of every u, or null (support).
// gIn [S][inputs] is overwritten: gradient of each input's spike fired at step r, row r−1.
static inline void presentBackward(const Plastic& P, PlasticReverse& R, const PlasticTape& tape, const Events& in, int inC, int inW, int S,
                                   const float* gN, const float* gU, float* gIn) {
  const int kp = P.kp, J = P.inputs, vectors = kp / LANE;
  const size_t size = size_t(J) * kp;
  const bool learning = P.form != NONE && tape.label >= 0, authors = P.form == AUTHORS;
  const float slope = P.wgtExp >= 0 ? 64.0f * float(1 << P.wgtExp) : 64.0f / float(1 << -P.wgtExp);
  const float keepU = P.neuron.keepU / 4096.0f, keepV = P.neuron.keepV / 4096.0f, vth = float(P.neuron.vth);
  const float rho = float(authors ? 1 : P.rateMant) * (P.rateExp >= 0 ? float(1 << P.rateExp) : 1.0f / float(1 << -P.rateExp));
  Array<float>& gSpike = R.gSpike;
  gSpike.zero(size_t(S) * kp);
  if (gN) for (int r = 0; r < S - 1; r++) for (int i = 0; i < P.outputs; i++) gSpike[size_t(r) * kp + i] = gN[i];
  if (P.resetTrace) { R.x1.zero(J); R.x2.zero(J); }
  // Effective weights of a segment between learnings, transposed [outputs][inputs].
  Array<float>& effT = R.effT;
  effT.resize(size_t(P.outputs) * J);
  int segment = int(tape.errorStep.size());
  const auto loadSegment = [&] {
    const int16_t* w = tape.weights.data() + size_t(segment) * size;
    for (int i = 0; i < P.outputs; i++) for (int j = 0; j < J; j++) effT[size_t(i) * J + j] = 64.0f * float(effective(w[size_t(j) * kp + i], P.wgtExp));
  };
  loadSegment();
  float av[MAX_OUTPUTS] = {}, au[MAX_OUTPUTS] = {};
  __builtin_memset(gIn + size_t(S - 1) * J, 0, J * sizeof(float));
  for (int r = S; r >= 1; r--) {
    float* gArrive = r >= 2 ? gIn + size_t(r - 2) * J : nullptr;    // what arrives at r was fired at r − 1
    if (gArrive) __builtin_memset(gArrive, 0, J * sizeof(float));
    if (segment > 0 && tape.errorStep[segment - 1] == r) {
      segment--;
      const WindowError* errors = tape.errors.data() + size_t(segment) * P.outputs;
      const uint8_t* flags = tape.flags.data() + size_t(segment) * size;
      const uint8_t* x = tape.x1.data() + size_t(r - 1) * J;
      const uint8_t* x2 = authors ? tape.x2.data() + size_t(r - 1) * J : nullptr;
      double gE[MAX_OUTPUTS] = {};
      for (int j = 0; j < J; j++) {
        float gx = 0, gx2 = 0;
        for (int i = 0; i < P.outputs; i++) {
          const size_t at = size_t(j) * kp + i;
          if (authors) {
            if (errors[i].e == 0) continue;
            if (flags[at] & 1) { R.weight[at] = 0; continue; }
            const float g = R.weight[at] * 0.125f * rho, e = float(errors[i].e);
            if (!(flags[at] & 2)) { gx2 += g * e; gE[i] += double(g) * x2[j]; }
            if (!(flags[at] & 4)) { gx -= g * e; gE[i] -= double(g) * x[j]; }
            continue;
          }
          if (errors[i].e == 0) {                                  // the weight is unchanged, its slopes by e and x1 are not 0
            const float g = R.weight[at] * 0.125f;
            gE[i] += double(g) * rho * x[j];
            continue;
          }
          if (flags[at] & 1) { R.weight[at] = 0; continue; }
          if (flags[at] & 2) continue;
          const float g = R.weight[at] * 0.125f, e = float(errors[i].e);
          gx += g * rho * e;
          gE[i] += double(g) * rho * x[j];
          R.rho += double(g) * x[j] * e;
        }
        R.x1[j] += gx;
        if (authors) R.x2[j] += gx2;
      }
      for (int i = 0; i < P.outputs; i++) {
        R.theta += gE[i] * errors[i].byTheta;
        (i == tape.label ? R.hi : R.lo) += gE[i] * errors[i].byTarget;
        for (int step = r - P.window > 1 ? r - P.window : 1; step < r; step++) gSpike[size_t(step - 1) * kp + i] += float(gE[i] * errors[i].byCount);
      }
      loadSegment();
    }
    if (learning) {
      const uint8_t* x = tape.x1.data() + size_t(r - 1) * J;
      const float impulse = float(P.impulse), keep = float(P.decay) / 65536.0f;
      for (int j = 0; j < J; j++) {
        if (x[j] == 127) R.x1[j] = 0;
        if (gArrive) gArrive[j] += impulse * R.x1[j];
        R.x1[j] *= keep;
      }
      if (authors) {
        const uint8_t* second = tape.x2.data() + size_t(r - 1) * J;
        const float keep2 = float(P.decay2) / 65536.0f;
        for (int j = 0; j < J; j++) {
          if (second[j] == 127) R.x2[j] = 0;
          if (gArrive) gArrive[j] += impulse * R.x2[j];
          R.x2[j] *= keep2;
        }
      }
    }
    float gq[MAX_OUTPUTS] = {};
    for (int i = 0; i < P.outputs; i++) {
      const size_t at = size_t(r - 1) * kp + i;
      const int32_t stored = tape.vBefore[at];
      const bool cut = stored == BLOCKED || stored == CLIPPED || stored == -CLIPPED;
      const float v = stored == BLOCKED ? 0.0f : stored == CLIPPED ? float(V_LIMIT) : stored == -CLIPPED ? -float(V_LIMIT) : float(stored);
      const float x = v / vth - 1.0f, d = 10.0f * (x > 0 ? x : -x) + 1.0f;
      float g = tape.spike[at] ? 0.0f : av[i];
      g += gSpike[at] / (vth * d * d);
      if (cut) g = 0;
      R.bias[i] += g;
      const float gu = g + au[i] + (gU ? gU[i] : 0.0f);
      gq[i] = gu;
      av[i] = g * keepV;
      au[i] = gu * keepU;
    }
    if (!gArrive) continue;
    for (int i = 0; i < P.outputs; i++) {
      const float g = gq[i];
      const float* w = effT.data() + size_t(i) * J;
      for (int j = 0; j < J; j++) gArrive[j] += g * w[j];
    }
    alignas(64) float gw[MAX_OUTPUTS] = {};
    for (int i = 0; i < P.outputs; i++) gw[i] = gq[i] * slope;
    const uint32_t* row = in.start.data() + size_t(r - 2) * in.positions;
    for (int p = 0; p < in.positions; p++) {
      const int shift = p * inC - (p % inW) * inC;
      for (uint32_t k = row[p]; k < row[p + 1]; k++) {
        const float n = in.value.empty() ? 1.0f : float(in.value[k]);
        VF* to = reinterpret_cast<VF*>(R.weight.data() + size_t(shift + in.key[k]) * kp);
        const VF* from = reinterpret_cast<const VF*>(gw);
        for (int v = 0; v < vectors; v++) to[v] += from[v] * n;
      }
    }
  }
}

}  // namespace loihi
