// Node-API glue of kernels/peak.cc, and its run-time dispatch.
#include "napi.h"
#include "srm/api.h"

using namespace glue;

#define PEAK_DECLARE(isa) extern "C" double peak_run_##isa(int, const int32_t*, int, double*);
PEAK_DECLARE(base)
#if defined(__x86_64__)
PEAK_DECLARE(avx2)
PEAK_DECLARE(avx512)
#endif

// peakRun(which, shape Int32Array[8], repeats) → Float64Array [work, CPU seconds]
static napi_value peakRun(napi_env env, napi_callback_info info) {
  Args a(env, info);
  auto* run = peak_run_base;
#if defined(__x86_64__)
  if (!std::strcmp(srm::apiName(), "avx512")) run = peak_run_avx512;
  else if (!std::strcmp(srm::apiName(), "avx2")) run = peak_run_avx2;
#endif
  double result[2];
  result[0] = run(integer(env, a.v[0]), view<int32_t>(env, a.v[1]), integer(env, a.v[2]), &result[1]);
  return typedArray(env, napi_float64_array, result, 2, sizeof(double));
}

void registerPeak(napi_env env, napi_value exports) { define(env, exports, {{"peakRun", peakRun}}); }
