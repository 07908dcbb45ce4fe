// Separable products over the plastic synapses of a core (design section 6, step 6). Twin: `learnSeparable` of
// sim/learning/learn-separable.ts (equal). Returns the synapses that had a product other than 0.
#include "learning.h"

static const int MAX_PRODUCTS = 16;

static int64_t clip(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

static int32_t pre_value(const LearningArrays* core, const SeparableProduct* product, int row) {
  if (product->gated && core->pre_spike[row] == 0) return 0;
  int32_t value = 1;
  for (int f = 0; f < product->factor_count; f++) {
    const PreFactor factor = product->factors[f];
    const int32_t operand = factor.variable == 1 ? core->x1[row] : factor.variable == 2 ? core->x2[row] : core->pre_spike[row] > 0;
    const int32_t sum = operand + factor.constant;
    value *= factor.sign ? (sum > 0) - (sum < 0) : (int32_t)clip(sum, -factor.limit, factor.limit - 1);
  }
  return value;
}

static int32_t effective(int32_t mantissa, int32_t exponent) {
  const int32_t scaled = exponent >= 0 ? mantissa * (1 << exponent) : mantissa >> -exponent;
  return (int32_t)clip(scaled * 64, -(1 << 21) + 64, (1 << 21) - 64);
}

extern "C" int learn_separable(LearningArrays* core) {
  int updates = 0;
  int32_t pre[MAX_PRODUCTS];
  for (int row = 0; row < core->rows; row++) {
    int32_t any = 0;
    for (int n = 0; n < core->product_count; n++) any |= pre[n] = pre_value(core, core->products + n, row);
    if (any == 0) continue;
    for (int s = core->row_start[row]; s < core->row_start[row + 1]; s++) {
      const int c = core->compartment[s];
      const SynapseFormat* format = core->formats + core->format[s];
      if (format->plan != core->plan) continue;
      int32_t acc = core->mantissa[s] * 128;
      int touched = 0;
      for (int n = 0; n < core->product_count; n++) {
        const SeparableProduct* product = core->products + n;
        const int32_t post = product->post[c];
        if (pre[n] == 0 || post == 0) continue;
        touched = 1;
        const int64_t raw = (int64_t)product->mantissa * pre[n] * post;
        const int64_t p = clip((raw >> product->down_shift) * (1ll << product->up_shift), -32768, 32767);
        acc = (int32_t)clip(acc + p, -32768, 32767);
      }
      if (!touched) continue;
      updates++;
      const uint32_t draw = fmix(core->prefix ^ (uint32_t)(core->logical_output[c] * core->inputs + core->logical_input[row]));
      const int bits = 7 + format->lsb;
      const int32_t rounded = ((acc + (int32_t)(draw >> (32 - bits))) >> bits) * (1 << format->lsb);
      const int32_t next = (int32_t)clip(rounded, format->min, format->max);
      if (next == core->mantissa[s]) continue;
      core->mantissa[s] = (int16_t)next;
      core->weight[core->synapse[s]] = effective(next, format->wgt_exp);
    }
  }
  return updates;
}
