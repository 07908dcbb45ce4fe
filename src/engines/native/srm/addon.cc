// Node-API glue of the srm engine: unwraps arguments (checked in TypeScript), runs samples on threads, adds the partial
// gradients of fixed groups of samples in a fixed order, so that any number of threads gives the same bits.
#include <utility>

#include "../napi.h"
#include "api.h"

using namespace glue;

namespace {

constexpr int MAX_GROUPS = 25;

struct Handle {
  void* net = nullptr;
  bool isDouble = false;
  int threads = 1, reported = 0;   // reported: length of what a sample reports
  size_t parameters = 0;
  std::vector<uint8_t> accumulators;     // reused from call to call
};

Handle* handle(napi_env env, napi_value value) { return external<Handle>(env, value); }

// create(ints Int32Array, reals Float64Array, double: 0|1, parameters, reported) → handle; ints[3] = threads
napi_value create(napi_env env, napi_callback_info info) {
  Args a(env, info);
  auto* h = new Handle();
  const int32_t* ints = view<int32_t>(env, a.v[0]);
  const double* reals = view<double>(env, a.v[1]);
  h->isDouble = integer(env, a.v[2]) != 0;
  h->parameters = size_t(integer(env, a.v[3]));
  h->reported = integer(env, a.v[4]);
  h->threads = ints[3];
  h->net = h->isDouble ? srm::api<double>().create(ints, reals) : srm::api<float>().create(ints, reals);
  napi_value out;
  napi_create_external(env, h, [](napi_env, void* data, void*) {
    auto* p = static_cast<Handle*>(data);
    if (p->net) (p->isDouble ? srm::api<double>().destroy : srm::api<float>().destroy)(p->net);
    delete p;
  }, nullptr, &out);
  return out;
}

// dispose(handle): frees the network now, not at the next collection.
napi_value dispose(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  if (h->net) (h->isDouble ? srm::api<double>().destroy : srm::api<float>().destroy)(h->net);
  h->net = nullptr;
  h->accumulators = {};
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

// load(handle, set, samples, rowStart Uint32Array [samples·(T+1)], channel Uint32Array, count Uint16Array, first Uint32Array [samples])
napi_value load(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  const int set = integer(env, a.v[1]), samples = integer(env, a.v[2]);
  size_t rows = 0;
  const uint32_t* rowStart = view<uint32_t>(env, a.v[3], &rows);
  const uint32_t* channel = view<uint32_t>(env, a.v[4]);
  const uint16_t* count = view<uint16_t>(env, a.v[5]);
  const uint32_t* first = view<uint32_t>(env, a.v[6]);
  const auto setSize = h->isDouble ? srm::api<double>().setSize : srm::api<float>().setSize;
  const auto sample = h->isDouble ? srm::api<double>().sample : srm::api<float>().sample;
  setSize(h->net, set, samples);
  const size_t stride = samples ? rows / samples : 0;
  for (int i = 0; i < samples; i++) sample(h->net, set, i, rowStart + i * stride, channel + first[i], count + first[i]);
  return nullptr;
}

// burn(handle, sets Int32Array, sizes Int32Array): the samples of all the sets in one go.
napi_value burn(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  size_t sets = 0;
  const int32_t* set = view<int32_t>(env, a.v[1], &sets);
  const int32_t* size = view<int32_t>(env, a.v[2]);
  std::vector<std::pair<int, int>> items;
  for (size_t s = 0; s < sets; s++) for (int i = 0; i < size[s]; i++) items.emplace_back(set[s], i);
  const auto run = h->isDouble ? srm::api<double>().burn : srm::api<float>().burn;
  parallel(h->threads, int(items.size()), [&](int thread, int i) { run(h->net, thread, items[i].first, items[i].second); });
  return nullptr;
}

template <class T> T* accumulatorsOf(Handle* h, int groups, size_t size) {
  const size_t bytes = groups * size * sizeof(T) + 64;
  h->accumulators.resize(bytes);
  T* start = reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(h->accumulators.data()) + 63) / 64 * 64);
  std::memset(start, 0, groups * size * sizeof(T));
  return start;
}

template <class T> double runGradient(Handle* h, int set, const int32_t* labels, int samples, T* readout, T* into, bool hessian) {
  const auto& f = srm::api<T>();
  const int groups = samples < MAX_GROUPS ? samples : MAX_GROUPS;
  const size_t size = f.accumulator(h->net);
  T* partial = into ? accumulatorsOf<T>(h, groups, size) : nullptr;
  std::vector<double> losses(samples);
  parallel(h->threads, groups, [&](int thread, int g) {
    const int from = int(int64_t(samples) * g / groups), to = int(int64_t(samples) * (g + 1) / groups);
    for (int i = from; i < to; i++) {
      T* p = partial ? partial + g * size : nullptr;
      if (hessian) f.hessian(h->net, thread, set, i, labels[i], samples, p);
      else losses[i] = f.gradient(h->net, thread, set, i, labels[i], samples, readout + size_t(i) * h->reported, p);
    }
  });
  if (into) f.collect(h->net, partial, groups, into);
  double sum = 0;
  for (double l : losses) sum += l;
  return sum / samples;
}

// gradient(handle, set, labels Int32Array, readout, into | undefined) → mean loss; arrays of the handle's type
napi_value gradient(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  size_t samples = 0;
  const int32_t* labels = view<int32_t>(env, a.v[2], &samples);
  bool wanted = false;
  napi_is_typedarray(env, a.v[4], &wanted);
  const int set = integer(env, a.v[1]);
  return number(env, h->isDouble
      ? runGradient<double>(h, set, labels, int(samples), view<double>(env, a.v[3]), wanted ? view<double>(env, a.v[4]) : nullptr, false)
      : runGradient<float>(h, set, labels, int(samples), view<float>(env, a.v[3]), wanted ? view<float>(env, a.v[4]) : nullptr, false));
}

// hessian(handle, set, labels, into): Hessian of the set's mean loss times the direction
napi_value hessian(napi_env env, napi_callback_info info) {
  Args a(env, info);
  Handle* h = handle(env, a.v[0]);
  size_t samples = 0;
  const int32_t* labels = view<int32_t>(env, a.v[2], &samples);
  const int set = integer(env, a.v[1]);
  if (h->isDouble) runGradient<double>(h, set, labels, int(samples), nullptr, view<double>(env, a.v[3]), true);
  else runGradient<float>(h, set, labels, int(samples), nullptr, view<float>(env, a.v[3]), true);
  return nullptr;
}

napi_value isa(napi_env env, napi_callback_info) {
  napi_value v;
  napi_create_string_utf8(env, srm::apiName(), NAPI_AUTO_LENGTH, &v);
  return v;
}

}  // namespace

// Adds the srm functions to the addon's exports.
void registerSrm(napi_env env, napi_value exports) {
  define(env, exports, {{"srmCreate", create}, {"srmDispose", dispose}, {"srmWeights", weights}, {"srmLoad", load}, {"srmBurn", burn},
                        {"srmGradient", gradient}, {"srmHessian", hessian}, {"srmIsa", isa}});
}
