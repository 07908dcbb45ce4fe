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

// Careful: each wrap is reported where it happens. Else their union is returned, and the caller runs the sample once more,
// carefully, where it is not 0: looking at every vector would cost more than the step itself.
// One step. q [positions][outCp] as summed; bias [outCp]; writes v⁻ and spikes (−1 or 0).
template <bool Careful>
static inline VI stepNeurons(int positions, int channels, int cp, const Neuron& n, const int32_t* q, const int32_t* bias,
                               NeuronState& s, int32_t* vBefore, int32_t* spike, Array<Wrap>& wraps, int layer, int step) {
  const int vectors = cp / LANE;
  const VI* qs = reinterpret_cast<const VI*>(q);
  const VI* bs = reinterpret_cast<const VI*>(bias);
  VI *us = reinterpret_cast<VI*>(s.u.get()), *vs = reinterpret_cast<VI*>(s.v.get()), *rs = reinterpret_cast<VI*>(s.refractory.get());
  VI *before = reinterpret_cast<VI*>(vBefore), *spikes = reinterpret_cast<VI*>(spike);
  const VI limit = splat(V_LIMIT), vth = splat(n.vth);
  VI seen = {};
  for (int p = 0, i = 0; p < positions; p++) {
    for (int c = 0; c < vectors; c++, i++) {
      const VI qw = wrapTo(qs[i], 22);
      const VI uRaw = decayed(us[i], n.keepU) + qw;
      const VI u = wrapTo(uRaw, 24);
      const VI driveRaw = u + bs[c];
      const VI drive = wrapTo(driveRaw, 24);
      const VI flagQ = qw ^ qs[i], flagU = u ^ uRaw, flagB = drive ^ driveRaw;
      seen |= flagQ | flagU | flagB;
      if (Careful) {
        reportWraps(wraps, flagQ, layer, WRAP_Q, step, p, c, channels);
        reportWraps(wraps, flagU, layer, WRAP_U, step, p, c, channels);
        reportWraps(wraps, flagB, layer, WRAP_BIAS, step, p, c, channels);
      }
      us[i] = u;
      VI v = decayed(vs[i], n.keepV) + drive;
      const VI high = v > limit, low = v < -limit;
      VI stored = high ? splat(CLIPPED) : (low ? splat(-CLIPPED) : v);
      v = high ? limit : (low ? -limit : v);
      if (n.refractory > 1) {
        const VI blocked = rs[i] > 0;
        v &= ~blocked;
        stored = blocked ? splat(BLOCKED) : stored;
        rs[i] += blocked;                                   // blocked is −1
      }
      const VI fired = v > vth;
      if (n.refractory > 1) rs[i] = fired ? splat(n.refractory - 1) : rs[i];
      before[i] = stored;
      spikes[i] = fired;
      vs[i] = v & ~fired;
    }
  }
  return seen;
}

// ∂spike/∂v⁻ = 1/(vth·(10|x|+1)²), x = v⁻/vth − 1.
static inline VF spikeSlope(VF v, float vth) {
  const VF x = v * (1.0f / vth) - 1.0f;
  const VF d = 10.0f * (x > 0.0f ? x : -x) + 1.0f;
  return 1.0f / (vth * d * d);
}

struct AdjointState { Buffer<float> v, u; };

// One step backward. gs [positions][outCp] gradient of the spikes; perSpike [outCp] is added to each of them (the rate
// penalty). Writes gq (into the padded layout of gX) and adds to the bias gradient.
static inline void stepAdjoint(const Layer& L, const Neuron& n, const int32_t* vBefore, const float* gs, const float* perSpike,
                               AdjointState& s, float* gx, float* biasGradient) {
  const int vectors = L.outCp / LANE;
  const float keepU = n.keepU / 4096.0f, keepV = n.keepV / 4096.0f, vth = float(n.vth);
  const VI* before = reinterpret_cast<const VI*>(vBefore);
  const VF* g = reinterpret_cast<const VF*>(gs);
  const VF* per = reinterpret_cast<const VF*>(perSpike);
  VF *av = reinterpret_cast<VF*>(s.v.get()), *au = reinterpret_cast<VF*>(s.u.get());
  VF* db = reinterpret_cast<VF*>(biasGradient);
  const VI threshold = splat(n.vth), clipped = splat(CLIPPED);
  const VF zero = {};
  for (int y = 0, i = 0; y < L.outH; y++) {
    VF* out = reinterpret_cast<VF*>(gx + (size_t(y) * L.gWidth() + L.padX()) * L.outCp);
    for (int x = 0; x < L.outW; x++) {
      for (int c = 0; c < vectors; c++, i++, out++) {
        const VI stored = before[i];
        const VI blocked = stored == BLOCKED;
        const VI limit = stored == clipped ? splat(V_LIMIT) : (stored == -clipped ? splat(-V_LIMIT) : stored);
        const VI v = limit & ~blocked;
        const VI cut = blocked | (stored == clipped) | (stored == -clipped);
        const VF real = __builtin_convertvector(v, VF);
        VF total = (v > threshold) ? zero : av[i];
        total += (g[i] + per[c]) * spikeSlope(real, vth);
        total = cut ? zero : total;
        db[c] += total;
        const VF gu = total + au[i];
        *out = gu;
        av[i] = total * keepV;
        au[i] = gu * keepU;
      }
    }
  }
}

}  // namespace loihi
