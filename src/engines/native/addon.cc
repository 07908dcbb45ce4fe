// Entry of the addon: the engines' functions side by side.
#include <node_api.h>

void registerSrm(napi_env env, napi_value exports);
void registerLoihi(napi_env env, napi_value exports);
void registerPeak(napi_env env, napi_value exports);

NAPI_MODULE_INIT() {
  registerSrm(env, exports);
  registerLoihi(env, exports);
  registerPeak(env, exports);
  return exports;
}
