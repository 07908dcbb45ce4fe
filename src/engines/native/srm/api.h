// C interface of srm.cc (see there), once for each instruction set it is built for, and the table that run-time dispatch picks
// from.
#pragma once
#include <cstdint>

namespace srm {

template <class T> struct Api {
  void* (*create)(const int32_t*, const double*);
  void (*destroy)(void*);
  void (*weights)(void*, int, const T*);
  void (*setSize)(void*, int, int);
  void (*sample)(void*, int, int, const uint32_t*, const uint32_t*, const uint16_t*);
  void (*job)(void*, int, int, int, const int32_t*, int);
  int (*items)(void*, int);
  void (*run)(void*, int, int, int);
  const void* (*result)(void*, int, uint32_t*);
};

// The fastest build that this processor runs: avx512, avx2 or base.
template <class T> const Api<T>& api();
const char* apiName();

}  // namespace srm
