// q[target] += weight for every synapse of every arriving spike, and the operations counted by format. Twins: `scatter` and
// `countSynapses` of sim/phases/arrivals.ts (equal).
// arrivals [count]
#include "scatter.h"

static inline void add4(int32_t* q, const int16_t* weight) {
  *(v4i_unaligned*)q += __builtin_convertvector(*(const v4s_unaligned*)weight, v4i);
}

static void add_run(int32_t* q, const int16_t* weight, int length) {
  int k = 0;
  for (; k + 8 <= length; k += 8) {
    add4(q + k, weight + k);
    add4(q + k + 4, weight + k + 4);
  }
  for (; k < length; k++) q[k] += weight[k];
}

extern "C" void scatter(CoreArrays* core, const int32_t* arrivals, int count) {
  int32_t* const q = core->q;
  Counted counted = {0, 0, 0};
  for (int a = 0; a < count; a++) {
    const List list = list_of(core, arrivals[a], &counted);
    const int last = core->run_start[list.number + 1];
    int run = core->run_start[list.number];
    if (run == last) {
      for (int k = list.first; k < list.end; k++) q[list.base + core->target[k]] += core->weight[k];
    }
    for (; run < last; run++) {
      add_run(q + list.base + core->run_target[run], core->weight + core->run_synapse[run], core->run_length[run]);
    }
  }
  add_counts(core, counted);
}
