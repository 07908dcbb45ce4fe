// Memory of the kernels where there is a C library. WebAssembly has its own: wasm/platform.cc.
#include <cstdlib>
#include <cstring>

#include "array.h"

namespace kernels {

void* allocate(size_t bytes) {
  const size_t rounded = (bytes + 63) / 64 * 64;
  void* memory = std::aligned_alloc(64, rounded ? rounded : 64);
  if (!memory) std::abort();
  std::memset(memory, 0, rounded);
  return memory;
}

void release(void* memory) { std::free(memory); }

}  // namespace kernels
