// As scatter.cc, where all weights of a core are byte·2^shift and no list reaches a compartment twice: half the memory to read,
// and sums in 16 bits, carried over to q before they could overflow. A run's bytes end in zeros, so that it is whole eights. Same twins (equal).
// arrivals [count]
#include "scatter.h"

// So many bytes, -128 each, stay above -2^15.
static const int ARRIVALS_PER_SUM = 255;

static inline void add8(int16_t* sum, const int8_t* weight) {
  *(v8s_unaligned*)sum += __builtin_convertvector(*(const v8b_unaligned*)weight, v8s);
}

static void carry(const CoreArrays* core) {
  int32_t* const q = core->q;
  int16_t* const sum = core->sum;
  const int n = core->compartments, shift = core->byte_shift;
  int c = 0;
  for (; c + 8 <= n; c += 8) {
    const v8s eight = *(const v8s*)(sum + c);
    if (!any((v4i)eight)) continue;
    for (int k = 0; k < 8; k += 4) {
      *(v4i_unaligned*)(q + c + k) += shift_left(__builtin_convertvector(*(const v4s_unaligned*)(sum + c + k), v4i), shift);
    }
    *(v8s*)(sum + c) = (v8s){};
  }
  for (; c < n; c++) {
    q[c] += sum[c] * (1 << shift);
    sum[c] = 0;
  }
}

extern "C" void scatter_bytes(CoreArrays* core, const int32_t* arrivals, int count) {
  int16_t* const sum = core->sum;
  const int8_t* const byte = core->byte;
  Counted counted = {0, 0, 0};
  for (int a = 0; a < count; a++) {
    if (a > 0 && a % ARRIVALS_PER_SUM == 0) carry(core);
    const List list = list_of(core, arrivals[a], &counted);
    int16_t* const to = sum + list.base;
    const int last = core->run_start[list.number + 1];
    int run = core->run_start[list.number];
    if (run == last) {
      const int8_t* from = byte + core->list_byte[list.number];
      for (int k = list.first; k < list.end; k++) to[core->target[k]] += *from++;
    }
    for (; run < last; run++) {
      int16_t* at = to + core->run_target[run];
      const int8_t* from = byte + core->run_byte[run];
      for (const int8_t* end = from + 8 * core->run_eights[run]; from < end; from += 8, at += 8) add8(at, from);
    }
  }
  carry(core);
  add_counts(core, counted);
}
