// Compartments of a hidden layer over a presentation: forward in integers, backward in float. Source: design §4.
#pragma once
#include "../kernels/conv.h"

namespace loihi {
using namespace kernels;

typedef Vec<int32_t> VI;
typedef Vec<float> VF;
constexpr int LANE = LANES<int32_t>;

constexpr int32_t V_LIMIT = (1 << 23) - 1;
// v⁻ as stored: a voltage; ±2^23 where it was clipped; BLOCKED where refractory (v⁻ is 0 there).
constexpr int32_t BLOCKED = -(1 << 30);
constexpr int32_t CLIPPED = 1 << 23;

struct Neuron {
  int32_t keepU, keepV;     // 4096 − δ
  int32_t vth;              // vthMant·64
  int32_t refractory;       // R
};

// As many numbers as a VI has.
template <class Q> struct LanesOf { typedef VI type; };
template <> struct LanesOf<int16_t> { typedef int16_t type __attribute__((vector_size(LANE * sizeof(int16_t)))); };
static inline VI splat(int32_t x) { VI v; for (int i = 0; i < LANE; i++) v[i] = x; return v; }
static inline VF splatF(float x) { VF v; for (int i = 0; i < LANE; i++) v[i] = x; return v; }

// rtz(x·keep/4096) for |x| < 2^24, without 64-bit products. x = 4096a + b with b ≥ 0 gives a·keep + ⌊b·keep/4096⌋, toward −∞; what
// is added to b·keep where x is negative turns that toward zero. Where keep/4096 is a small fraction, x·numerator fits 32 bits.
struct Decay {
  int32_t keep, numerator, shift;
  explicit Decay(int32_t k) : keep(k), numerator(k), shift(12) {
    while (shift > 0 && numerator % 2 == 0) { numerator /= 2; shift--; }
  }
  bool fits() const { return numerator < 128; }
  template <bool Fits> VI of(VI x) const {
    const VI sign = x >> 31;
    if (Fits) return (x * numerator + (sign & ((1 << shift) - 1))) >> shift;
    return (x >> 12) * keep + (((x & 4095) * keep + (sign & 4095)) >> 12);
  }
};
static inline VI wrapTo(VI x, int bits) { const int s = 32 - bits; return (x << s) >> s; }

enum Quantity { WRAP_Q = 0, WRAP_U = 1, WRAP_BIAS = 2 };
// Neuron as [y][x][c] index, unpadded channels; presentation of a last layer that learns, else −1: every one of the sample.
struct Wrap { int32_t layer, quantity, step, neuron, presentation; };
constexpr size_t MAX_WRAPS = 4096;

struct NeuronState { Buffer<int32_t> u, v, refractory; };

static inline bool any(VI v) { int32_t x = 0; for (int i = 0; i < LANE; i++) x |= v[i]; return x != 0; }

static inline void reportWraps(Array<Wrap>& wraps, VI flags, int layer, int quantity, int step, int position, int vector, int channels) {
  for (int i = 0; i < LANE; i++)
    if (flags[i] && vector * LANE + i < channels && wraps.size() < MAX_WRAPS)
      wraps.push({layer, quantity, step, position * channels + vector * LANE + i, -1});
}

// Which lanes of a vector of −1 and 0 are set, as bits.
static inline uint32_t laneBits(VI v) {
  typedef int8_t Bytes __attribute__((vector_size(LANE)));
  const Bytes narrow = __builtin_convertvector(v, Bytes);
  uint64_t half[2] = {};
  __builtin_memcpy(half, &narrow, sizeof narrow);
  uint32_t bits = 0;
  for (int i = 0; i < (LANE + 7) / 8; i++) bits |= uint32_t(((half[i] & 0x8040201008040201ull) * 0x0101010101010101ull) >> 56) << (8 * i);
  return bits;
}

// What a run of steps met: the extremes of what may wrap, by which the caller knows whether the plain form was right, and the bits that
// clipping changed.
struct Met {
  VI qLow = {}, qHigh = {}, uLow = {}, uHigh = {}, clipped = {};
  bool wrapped() const {
    for (int i = 0; i < LANE; i++)
      if (qLow[i] < -(1 << 15) || qHigh[i] >= 1 << 15 || uLow[i] < -(1 << 23) || uHigh[i] >= 1 << 23) return true;
    return false;
  }
};
static inline void widen(VI x, VI& low, VI& high) { low = x < low ? x : low; high = x > high ? x : high; }

static inline VI clamped(VI x, int32_t limit) {
  const VI high = splat(limit), low = splat(-limit);
  const VI upper = x < high ? x : high;
  return upper > low ? upper : low;
}

// Q: int32_t, or int16_t where the sums are known to fit.
template <class Q> struct StepInput {
  int positions, channels, cp;
  const Q* q;                // [positions][cp] as summed, in units of 64
  const int32_t* bias;       // [cp]
  int layer, step;           // named in what is reported
};

// One step where nothing wraps or is blocked: true of nearly every step of nearly every network, and a third cheaper than looking.
// Extremes go to `met`; where they show that it was not so, the caller runs the layer again by stepExact.
// Writes v⁻ where vBefore is not null; fired(i, c, mask) gets the spikes of vector i, c-th of its position, as −1 or 0.
template <bool Fits, class Q, class Fired>
static inline void stepPlainBy(const StepInput<Q>& in, const Neuron& n, NeuronState& s, int32_t* vBefore, Met& met, Fired fired) {
  const int vectors = in.cp / LANE;
  typedef typename LanesOf<Q>::type Arrived;
  const Arrived* qs = reinterpret_cast<const Arrived*>(in.q);
  const VI* bs = reinterpret_cast<const VI*>(in.bias);
  VI *us = reinterpret_cast<VI*>(s.u.get()), *vs = reinterpret_cast<VI*>(s.v.get()), *before = reinterpret_cast<VI*>(vBefore);
  const VI vth = splat(n.vth);
  const Decay keepU(n.keepU), keepV(n.keepV);
  Met m = met;
  for (int p = 0, i = 0; p < in.positions; p++) {
    for (int c = 0; c < vectors; c++, i++) {
      const VI q = __builtin_convertvector(qs[i], VI);
      const VI u = keepU.of<Fits>(us[i]) + (q << 6), drive = u + bs[c];
      const VI stored = clamped(keepV.of<false>(vs[i]) + drive, CLIPPED), v = clamped(stored, V_LIMIT), spike = v > vth;
      if (sizeof(Q) > sizeof(int16_t)) widen(q, m.qLow, m.qHigh);
      widen(u, m.uLow, m.uHigh);
      widen(drive, m.uLow, m.uHigh);
      m.clipped |= stored ^ v;
      us[i] = u;
      if (before) before[i] = stored;
      vs[i] = v & ~spike;
      fired(i, c, spike);
    }
  }
  met = m;
}
template <class Q, class Fired>
static inline void stepPlain(const StepInput<Q>& in, const Neuron& n, NeuronState& s, int32_t* vBefore, Met& met, Fired fired) {
  if (Decay(n.keepU).fits()) stepPlainBy<true>(in, n, s, vBefore, met, fired);
  else stepPlainBy<false>(in, n, s, vBefore, met, fired);
}

// One step as design §4 has it, every wrap reported.
template <class Fired>
static inline void stepExact(const StepInput<int32_t>& in, const Neuron& n, NeuronState& s, int32_t* vBefore, Array<Wrap>& wraps, Fired fired) {
  const int vectors = in.cp / LANE;
  const VI* qs = reinterpret_cast<const VI*>(in.q);
  const VI* bs = reinterpret_cast<const VI*>(in.bias);
  VI *us = reinterpret_cast<VI*>(s.u.get()), *vs = reinterpret_cast<VI*>(s.v.get()), *rs = reinterpret_cast<VI*>(s.refractory.get());
  VI* before = reinterpret_cast<VI*>(vBefore);
  const VI vth = splat(n.vth);
  const Decay keepU(n.keepU), keepV(n.keepV);
  for (int p = 0, i = 0; p < in.positions; p++) {
    for (int c = 0; c < vectors; c++, i++) {
      // Compared before the shift, which would drop what lies above 32 bits.
      const VI qw = wrapTo(qs[i] << 6, 22), qWrapped = (qw >> 6) ^ qs[i];
      const VI uRaw = keepU.of<false>(us[i]) + qw, u = wrapTo(uRaw, 24);
      const VI driveRaw = u + bs[c], drive = wrapTo(driveRaw, 24);
      if (any(qWrapped | (u ^ uRaw) | (drive ^ driveRaw))) {
        reportWraps(wraps, qWrapped, in.layer, WRAP_Q, in.step, p, c, in.channels);
        reportWraps(wraps, u ^ uRaw, in.layer, WRAP_U, in.step, p, c, in.channels);
        reportWraps(wraps, drive ^ driveRaw, in.layer, WRAP_BIAS, in.step, p, c, in.channels);
      }
      us[i] = u;
      const VI raw = keepV.of<false>(vs[i]) + drive;
      const VI stored = clamped(raw, CLIPPED), blocked = rs[i] > 0;
      const VI v = clamped(stored, V_LIMIT) & ~blocked, spike = v > vth;
      rs[i] = spike ? splat(n.refractory - 1) : rs[i] + blocked;             // blocked is −1
      if (before) before[i] = blocked ? splat(BLOCKED) : stored;
      vs[i] = v & ~spike;
      fired(i, c, spike);
    }
  }
}

// ∂spike/∂v⁻ = 1/(vth·(10|x|+1)²), x = v⁻/vth − 1.
static inline VF spikeSlope(VF v, float vth) {
  const VF x = v * (1.0f / vth) - 1.0f;
  const VF d = 10.0f * (x > 0.0f ? x : -x) + 1.0f;
  return 1.0f / (vth * d * d);
}

struct AdjointState { Buffer<float> v, u; };

// The adjoint of a step, for one vector of compartments. Cut: some voltage of the layer was clipped or blocked.
struct Adjoint {
  float keepU, keepV, vth;
  int32_t threshold;
  explicit Adjoint(const Neuron& n) : keepU(n.keepU / 4096.0f), keepV(n.keepV / 4096.0f), vth(float(n.vth)), threshold(n.vth) {}

