// The instruction set that this process runs the kernels with: the widest that the processor has, or the narrower one that
// METALOIHI_ISA=base|avx2|avx512 names (for tests and comparisons; a wider one than the processor's is not taken).
#pragma once
#include <cstdlib>
#include <cstring>

enum class Isa { base = 0, avx2 = 1, avx512 = 2 };

inline Isa widestIsa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw")) return Isa::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
  return Isa::base;
}

inline Isa chosenIsa() {
  const Isa widest = widestIsa();
  const char* const named = std::getenv("METALOIHI_ISA");
  if (!named) return widest;
  const Isa wanted = !std::strcmp(named, "base") ? Isa::base : !std::strcmp(named, "avx2") ? Isa::avx2 : widest;
  return wanted < widest ? wanted : widest;
}

// Asked once a process.
inline Isa isa() {
  static const Isa chosen = chosenIsa();
  return chosen;
}
