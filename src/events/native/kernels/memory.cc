// The arrays of decode.h, and where they stand.
#include "decode.h"

extern "C" {
uint8_t input[INPUT_BYTES + 16];
uint32_t times[ROOM + SLACK];
uint16_t xs[ROOM + SLACK];
uint16_t ys[ROOM + SLACK];
uint8_t ons[ROOM + SLACK];
Result result;

extern uint8_t __heap_base;

// which: 0 input, 1 times, 2 xs, 3 ys, 4 ons, 5 result, 6 first free byte behind all
int address(int which) {
  void* const all[] = {input, times, xs, ys, ons, &result, &__heap_base};
  return (int)(intptr_t)all[which];
}
}
