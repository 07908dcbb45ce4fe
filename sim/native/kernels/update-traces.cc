// One pre trace of every learning axon (design section 6, step 3): min(127, ((x*decay + draw16) >> 16) + impulse), the
// impulse's fraction rounded by 7 low bits of the draw. Twin: `updateRows` of sim/learning/traces.ts (equal).
// Four rows at a time; the arrays have room for 3 more.
#include "learning.h"

extern "C" void update_traces(int32_t rows, uint32_t prefix, uint8_t* trace, const uint8_t* arrived, const int32_t* logical_input,
                              const int32_t* decay, const uint8_t* impulse, const uint8_t* fraction) {
  const v4u prefixes = (v4u)splat(prefix);
  for (int row = 0; row < rows; row += 4) {
    const v4i x = bytes4(trace + row), spike = bytes4(arrived + row) != 0;
    if (!any(x | spike)) continue;
    const v4u draw = fmix(prefixes ^ (v4u) * (const v4i*)(logical_input + row));
    const v4i kept = (v4i)(((v4u)x * (v4u) * (const v4i*)(decay + row) + (draw >> 16)) >> 16);
    const v4i more = bytes4(impulse + row) - ((v4i)(draw & 127u) < bytes4(fraction + row));
    const v4i next = kept + (more & spike);
    const v4i limited = (spike & (next > 127)) ? splat(127) : next;
    const v4i alive = (x | spike) != 0;
    *(v4b_unaligned*)(trace + row) = __builtin_convertvector(limited & alive, v4b_unaligned);
  }
}
