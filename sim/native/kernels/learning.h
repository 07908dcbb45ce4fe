// Arrays of a core's learning engine in linear memory, as sim/learning/kernels.ts lays them out.
#pragma once
#include <stdint.h>

static inline uint32_t fmix(uint32_t h) {
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
  int32_t factor_count;
  PreFactor factors[15];
  const int32_t* post;  // [compartment] product of the post factors, 0 where the product is 0
};

struct SynapseFormat {
  int32_t lsb, min, max, wgt_exp, plan;
};

struct LearningArrays {
  int32_t rows;
  int32_t inputs;        // J
  int32_t plan;          // run synapses of this plan only
  int32_t product_count;
  uint32_t prefix;       // of the step's draws
  const uint8_t* x1;     // [row]
  const uint8_t* x2;     // [row]
  const uint8_t* pre_spike;       // [row] nonzero: a spike in the epoch
  const int32_t* logical_input;   // [row]
  const int32_t* logical_output;  // [compartment]
  const int32_t* row_start;       // [row + 1]
  const int32_t* synapse;         // [plastic]
  const int32_t* compartment;     // [plastic]
  const uint8_t* format;          // [plastic]
  int16_t* mantissa;              // [plastic] overwritten
  int16_t* weight;                // [synapse] in units of 64, overwritten
  const SynapseFormat* formats;   // [format]
  const SeparableProduct* products;
};
