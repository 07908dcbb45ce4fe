// Run-time dispatch: one table of functions for each build of loihi.cc.
#include "api.h"
#include "../dispatch.h"

#define LOIHI_DECLARE(isa)                                                                                              \
  extern "C" {                                                                                                          \
  void* loihi_create_##isa(const int32_t*, const int32_t*, const int32_t*);                                             \
  void loihi_destroy_##isa(void*);                                                                                      \
  void loihi_rule_##isa(void*, const int32_t*, const double*);                                                          \
  void loihi_parameters_##isa(void*, const int16_t*, const int32_t*);                                                   \
  void loihi_task_##isa(void*, int, int, int, int, uint32_t, const int32_t*, const int32_t*, const int32_t*, const uint8_t*); \
  void loihi_sample_##isa(void*, int, const uint32_t*, const uint32_t*, const uint16_t*);                               \
  int loihi_items_##isa(void*, int);                                                                                    \
  void loihi_run_##isa(void*, int, int, int);                                                                           \
  const void* loihi_result_##isa(void*, int, uint32_t*);                                                                \
  double loihi_penalty_##isa(void*);                                                                                    \
  double loihi_products_##isa(void*, int);                                                                              \
  double loihi_spike_count_##isa(void*, int, int);                                                                      \
  void loihi_weights_##isa(void*, int16_t*);                                                                            \
  uint32_t loihi_spikes_##isa(void*, int, int, uint16_t*, uint32_t*);                                                   \
  int loihi_presentation_##isa(void*, int, int32_t*, int32_t*, uint8_t*, uint8_t*, uint8_t*, int32_t*, int16_t*, int32_t*); \
  uint32_t loihi_wraps_##isa(void*, int, int32_t*);                                                                     \
  }                                                                                                                     \
  static const LoihiApi table_##isa = {                                                                                 \
      loihi_create_##isa, loihi_destroy_##isa, loihi_rule_##isa, loihi_parameters_##isa, loihi_task_##isa,              \
      loihi_sample_##isa, loihi_items_##isa, loihi_run_##isa, loihi_result_##isa, loihi_penalty_##isa,                  \
      loihi_products_##isa, loihi_spike_count_##isa, loihi_weights_##isa, loihi_spikes_##isa, loihi_presentation_##isa, \
      loihi_wraps_##isa};

LOIHI_DECLARE(base)
#if defined(__x86_64__)
LOIHI_DECLARE(avx2)
LOIHI_DECLARE(avx512)
#endif

const LoihiApi& loihiApi() {
#if defined(__x86_64__)
  if (isa() == Isa::avx512) return table_avx512;
  if (isa() == Isa::avx2) return table_avx2;
#endif
  return table_base;
}
