// Memory of the kernels where there is a C library. WebAssembly has its own: wasm/platform.cc.
#include <cstdlib>
#include <cstring>

extern "C" void* metaloihi_allocate(size_t bytes) {
  const size_t rounded = bytes ? (bytes + 63) / 64 * 64 : 64;
  void* memory = std::aligned_alloc(64, rounded);
  if (!memory) std::abort();
  std::memset(memory, 0, rounded);
  return memory;
}

extern "C" void metaloihi_release(void* memory) { std::free(memory); }
