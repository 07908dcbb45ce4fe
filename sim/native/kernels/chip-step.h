// Arrays of one core in linear memory, as sim/kernels.ts lays them out. q is in units of 64.
#pragma once
#include "vectors.h"

// Consecutive compartments of equal constants.
struct Segment {
  int32_t first, end;
  int32_t keep_u, keep_v, vth;
  int32_t blocked;   // steps that a spike blocks; 0: refractory is 0 for good
  int32_t has_bias;
};

struct CoreArrays {
  int32_t compartments;     // n
  int32_t v_min, v_max;
  int32_t segment_count;
  int32_t byte_shift;
  int32_t fired_count, overflow_count;             // written by update_compartments
  int32_t sparse, dense, population;               // written by scatter: synaptic operations by format
  const Segment* segments;
  int32_t* q;               // [n] sum of this step, in units of 64
  int32_t* u;               // [n]
  int32_t* v;               // [n]
  uint8_t* refractory;      // [n] blocked steps left
  const int32_t* bias;      // [n]
  const int32_t* keep_u;    // [n] 4096 - effective decay
  const int32_t* keep_v;    // [n]
  const int32_t* vth;       // [n]
  const uint8_t* blocked;   // [n] steps that a spike blocks
  int32_t* overflow;        // [3n][3] written: compartment, 0 q (in units of 64) | 1 u | 2 u+bias, value
  const int32_t* axon_list; // [axon]
  const int32_t* axon_base; // [axon]
  const uint8_t* axon_population;  // [axon] 1: shared weights
  const int32_t* list_start;  // [list + 1]
  const int32_t* list_dense;  // [list] of its synapses, those in dense entries
  const int32_t* run_start;   // [list + 1]
  const int32_t* run_target;  // [run]
  const int32_t* run_synapse; // [run]
  const int32_t* run_length;  // [run]
  const uint16_t* target;     // [synapse]
  const int16_t* weight;      // [synapse] in units of 64; empty where bytes are used
  // For scatter_bytes, empty elsewhere; layout: sim/narrow-weights.ts.
  const int8_t* byte;         // weight >> byte_shift: runs filled up to whole eights, then lists without runs
  const int32_t* run_byte;    // [run] first byte
  const int32_t* run_eights;  // [run] number of eights
  const int32_t* list_byte;   // [list] first byte where the list has no runs
  int16_t* sum;               // [n + 8] scratch, 0 between calls
};
