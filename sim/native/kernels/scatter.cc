// q[target] += weight for every synapse of every arriving spike. Twin: `scatter` of sim/phases/arrivals.ts (equal).
#include "chip-step.h"

static const int ATOM_BITS = 10;

static void add_run(int32_t* q, const int16_t* weight, int length) {
  int k = 0;
  for (; k + 8 <= length; k += 8) {
    v4i_unaligned* to = (v4i_unaligned*)(q + k);
    const v4s_unaligned* from = (const v4s_unaligned*)(weight + k);
    to[0] += __builtin_convertvector(from[0], v4i);
    to[1] += __builtin_convertvector(from[1], v4i);
  }
  for (; k < length; k++) q[k] += weight[k];
}

extern "C" void scatter(const CoreArrays* core) {
  int32_t* q = core->q;
  for (int a = 0; a < core->arrivals_count; a++) {
    const uint32_t arrival = core->arrivals[a];
    const int axon = arrival >> ATOM_BITS;
    const int list = core->axon_list[axon] + (arrival & ((1 << ATOM_BITS) - 1));
    const int base = core->axon_base[axon];
    const int last = core->run_start[list + 1];
    int run = core->run_start[list];
    if (run == last) {
      for (int k = core->list_start[list]; k < core->list_start[list + 1]; k++) q[base + core->target[k]] += core->weight[k];
    }
    for (; run < last; run++) {
      add_run(q + base + core->run_target[run], core->weight + core->run_synapse[run], core->run_length[run]);
    }
  }
}
