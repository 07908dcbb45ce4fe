// What the kernels take from a C library, for WebAssembly: memory, copying, exp and log. No imports but the memory itself.
// Memory: blocks of four sizes an octave, each behind a 64-byte header with its class; freed blocks wait in a list for the
// next one of their class. One lock, as workers share the memory; hot loops allocate nothing.
#include <stddef.h>
#include <stdint.h>

extern "C" unsigned char __heap_base;      // set by the linker

namespace {

constexpr size_t HEADER = 64, PAGE = 65536;
constexpr int CLASSES = 128;
struct Header { uint32_t sizeClass; Header* next; };

int lock;
size_t top;                                // first byte never given away
Header* freed[CLASSES];

void acquire() { while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) {} }
void unlock() { __atomic_store_n(&lock, 0, __ATOMIC_RELEASE); }

// Class c holds (4 + c mod 4)·2^(c/4) · 16 bytes: at most a quarter more than what was asked for.
size_t bytesOf(int c) { return size_t(4 + (c & 3)) << (c >> 2) << 4; }
int classOf(size_t bytes) {
  int c = 0;
  while (bytesOf(c) < bytes) c++;
  return c;
}

}  // namespace

extern "C" {

// 64-byte aligned, zeroed. Traps where the memory's maximum is reached: the engine reports it.
void* metaloihi_allocate(size_t bytes) {
  const int c = classOf(bytes ? bytes : 64);
  const size_t size = (bytesOf(c) + 63) / 64 * 64;
  acquire();
  Header* h = freed[c];
  if (h) {
    freed[c] = h->next;
    unlock();
  } else {
    if (!top) top = (reinterpret_cast<size_t>(&__heap_base) + 63) / 64 * 64;
    const uint64_t end = uint64_t(top) + HEADER + size, have = uint64_t(__builtin_wasm_memory_size(0)) * PAGE;
    if (end > have) {
      // A share of what is there already, so that growing is rare; just enough where that is too much.
      const size_t need = size_t((end - have + PAGE - 1) / PAGE), more = need > have / PAGE / 4 ? need : size_t(have / PAGE / 4);
      if (__builtin_wasm_memory_grow(0, more) == size_t(-1) && __builtin_wasm_memory_grow(0, need) == size_t(-1)) __builtin_trap();
    }
    h = reinterpret_cast<Header*>(top);
    top = size_t(end);
    unlock();
  }
  h->sizeClass = uint32_t(c);
  void* memory = reinterpret_cast<char*>(h) + HEADER;
  __builtin_memset(memory, 0, size);
  return memory;
}

void metaloihi_release(void* memory) {
  if (!memory) return;
  Header* h = reinterpret_cast<Header*>(static_cast<char*>(memory) - HEADER);
  acquire();
  h->next = freed[h->sizeClass];
  freed[h->sizeClass] = h;
  unlock();
}

void* memset(void* to, int value, size_t n) {
  volatile unsigned char* p = static_cast<unsigned char*>(to);
  for (size_t i = 0; i < n; i++) p[i] = static_cast<unsigned char>(value);
  return to;
}
void* memcpy(void* to, const void* from, size_t n) {
  volatile unsigned char* p = static_cast<unsigned char*>(to);
  const unsigned char* q = static_cast<const unsigned char*>(from);
  for (size_t i = 0; i < n; i++) p[i] = q[i];
  return to;
}
int memcmp(const void* a, const void* b, size_t n) {
  const volatile unsigned char *p = static_cast<const unsigned char*>(a), *q = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < n; i++)
    if (p[i] != q[i]) return p[i] < q[i] ? -1 : 1;
  return 0;
}
int atexit(void (*)()) { return 0; }

// e^x = 2^k·e^r, |r| ≤ ln2/2, Taylor to r^13: error below 1e-16 relative before rounding.
double metaloihi_exp(double x) {
  if (x < -700) return 0;
  if (x > 709) return __builtin_inf();
  const double k = __builtin_nearbyint(x * 1.4426950408889634);
  const double r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;    // ln 2 in two parts
  double sum = 1;
  for (int n = 13; n >= 1; n--) sum = 1 + sum * r / n;
  const uint64_t bits = uint64_t(int64_t(k) + 1023) << 52;
  double power;
  __builtin_memcpy(&power, &bits, 8);
  return sum * power;
}

// x = 2^k·m with m in [√½, √2); ln m = 2·atanh((m−1)/(m+1)), odd series to s^21.
double metaloihi_log(double x) {
  if (!(x > 0)) return x == 0 ? -__builtin_inf() : __builtin_nan("");
  uint64_t bits;
  __builtin_memcpy(&bits, &x, 8);
  int64_t k = int64_t(bits >> 52) - 1023;
  bits = (bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
  double m;
  __builtin_memcpy(&m, &bits, 8);
  if (m > 1.4142135623730951) { m *= 0.5; k++; }
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double sum = 0;
  for (int n = 21; n >= 1; n -= 2) sum = sum * s2 + 1.0 / n;
  return double(k) * 0.6931471805599453 + 2 * s * sum;
}

}
