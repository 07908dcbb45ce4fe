// Formats of equal records, and Event Stream. Twins: formats/dat.ts, formats/nmnist.ts, formats/event-stream.ts (DVS), and `fill` of
// formats/aedat4.ts. None allows a step back in time.
#include "decode.h"

typedef uint32_t v4u __attribute__((vector_size(16)));
typedef uint32_t v4u_unaligned __attribute__((vector_size(16), aligned(4)));
typedef uint16_t v4s __attribute__((vector_size(8)));
typedef uint16_t v4s_unaligned __attribute__((vector_size(8), aligned(2)));
typedef uint8_t v4b __attribute__((vector_size(4)));
typedef uint8_t v4b_unaligned __attribute__((vector_size(4), aligned(1)));

extern "C" void dat(int records) {
  const uint32_t* const in = (const uint32_t*)input;
  v4u wrong = {0}, max_x = {0}, max_y = {0}, last = {result.latest, result.latest, result.latest, result.latest};
  int i = 0;
  begin();
  for (; i + 4 <= records; i += 4) {
    const v4u a = *(const v4u_unaligned*)(in + 2 * i), b = *(const v4u_unaligned*)(in + 2 * i + 4);
    const v4u t = __builtin_shufflevector(a, b, 0, 2, 4, 6), pixel = __builtin_shufflevector(a, b, 1, 3, 5, 7);
    const v4u x = pixel & 0x3fff, y = pixel >> 14 & 0x3fff;
    wrong |= (v4u)(t < __builtin_shufflevector(last, t, 3, 4, 5, 6)) | pixel >> 29;
    last = t;
    *(v4u_unaligned*)(times + i) = t;
    *(v4s_unaligned*)(xs + i) = __builtin_convertvector(x, v4s);
    *(v4s_unaligned*)(ys + i) = __builtin_convertvector(y, v4s);
    *(v4b_unaligned*)(ons + i) = __builtin_convertvector(pixel >> 28, v4b);
    max_x = x > max_x ? x : max_x;
    max_y = y > max_y ? y : max_y;
  }
  uint32_t latest = last[3], rest = 0, most_x = 0, most_y = 0;
  for (; i < records; i++) {
    const uint32_t t = in[2 * i], pixel = in[2 * i + 1], x = pixel & 0x3fff, y = pixel >> 14 & 0x3fff;
    rest |= (t < latest) | pixel >> 29;
    latest = t;
    times[i] = t;
    xs[i] = x;
    ys[i] = y;
    ons[i] = pixel >> 28;
    most_x = x > most_x ? x : most_x;
    most_y = y > most_y ? y : most_y;
  }
  for (int k = 0; k < 4; k++) {
    most_x = max_x[k] > most_x ? max_x[k] : most_x;
    most_y = max_y[k] > most_y ? max_y[k] : most_y;
    rest |= wrong[k];
  }
  result.unsound = rest != 0;
  finish(records * 8, records, most_x, most_y, latest);
}

extern "C" void nmnist(int records) {
  uint32_t latest = result.latest, wrong = 0;
  int max_x = 0, max_y = 0, outside = 0;
  begin();
  for (int i = 0; i < records; i++) {
    const uint8_t* const r = input + 5 * i;
    const uint32_t t = (uint32_t)(r[2] & 0x7f) << 16 | r[3] << 8 | r[4];
    const int x = r[0], y = r[1];
    // y = 240 is the timer's overflow, which the twin counts.
    wrong |= (t < latest) | (y == 240);
    latest = t;
    times[i] = t;
    xs[i] = x;
    ys[i] = y;
    ons[i] = r[2] >> 7;
    max_x = x > max_x ? x : max_x;
    max_y = y > max_y ? y : max_y;
    outside += (x > 33) | (y > 33);
  }
  result.unsound = wrong != 0;
  result.outside = outside;
  finish(records * 5, records, max_x, max_y, latest);
}

extern "C" void event_stream(int bytes) {
  uint32_t now = result.base;
  int max_x = 0, max_y = 0, n = 0, at = 0;
  begin();
  while (at < bytes && n < ROOM) {
    const uint32_t head = input[at];
    if (head >= 0xfe) {
      now += head == 0xff ? 127 : 0;
      at++;
      continue;
    }
    if (at + 5 > bytes) break;
    now += head >> 1;
    const int x = input[at + 1] | input[at + 2] << 8, y = input[at + 3] | input[at + 4] << 8;
    times[n] = now;
    xs[n] = x;
    ys[n] = y;
    ons[n++] = head & 1;
    max_x = x > max_x ? x : max_x;
    max_y = y > max_y ? y : max_y;
    at += 5;
  }
  // Past 2^31 µs the twin counts in doubles; one call adds less than 2^24.
  if (now >= 1u << 31) result.unsound = 1;
  result.base = now;
  finish(at, n, max_x, max_y, now);
}