  // v⁻ of what forward stored.
  template <bool Cut> static VI voltage(VI stored) {
    if (!Cut) return stored;
    const VI limit = stored == splat(CLIPPED) ? splat(V_LIMIT) : (stored == splat(-CLIPPED) ? splat(-V_LIMIT) : stored);
    return limit & ~(stored == BLOCKED);
  }
  VF slope(VI v) const { return spikeSlope(__builtin_convertvector(v, VF), vth); }

  // g: gradient that reached v⁻ through the spike. Writes gq, adds to the bias gradient, carries v and u on.
  template <bool Cut> void step(VI stored, VF g, VF& av, VF& au, VF& gq, VF& db) const {
    const VF zero = {};
    VF total = (stored > splat(threshold) ? zero : av) + g;            // ±CLIPPED compares as its voltage does
    if (Cut) total = ((stored == BLOCKED) | (stored == splat(CLIPPED)) | (stored == splat(-CLIPPED))) ? zero : total;
    db += total;
    const VF gu = total + au;
    gq = gu;
    av = total * keepV;
    au = gu * keepU;
  }
};

// One step backward. gs [positions][outCp] gradient of the spikes; perSpike [outCp] is added to each of them (the rate
// penalty). Writes gq (into the padded layout of gX) and adds to the bias gradient.
template <bool Cut>
static inline void stepAdjoint(const Layer& L, const Neuron& n, const int32_t* vBefore, const float* gs, const float* perSpike,
                               AdjointState& s, float* gx, float* biasGradient) {
  const int vectors = L.outCp / LANE;
  const Adjoint adjoint(n);
  const VI* before = reinterpret_cast<const VI*>(vBefore);
  const VF* g = reinterpret_cast<const VF*>(gs);
  const VF* per = reinterpret_cast<const VF*>(perSpike);
  VF *av = reinterpret_cast<VF*>(s.v.get()), *au = reinterpret_cast<VF*>(s.u.get());
  VF* db = reinterpret_cast<VF*>(biasGradient);
  for (int y = 0, i = 0; y < L.outH; y++) {
    VF* out = reinterpret_cast<VF*>(gx + (size_t(y) * L.gWidth() + L.padX()) * L.outCp);
    for (int x = 0; x < L.outW; x++)
      for (int c = 0; c < vectors; c++, i++, out++) {
        const VF slope = adjoint.slope(Adjoint::voltage<Cut>(before[i]));
        adjoint.step<Cut>(before[i], (g[i] + per[c]) * slope, av[i], au[i], *out, db[c]);
      }
  }
}

// The same under an OR pool, whose gradient gp [poolH][poolW][outCp] (null: none) goes to the largest v⁻ of each 2×2 window, the first
// in row-major order on ties. Where the penalty leaves a channel alone, only that one needs the surrogate.
template <bool Cut>
static inline void stepAdjointPooled(const Layer& L, const Neuron& n, const int32_t* vBefore, const float* gp, const float* perSpike,
                                     AdjointState& s, float* gx, float* biasGradient) {
  const int vectors = L.outCp / LANE, poolH = L.outH / 2, poolW = L.outW / 2;
  const long right = vectors, down = long(L.outW) * vectors, downX = long(L.gWidth()) * vectors;
  const Adjoint adjoint(n);
  const VI* before = reinterpret_cast<const VI*>(vBefore);
  const VF* pooled = reinterpret_cast<const VF*>(gp);
  const VF* per = reinterpret_cast<const VF*>(perSpike);
  VF *av = reinterpret_cast<VF*>(s.v.get()), *au = reinterpret_cast<VF*>(s.u.get());
  VF* db = reinterpret_cast<VF*>(biasGradient);
  VF* out = reinterpret_cast<VF*>(gx) + long(L.padX()) * vectors;
  const VF zero = {};
  for (int c = 0; c < vectors; c++) {
    bool all = false;
    for (int k = 0; k < LANE; k++) all = all || per[c][k] != 0;
    VF bias = zero;
    for (int y = 0; y < poolH; y++)
      for (int x = 0; x < poolW; x++) {
        const long at = (2 * y) * down + 2 * x * right + c, to = (2 * y) * downX + 2 * x * right + c;
        const long cell[4] = {at, at + right, at + down, at + down + right}, place[4] = {to, to + right, to + downX, to + downX + right};
        VI v[4];
        for (int k = 0; k < 4; k++) v[k] = Cut && n.refractory > 1 ? (before[cell[k]] & ~(before[cell[k]] == BLOCKED)) : before[cell[k]];
        const VI upper = v[1] > v[0], lower = v[3] > v[2];
        const VI high = upper ? v[1] : v[0], low = lower ? v[3] : v[2];
        const VI second = low > high;
        const VI wins[4] = {~second & ~upper, ~second & upper, second & ~lower, second & lower};
        const VF g = pooled ? pooled[(long(y) * poolW + x) * vectors + c] : zero;
        VF through[4];
        if (all) {
          for (int k = 0; k < 4; k++) through[k] = ((wins[k] ? g : zero) + per[c]) * adjoint.slope(Adjoint::voltage<Cut>(before[cell[k]]));
        } else {
          const VI top = second ? low : high;
          const VF once = g * adjoint.slope(Cut ? (top > splat(V_LIMIT) ? splat(V_LIMIT) : (top < splat(-V_LIMIT) ? splat(-V_LIMIT) : top)) : top);
          for (int k = 0; k < 4; k++) through[k] = wins[k] ? once : zero;
        }
        for (int k = 0; k < 4; k++) adjoint.step<Cut>(before[cell[k]], through[k], av[cell[k]], au[cell[k]], out[place[k]], bias);
      }
    // A last odd row or column is in no window.
    for (int y = 0; y < L.outH; y++)
      for (int x = y < 2 * poolH ? 2 * poolW : 0; x < L.outW; x++) {
        const long at = y * down + x * right + c;
        const VF g = all ? per[c] * adjoint.slope(Adjoint::voltage<Cut>(before[at])) : zero;
        adjoint.step<Cut>(before[at], g, av[at], au[at], out[y * downX + x * right + c], bias);
      }
    db[c] += bias;
  }
}

}  // namespace loihi
