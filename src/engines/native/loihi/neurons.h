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

static inline VI splat(int32_t x) { VI v; for (int i = 0; i < LANE; i++) v[i] = x; return v; }
static inline VF splatF(float x) { VF v; for (int i = 0; i < LANE; i++) v[i] = x; return v; }

// rtz(x·keep/4096) for |x| < 2^24, without 64-bit products: |x| = 4096a + b gives a·keep + ⌊b·keep/4096⌋.
static inline VI decayed(VI x, int32_t keep) {
  const VI sign = x >> 31;
  const VI m = (x ^ sign) - sign;
  const VI d = (m >> 12) * keep + (((m & 4095) * keep) >> 12);
  return (d ^ sign) - sign;
}
static inline VI wrapTo(VI x, int bits) { const int s = 32 - bits; return (x << s) >> s; }

enum Quantity { WRAP_Q = 0, WRAP_U = 1, WRAP_BIAS = 2 };
struct Wrap { int32_t layer, quantity, step, neuron; };    // neuron as [y][x][c] index, unpadded channels
constexpr size_t MAX_WRAPS = 4096;

struct NeuronState { Buffer<int32_t> u, v, refractory; };

static inline bool any(VI v) { int32_t x = 0; for (int i = 0; i < LANE; i++) x |= v[i]; return x != 0; }

static inline void reportWraps(Array<Wrap>& wraps, VI flags, int layer, int quantity, int step, int position, int vector, int channels) {
  for (int i = 0; i < LANE; i++)
    if (flags[i] && vector * LANE + i < channels && wraps.size() < MAX_WRAPS)
      wraps.push({layer, quantity, step, position * channels + vector * LANE + i});
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

// What stepNeurons met: bits that a wrap changed, and whether a voltage was clipped.
struct Met { VI wrapped = {}, clipped = {}; };

// One step of `positions`·`cp` compartments. q [positions][cp] as summed, to be shifted left by `shift`; bias [cp]; writes v⁻ where
// vBefore is not null; fired(i, mask) gets the spikes of vector i as −1 or 0.
// Careful: each wrap is reported where it happens. Else their union is left in `met`, and the caller runs the sample once more,
// carefully, where it is not 0: looking at every vector would cost more than the step itself.
template <bool Careful, bool Refractory, class Fired>
static inline void stepVectors(int positions, int channels, int cp, const Neuron& n, const int32_t* q, int shift, const int32_t* bias,
                               NeuronState& s, int32_t* vBefore, Array<Wrap>& wraps, int layer, int step, Met& met, Fired fired) {
  const int vectors = cp / LANE;
  const VI* qs = reinterpret_cast<const VI*>(q);
  const VI* bs = reinterpret_cast<const VI*>(bias);
  VI *us = reinterpret_cast<VI*>(s.u.get()), *vs = reinterpret_cast<VI*>(s.v.get()), *rs = reinterpret_cast<VI*>(s.refractory.get());
  VI* before = reinterpret_cast<VI*>(vBefore);
  const VI limit = splat(V_LIMIT), vth = splat(n.vth);
  VI wrapped = {}, clipped = {};
  for (int p = 0, i = 0; p < positions; p++) {
    for (int c = 0; c < vectors; c++, i++) {
      const VI sum = qs[i] << shift;
      const VI qw = wrapTo(sum, 22);
      const VI uRaw = decayed(us[i], n.keepU) + qw;
      const VI u = wrapTo(uRaw, 24);
      const VI driveRaw = u + bs[c];
      const VI drive = wrapTo(driveRaw, 24);
      const VI flagQ = qw ^ sum, flagU = u ^ uRaw, flagB = drive ^ driveRaw;
      wrapped |= flagQ | flagU | flagB;
      if (Careful) {
        reportWraps(wraps, flagQ, layer, WRAP_Q, step, p, c, channels);
        reportWraps(wraps, flagU, layer, WRAP_U, step, p, c, channels);
        reportWraps(wraps, flagB, layer, WRAP_BIAS, step, p, c, channels);
      }
      us[i] = u;
      const VI raw = decayed(vs[i], n.keepV) + drive;
      VI v = raw > limit ? limit : (raw < -limit ? -limit : raw);
      const VI cut = raw ^ v;
      clipped |= cut;
      if (Refractory) {
        const VI blocked = rs[i] > 0;
        v &= ~blocked;
        const VI spike = v > vth;
        rs[i] = spike ? splat(n.refractory - 1) : rs[i] + blocked;           // blocked is −1
        if (before) before[i] = blocked ? splat(BLOCKED) : (cut != 0 ? (raw > 0 ? splat(CLIPPED) : splat(-CLIPPED)) : v);
        vs[i] = v & ~spike;
        fired(i, c, spike);
      } else {
        const VI spike = v > vth;
        if (before) before[i] = cut != 0 ? (raw > 0 ? splat(CLIPPED) : splat(-CLIPPED)) : v;
        vs[i] = v & ~spike;
        fired(i, c, spike);
      }
    }
  }
  met.wrapped |= wrapped;
  met.clipped |= clipped;
}

template <bool Careful, class Fired>
static inline void stepNeurons(int positions, int channels, int cp, const Neuron& n, const int32_t* q, int shift, const int32_t* bias,
                               NeuronState& s, int32_t* vBefore, Array<Wrap>& wraps, int layer, int step, Met& met, Fired fired) {
  if (n.refractory > 1) stepVectors<Careful, true>(positions, channels, cp, n, q, shift, bias, s, vBefore, wraps, layer, step, met, fired);
  else stepVectors<Careful, false>(positions, channels, cp, n, q, shift, bias, s, vBefore, wraps, layer, step, met, fired);
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
