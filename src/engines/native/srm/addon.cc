// Node-API glue of the srm engine: unwraps arguments (checked in TypeScript) and runs the phases on threads, off the event loop.
#include "../napi.h"
#include "api.h"

using namespace glue;

namespace {

constexpr int PHASES = 3;

struct Handle {
  void* net = nullptr;
  bool isDouble = false;
  int threads = 1;
};

Handle* handle(napi_env env, napi_value value) { return external<Handle>(env, value); }

void destroy(Handle* h) {
  if (h->net) (h->isDouble ? srm::api<double>().destroy : srm::api<float>().destroy)(h->net);
  h->net = nullptr;
}

// create(ints Int32Array, reals Float64Array, double: 0|1) → handle; ints[3] = threads
napi_value create(napi_env env, napi_callback_info info) {
  Args a(env, info);
  auto* h = new Handle();
  const int32_t* ints = view<int32_t>(env, a.v[0]);
  const double* reals = view<double>(env, a.v[1]);
  h->isDouble = integer(env, a.v[2]) != 0;
  h->threads = ints[3];
  h->net = (h->isDouble ? srm::api<double>().create : srm::api<float>().create)(ints, reals);
  napi_value out;
  napi_create_external(env, h, [](napi_env, void* data, void*) {
    auto* p = static_cast<Handle*>(data);
    destroy(p);
    delete p;
  }, nullptr, &out);
  return out;
}

// dispose(handle): frees the network now, not at the next collection.
napi_value dispose(napi_env env, napi_callback_info info) {
  Args a(env, info);
  destroy(handle(env, a.v[0]));
  return nullptr;
}

// weights(handle, which, Float32Array | Float64Array)
napi_value weights(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  if (h->isDouble) srm::api<double>().weights(h->net, integer(env, a.v[1]), view<double>(env, a.v[2]));
  else srm::api<float>().weights(h->net, integer(env, a.v[1]), view<float>(env, a.v[2]));
  return nullptr;
}

napi_value setSize(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  (h->isDouble ? srm::api<double>().setSize : srm::api<float>().setSize)(h->net, integer(env, a.v[1]), integer(env, a.v[2]));
  return nullptr;
}

// sample(handle, set, index, rowStart Uint32Array [T + 1], channel Uint32Array, count Uint16Array)
napi_value sample(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  (h->isDouble ? srm::api<double>().sample : srm::api<float>().sample)(
      h->net, integer(env, a.v[1]), integer(env, a.v[2]), view<uint32_t>(env, a.v[3]), view<uint32_t>(env, a.v[4]),
      view<uint16_t>(env, a.v[5]));
  return nullptr;
}

// A run of all phases off the event loop. Holds the handle, so that it is not collected meanwhile.
template <class T> void runPhases(Handle* h) {
  const auto& api = srm::api<T>();
  for (int phase = 0; phase < PHASES; phase++)
    parallel(h->threads, api.items(h->net, phase), [&](int thread, int item) { api.run(h->net, phase, item, thread); });
}

// run(handle, kind, set, labels Int32Array, flags) → Promise
napi_value run(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  size_t samples = 0;
  const int32_t* labels = view<int32_t>(env, a.v[3], &samples);
  const auto job = h->isDouble ? srm::api<double>().job : srm::api<float>().job;
  job(h->net, integer(env, a.v[1]), integer(env, a.v[2]), int(samples), labels, integer(env, a.v[4]));
  return inBackground(env, a.v[0], [h] {
    if (h->isDouble) runPhases<double>(h);
    else runPhases<float>(h);
  });
}

// result(handle, which) → typed array (a copy): 0 reported, 1 losses, 2 gradient, 3 traces
napi_value result(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  const int which = integer(env, a.v[1]);
  uint32_t length = 0;
  const void* data = (h->isDouble ? srm::api<double>().result : srm::api<float>().result)(h->net, which, &length);
  if (h->isDouble || which == 1 || which == 3) return typedArray(env, napi_float64_array, data, length, 8);
  return typedArray(env, napi_float32_array, data, length, 4);
}

napi_value isa(napi_env env, napi_callback_info) {
  napi_value v;
  napi_create_string_utf8(env, srm::apiName(), NAPI_AUTO_LENGTH, &v);
  return v;
}

}  // namespace

// Adds the srm functions to the addon's exports.
void registerSrm(napi_env env, napi_value exports) {
  define(env, exports, {{"srmCreate", create}, {"srmDispose", dispose}, {"srmWeights", weights}, {"srmSetSize", setSize}, {"srmSample", sample},
                        {"srmRun", run}, {"srmResult", result}, {"srmIsa", isa}});
}
