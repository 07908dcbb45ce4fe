// What `metaloihi bench kernels` times: the machine's own peaks, and the kernels of conv.h in the layers that networks have.
// Built once for each instruction set (-DPEAK_ISA=…), like the engines. One thread.
//   which  0 fma, 1 copy, 2 triad, 3 gemm, 4 convDense, 5 convBack, 6 outerDense, 7 convEvents, 8 outerEvents, 9 convBackTiles,
//          10 convShort
//   shape  4…10: inC inH inW outC kernel stride pad, density in thousandths (events); 1, 2: floats of an array
//   seconds  CPU time of this thread for `repeats` runs; the set-up is not in it
//   returns  work done: floating-point operations (2 a multiply-add of the direct form; taps over the border do not count),
//            bytes read and written, or synaptic operations
#include <ctime>

#include "conv-short.h"
#include "winograd.h"

namespace {
using namespace kernels;
typedef Vec<float> V;

// Independent chains of 64 bytes: enough for two units of latency 4, few enough for the registers of the instruction set.
#if defined(__AVX512F__)
constexpr int CHAINS = 12;
#elif defined(__AVX2__)
constexpr int CHAINS = 6;
#else
constexpr int CHAINS = 3;
#endif
constexpr int STEPS = 4;       // maps of a run of steps, as the engines take them

double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// Reads the result, so that nothing is optimized away.
void keep(float x) {
  static volatile float sink;
  sink = x;
  (void)sink;
}

double fma(int repeats, double* seconds) {
  constexpr int INNER = 4096;
  static volatile float factor = 0.999f;
  V acc[CHAINS];
  const V x = V{} + factor, y = V{} + 1e-6f;
  for (int n = 0; n < CHAINS; n++) acc[n] = V{} + float(n);
  const double start = now();
  for (int r = 0; r < repeats * INNER; r++)
    for (int n = 0; n < CHAINS; n++) acc[n] = acc[n] * x + y;
  *seconds = now() - start;
  for (int n = 0; n < CHAINS; n++) keep(acc[n][0]);
  return 2.0 * CHAINS * LANES<float> * INNER * repeats;
}

double memory(bool triad, int floats, int repeats, double* seconds) {
  Buffer<float> a, b, c;
  a.resize(floats), b.resize(floats), c.resize(floats);
  for (int k = 0; k < floats; k++) a[k] = 0, b[k] = float(k & 15), c[k] = 1;
  const double start = now();
  for (int r = 0; r < repeats; r++) {
    if (!triad) __builtin_memcpy(a.get(), (r & 1 ? c : b).get(), floats * sizeof(float));
    else {
      V *x = reinterpret_cast<V*>(a.get()), *y = reinterpret_cast<V*>(b.get()), *z = reinterpret_cast<V*>(c.get());
      for (int k = 0; k < floats / LANES<float>; k++) x[k] = y[k] + float(r) * z[k];
    }
    keep(a[(r * 977) % floats]);
  }
  *seconds = now() - start;
  return double(triad ? 3 : 2) * floats * sizeof(float) * repeats;
}

Layer layerOf(const int32_t* s) {
  Layer L{};
  L.inC = s[0]; L.inH = s[1]; L.inW = s[2]; L.outC = s[3]; L.kH = L.kW = s[4]; L.sH = L.sW = s[5]; L.pH = L.pW = s[6];
  L.outH = (L.inH + 2 * L.pH - L.kH) / L.sH + 1;
  L.outW = (L.inW + 2 * L.pW - L.kW) / L.sW + 1;
  L.inCp = (L.inC + LANES<float> - 1) / LANES<float> * LANES<float>;
  L.outCp = (L.outC + LANES<float> - 1) / LANES<float> * LANES<float>;
  L.nextH = L.outH; L.nextW = L.outW;
  return L;
}

// Taps that lie inside the input, over all output positions.
double tapsInside(const Layer& L) {
  double rows = 0, columns = 0;
  int from, to;
  for (int k = 0; k < L.kH; k++) { validRange(k, L.sH, L.pH, L.inH, L.outH, from, to); rows += to - from; }
  for (int k = 0; k < L.kW; k++) { validRange(k, L.sW, L.pW, L.inW, L.outW, from, to); columns += to - from; }
  return rows * columns;
}

// Events with the given share of channels firing, by a small generator of their own: the same on every machine.
void randomEvents(const Layer& L, int steps, int perThousand, Events& e) {
  uint32_t state = 1;
  e.clear(L.inH * L.inW, steps);
  for (int t = 0; t < steps; t++)
    for (int y = 0; y < L.inH; y++)
      for (int x = 0; x < L.inW; x++) {
        for (int c = 0; c < L.inC; c++) {
          state = state * 1664525u + 1013904223u;
          if (int((state >> 16) % 1000) < perThousand) e.key.push(uint16_t(x * L.inC + c));
        }
        e.start.push(uint32_t(e.key.size()));
      }
}

// Output positions that the events reach, times output channels.
double synapticOperations(const Layer& L, const Events& e) {
  double n = 0;
  for (int y = 0; y < L.inH; y++)
    for (int x = 0; x < L.inW; x++) {
      int rows = 0, columns = 0;
      for (int k = 0; k < L.kH; k++) { const int o = y + L.pH - k; rows += o >= 0 && o % L.sH == 0 && o / L.sH < L.outH; }
      for (int k = 0; k < L.kW; k++) { const int o = x + L.pW - k; columns += o >= 0 && o % L.sW == 0 && o / L.sW < L.outW; }
      double events = 0;
      for (int t = 0; t < e.steps; t++) {
        const size_t row = size_t(t) * e.positions + y * L.inW + x;
        events += e.start[row + 1] - e.start[row];
      }
      n += events * rows * columns;
    }
  return n * L.outC;
}

double gemm(int repeats, double* seconds) {
  constexpr int M = 96, K = 256, N = 64;
  Buffer<float> a, b, c;
  a.resize(M * K), b.resize(K * N), c.resize(M * N);
  for (int k = 0; k < M * K; k++) a[k] = 1e-3f * float(k % 7);
  for (int k = 0; k < K * N; k++) b[k] = 1e-3f * float(k % 5);
  const double start = now();
  for (int r = 0; r < repeats; r++)
    for (int m = 0; m < M; m += ROWS) {
      Segment<float> s = {a.get() + m * K, b.get(), K};
      gemmBlock<float>(ROWS, N / LANES<float>, c.get() + m * N, N, &s, 1, K, 1, N);
    }
  *seconds = now() - start;
  keep(c[0]);
  return 2.0 * M * K * N * repeats;
}

double convolution(int which, const int32_t* shape, int repeats, double* seconds) {
  const Layer L = layerOf(shape);
  Buffer<float> w, back, a, g, x, gIn, dw;
  Buffer<Segment<float>> segments;
  w.resize(L.weightSize()), dw.resize(L.weightSize()), back.resize(size_t(L.taps()) * L.outC * L.inCp);
  a.resize(STEPS * L.aSize()), g.resize(STEPS * L.gSize() + VECTOR_BYTES), x.resize(STEPS * L.outSize()), gIn.resize(STEPS * L.inSize());
  segments.resize(size_t(L.taps() + L.outH * STEPS + 8));
  for (size_t k = 0; k < L.weightSize(); k++) w[k] = 1e-3f * float(k % 7);
  for (size_t k = 0; k < back.size(); k++) back[k] = 1e-3f * float(k % 7);
  for (size_t k = 0; k < STEPS * L.aSize(); k++) a[k] = 1e-3f * float(k % 5);
  for (size_t k = 0; k < STEPS * L.gSize(); k++) g[k] = 1e-3f * float(k % 3);
  Buffer<float> tiles;
  WinogradSpace<float> space;
  if (which == 9) {
    if (!winogradServes(L)) { *seconds = 1; return 0; }
    tiles.resize(size_t(POINTS) * L.outC * L.inCp);
    winogradKernels<float>(L, back.get(), tiles.get());
  }
  Buffer<int16_t> shortWeights;
  Buffer<int32_t> sums;
  shortWeights.resize(L.weightSize()), sums.resize(STEPS * L.outSize());
  for (size_t k = 0; k < L.weightSize(); k++) shortWeights[k] = int16_t(int(k % 255) - 127);
  Events e;
  ChannelList list;
  randomEvents(L, STEPS, shape[7], e);
  const double start = now();
  for (int r = 0; r < repeats; r++) {
    switch (which) {
      case 4: for (int t = 0; t < STEPS; t++) convDense(L, w.get(), a.get() + t * L.aSize(), x.get() + t * L.outSize(), segments.get()); break;
      case 5: for (int t = 0; t < STEPS; t++) convBack(L, back.get(), g.get() + t * L.gSize(), gIn.get() + t * L.inSize(), segments.get()); break;
      case 6: outerDense(L, g.get(), a.get(), STEPS, dw.get(), segments.get()); break;
      case 7: convEvents(L, w.get(), e, 0, STEPS, x.get()); break;
      case 8: outerEvents(L, g.get(), e, 0, STEPS, dw.get(), list); break;
      case 9: convBackTiles<float>(L, tiles.get(), g.get(), gIn.get(), STEPS, space); break;
      default: convShort(L, shortWeights.get(), 127, e, 0, STEPS, sums.get());
    }
  }
  *seconds = now() - start;
  keep(x[0] + dw[0] + gIn[0] + float(sums[0]));
  if (which == 7 || which == 8 || which == 10) return synapticOperations(L, e) * repeats;
  return 2.0 * tapsInside(L) * L.inC * L.outC * STEPS * repeats;
}
}  // namespace

#define PEAK_JOIN2(a, b) a##_##b
#define PEAK_JOIN(a, b) PEAK_JOIN2(a, b)
extern "C" double PEAK_JOIN(peak_run, PEAK_ISA)(int which, const int32_t* shape, int repeats, double* seconds) {
  if (which == 0) return fma(repeats, seconds);
  if (which <= 2) return memory(which == 2, shape[0], repeats, seconds);
  if (which == 3) return gemm(repeats, seconds);
  return convolution(which, shape, repeats, seconds);
}
