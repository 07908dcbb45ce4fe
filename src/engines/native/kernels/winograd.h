// convBack of square kernels with stride 1 by Winograd's minimal filtering: gA = Wᵀ ⊛ gX in tiles of 8×8 inputs, F(4×4, 5×5) and
// F(6×6, 3×3). A tile costs 64 products a pair of channels where the direct form costs 400 and 324.
//   U [64][outC][inCp] kernels, transformed once a setting of the weights    V [64][rows][outC], M [64][rows][inCp] a block of tiles,
//   a vector apart between points: else all points of a row would share a few sets of the cache
//   gX [y][x + 2·padX][outCp], columns beside the map never read; gA [y][x][inCp], overwritten
// Points 0, ±1, ±2, ±½, ∞ (Toom and Cook): Bᵀ row j holds the coefficients of Π_{l≠j}(x − a_l), G row j holds a_j^k / Π_{l≠j}(a_j − a_l),
// Aᵀ column j holds a_j^i. Float32 rounding of a tile grows with the two factors' norms: about 20 ulp of the largest output.
#pragma once
#include "gemm.h"

namespace kernels {

constexpr int TILE = 8, POINTS = TILE * TILE;

static inline bool winogradServes(const Layer& L) {
  return L.sH == 1 && L.sW == 1 && L.kH == L.kW && (L.kH == 3 || L.kH == 5) && L.inC * L.outC >= 256 && L.inW >= 4 && L.inH >= 4;
}

// r = Bᵀ d
template <class V> static inline void toPoints(const V* d, long sd, V* r, long sr) {
  const V d0 = d[0], d1 = d[sd], d2 = d[2 * sd], d3 = d[3 * sd], d4 = d[4 * sd], d5 = d[5 * sd], d6 = d[6 * sd], d7 = d[7 * sd];
  const V even1 = d6 - 4.25f * d4 + d2, odd1 = d5 - 4.25f * d3 + d1;
  const V even2 = d6 - 1.25f * d4 + 0.25f * d2, odd2 = 2.0f * d5 - 2.5f * d3 + 0.5f * d1;
  const V even3 = d6 - 5.0f * d4 + 4.0f * d2, odd3 = 0.5f * d5 - 2.5f * d3 + 2.0f * d1;
  r[0] = d6 - d0 + 5.25f * (d2 - d4);
  r[sr] = even1 + odd1;
  r[2 * sr] = even1 - odd1;
  r[3 * sr] = even2 + odd2;
  r[4 * sr] = even2 - odd2;
  r[5 * sr] = even3 + odd3;
  r[6 * sr] = even3 - odd3;
  r[7 * sr] = d7 - d1 + 5.25f * (d3 - d5);
}

// y = Aᵀ m, OUT = 4 or 6 values
template <int OUT, class V> static inline void fromPoints(const V* m, long sm, V* y, long sy) {
  const V s1 = m[sm] + m[2 * sm], t1 = m[sm] - m[2 * sm], s2 = m[3 * sm] + m[4 * sm], t2 = m[3 * sm] - m[4 * sm];
  const V s3 = m[5 * sm] + m[6 * sm], t3 = m[5 * sm] - m[6 * sm];
  y[0] = m[0] + s1 + s2 + s3;
  y[sy] = t1 + 2.0f * t2 + 0.5f * t3;
  y[2 * sy] = s1 + 4.0f * s2 + 0.25f * s3;
  if (OUT == 4) {
    y[3 * sy] = t1 + 8.0f * t2 + 0.125f * t3 + m[7 * sm];
  } else {
    y[3 * sy] = t1 + 8.0f * t2 + 0.125f * t3;
    y[4 * sy] = s1 + 16.0f * s2 + 0.0625f * s3;
    y[5 * sy] = t1 + 32.0f * t2 + 0.03125f * t3 + m[7 * sm];
  }
}

// backward [tap][outC][inCp] → U
template <class T> static void winogradKernels(const Layer& L, const T* backward, T* u) {
  const int r = L.kH;
  const double points[TILE - 1] = {0, 1, -1, 2, -2, 0.5, -0.5}, norms[TILE - 1] = {-1, -4.5, -4.5, 90, 90, 1.40625, 1.40625};
  T g[TILE][5] = {};
  for (int j = 0; j < TILE - 1; j++) {
    double power = 1 / norms[j];
    for (int k = 0; k < r; k++, power *= points[j]) g[j][k] = T(power);
  }
  g[TILE - 1][r - 1] = 1;
  const size_t plane = size_t(L.outC) * L.inCp;
  typedef Vec<T> V;
  const size_t vectors = plane / LANES<T>;
  const V* from = reinterpret_cast<const V*>(backward);
  V* to = reinterpret_cast<V*>(u);
  for (size_t i = 0; i < vectors; i++) {
    V rows[TILE][5];
    for (int a = 0; a < TILE; a++)
      for (int kw = 0; kw < r; kw++) {
        V sum = {};
        // The gradient meets the kernel turned round.
        for (int kh = 0; kh < r; kh++) sum += g[a][kh] * from[size_t((r - 1 - kh) * r + kw) * vectors + i];
        rows[a][kw] = sum;
      }
    for (int a = 0; a < TILE; a++)
      for (int b = 0; b < TILE; b++) {
        V sum = {};
        for (int kw = 0; kw < r; kw++) sum += g[b][kw] * rows[a][r - 1 - kw];
        to[size_t(a * TILE + b) * vectors + i] = sum;
      }
  }
}

template <class T> struct WinogradSpace { Buffer<T> v, m; };

template <class T, int OUT>
static void winogradBlock(const Layer& L, const T* u, const T* g, T* a, int maps, WinogradSpace<T>& space) {
  typedef Vec<T> V;
  const int tilesY = (L.inH + OUT - 1) / OUT, tilesX = (L.inW + OUT - 1) / OUT, rows = maps * tilesY * tilesX;
  const int K = L.outC, vectorsK = L.outCp / LANES<T>, N = L.inCp, vectorsN = N / LANES<T>, shiftY = L.pH - L.kH + 1, shiftX = L.pW - L.kW + 1;
  const long planeV = long(rows) * L.outCp + LANES<T>, planeM = long(rows) * N + LANES<T>, lineG = long(L.gWidth()) * vectorsK;
  space.v.resize(POINTS * planeV);
  space.m.resize(POINTS * planeM);
  const V zero = {};
  for (int map = 0, row = 0; map < maps; map++)
    for (int ty = 0; ty < tilesY; ty++)
      for (int tx = 0; tx < tilesX; tx++, row++) {
        const int y0 = ty * OUT + shiftY, x0 = tx * OUT + shiftX;
        for (int k = 0; k < vectorsK; k++) {
          V columns[TILE][TILE];
          const V* from = reinterpret_cast<const V*>(g + map * L.gSize()) + (long(y0) * L.gWidth() + L.padX() + x0) * vectorsK + k;
          for (int j = 0; j < TILE; j++, from += vectorsK) {
            V d[TILE];
            const bool inside = x0 + j >= 0 && x0 + j < L.outW;
            for (int i = 0; i < TILE; i++) d[i] = inside && y0 + i >= 0 && y0 + i < L.outH ? from[i * lineG] : zero;
            toPoints(d, 1, &columns[0][j], TILE);
          }
          V* to = reinterpret_cast<V*>(space.v.get() + long(row) * L.outCp) + k;
          for (int i = 0; i < TILE; i++) {
            V points[TILE];
            toPoints(&columns[i][0], 1, points, 1);
            for (int j = 0; j < TILE; j++, to += planeV / LANES<T>) *to = points[j];
          }
        }
      }
  // Two vectors of U's rows at a time for all tiles, so that they are read from the first-level cache but once.
  for (int p = 0; p < POINTS; p++)
    for (int n = 0; n < vectorsN; n += 2)
      for (int row = 0; row < rows; row += ROWS) {
        const long column = long(n) * LANES<T>;
        Segment<T> segment = {space.v.get() + p * planeV + long(row) * L.outCp, u + size_t(p) * K * N + column, K};
        gemmBlock<T, false>(rows - row < ROWS ? rows - row : ROWS, vectorsN - n < 2 ? 1 : 2, space.m.get() + p * planeM + long(row) * N + column, N,
                            &segment, 1, L.outCp, 1, N);
      }
  for (int map = 0, row = 0; map < maps; map++)
    for (int ty = 0; ty < tilesY; ty++)
      for (int tx = 0; tx < tilesX; tx++, row++)
        for (int n = 0; n < vectorsN; n++) {
          V lines[OUT][TILE], out[OUT];
          for (int j = 0; j < TILE; j++) {
            V m[TILE];
            for (int i = 0; i < TILE; i++) m[i] = *(reinterpret_cast<const V*>(space.m.get() + (i * TILE + j) * planeM + long(row) * N) + n);
            fromPoints<OUT>(m, 1, &lines[0][j], TILE);
          }
          for (int i = 0; i < OUT && ty * OUT + i < L.inH; i++) {
            fromPoints<OUT>(lines[i], 1, out, 1);
            V* line = reinterpret_cast<V*>(a + map * L.inSize() + (size_t(ty * OUT + i) * L.inW + tx * OUT) * N) + n;
            for (int j = 0; j < OUT && tx * OUT + j < L.inW; j++) line[long(j) * vectorsN] = out[j];
          }
        }
}

// As many maps at a time as leave a block's tiles, about WINOGRAD_ROWS, in the second-level cache.
constexpr int WINOGRAD_ROWS = 24;
template <class T> static void convBackTiles(const Layer& L, const T* u, const T* g, T* a, int maps, WinogradSpace<T>& space) {
  const int out = TILE - L.kH + 1, tiles = ((L.inH + out - 1) / out) * ((L.inW + out - 1) / out);
  const int block = tiles >= WINOGRAD_ROWS ? 1 : WINOGRAD_ROWS / tiles;
  for (int first = 0; first < maps; first += block) {
    const int n = maps - first < block ? maps - first : block;
    if (L.kH == 5) winogradBlock<T, 4>(L, u, g + first * L.gSize(), a + first * L.inSize(), n, space);
    else winogradBlock<T, 6>(L, u, g + first * L.gSize(), a + first * L.inSize(), n, space);
  }
}

}  // namespace kernels
