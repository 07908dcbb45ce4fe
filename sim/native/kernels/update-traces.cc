// One pre trace of every learning axon (design section 6, step 3): min(127, ((x*decay + draw16) >> 16) + impulse), the
// impulse's fraction rounded by 7 low bits of the draw. Twin: `updateRows` of sim/learning/traces.ts (equal).
#include "learning.h"

extern "C" void update_traces(int32_t rows, uint32_t prefix, uint8_t* trace, const uint8_t* arrived, const int32_t* logical_input,
                              const int32_t* decay, const uint8_t* impulse, const uint8_t* fraction) {
  for (int row = 0; row < rows; row++) {
    if ((trace[row] | arrived[row]) == 0) continue;
    const uint32_t draw = fmix(prefix ^ (uint32_t)logical_input[row]);
    uint32_t next = (trace[row] * (uint32_t)decay[row] + (draw >> 16)) >> 16;
    if (arrived[row]) {
      next += impulse[row] + ((draw & 127) < fraction[row]);
      if (next > 127) next = 127;
    }
    trace[row] = (uint8_t)next;
  }
}
