// Shapes and buffers that all kernels share. Maps are channels-last: [y][x][c], channels padded to whole vectors.
#pragma once
#include "array.h"

namespace kernels {

// As wide as the registers: 64, or what build.mjs and build-wasm.mjs say.
#ifndef METALOIHI_VECTOR_BYTES
#define METALOIHI_VECTOR_BYTES 64
#endif
constexpr int VECTOR_BYTES = METALOIHI_VECTOR_BYTES;

template <class T> struct VectorOf;
template <> struct VectorOf<float> { typedef float type __attribute__((vector_size(VECTOR_BYTES))); };
template <> struct VectorOf<double> { typedef double type __attribute__((vector_size(VECTOR_BYTES))); };
template <> struct VectorOf<int32_t> { typedef int32_t type __attribute__((vector_size(VECTOR_BYTES))); };
template <class T> using Vec = typename VectorOf<T>::type;
template <class T> constexpr int LANES = VECTOR_BYTES / sizeof(T);

// 64-byte aligned array that is zero at first and never shrinks.
template <class T> class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer(Buffer&& o) noexcept : data_(o.data_), size_(o.size_) { o.data_ = nullptr; o.size_ = 0; }
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { if (data_) release(data_); }
  void resize(size_t n) {
    if (n <= size_) return;
    if (data_) release(data_);
    data_ = static_cast<T*>(allocate(n * sizeof(T)));
    size_ = n;
  }
  void swap(Buffer& o) {
    T* d = data_; data_ = o.data_; o.data_ = d;
    const size_t s = size_; size_ = o.size_; o.size_ = s;
  }
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
struct Events {
  Array<uint32_t> start;         // [steps·positions + 1]
  Array<uint16_t> key;
  Array<uint16_t> value;         // empty: all 1
  int positions = 0, steps = 0;
  void clear(int positionCount, int stepCount) {
    positions = positionCount;
    steps = stepCount;
    key.clear();
    value.clear();
    start.clear();
    start.push(0);
  }
};

// Weights of a layer in both orders that the kernels read.
template <class T> struct LayerWeights {
  Buffer<T> forward;    // [tap][inC][outCp]
  Buffer<T> backward;   // [tap][outC][inCp]
  Buffer<T> bias;       // [outCp]
};

}  // namespace kernels
