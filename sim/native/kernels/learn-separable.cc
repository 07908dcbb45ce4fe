// Separable products over the plastic synapses of a core (design section 6, step 6). Twin: `learnSeparable` of
// sim/learning/learn-separable.ts (equal). Returns the synapses that had a product other than 0.
#include "learning.h"

static const int MAX_PRODUCTS = 16;

static int32_t clip(int32_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : x; }

// A product of this step; raw values fit 32 bits (load-learning.ts lets no others through).
struct Active {
  int32_t mantissa, down_shift, up_shift, high, low;
  const int32_t* post;
};

// (raw >> down) << up, saturated to 16 bits before it can overflow.
static int32_t scaled(const Active* product, int32_t raw) {
  const int32_t p = raw >> product->down_shift;
  return p > product->high ? 32767 : p < product->low ? -32768 : p * (1 << product->up_shift);
}

static int32_t pre_value(const LearningArrays* core, const SeparableProduct* product, int row) {
  if (product->gated && core->pre_spike[row] == 0) return 0;
  int32_t value = 1;
  for (int f = 0; f < product->factor_count; f++) {
    const PreFactor factor = product->factors[f];
    const int32_t operand = factor.variable == 1 ? core->x1[row] : factor.variable == 2 ? core->x2[row] : core->pre_spike[row] > 0;
    const int32_t sum = operand + factor.constant;
    value *= factor.sign ? (sum > 0) - (sum < 0) : clip(sum, -factor.limit, factor.limit - 1);
  }
  return value;
}

// Effective weight in units of 64.
static int32_t units_of(int32_t mantissa, int32_t exponent) {
  const int32_t scaled = exponent >= 0 ? mantissa * (1 << exponent) : mantissa >> -exponent;
  return clip(scaled, -32767, 32767);
}

extern "C" int learn_separable(LearningArrays* core) {
  const int products = core->product_count;
  Active active[MAX_PRODUCTS];
  for (int n = 0; n < products; n++) {
    const SeparableProduct* product = core->products + n;
    const int up = product->up_shift;
    active[n] = {product->mantissa, product->down_shift, up, 32767 >> up, -(32768 >> up), product->post};
  }
  int updates = 0;
  int32_t pre[MAX_PRODUCTS];
  for (int row = 0; row < core->rows; row++) {
    int32_t any = 0;
    for (int n = 0; n < products; n++) any |= pre[n] = active[n].mantissa * pre_value(core, core->products + n, row);
    if (any == 0) continue;
    const int32_t input = core->logical_input[row];
    for (int s = core->row_start[row]; s < core->row_start[row + 1]; s++) {
      const int c = core->compartment[s];
      int32_t acc = core->mantissa[s] * 128;
      int32_t touched = 0;
      for (int n = 0; n < products; n++) {
        const int32_t raw = pre[n] * active[n].post[c];
        touched |= raw;
        acc = clip(acc + scaled(active + n, raw), -32768, 32767);
      }
      if (touched == 0) continue;
      const SynapseFormat* format = core->formats + core->format[s];
      if (format->plan != core->plan) continue;
      updates++;
      const uint32_t draw = fmix(core->prefix ^ (uint32_t)(core->logical_output[c] * core->inputs + input));
      const int bits = 7 + format->lsb;
      const int32_t rounded = ((acc + (int32_t)(draw >> (32 - bits))) >> bits) * (1 << format->lsb);
      const int32_t next = clip(rounded, format->min, format->max);
      if (next == core->mantissa[s]) continue;
      core->mantissa[s] = (int16_t)next;
      core->weight[core->synapse[s]] = (int16_t)units_of(next, format->wgt_exp);
    }
  }
  return updates;
}
