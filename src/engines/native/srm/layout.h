// Shapes and buffers of the `srm` network. All maps are channels-last: [y][x][c], channels padded to whole vectors.
// Source of every equation: design §4 (`srm`), §5.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace srm {

constexpr int VECTOR_BYTES = 64;

template <class T> struct VectorOf;
template <> struct VectorOf<float> { typedef float type __attribute__((vector_size(VECTOR_BYTES))); };
template <> struct VectorOf<double> { typedef double type __attribute__((vector_size(VECTOR_BYTES))); };
template <class T> using Vec = typename VectorOf<T>::type;
template <class T> constexpr int LANES = VECTOR_BYTES / sizeof(T);

// 64-byte aligned array that is zero at first and never shrinks.
template <class T> class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& o) noexcept : data_(o.data_), size_(o.size_) { o.data_ = nullptr; o.size_ = 0; }
  Buffer& operator=(Buffer&& o) noexcept { std::swap(data_, o.data_); std::swap(size_, o.size_); return *this; }
  ~Buffer() { std::free(data_); }
  void resize(size_t n) {
    if (n <= size_) return;
    std::free(data_);
    const size_t bytes = (n * sizeof(T) + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES;
    data_ = static_cast<T*>(std::aligned_alloc(VECTOR_BYTES, bytes));
    std::memset(data_, 0, bytes);
    size_ = n;
  }
  void zero() { if (size_) std::memset(data_, 0, size_ * sizeof(T)); }
  T* get() { return data_; }
  const T* get() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  size_t size() const { return size_; }
 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

// A convolution, with or without a 2×2 pool behind it. A dense layer is the convolution whose kernel is its whole input.
struct Layer {
  int inC, inH, inW;
  int outC, outH, outW;
  int kH, kW, sH, sW, pH, pW;
  int pool;                    // 1: max over 2×2 windows of U, then the step
  double alpha, beta, alphaR, wr, gain;
  int inCp, outCp;             // channels padded to vectors
  int nextH, nextW;            // of what is passed on
  int taps() const { return kH * kW; }
  int padX() const { return kW; }                    // zero columns each side of gX, so that taps never leave it
  int gWidth() const { return outW + 2 * padX(); }
  int aWidth() const { return inW + 2 * pW; }        // input map with the convolution's own zero columns
  size_t outSize() const { return size_t(outH) * outW * outCp; }
  size_t inSize() const { return size_t(inH) * inW * inCp; }
  size_t aSize() const { return size_t(inH) * aWidth() * inCp; }
  size_t gSize() const { return size_t(outH) * gWidth() * outCp; }
  size_t weightSize() const { return size_t(taps()) * inC * outCp; }
  size_t nextSize() const { return size_t(nextH) * nextW * outCp; }
  size_t externalWeights() const { return size_t(outC) * inC * kH * kW; }
};

// Events of one map over time, in compressed rows: row (t, position), key = x·C + channel ascending (and value, where not 1).
template <class T> struct Events {
  std::vector<uint32_t> start;   // [steps·positions + 1]
  std::vector<uint16_t> key;
  std::vector<T> value;          // empty: all 1
  int positions = 0, steps = 0;
};

// Weights of a layer in both orders that the kernels read.
template <class T> struct LayerWeights {
  Buffer<T> forward;    // [tap][inC][outCp]
  Buffer<T> backward;   // [tap][outC][inCp]
  Buffer<T> bias;       // [outCp]
};

}  // namespace srm