struct Aedat4Event {
  int64_t t;
  int16_t x, y;
  uint8_t on, padding[3];
};

// events [count]; t [count] double, x, y, on: anywhere in memory. @returns 0 where an event is none
extern "C" int unpack_aedat4(const Aedat4Event* events, int count, double* t, uint16_t* x, uint16_t* y, uint8_t* on) {
  int64_t wrong_time = 0, latest = 0;
  int wrong = 0, max_x = 0, max_y = 0;
  for (int i = 0; i < count; i++) {
    const Aedat4Event e = events[i];
    wrong_time |= e.t | (e.t - latest) | (((int64_t)1 << 53) - 1 - e.t);
    latest = e.t;
    wrong |= e.x | e.y | (1 - (int)e.on);
    max_x = e.x > max_x ? e.x : max_x;
    max_y = e.y > max_y ? e.y : max_y;
    t[i] = (double)e.t;
    x[i] = e.x;
    y[i] = e.y;
    on[i] = e.on;
  }
  result.max_x = max_x;
  result.max_y = max_y;
  return wrong_time >= 0 && wrong >= 0;
}

// AEDAT 2.0. Twin: formats/aedat2.ts. Big-endian address and µs; result.low: 1 for the addresses of a DVS128, 0 for DAVIS.
typedef uint8_t v16b __attribute__((vector_size(16)));
typedef uint8_t v16b_unaligned __attribute__((vector_size(16), aligned(1)));
typedef uint64_t v2q __attribute__((vector_size(16)));

template <bool DVS128> static void aedat2_of(int records) {
  const uint32_t no_pixel = DVS128 ? 0xffff8000u : 0x80000400u;
  v4u most_x = {0}, most_y = {0};
  uint32_t latest = result.latest, wrong = 0;
  int n = 0, i = 0;
  begin();
  while (i < records) {
    // Four records at a time while all are events of pixels in order.
    for (; i + 4 <= records; i += 4, n += 4) {
      const v16b a = *(const v16b_unaligned*)(input + 8 * i), b = *(const v16b_unaligned*)(input + 8 * i + 16);
      const v4u address = (v4u)__builtin_shufflevector(a, b, 3, 2, 1, 0, 11, 10, 9, 8, 19, 18, 17, 16, 27, 26, 25, 24);
      const v4u t = (v4u)__builtin_shufflevector(a, b, 7, 6, 5, 4, 15, 14, 13, 12, 23, 22, 21, 20, 31, 30, 29, 28);
      const v2q other = (v2q)((address & no_pixel) | (v4u)(t < __builtin_shufflevector(t, t, 0, 0, 1, 2)));
      if ((other[0] | other[1]) != 0 || t[0] < latest) break;
      const v4u x = DVS128 ? address >> 1 & 0x7f : address >> 12 & 0x3ff, y = DVS128 ? address >> 8 & 0x7f : address >> 22 & 0x1ff;
      *(v4u_unaligned*)(times + n) = t;
      *(v4s_unaligned*)(xs + n) = __builtin_convertvector(x, v4s);
      *(v4s_unaligned*)(ys + n) = __builtin_convertvector(y, v4s);
      *(v4b_unaligned*)(ons + n) = __builtin_convertvector(DVS128 ? 1 - (address & 1) : address >> 11 & 1, v4b);
      most_x = x > most_x ? x : most_x;
      most_y = y > most_y ? y : most_y;
      latest = t[3];
    }
    for (const int end = i + 4 < records ? i + 4 : records; i < end; i++) {
      const uint64_t record = __builtin_bswap64(((const uint64_t*)input)[i]);
      const uint32_t address = record >> 32, t = (uint32_t)record;
      if (address & no_pixel) continue;
      const uint32_t x = DVS128 ? address >> 1 & 0x7f : address >> 12 & 0x3ff, y = DVS128 ? address >> 8 & 0x7f : address >> 22 & 0x1ff;
      times[n] = t;
      xs[n] = x;
      ys[n] = y;
      ons[n++] = DVS128 ? 1 - (address & 1) : address >> 11 & 1;
      wrong |= t < latest;
      latest = t;
      if (x > most_x[0]) most_x[0] = x;
      if (y > most_y[0]) most_y[0] = y;
    }
  }
  uint32_t max_x = 0, max_y = 0;
  for (int k = 0; k < 4; k++) {
    max_x = most_x[k] > max_x ? most_x[k] : max_x;
    max_y = most_y[k] > max_y ? most_y[k] : max_y;
  }
  result.unsound = wrong != 0;
  finish(records * 8, n, max_x, max_y, latest);
}

extern "C" void aedat2(int records) {
  if (result.low) aedat2_of<true>(records);
  else aedat2_of<false>(records);
}
