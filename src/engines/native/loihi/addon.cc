// Node-API glue of the loihi engine: unwraps arguments (checked in TypeScript) and runs the phases on threads.
#include "../napi.h"
#include "api.h"

using namespace glue;

namespace {

struct Handle { void* context = nullptr; int threads = 1; };
constexpr int PHASES = 6;

Handle* handle(napi_env env, napi_value v) { return external<Handle>(env, v); }

// create(head Int32Array, rows Int32Array, exps Int32Array) → handle; head[3] = threads
napi_value create(napi_env env, napi_callback_info info) {
  Args a(env, info);
  auto* h = new Handle();
  const int32_t* head = view<int32_t>(env, a.v[0]);
  h->threads = head[3];
  h->context = loihiApi().create(head, view<int32_t>(env, a.v[1]), view<int32_t>(env, a.v[2]));
  napi_value out;
  napi_create_external(env, h, [](napi_env, void* data, void*) {
    auto* p = static_cast<Handle*>(data);
    if (p->context) loihiApi().destroy(p->context);
    delete p;
  }, nullptr, &out);
  return out;
}

napi_value dispose(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  if (h->context) loihiApi().destroy(h->context);
  h->context = nullptr;
  return nullptr;
}

napi_value rule(napi_env env, napi_callback_info info) {
  Args a(env, info);
  loihiApi().rule(handle(env, a.v[0])->context, view<int32_t>(env, a.v[1]), view<double>(env, a.v[2]));
  return nullptr;
}

napi_value parameters(napi_env env, napi_callback_info info) {
  Args a(env, info);
  loihiApi().parameters(handle(env, a.v[0])->context, view<int16_t>(env, a.v[1]), view<int32_t>(env, a.v[2]));
  return nullptr;
}

// task(handle, support, query, presentations, flags, seed, order, supportLabels, queryLabels, assigned)
napi_value task(napi_env env, napi_callback_info info) {
  Args a(env, info);
  loihiApi().task(handle(env, a.v[0])->context, integer(env, a.v[1]), integer(env, a.v[2]), integer(env, a.v[3]), integer(env, a.v[4]),
                  unsignedInteger(env, a.v[5]), view<int32_t>(env, a.v[6]), view<int32_t>(env, a.v[7]), view<int32_t>(env, a.v[8]),
                  view<uint8_t>(env, a.v[9]));
  return nullptr;
}

// sample(handle, index, rowStart Uint32Array, channel Uint32Array, count Uint16Array)
napi_value sample(napi_env env, napi_callback_info info) {
  Args a(env, info);
  loihiApi().sample(handle(env, a.v[0])->context, integer(env, a.v[1]), view<uint32_t>(env, a.v[2]), view<uint32_t>(env, a.v[3]),
                    view<uint16_t>(env, a.v[4]));
  return nullptr;
}

// run(handle) → Promise: all phases, one after another.
napi_value run(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  return inBackground(env, a.v[0], [h] {
    for (int phase = 0; phase < PHASES; phase++) {
      const int items = loihiApi().items(h->context, phase);
      parallel(h->threads, items, [&](int thread, int item) { loihiApi().run(h->context, phase, item, thread); });
    }
  });
}

// result(handle, which) → typed array (a copy)
napi_value result(napi_env env, napi_callback_info info) {
  Args a(env, info);
  const int which = integer(env, a.v[1]);
  uint32_t length = 0;
  const void* data = loihiApi().result(handle(env, a.v[0])->context, which, &length);
  if (which == 0 || which == 6) return typedArray(env, napi_float32_array, data, length, 4);
  if (which == 7 || which == 8) return typedArray(env, napi_float64_array, data, length, 8);
  return typedArray(env, napi_int32_array, data, length, 4);
}

napi_value penalty(napi_env env, napi_callback_info info) {
  Args a(env, info);
  return number(env, loihiApi().penalty(handle(env, a.v[0])->context));
}
napi_value products(napi_env env, napi_callback_info info) {
  Args a(env, info);
  return number(env, loihiApi().products(handle(env, a.v[0])->context, integer(env, a.v[1])));
}
napi_value spikeCount(napi_env env, napi_callback_info info) {
  Args a(env, info);
  return number(env, loihiApi().spikeCount(handle(env, a.v[0])->context, integer(env, a.v[1]), integer(env, a.v[2])));
}
napi_value weights(napi_env env, napi_callback_info info) {
  Args a(env, info);
  loihiApi().weights(handle(env, a.v[0])->context, view<int16_t>(env, a.v[1]));
  return nullptr;
}
// spikes(handle, sample, layer[, step Uint16Array, neuron Uint32Array]) → number
napi_value spikes(napi_env env, napi_callback_info info) {
  Args a(env, info);
  bool wanted = false;
  if (a.v[3]) napi_is_typedarray(env, a.v[3], &wanted);
  return number(env, loihiApi().spikes(handle(env, a.v[0])->context, integer(env, a.v[1]), integer(env, a.v[2]),
                                       wanted ? view<uint16_t>(env, a.v[3]) : nullptr, wanted ? view<uint32_t>(env, a.v[4]) : nullptr));
}
// presentation(handle, index, u, v, spike, y1, x1, counter, weights, totals) → decision
napi_value presentation(napi_env env, napi_callback_info info) {
  Args a(env, info);
  return number(env, loihiApi().presentation(
      handle(env, a.v[0])->context, integer(env, a.v[1]), view<int32_t>(env, a.v[2]), view<int32_t>(env, a.v[3]),
      view<uint8_t>(env, a.v[4]), view<uint8_t>(env, a.v[5]), view<uint8_t>(env, a.v[6]), view<int32_t>(env, a.v[7]),
      view<int16_t>(env, a.v[8]), view<int32_t>(env, a.v[9])));
}
// wraps(handle, sample) → Int32Array of rows
napi_value wraps(napi_env env, napi_callback_info info) {
  Args a(env, info);
  void* c = handle(env, a.v[0])->context;
  const int sampleIndex = integer(env, a.v[1]);
  std::vector<int32_t> rows(size_t(loihiApi().wraps(c, sampleIndex, nullptr)) * 5);
  if (!rows.empty()) loihiApi().wraps(c, sampleIndex, rows.data());
  return typedArray(env, napi_int32_array, rows.data(), rows.size(), 4);
}

}  // namespace

// Adds the loihi functions to the addon's exports.
void registerLoihi(napi_env env, napi_value exports) {
  define(env, exports, {{"loihiCreate", create}, {"loihiDispose", dispose}, {"loihiRule", rule}, {"loihiParameters", parameters},
                        {"loihiTask", task}, {"loihiSample", sample}, {"loihiRun", run}, {"loihiResult", result},
                        {"loihiPenalty", penalty}, {"loihiProducts", products}, {"loihiSpikeCount", spikeCount},
                        {"loihiWeights", weights}, {"loihiSpikes", spikes}, {"loihiPresentation", presentation},
                        {"loihiWraps", wraps}});
}
