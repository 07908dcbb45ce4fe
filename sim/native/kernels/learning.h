// Arrays of a core's learning engine in linear memory, as sim/learning/learning-kernels.ts lays them out.
#pragma once
#include "vectors.h"

// Mixing of design section 6; for one number and for four.
template <typename T>
static inline T fmix(T h) {
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  return h ^ (h >> 16);
}

struct PreFactor {
  int32_t variable;  // 0 x0, 1 x1, 2 x2
  int32_t constant;
  int32_t limit;     // 2^bits
  int32_t sign;      // 1: sgn of the sum
};

struct SeparableProduct {
  int32_t gated;       // 1: only rows with a pre spike (x0)
  int32_t mantissa;
  int32_t down_shift;
  int32_t up_shift;
  int32_t pre_bound;   // |pre| is never more
  int32_t factor_count;
  PreFactor factors[15];
  const int32_t* post;  // [compartment] product of the post factors, 0 where the product is 0
  int32_t* pre;         // [row] scratch: mantissa times the product of the pre factors; 0 where gated and no spike
  int32_t* spiked_pre;  // [spiked] scratch: the same of the rows in `spiked`; gated products only
};

struct SynapseFormat {
  int32_t lsb, min, max, wgt_exp, plan;
};

// Plastic synapses stand column by column: those of a compartment one after another, rows ascending.
struct LearningArrays {
  int32_t compartments;
  int32_t rows;
  int32_t inputs;        // J
  int32_t plan;          // run synapses of this plan only
  int32_t product_count;
  const uint8_t* x1;     // [row]
  const uint8_t* x2;     // [row]
  const uint8_t* pre_spike;       // [row] nonzero: a spike in the epoch
  const int32_t* logical_input;   // [row]
  const int32_t* logical_output;  // [compartment]
  const int32_t* column_start;    // [compartment + 1]
  const int32_t* dense_row;       // [compartment] row of the column's first synapse where its rows are consecutive and
                                  // all synapses of one format; else -1
  const int32_t* row;             // [plastic]
  const int32_t* synapse;         // [plastic]
  const uint8_t* format;          // [plastic]
  int16_t* mantissa;              // [plastic] overwritten
  int16_t* weight;                // [synapse] in units of 64, overwritten
  const SynapseFormat* formats;   // [format]
  SeparableProduct* products;
  int32_t* spiked;                // [row] scratch: rows with a pre spike
  int32_t* spiked_input;          // [spiked] scratch: their logical inputs
};
