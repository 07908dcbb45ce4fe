// Compartments of a layer under an OR pool, window by window of 2×2 cells: a run of steps at a time, so that their state stays in
// registers. Of a window and step the backward needs its largest v⁻, which cell had it, and which cells fired: one number, the mark.
// For what happens nearly always: no sum, current or voltage near its limit, no refractory time, no odd row or column. The caller
// looks at `reached` afterwards.
//   q [step][y][x][cp] int16 in units of 64    u, v [y][x][cp]    word [step][window][cp/LANE] spikes of the pool, a bit a channel
//   mark [step][window][cp]: v⁻·2^6 + winner·2^4 + spikes of the cells (bit k: cell k, in row-major order)
#pragma once
#include "neurons.h"

namespace loihi {

// Currents and voltages below this, with any bias added, are far from what wraps or clips.
constexpr int32_t WINDOW_LIMIT = 1 << 22;
constexpr int MARK_BITS = 6, WINNER_SHIFT = 4;

static inline bool windowsServe(const Layer& L, const Neuron& n) { return L.outH % 2 == 0 && L.outW % 2 == 0 && n.refractory == 1; }

// Decay::of where the sign is at hand.
template <bool Fits> static inline VI decayed(const Decay& d, VI x, VI sign) {
  if (Fits) return (x * d.numerator + (sign & ((1 << d.shift) - 1))) >> d.shift;
  return (x >> 12) * d.keep + (((x & 4095) * d.keep + (sign & 4095)) >> 12);
}

struct WindowRun {
  int steps;
  const int16_t* q;
  size_t apart;              // between the q of two steps
  const int32_t* bias;       // [cp]
  uint16_t* word;
  int32_t* mark;             // or null
};

// Adds to tally [cp] the spikes of the cells, to `reached` the magnitudes' bits.
template <bool Fits, bool Marked>
static inline void windowStepsBy(const Layer& L, const Neuron& n, const WindowRun& run, NeuronState& s, VI* tally, VI& reached) {
  typedef typename LanesOf<int16_t>::type Arrived;
  const int vectors = L.outCp / LANE, poolH = L.outH / 2, poolW = L.outW / 2;
  const long right = vectors, down = long(L.outW) * vectors, windows = long(poolH) * poolW * vectors, apart = run.apart / LANE;
  const VI* bs = reinterpret_cast<const VI*>(run.bias);
  VI *us = reinterpret_cast<VI*>(s.u.get()), *vs = reinterpret_cast<VI*>(s.v.get());
  const VI vth = splat(n.vth);
  const Decay keepU(n.keepU), keepV(n.keepV);
  VI met = reached;
  for (int y = 0, i = 0; y < poolH; y++)
    for (int x = 0; x < poolW; x++)
      for (int c = 0; c < vectors; c++, i++) {
        const long at = 2 * y * down + 2 * x * right + c, cell[4] = {at, at + right, at + down, at + down + right};
        const Arrived* q = reinterpret_cast<const Arrived*>(run.q);
        const VI bias = bs[c];
        VI u[4], v[4], count = {};
        for (int k = 0; k < 4; k++) { u[k] = us[cell[k]]; v[k] = vs[cell[k]]; }
        uint16_t* word = run.word + i;
        VI* mark = reinterpret_cast<VI*>(run.mark) + i;
        for (int r = 0; r < run.steps; r++, q += apart, word += windows) {
          VI fired = {};
          VI before[4];
          for (int k = 0; k < 4; k++) {
            const VI signU = u[k] >> 31, signV = v[k] >> 31;
            met |= (u[k] ^ signU) | (v[k] ^ signV);
            u[k] = decayed<Fits>(keepU, u[k], signU) + (__builtin_convertvector(q[cell[k]], VI) << 6);
            before[k] = decayed<false>(keepV, v[k], signV) + u[k] + bias;
            const VI spike = before[k] > vth;
            v[k] = before[k] & ~spike;
            fired |= spike & (1 << k);
            count -= spike;
          }
          const VI upper = before[1] > before[0], lower = before[3] > before[2];
          const VI high = upper ? before[1] : before[0], low = lower ? before[3] : before[2];
          const VI second = low > high, top = second ? low : high;
          met |= top ^ (top >> 31);
          *word = uint16_t(laneBits(fired != 0));
          if (Marked) {
            *mark = (top << MARK_BITS) | ((second ? 2 - lower : -upper) << WINNER_SHIFT) | fired;
            mark += windows;
          }
        }
        for (int k = 0; k < 4; k++) {
          met |= (u[k] ^ (u[k] >> 31)) | (v[k] ^ (v[k] >> 31));
          us[cell[k]] = u[k];
          vs[cell[k]] = v[k];
        }
        tally[c] += count;
      }
  reached = met;
}
static inline void windowSteps(const Layer& L, const Neuron& n, const WindowRun& run, NeuronState& s, VI* tally, VI& reached) {
  const bool fits = Decay(n.keepU).fits();
  if (run.mark) {
    if (fits) windowStepsBy<true, true>(L, n, run, s, tally, reached);
    else windowStepsBy<false, true>(L, n, run, s, tally, reached);
  } else if (fits) windowStepsBy<true, false>(L, n, run, s, tally, reached);
  else windowStepsBy<false, false>(L, n, run, s, tally, reached);
}
static inline bool withinWindowLimit(VI reached) {
  int32_t bits = 0;
  for (int i = 0; i < LANE; i++) bits |= reached[i];
  return bits < WINDOW_LIMIT;
}

// The adjoint of a run of steps, the last one first: from gp [step][window][cp], the pool's gradient (`none` steps at the end have
// none), to gx [step][y][x + 2·padX][cp]. The gradient goes to the cell with the largest v⁻ alone. Adds to the bias gradient.
static inline void windowAdjoint(const Layer& L, const Neuron& n, int steps, int none, const int32_t* marks, const float* gp, AdjointState& s,
                                 float* gx, float* biasGradient) {
  const int vectors = L.outCp / LANE, poolH = L.outH / 2, poolW = L.outW / 2;
  const long right = vectors, down = long(L.outW) * vectors, downX = long(L.gWidth()) * vectors, windows = long(poolH) * poolW * vectors;
  const long map = long(L.gSize()) / LANE;
  const Adjoint adjoint(n);
  VF *av = reinterpret_cast<VF*>(s.v.get()), *au = reinterpret_cast<VF*>(s.u.get()), *db = reinterpret_cast<VF*>(biasGradient);
  const VF zero = {};
  for (int y = 0, i = 0; y < poolH; y++)
    for (int x = 0; x < poolW; x++)
      for (int c = 0; c < vectors; c++, i++) {
        const long at = 2 * y * down + 2 * x * right + c, cell[4] = {at, at + right, at + down, at + down + right};
        const long to = 2 * y * downX + (2 * x + L.padX()) * right + c, place[4] = {to, to + right, to + downX, to + downX + right};
        const VI* mark = reinterpret_cast<const VI*>(marks) + i + steps * windows;
        const VF* g = reinterpret_cast<const VF*>(gp) + i + steps * windows;
        VF* out = reinterpret_cast<VF*>(gx) + steps * map;
        VF v[4], u[4], bias = db[c];
        for (int k = 0; k < 4; k++) { v[k] = av[cell[k]]; u[k] = au[cell[k]]; }
        for (int r = steps - 1; r >= 0; r--) {
          mark -= windows;
          g -= windows;
          out -= map;
          const VI m = *mark, winner = (m >> WINNER_SHIFT) & 3;
          const VF through = r < steps - none ? *g * adjoint.slope(m >> MARK_BITS) : zero;
          for (int k = 0; k < 4; k++) {
            const VF total = ((m & (1 << k)) != 0 ? zero : v[k]) + (winner == k ? through : zero);
            bias += total;
            const VF gu = total + u[k];
            out[place[k]] = gu;
            v[k] = total * adjoint.keepV;
            u[k] = gu * adjoint.keepU;
          }
        }
        for (int k = 0; k < 4; k++) { av[cell[k]] = v[k]; au[cell[k]] = u[k]; }
        db[c] = bias;
      }
}

}  // namespace loihi
