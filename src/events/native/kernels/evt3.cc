// EVT 3.0. Twin: formats/evt3.ts. Words of 16 bits, each changing one part of the state or giving events.
#include "decode.h"

typedef uint16_t v8s __attribute__((vector_size(16)));
typedef uint16_t v8s_unaligned __attribute__((vector_size(16), aligned(2)));
typedef uint32_t v8u __attribute__((vector_size(32)));
typedef uint32_t v8u_unaligned __attribute__((vector_size(32), aligned(4)));
typedef uint64_t u64_unaligned __attribute__((aligned(1)));

// [mask] places of its ones, ascending, and how many there are: eight pixels are stored whatever the mask, without a branch.
static v8s places[256];
static uint8_t ones[256];

extern "C" void prepare_evt3(void) {
  for (int mask = 0; mask < 256; mask++) {
    uint16_t place[8] = {0};
    int n = 0;
    for (int bit = 0; bit < 8; bit++) if (mask >> bit & 1) place[n++] = bit;
    for (int k = 0; k < 8; k++) places[mask][k] = place[k];
    ones[mask] = n;
  }
}

extern "C" void evt3(int words) {
  const uint16_t* const in = (const uint16_t*)input;
  uint32_t base = result.base, latest = result.latest;
  int known = result.known, n = 0, i = 0, max_x = 0, max_y = 0;
  uint32_t low = result.low, line = result.line, vector_x = result.vector_x, vector_on = result.vector_on;
  begin();
  uint32_t now = base + low;
  for (; i < words && n + 12 <= ROOM; i++) {
    const uint32_t w = in[i];
    switch (w >> 12) {
      case 0x0:
        line = w & 0x7ff;
        break;
      case 0x2: {
        if (!known) { result.dropped++; break; }
        const uint32_t x = w & 0x7ff;
        times[n] = kept_time(now, &latest, 1);
        xs[n] = x;
        ys[n] = line;
        ons[n++] = w >> 11 & 1;
        if ((int)x > max_x) max_x = x;
        if ((int)line > max_y) max_y = line;
        break;
      }
      case 0x3:
        vector_x = w & 0x7ff;
        vector_on = w >> 11 & 1;
        break;
      case 0x4:
      case 0x5: {
        const int width = w >> 12 == 4 ? 12 : 8;
        const uint32_t mask = w & ((1 << width) - 1);
        const int count = ones[mask & 0xff] + ones[mask >> 8];
        if (!known) result.dropped += count;
        else if (mask) {
          const uint32_t t = kept_time(now, &latest, count);
          for (int part = 0; part < width; part += 8) {
            const uint32_t m = mask >> part & 0xff;
            *(v8u_unaligned*)(times + n) = (v8u){0} + t;
            *(v8s_unaligned*)(xs + n) = places[m] + (uint16_t)(vector_x + part);
            *(v8s_unaligned*)(ys + n) = (v8s){0} + (uint16_t)line;
            *(u64_unaligned*)(ons + n) = vector_on * 0x0101010101010101ull;
            n += ones[m];
          }
          const int last = vector_x + 31 - __builtin_clz(mask);
          if (last > max_x) max_x = last;
          if ((int)line > max_y) max_y = line;
        }
        vector_x += width;
        break;
      }
      case 0x6:
        low = w & 0xfff;
        now = base + low;
        break;
      case 0x8: {
        const int high = w & 0xfff;
        // The clock starts anew: 2^24 µs more. Twin: Evt3Decoder.timeHigh.
        const uint32_t wraps = known ? (base >> 24) + (result.high - high > 2048) : 0;
        if (wraps >= 256) result.unsound = 1;
        if (high != result.high) low = 0;
        result.high = high;
        base = (wraps << 24) + ((uint32_t)high << 12);
        now = base + low;
        known = 1;
        break;
      }
      case 0x7: case 0xa: case 0xd: case 0xe: case 0xf:
        break;
      default:
        result.unsound = 1;
    }
  }
  finish(i * 2, n, max_x, max_y, latest);
  result.base = base;
  result.known = known;
  result.low = low;
  result.line = line;
  result.vector_x = vector_x;
  result.vector_on = vector_on;
}
