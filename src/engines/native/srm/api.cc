// Run-time dispatch: one table of functions for each build of srm.cc.
#include "api.h"
#include "../dispatch.h"

#define SRM_DECLARE(T, isa, suffix)                                                                       \
  extern "C" {                                                                                            \
  void* srm_create_##isa##_##suffix(const int32_t*, const double*);                                       \
  void srm_destroy_##isa##_##suffix(void*);                                                               \
  void srm_weights_##isa##_##suffix(void*, int, const T*);                                                \
  void srm_set_size_##isa##_##suffix(void*, int, int);                                                    \
  void srm_sample_##isa##_##suffix(void*, int, int, const uint32_t*, const uint32_t*, const uint16_t*);   \
  void srm_job_##isa##_##suffix(void*, int, int, int, const int32_t*, int);                               \
  int srm_items_##isa##_##suffix(void*, int);                                                             \
  void srm_run_##isa##_##suffix(void*, int, int, int);                                                    \
  const void* srm_result_##isa##_##suffix(void*, int, uint32_t*);                                         \
  }                                                                                                       \
  static const srm::Api<T> table_##isa##_##suffix = {                                                     \
      srm_create_##isa##_##suffix,   srm_destroy_##isa##_##suffix, srm_weights_##isa##_##suffix,          \
      srm_set_size_##isa##_##suffix, srm_sample_##isa##_##suffix,  srm_job_##isa##_##suffix,              \
      srm_items_##isa##_##suffix,    srm_run_##isa##_##suffix,     srm_result_##isa##_##suffix};

SRM_DECLARE(float, base, f32)
SRM_DECLARE(double, base, f64)
#if defined(__x86_64__)
SRM_DECLARE(float, avx2, f32)
SRM_DECLARE(double, avx2, f64)
SRM_DECLARE(float, avx512, f32)
SRM_DECLARE(double, avx512, f64)
#endif

namespace srm {

const char* apiName() {
  static const char* const names[] = {"base", "avx2", "avx512"};
  return names[int(isa())];
}

template <> const Api<float>& api<float>() {
#if defined(__x86_64__)
  if (isa() == Isa::avx512) return table_avx512_f32;
  if (isa() == Isa::avx2) return table_avx2_f32;
#endif
  return table_base_f32;
}

template <> const Api<double>& api<double>() {
#if defined(__x86_64__)
  if (isa() == Isa::avx512) return table_avx512_f64;
  if (isa() == Isa::avx2) return table_avx2_f64;
#endif
  return table_base_f64;
}

}  // namespace srm
