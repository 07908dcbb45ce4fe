// EVT 2.0. Twin: formats/evt2.ts. Words of 32 bits: type, low 6 bits of time, x, y; TIME_HIGH counts 64 µs.
#include "decode.h"

typedef uint32_t v8u __attribute__((vector_size(32)));
typedef uint32_t v8u_unaligned __attribute__((vector_size(32), aligned(4)));
typedef int32_t v8i __attribute__((vector_size(32)));
typedef uint16_t v8s __attribute__((vector_size(16)));
typedef uint16_t v8s_unaligned __attribute__((vector_size(16), aligned(2)));
typedef uint8_t v8b __attribute__((vector_size(8)));
typedef uint8_t v8b_unaligned __attribute__((vector_size(8), aligned(1)));

static const uint32_t FIRST_TYPE_OF_NO_EVENT = 0x20000000;

typedef uint64_t v2q __attribute__((vector_size(16)));
/** Non-zero where any lane is; two lanes are taken out of the vector, not eight. */
static inline uint64_t any(v8u v) {
  const v2q q = (v2q)(__builtin_shufflevector(v, v, 0, 1, 2, 3) | __builtin_shufflevector(v, v, 4, 5, 6, 7));
  return q[0] | q[1];
}

/** Types A, D, E and F (triggers, IMU, others, continued): no event, and nothing wrong. */
static inline bool is_passed_over(uint32_t w) { return 0xe400u >> (w >> 28) & 1; }

extern "C" void evt2(int words) {
  const uint32_t* const in = (const uint32_t*)input;
  uint32_t base = result.base, latest = result.latest;
  int known = result.known, n = 0, i = 0;
  v8s most_x = {0}, most_y = {0};
  begin();
  for (; !known && i < words; i++) {
    if (in[i] >> 28 == 8) break;
    if (in[i] < FIRST_TYPE_OF_NO_EVENT) result.dropped++;
    else if (!is_passed_over(in[i])) result.unsound = 1;
  }
  while (i < words) {
    // Eight words at a time while all are events, which they are but for one in some hundreds.
    while (i + 8 <= words) {
      const v8u w = *(const v8u_unaligned*)(in + i);
      if (any(w & 0xe0000000u)) break;
      const v8u t = base + ((w >> 22) & 0x3f);
      const v8u before = __builtin_shufflevector(t, t, 0, 0, 1, 2, 3, 4, 5, 6);
      if (t[0] < latest || any((t - before) & 0x80000000u)) break;
      const v8s x = __builtin_convertvector((w >> 11) & 0x7ff, v8s), y = __builtin_convertvector(w & 0x7ff, v8s);
      *(v8u_unaligned*)(times + n) = t;
      *(v8s_unaligned*)(xs + n) = x;
      *(v8s_unaligned*)(ys + n) = y;
      *(v8b_unaligned*)(ons + n) = __builtin_convertvector(w >> 28, v8b);
      most_x = x > most_x ? x : most_x;
      most_y = y > most_y ? y : most_y;
      latest = t[7];
      n += 8;
      i += 8;
    }
    for (int end = i + 8 < words ? i + 8 : words; i < end; i++) {
      const uint32_t w = in[i];
      if (w < FIRST_TYPE_OF_NO_EVENT) {
        const uint16_t x = (w >> 11) & 0x7ff, y = w & 0x7ff;
        times[n] = kept_time(base + ((w >> 22) & 0x3f), &latest, 1);
        xs[n] = x;
        ys[n] = y;
        ons[n++] = w >> 28;
        if (x > most_x[0]) most_x[0] = x;
        if (y > most_y[0]) most_y[0] = y;
      } else if (w >> 28 == 8) {
        const uint32_t high = w & 0x0fffffff;
        // Past 2^32 µs, and where the clock starts anew, the twin counts in doubles.
        if (high >= 1u << 26 || (known && high < base >> 6 && (base >> 6) - high > 2)) result.unsound = 1;
        base = high << 6;
        known = 1;
      } else if (!is_passed_over(w)) result.unsound = 1;
    }
  }
  int max_x = 0, max_y = 0;
  for (int k = 0; k < 8; k++) {
    if (most_x[k] > max_x) max_x = most_x[k];
    if (most_y[k] > max_y) max_y = most_y[k];
  }
  finish(words * 4, n, max_x, max_y, latest);
  result.base = base;
  result.known = known;
}
