// What both forms of scatter share: an arrival's list, and the operations counted by format.
#pragma once
#include "chip-step.h"

static const int ATOM_BITS = 10;

struct List {
  int number, base, first, end;
};

struct Counted {
  int all, dense, population;
};

// arrival: axon << 10 | atom.
static inline List list_of(const CoreArrays* core, uint32_t arrival, Counted* counted) {
  const int axon = arrival >> ATOM_BITS;
  const int list = core->axon_list[axon] + (arrival & ((1 << ATOM_BITS) - 1));
  const int first = core->list_start[list], end = core->list_start[list + 1];
  counted->all += end - first;
  if (core->axon_population[axon]) counted->population += end - first;
  else counted->dense += core->list_dense[list];
  return {list, core->axon_base[axon], first, end};
}

static inline void add_counts(CoreArrays* core, const Counted counted) {
  core->sparse += counted.all - counted.dense - counted.population;
  core->dense += counted.dense;
  core->population += counted.population;
}
