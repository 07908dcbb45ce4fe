// q[target] += weight for every synapse of every arriving spike, and the operations counted by format. Twins: `scatter` and
// `countSynapses` of sim/phases/arrivals.ts (equal).
// arrivals [count]: axon << 10 | atom.
#include "chip-step.h"

static const int ATOM_BITS = 10;

static inline void add4(int32_t* q, const int16_t* weight) {
  *(v4i_unaligned*)q += __builtin_convertvector(*(const v4s_unaligned*)weight, v4i);
}

static void add_run(int32_t* q, const int16_t* weight, int length) {
  int k = 0;
  for (; k + 16 <= length; k += 16) {
    add4(q + k, weight + k);
    add4(q + k + 4, weight + k + 4);
    add4(q + k + 8, weight + k + 8);
    add4(q + k + 12, weight + k + 12);
  }
  for (; k + 4 <= length; k += 4) add4(q + k, weight + k);
  for (; k < length; k++) q[k] += weight[k];
}

extern "C" void scatter(CoreArrays* core, const int32_t* arrivals, int count) {
  int32_t* const q = core->q;
  int all = 0, dense = 0, population = 0;
  for (int a = 0; a < count; a++) {
    const uint32_t arrival = arrivals[a];
    const int axon = arrival >> ATOM_BITS;
    const int list = core->axon_list[axon] + (arrival & ((1 << ATOM_BITS) - 1));
    const int base = core->axon_base[axon];
    const int first = core->list_start[list], end = core->list_start[list + 1];
    all += end - first;
    if (core->axon_population[axon]) population += end - first;
    else dense += core->list_dense[list];
    const int last = core->run_start[list + 1];
    int run = core->run_start[list];
    if (run == last) {
      for (int k = first; k < end; k++) q[base + core->target[k]] += core->weight[k];
    }
    for (; run < last; run++) {
      add_run(q + base + core->run_target[run], core->weight + core->run_synapse[run], core->run_length[run]);
    }
  }
  core->sparse += all - dense - population;
  core->dense += dense;
  core->population += population;
}
