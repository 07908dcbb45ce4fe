// Growable arrays and aligned buffers without the standard library, so that the kernels also build for WebAssembly.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef METALOIHI_FREESTANDING
inline void* operator new(size_t, void* at) noexcept { return at; }
namespace std {
template <class E> class initializer_list {     // the compiler fills it
 public:
  const E* begin() const { return first_; }
  const E* end() const { return first_ + size_; }
 private:
  const E* first_;
  size_t size_;
};
}  // namespace std
#else
#include <initializer_list>
#include <new>
#endif

// Built once for each instruction set, under a namespace of its own (-Dkernels=kernels_avx2): inline functions that the
// linker merges must never carry instructions that another processor lacks.
extern "C" void* metaloihi_allocate(size_t bytes);   // 64-byte aligned, zeroed; never null: platform.cc
extern "C" void metaloihi_release(void* memory);

namespace kernels {

inline void* allocate(size_t bytes) { return metaloihi_allocate(bytes); }
inline void release(void* memory) { metaloihi_release(memory); }

// Holds plain values; grows by doubling, never shrinks.
template <class T> class Array {
 public:
  Array() = default;
  Array(const Array&) = delete;
  Array(Array&& o) noexcept : data_(o.data_), size_(o.size_), capacity_(o.capacity_) { o.data_ = nullptr; o.size_ = o.capacity_ = 0; }
  Array& operator=(const Array&) = delete;
  ~Array() { if (data_) release(data_); }
  void reserve(size_t n) {
    if (n <= capacity_) return;
    size_t grown = capacity_ * 2 > n ? capacity_ * 2 : n;
    T* next = static_cast<T*>(allocate(grown * sizeof(T)));
    if (size_) __builtin_memcpy(next, data_, size_ * sizeof(T));
    if (data_) release(data_);
    data_ = next;
    capacity_ = grown;
  }
  void resize(size_t n) { reserve(n); size_ = n; }          // new values: whatever stood there
  void push(T value) { if (size_ == capacity_) reserve(size_ ? size_ * 2 : 64); data_[size_++] = value; }
  void clear() { size_ = 0; }
  void fill(size_t n, T value) { resize(n); for (size_t i = 0; i < n; i++) data_[i] = value; }
  void zero(size_t n) { resize(n); __builtin_memset(static_cast<void*>(data_), 0, n * sizeof(T)); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
 private:
  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

// A fixed number of objects that are made once.
template <class T> class Objects {
 public:
  Objects() = default;
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  ~Objects() { clear(); }
  void make(size_t n) {
    if (n <= size_) return;
    T** grown = static_cast<T**>(allocate(n * sizeof(T*)));
    for (size_t i = 0; i < size_; i++) grown[i] = items_[i];
    for (size_t i = size_; i < n; i++) grown[i] = new (allocate(sizeof(T))) T();
    if (items_) release(items_);
    items_ = grown;
    size_ = n;
  }
  void clear() {
    for (size_t i = 0; i < size_; i++) { items_[i]->~T(); release(items_[i]); }
    if (items_) release(items_);
    items_ = nullptr;
    size_ = 0;
  }
  T& operator[](size_t i) { return *items_[i]; }
  const T& operator[](size_t i) const { return *items_[i]; }
  size_t size() const { return size_; }
 private:
  T** items_ = nullptr;
  size_t size_ = 0;
};

}  // namespace kernels
