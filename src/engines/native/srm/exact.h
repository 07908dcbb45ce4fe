// Spikes near their threshold, decided in double precision.
// A float32 sum that ends within its rounding error of 0 has an arbitrary sign; one such spike, flipped, moves every layer
// behind it, and an inner step of size 1 magnifies that (a loss of 18.6 for 18.4, a norm of 45 for 94 were seen). So a
// neuron whose |U| is under the bound below is run again from its first step, in double, on the spikes of its inputs.
//
// The bound. With ε = 2⁻²⁴, W ⊛ S of a step is a sum of at most n = taps·inC weights. Rounding errors of its partial sums are
// independent to first order and at most ε times the partial sum, whose size is at most √n·‖w‖₂ (Cauchy–Schwarz on 0/1
// inputs); a bound that holds with probability 1 − 2e^(−λ²/2) is λ·√n·ε times that size (Higham and Mary 2019, theorem 2.4),
// with √n·‖w‖₂ replaced by what is measured, the layer's drive √n·‖w‖₂/4 (a quarter of the inputs firing with weights of
// either sign). The two filters average some 40 steps with weights that add up to the gain, so the independent errors shrink
// by √(Σh²) = .16, but each of their steps adds ε·|P| where P = −(b + R) at the threshold, some 20 of which are remembered:
// √10·ε·(|b| + 1). Together: ε·(λ·.04·n·‖w‖₂·gain + λ·3.2·(|b| + 1)), λ = 6 for one miss in 3·10⁷ neurons at the threshold.
#pragma once
#include "network.h"

namespace srm {

template <class T> T tolerance(const Layer& L, const T* w, double bias) {
  if (sizeof(T) == 8) return T(0);
  const int n = L.taps() * L.inC;
  double norm = 0;
  for (int i = 0; i < n; i++) norm += double(w[i]) * double(w[i]);
  constexpr double epsilon = 1.0 / (1 << 24), lambda = 6;
  return T(epsilon * lambda * (0.04 * n * __builtin_sqrt(norm) * L.gain / __builtin_sqrt(double(n)) + 3.2 * (__builtin_fabs(bias) + 1)));
}

// Trace and refractory state of one neuron, stepped as design §4 has it.
struct Neuron {
  double p = 0, q = 0;
  void step(const Layer& L, double x) {
    p = L.alpha * p + (1 - L.alpha) * q;
    q = L.beta * q + (1 - L.beta) * L.gain * x;
  }
};

// Σ w·S over the input of output (y, x) at step t, for two weight rows at once.
struct Drive { double first, second; };

template <class T>
Drive driveOf(const Network<T>& net, const Sample<T>& sample, int l, int y, int x, int t, const double* first, const double* second) {
  const Layer& L = net.layers[l];
  Drive d = {0, 0};
  for (int kh = 0; kh < L.kH; kh++) {
    const int yi = y * L.sH + kh - L.pH;
    if (yi < 0 || yi >= L.inH) continue;
    for (int kw = 0; kw < L.kW; kw++) {
      const int xi = x * L.sW + kw - L.pW;
      if (xi < 0 || xi >= L.inW) continue;
      const int position = yi * L.inW + xi;
      const double *a = first + (kh * L.kW + kw) * L.inC, *b = second + (kh * L.kW + kw) * L.inC;
      if (l == 0) {
        const Events& e = sample.input;
        const size_t row = size_t(t) * e.positions + position;
        for (uint32_t k = e.start[row]; k < e.start[row + 1]; k++) {
          const int c = e.key[k] - xi * L.inC;
          const double value = e.value.empty() ? 1 : e.value[k];
          d.first += value * a[c];
          d.second += value * b[c];
        }
        continue;
      }
      const Bits& bits = sample.bits[l - 1];
      const uint64_t* words = bits.at(t) + size_t(position) * bits.words;
      for (int k = 0; k < bits.words; k++)
        for (uint64_t m = words[k]; m; m &= m - 1) {
          const int c = k * 64 + __builtin_ctzll(m);
          d.first += a[c];
          d.second += b[c];
        }
    }
  }
  return d;
}

// U of output o at (y, x) and step t. The unadapted steps run with the weights that they ran with.
template <class T>
double exactVoltage(const Network<T>& net, const Sample<T>& sample, int l, int o, int y, int x, int t, bool burning, Array<double>& room) {
  const Layer& L = net.layers[l];
  const int taps = L.taps(), n = taps * L.inC;
  const size_t at = net.rawOffset[l] + size_t(o) * n, biasAt = net.rawOffset[l] + size_t(L.outC) * n + o;
  const T *now = net.raw.data(), *before = burning ? now : net.rawBurn[sample.set].data();
  double *first = room.data(), *second = first + n;
  for (int i = 0; i < L.inC; i++)
    for (int tap = 0; tap < taps; tap++) {
      first[tap * L.inC + i] = before[at + size_t(i) * taps + tap];
      second[tap * L.inC + i] = now[at + size_t(i) * taps + tap];
    }
  Neuron burnt, window;
  double r = 0, u = 0;
  bool fired = false;
  for (int s = 0; s <= t; s++) {
    const Drive d = driveOf(net, sample, l, y, x, s, first, second);
    burnt.step(L, d.first);
    window.step(L, d.second);
    r = L.alphaR * r - (fired ? (1 - L.alphaR) * L.wr : 0);
    u = s < net.unadapted ? burnt.p + double(before[biasAt]) + r : window.p + double(now[biasAt]) + r;
    fired = u > 0;
  }
  return u;
}

}  // namespace srm
