// Unwrapping of Node-API values and the threads that take items, shared by the two parts of the addon.
#pragma once
#include <node_api.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace glue {

template <class T> T* view(napi_env env, napi_value value, size_t* length = nullptr) {
  void* data = nullptr;
  size_t n = 0, offset = 0;
  napi_typedarray_type type;
  napi_value buffer;
  napi_get_typedarray_info(env, value, &type, &n, &data, &buffer, &offset);
  if (length) *length = n;
  return static_cast<T*>(data);
}
inline int32_t integer(napi_env env, napi_value value) { int32_t i = 0; napi_get_value_int32(env, value, &i); return i; }
inline uint32_t unsignedInteger(napi_env env, napi_value value) { uint32_t i = 0; napi_get_value_uint32(env, value, &i); return i; }
inline napi_value number(napi_env env, double d) { napi_value v; napi_create_double(env, d, &v); return v; }
template <class T> T* external(napi_env env, napi_value value) {
  void* p = nullptr;
  napi_get_value_external(env, value, &p);
  return static_cast<T*>(p);
}
inline napi_value typedArray(napi_env env, napi_typedarray_type type, const void* from, size_t length, size_t bytes) {
  void* data = nullptr;
  napi_value buffer, array;
  napi_create_arraybuffer(env, length * bytes, &data, &buffer);
  if (length) std::memcpy(data, from, length * bytes);
  napi_create_typedarray(env, type, length, buffer, 0, &array);
  return array;
}

struct Args {
  napi_value v[12] = {};
  Args(napi_env env, napi_callback_info info) { size_t n = 12; napi_get_cb_info(env, info, &n, v, nullptr, nullptr); }
};

// Items 0…count−1 on the threads; the caller is thread 0.
inline void parallel(int threads, int count, const std::function<void(int, int)>& run) {
  std::atomic<int> next{0};
  const auto loop = [&](int thread) { for (int i; (i = next.fetch_add(1)) < count;) run(thread, i); };
  std::vector<std::thread> pool;
  for (int t = 1; t < threads && t < count; t++) pool.emplace_back(loop, t);
  loop(0);
  for (auto& t : pool) t.join();
}

// Work off the main thread.
struct Background {
  std::function<void()> work;
  napi_ref held = nullptr;
  napi_deferred deferred = nullptr;
  napi_async_work handle = nullptr;

  static void execute(napi_env, void* data) { static_cast<Background*>(data)->work(); }
  static void finish(napi_env env, napi_status, void* data) {
    Background* b = static_cast<Background*>(data);
    napi_value nothing;
    napi_get_undefined(env, &nothing);
    napi_delete_reference(env, b->held);
    napi_delete_async_work(env, b->handle);
    napi_resolve_deferred(env, b->deferred, nothing);
    delete b;
  }
};
// A promise that is resolved with undefined after `work`; `held` is not collected before.
inline napi_value inBackground(napi_env env, napi_value held, std::function<void()> work) {
  auto* b = new Background{std::move(work)};
  napi_value promise, name;
  napi_create_reference(env, held, 1, &b->held);
  napi_create_promise(env, &b->deferred, &promise);
  napi_create_string_utf8(env, "metaloihi", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, Background::execute, Background::finish, b, &b->handle);
  napi_queue_async_work(env, b->handle);
  return promise;
}

struct Function { const char* name; napi_callback call; };
inline void define(napi_env env, napi_value exports, const std::vector<Function>& functions) {
  for (const auto& f : functions) {
    napi_value v;
    napi_create_function(env, f.name, NAPI_AUTO_LENGTH, f.call, nullptr, &v);
    napi_set_named_property(env, exports, f.name, v);
  }
}

}  // namespace glue
