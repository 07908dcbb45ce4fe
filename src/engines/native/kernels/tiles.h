// Convolutions of stride 1 with square kernels of 3 or 5 taps through tiles of 8×8 (Winograd 1980; Lavin and Gray 2016,
// eq. 8): 64 products a tile and channel pair in place of m·m·r·r = 400 (r = 5, m = 4) or 324 (r = 3, m = 6).
//   X = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ a B)]A,  m + r − 1 = 8, points 0, ±1, ±2, ±½, ∞.
// Same sums in another order, with intermediate values up to some 10 times larger: about 1e-5 of the largest result in
// float32 where the plain sum has 1e-6. So they serve what decides no spike: gradients of the queries, Hessian products.
//   tilesConv    X  = W ⊛ A     A [y][x + 2·pW][inCp], X [y][x][outCp]
//   tilesBack    gA = Wᵀ ⊛ gX   gX [y][x + 2·padX][outCp], gA [y][x][inCp]
//   tilesOuter   dW += gX ⊗ A   dW [tap][inC][outCp]
// each over `maps` time steps; D = 64·tiles·maps rows of channels is what a call keeps of the transformed input.
#pragma once
#include "winograd.h"

namespace kernels {

// Points, and what divides a row of G: as in winograd.h, whose Bᵀ is used here too.
constexpr double TILE_POINT[7] = {0, 1, -1, 2, -2, 0.5, -0.5};
constexpr double TILE_SCALE[7] = {-1, -2.0 / 9, -2.0 / 9, 1.0 / 90, 1.0 / 90, 32.0 / 45, 32.0 / 45};

static inline bool tilesFit(const Layer& L) {
  return L.kH == L.kW && (L.kH == 3 || L.kH == 5) && L.sH == 1 && L.sW == 1 && L.inH * L.inW > 1;
}

// Row i of G for a kernel of r taps: scale·(1, a, a², …); the point at infinity takes the last tap.
static inline void tileKernelRow(int i, int r, double* g) {
  for (int k = 0; k < r; k++) g[k] = i == 7 ? (k == r - 1) : k == 0 ? TILE_SCALE[i] : g[k - 1] * TILE_POINT[i];
}

// Aᵀ along one axis: eight vectors to m.
template <class T> static inline void tileResult(const Vec<T>* d, long apart, Vec<T>* out, long outApart, int m) {
  typedef Vec<T> V;
  const V s1 = d[apart] + d[2 * apart], t1 = d[apart] - d[2 * apart];
  const V s2 = d[3 * apart] + d[4 * apart], t2 = d[3 * apart] - d[4 * apart];
  const V s3 = d[5 * apart] + d[6 * apart], t3 = d[5 * apart] - d[6 * apart];
  out[0] = d[0] + s1 + s2 + s3;
  T up = 2, down = T(0.5);
  for (int k = 1; k < m; k++, up *= 2, down *= T(0.5))
    out[k * outApart] = k & 1 ? t1 + up * t2 + down * t3 : s1 + up * s2 + down * s3;
  out[(m - 1) * outApart] += d[7 * apart];
}

// C[m][n] (+)= Σ_k A(m, k)·B[k][n]; A(m, k) = a[m·sm + k·sk], NV whole vectors of n.
template <class T, int M, int NV, bool ADD>
__attribute__((noinline)) static void tileProduct(T* c, long ldc, const T* a, long sm, long sk, const T* b, long ldb, int depth) {
  typedef Vec<T> V;
  V acc[M][NV];
  for (int m = 0; m < M; m++)
    for (int n = 0; n < NV; n++) acc[m][n] = ADD ? *reinterpret_cast<const V*>(c + m * ldc + n * LANES<T>) : V{};
  for (int k = 0; k < depth; k++, a += sk, b += ldb) {
    V row[NV];
    for (int n = 0; n < NV; n++) row[n] = *reinterpret_cast<const V*>(b + n * LANES<T>);
    for (int m = 0; m < M; m++) {
      const T x = a[m * sm];
      for (int n = 0; n < NV; n++) acc[m][n] += x * row[n];
    }
  }
  for (int m = 0; m < M; m++)
    for (int n = 0; n < NV; n++) *reinterpret_cast<V*>(c + m * ldc + n * LANES<T>) = acc[m][n];
}

template <class T, int NV, bool ADD>
static inline void tileColumns(int rows, T* c, long ldc, const T* a, long sm, long sk, const T* b, long ldb, int depth) {
  int m = 0;
  for (; m + ROWS <= rows; m += ROWS) tileProduct<T, ROWS, NV, ADD>(c + m * ldc, ldc, a + m * sm, sm, sk, b, ldb, depth);
  if (ROWS > 4 && m + 4 <= rows) { tileProduct<T, 4, NV, ADD>(c + m * ldc, ldc, a + m * sm, sm, sk, b, ldb, depth); m += 4; }
  if (m + 2 <= rows) { tileProduct<T, 2, NV, ADD>(c + m * ldc, ldc, a + m * sm, sm, sk, b, ldb, depth); m += 2; }
  if (m < rows) tileProduct<T, 1, NV, ADD>(c + m * ldc, ldc, a + m * sm, sm, sk, b, ldb, depth);
}

// rows × (vectors of n) of a product; column pairs outside, so that B's stay in the first-level cache.
template <class T, bool ADD>
static void tileMatrix(int rows, int vectors, T* c, long ldc, const T* a, long sm, long sk, const T* b, long ldb, int depth) {
  int v = 0;
  for (; v + 2 <= vectors; v += 2)
    tileColumns<T, 2, ADD>(rows, c + v * LANES<T>, ldc, a, sm, sk, b + v * LANES<T>, ldb, depth);
  if (v < vectors) tileColumns<T, 1, ADD>(rows, c + v * LANES<T>, ldc, a, sm, sk, b + v * LANES<T>, ldb, depth);
}

// Values from one point's rows to the next one's. A tile is written and read at all its points, whose rows would share one set
// of the cache where their size is a multiple of 4 KiB: some lines more than they fill.
static inline long planeOf(long rows, int channels) { return rows * channels + 5 * 64 / long(sizeof(float)); }

// Transformed 8×8 patches of a map: out [point][row0 + tile][channels]. Patches start at (m·i − top, m·j − left); what is
// outside of [0, height) × [0, width) is 0; so are `margin` columns beside the map, which may be read. `line` and `column`
// are the map's strides.
template <class T>
static void tilePatches(const T* map, int height, int width, long line, long column, int channels, int m, int top, int left,
                        int margin, int tilesY, int tilesX, long row0, long rows, T* out) {
  typedef Vec<T> V;
  const long point = planeOf(rows, channels) / LANES<T>, step = column / LANES<T>;
  for (int i = 0; i < tilesY; i++)
    for (int j = 0; j < tilesX; j++) {
      const int x0 = m * j - left;
      const bool inside = x0 >= -margin && x0 + TILE <= width + margin;
      for (int c = 0; c < channels; c += LANES<T>) {
        V patch[POINTS], half[POINTS];
        for (int y = 0; y < TILE; y++) {
          const int yy = m * i - top + y;
          V* to = half + y * TILE;
          if (yy < 0 || yy >= height) { for (int x = 0; x < TILE; x++) to[x] = V{}; continue; }
          const V* from = reinterpret_cast<const V*>(map + yy * line + c) + x0 * step;
          if (inside) {
            toPoints<V>(from, step, to, 1);
            continue;
          }
          for (int x = 0; x < TILE; x++) patch[x] = x0 + x < 0 || x0 + x >= width ? V{} : from[x * step];
          toPoints<V>(patch, 1, to, 1);
        }
        for (int x = 0; x < TILE; x++) toPoints<V>(half + x, TILE, patch + x, TILE);
        V* to = reinterpret_cast<V*>(out + (row0 + long(i) * tilesX + j) * channels + c);
        for (int p = 0; p < POINTS; p++) to[p * point] = patch[p];
      }
    }
}

// Products [point][row][channels] back to a map, m×m results a tile; those outside of the map are dropped.
template <class T>
static void tileResults(const T* products, long row0, long rows, int channels, int m, int tilesY, int tilesX, T* map, int height,
                        int width, long line, long column) {
  typedef Vec<T> V;
  const long point = planeOf(rows, channels) / LANES<T>;
  for (int i = 0; i < tilesY; i++)
    for (int j = 0; j < tilesX; j++)
      for (int c = 0; c < channels; c += LANES<T>) {
        const V* from = reinterpret_cast<const V*>(products + (row0 + long(i) * tilesX + j) * channels + c);
        V half[POINTS], row[TILE];
        for (int y = 0; y < TILE; y++) {
          for (int x = 0; x < TILE; x++) row[x] = from[(y * TILE + x) * point];
          tileResult<T>(row, 1, half + y * TILE, 1, m);
        }
        for (int x = 0; x < m && m * j + x < width; x++) {
          tileResult<T>(half + x, TILE, row, 1, m);
          for (int y = 0; y < m && m * i + y < height; y++)
            *reinterpret_cast<V*>(map + (m * i + y) * line + (m * j + x) * column + c) = row[y];
        }
      }
}

// Room of one thread.
template <class T> struct TileWork { Buffer<T> data, products; };

// Steps that a call takes at once: enough rows for the weights' reading to pay, few enough for the second-level cache.
static inline int tileBatch(int tiles, int steps) {
  const int batch = (48 + tiles - 1) / tiles;
  return batch < steps ? batch : steps;
}

template <class T>
static void tilesApply(const T* weights, int inChannels, int depth, int outChannels, int r, const T* in, size_t inStride, int inH,
                       int inW, long inLine, long inColumn, int top, int left, int margin, T* out, size_t outStride, int outH, int outW,
                       long outLine, int maps, TileWork<T>& w) {
  const int m = TILE + 1 - r, tilesY = (outH + m - 1) / m, tilesX = (outW + m - 1) / m, tiles = tilesY * tilesX;
  const int batch = tileBatch(tiles, maps);
  w.data.resize(POINTS * planeOf(long(tiles) * batch, inChannels));
  w.products.resize(POINTS * planeOf(long(tiles) * batch, outChannels));
  for (int t = 0; t < maps; t += batch) {
    const int n = maps - t < batch ? maps - t : batch;
    const long rows = long(tiles) * n;
    for (int k = 0; k < n; k++)
      tilePatches<T>(in + (t + k) * inStride, inH, inW, inLine, inColumn, inChannels, m, top, left, margin, tilesY, tilesX, k * tiles,
                     rows, w.data.get());
    for (int p = 0; p < POINTS; p++)
      tileMatrix<T, false>(int(rows), outChannels / LANES<T>, w.products.get() + p * planeOf(rows, outChannels), outChannels,
                           w.data.get() + p * planeOf(rows, inChannels), inChannels, 1, weights + size_t(p) * depth * outChannels,
                           outChannels, depth);
    for (int k = 0; k < n; k++)
      tileResults<T>(w.products.get(), k * tiles, rows, outChannels, m, tilesY, tilesX, out + (t + k) * outStride, outH, outW,
                     outLine, outChannels);
  }
}

// weights [point][inC][outCp] of tileWeights below
template <class T> static void tilesConv(const Layer& L, const T* weights, const T* a, T* x, int maps, TileWork<T>& w) {
  tilesApply<T>(weights, L.inCp, L.inC, L.outCp, L.kH, a + L.pW * L.inCp, L.aSize(), L.inH, L.inW, long(L.aWidth()) * L.inCp, L.inCp,
                L.pH, L.pW, L.pW, x, L.outSize(), L.outH, L.outW, long(L.outW) * L.outCp, maps, w);
}

// weights [point][outC][inCp], taps reversed
template <class T> static void tilesBack(const Layer& L, const T* weights, const T* g, T* a, int maps, TileWork<T>& w) {
  const int r = L.kH;
  tilesApply<T>(weights, L.outCp, L.outC, L.inCp, r, g + size_t(L.padX()) * L.outCp, L.gSize(), L.outH, L.outW,
                long(L.gWidth()) * L.outCp, L.outCp, r - 1 - L.pH, r - 1 - L.pW, L.padX(), a, L.inSize(), L.inH, L.inW, long(L.inW) * L.inCp,
                maps, w);
}

// The gradient's tiles: m×m results of gX are the "kernel", the r×r taps the result.
template <class T> static void tileGradient(const T* map, int height, int width, long line, long column, int channels, int m,
                                            int tilesY, int tilesX, long row0, long rows, T* out) {
  typedef Vec<T> V;
  const long point = planeOf(rows, channels) / LANES<T>;
  T kernel[TILE][TILE];
  for (int i = 0; i < TILE; i++) {
    double g[TILE];
    tileKernelRow(i, m, g);
    for (int k = 0; k < m; k++) kernel[i][k] = T(g[k]);
  }
  for (int i = 0; i < tilesY; i++)
    for (int j = 0; j < tilesX; j++)
      for (int c = 0; c < channels; c += LANES<T>) {
        V half[TILE][TILE];
        for (int y = 0; y < m; y++) {
          V row[TILE];
          for (int x = 0; x < m; x++) {
            const int yy = m * i + y, xx = m * j + x;
            row[x] = yy < height && xx < width ? *reinterpret_cast<const V*>(map + yy * line + xx * column + c) : V{};
          }
          for (int p = 0; p < TILE; p++) {
            V sum = {};
            for (int x = 0; x < m; x++) sum += kernel[p][x] * row[x];
            half[y][p] = sum;
          }
        }
        V* to = reinterpret_cast<V*>(out + (row0 + long(i) * tilesX + j) * channels + c);
        for (int q = 0; q < TILE; q++)
          for (int p = 0; p < TILE; p++) {
            V sum = {};
            for (int y = 0; y < m; y++) sum += kernel[q][y] * half[y][p];
            to[(q * TILE + p) * point] = sum;
          }
      }
}

template <class T>
static void tilesOuter(const Layer& L, const T* g, const T* a, T* dw, int maps, TileWork<T>& w, Buffer<T>& sums) {
  typedef Vec<T> V;
  const int r = L.kH, m = TILE + 1 - r, tilesY = (L.outH + m - 1) / m, tilesX = (L.outW + m - 1) / m, tiles = tilesY * tilesX;
  const int batch = tileBatch(tiles, maps);
  w.data.resize(POINTS * planeOf(long(tiles) * batch, L.inCp));
  w.products.resize(POINTS * planeOf(long(tiles) * batch, L.outCp));
  sums.resize(size_t(POINTS) * L.inC * L.outCp);
  __builtin_memset(sums.get(), 0, size_t(POINTS) * L.inC * L.outCp * sizeof(T));
  for (int t = 0; t < maps; t += batch) {
    const int n = maps - t < batch ? maps - t : batch;
    const long rows = long(tiles) * n;
    for (int k = 0; k < n; k++) {
      tilePatches<T>(a + (t + k) * L.aSize() + L.pW * L.inCp, L.inH, L.inW, long(L.aWidth()) * L.inCp, L.inCp, L.inCp, m, L.pH, L.pW,
                     L.pW, tilesY, tilesX, k * tiles, rows, w.data.get());
      tileGradient<T>(g + (t + k) * L.gSize() + size_t(L.padX()) * L.outCp, L.outH, L.outW, long(L.gWidth()) * L.outCp, L.outCp,
                      L.outCp, m, tilesY, tilesX, k * tiles, rows, w.products.get());
    }
    for (int p = 0; p < POINTS; p++)
      tileMatrix<T, true>(L.inC, L.outCp / LANES<T>, sums.get() + size_t(p) * L.inC * L.outCp, L.outCp,
                          w.data.get() + p * planeOf(rows, L.inCp), 1, L.inCp, w.products.get() + p * planeOf(rows, L.outCp), L.outCp, int(rows));
  }
  const long point = long(L.inC) * L.outCp / LANES<T>;
  for (int i = 0; i < L.inC; i++)
    for (int o = 0; o < L.outCp; o += LANES<T>) {
      const V* from = reinterpret_cast<const V*>(sums.get() + size_t(i) * L.outCp + o);
      V half[POINTS], row[TILE];
      for (int y = 0; y < TILE; y++) {
        for (int x = 0; x < TILE; x++) row[x] = from[(y * TILE + x) * point];
        tileResult<T>(row, 1, half + y * TILE, 1, r);
      }
      for (int x = 0; x < r; x++) {
        tileResult<T>(half + x, TILE, row, 1, r);
        for (int y = 0; y < r; y++)
          *reinterpret_cast<V*>(dw + (size_t(y * r + x) * L.inC + i) * L.outCp + o) += row[y];
      }
    }
}

// G w Gᵀ for rows [from, to) and columns [left, right) of [tap][rows][columns], columns in whole vectors; `reversed` turns
// the taps around.
template <class T>
static void tileWeights(int r, const T* w, int rowCount, int columns, int from, int to, int left, int right, bool reversed, T* out) {
  typedef Vec<T> V;
  T kernel[TILE][TILE];
  for (int i = 0; i < TILE; i++) {
    double g[TILE];
    tileKernelRow(i, r, g);
    for (int k = 0; k < r; k++) kernel[i][k] = T(g[reversed ? r - 1 - k : k]);
  }
  const long tap = long(rowCount) * columns / LANES<T>;
  for (int row = from; row < to; row++)
    for (int c = left; c < right; c += LANES<T>) {
      const V* in = reinterpret_cast<const V*>(w + size_t(row) * columns + c);
      V* to64 = reinterpret_cast<V*>(out + size_t(row) * columns + c);
      V half[TILE][TILE];
      for (int y = 0; y < r; y++)
        for (int p = 0; p < TILE; p++) {
          V sum = {};
          for (int x = 0; x < r; x++) sum += kernel[p][x] * in[(y * r + x) * tap];
          half[y][p] = sum;
        }
      for (int q = 0; q < TILE; q++)
        for (int p = 0; p < TILE; p++) {
          V sum = {};
          for (int y = 0; y < r; y++) sum += kernel[q][y] * half[y][p];
          to64[(q * TILE + p) * tap] = sum;
        }
    }
}

}  // namespace kernels
