// Vectors of 128 bits. Three operations have a name of their own on WebAssembly; elsewhere they are written out.
#pragma once
#include <stdint.h>

typedef int32_t v4i __attribute__((vector_size(16)));
typedef uint32_t v4u __attribute__((vector_size(16)));
typedef int16_t v8s __attribute__((vector_size(16)));
typedef int32_t v4i_unaligned __attribute__((vector_size(16), aligned(4)));
typedef int16_t v4s_unaligned __attribute__((vector_size(8), aligned(2)));
typedef int16_t v8s_unaligned __attribute__((vector_size(16), aligned(2)));
typedef int8_t v8b_unaligned __attribute__((vector_size(8), aligned(1)));
typedef uint8_t v4b_unaligned __attribute__((vector_size(4), aligned(1)));

static inline v4i splat(int32_t x) { return (v4i){x, x, x, x}; }
static inline v4i load4(const int32_t* from) { return *(const v4i_unaligned*)from; }
static inline v4i bytes4(const uint8_t* from) { return __builtin_convertvector(*(const v4b_unaligned*)from, v4i); }

template <typename T>
static inline T clip(T x, T low, T high) {
  const T raised = x < low ? low : x;
  return raised > high ? high : raised;
}

// Shifts by the same number in every lane. The number is made opaque where it is used: moved out of a loop as a vector, the
// compiler (clang 14) no longer sees that its lanes are equal and shifts them one by one.
static inline int opaque(int by) {
  __asm__ volatile("" : "+r"(by));
  return by;
}
static inline v8s splat8(int x) {
  const int16_t y = (int16_t)x;
  return (v8s){y, y, y, y, y, y, y, y};
}
static inline v8s shift_left(v8s x, int by) { return x << splat8(opaque(by)); }
static inline v8s shift_right(v8s x, int by) { return x >> splat8(opaque(by)); }
static inline v4i shift_left(v4i x, int by) { return x << opaque(by); }
static inline v4i shift_right(v4i x, int by) { return x >> opaque(by); }
static inline v4u shift_right(v4u x, int by) { return x >> (uint32_t)opaque(by); }

// A loop over eight lanes, written out: a lane's number must be a constant.
#define for_eight(e) _Pragma("clang loop unroll(full)") for (int e = 0; e < 8; e++)

// Whether any bit is set.
static inline int any(v4i x) {
#ifdef __wasm_simd128__
  return __builtin_wasm_any_true_v128((signed char __attribute__((vector_size(16))))x);
#else
  return (x[0] | x[1] | x[2] | x[3]) != 0;
#endif
}

// Eight numbers saturated to 16 bits.
static inline v8s narrow(v4i low, v4i high) {
#ifdef __wasm_simd128__
  return (v8s)__builtin_wasm_narrow_s_i16x8_i32x4(low, high);
#else
  v8s out;
  for (int k = 0; k < 8; k++) out[k] = (int16_t)clip(k < 4 ? low[k] : high[k - 4], -32768, 32767);
  return out;
#endif
}

// x + y saturated to 16 bits.
static inline v8s add_saturated(v8s x, v8s y) {
#ifdef __wasm_simd128__
  return (v8s)__builtin_wasm_add_sat_s_i16x8(x, y);
#else
  v8s out;
  for (int k = 0; k < 8; k++) out[k] = (int16_t)clip(x[k] + y[k], -32768, 32767);
  return out;
#endif
}
