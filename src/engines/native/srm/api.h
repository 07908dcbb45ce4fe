// C interface of srm.cc, once for each instruction set it is built for, and the table that run-time dispatch picks from.
#pragma once
#include <cstddef>
#include <cstdint>

namespace srm {

template <class T> struct Api {
  void* (*create)(const int32_t*, const double*);
  void (*destroy)(void*);
  void (*weights)(void*, int, const T*);
  void (*setSize)(void*, int, int);
  void (*sample)(void*, int, int, const uint32_t*, const uint32_t*, const uint16_t*);
  void (*burn)(void*, int, int, int);
  size_t (*accumulator)(void*);
  double (*gradient)(void*, int, int, int, int, double, T*, T*);
  void (*hessian)(void*, int, int, int, int, double, T*);
  void (*collect)(void*, const T*, int, T*);
};

// The fastest build that this processor runs: avx512, avx2 or base.
template <class T> const Api<T>& api();
const char* apiName();

}  // namespace srm
