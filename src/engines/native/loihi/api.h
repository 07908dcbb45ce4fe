// C interface of loihi.cc (see there), once for each instruction set, and the table that run-time dispatch picks from.
#pragma once
#include <cstdint>

struct LoihiApi {
  void* (*create)(const int32_t*, const int32_t*, const int32_t*);
  void (*destroy)(void*);
  void (*rule)(void*, const int32_t*, const double*);
  void (*parameters)(void*, const int16_t*, const int32_t*);
  void (*task)(void*, int, int, int, int, uint32_t, const int32_t*, const int32_t*, const int32_t*, const uint8_t*);
  void (*sample)(void*, int, const uint32_t*, const uint32_t*, const uint16_t*);
  int (*items)(void*, int);
  void (*run)(void*, int, int, int);
  const void* (*result)(void*, int, uint32_t*);
  double (*penalty)(void*);
  double (*products)(void*, int);
  double (*spikeCount)(void*, int, int);
  void (*weights)(void*, int16_t*);
  uint32_t (*spikes)(void*, int, int, uint16_t*, uint32_t*);
  int (*presentation)(void*, int, int32_t*, int32_t*, uint8_t*, uint8_t*, uint8_t*, int32_t*, int16_t*, int32_t*);
  uint32_t (*wraps)(void*, int, int32_t*);
};

const LoihiApi& loihiApi();
