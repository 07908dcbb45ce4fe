// Separable products over the plastic synapses of a core (design section 6, step 6). Twin: `learnInTypeScript` of
// sim/learning/learn-separable.ts (equal). Returns the synapses that had a product other than 0.
#include "learn-column.h"

static const int MAX_PRODUCTS = 16;
static const int32_t ACC_MIN = -32768, ACC_MAX = 32767;

// (raw >> down) << up, saturated to 16 bits: cut first, so that the shift stays within 32 bits (up <= 15).
static inline int32_t product_value(int32_t raw, int32_t down, int32_t up) {
  return clip(clip(raw >> down, ACC_MIN, ACC_MAX) * (1 << up), ACC_MIN, ACC_MAX);
}

static int32_t pre_value(const LearningArrays* core, const SeparableProduct* product, int row) {
  int32_t value = product->mantissa;
  for (int f = 0; f < product->factor_count; f++) {
    const PreFactor factor = product->factors[f];
    const int32_t operand = factor.variable == 1 ? core->x1[row] : factor.variable == 2 ? core->x2[row] : core->pre_spike[row] > 0;
    const int32_t sum = operand + factor.constant;
    value *= factor.sign ? (sum > 0) - (sum < 0) : clip(sum, -factor.limit, factor.limit - 1);
  }
  return value;
}

// One factor on 4 rows at a time; arrays have room for 3 more.
static void times_factor(const LearningArrays* core, const PreFactor factor, int32_t* pre) {
  const uint8_t* operands = factor.variable == 1 ? core->x1 : factor.variable == 2 ? core->x2 : core->pre_spike;
  const v4i constant = splat(factor.constant), low = splat(-factor.limit), high = splat(factor.limit - 1);
  for (int row = 0; row < core->rows; row += 4) {
    v4i operand = bytes4(operands + row);
    if (factor.variable == 0) operand = -(operand > 0);
    const v4i sum = operand + constant;
    *(v4i*)(pre + row) *= factor.sign ? (sum < 0) - (sum > 0) : clip(sum, low, high);
  }
}

static void fill_pre(const LearningArrays* core, SeparableProduct* product, int spiked_count) {
  if (product->gated) {  // `pre` is 0 elsewhere: clear_pre left it so
    for (int k = 0; k < spiked_count; k++) {
      product->spiked_pre[k] = product->pre[core->spiked[k]] = pre_value(core, product, core->spiked[k]);
    }
    return;
  }
  for (int row = 0; row < core->rows; row += 4) *(v4i*)(product->pre + row) = splat(product->mantissa);
  for (int f = 0; f < product->factor_count; f++) times_factor(core, product->factors[f], product->pre);
}

static void clear_pre(const LearningArrays* core, SeparableProduct* product, int spiked_count) {
  if (product->gated) for (int k = 0; k < spiked_count; k++) product->pre[core->spiked[k]] = 0;
}

static int list_spiked(const LearningArrays* core) {
  int count = 0;
  for (int row = 0; row < core->rows; row += 4) {
    uint32_t four;
    __builtin_memcpy(&four, core->pre_spike + row, 4);
    if (four == 0) continue;
    for (int k = row; k < row + 4; k++) if (core->pre_spike[k]) core->spiked[count++] = k;
  }
  for (int k = 0; k < count; k++) core->spiked_input[k] = core->logical_input[core->spiked[k]];
  return count;
}

// Effective weight in units of 64; 16 bits hold -256·2^7.
static int32_t units_of(int32_t mantissa, int32_t exponent) {
  return exponent >= 0 ? mantissa * (1 << exponent) : mantissa >> -exponent;
}

static int update_one(LearningArrays* core, const Active* active, int count, uint32_t prefix, int c, int s) {
  const int row = core->row[s];
  int32_t acc = core->mantissa[s] * 128, touched = 0;
  for (int n = 0; n < count; n++) {
    const int32_t raw = active[n].pre[row] * active[n].post;
    touched |= raw;
    acc = clip(acc + product_value(raw, active[n].down_shift, active[n].up_shift), ACC_MIN, ACC_MAX);
  }
  const SynapseFormat* format = core->formats + core->format[s];
  if (touched == 0 || format->plan != core->plan) return 0;
  const uint32_t draw = fmix(prefix ^ (uint32_t)(core->logical_output[c] * core->inputs + core->logical_input[row]));
  const int bits = 7 + format->lsb;
  const int32_t rounded = ((acc + (int32_t)(draw >> (32 - bits))) >> bits) * (1 << format->lsb);
  const int32_t next = clip(rounded, format->min, format->max);
  if (next == core->mantissa[s]) return 1;
  core->mantissa[s] = (int16_t)next;
  core->weight[core->synapse[s]] = (int16_t)units_of(next, format->wgt_exp);
  return 1;
}

template <bool SPIKED>
static int update_narrow(LearningArrays* core, const Active* active, int count, const Column* column, int length, int* done) {
  return count == 1 ? update_eights<1, SPIKED>(core, active, column, length, done)
                    : update_eights<2, SPIKED>(core, active, column, length, done);
}

// One column with its products that are not 0.
static int update_column(LearningArrays* core, const Active* active, int count, bool narrow, bool gated, uint32_t prefix, int c,
                         int spiked_count) {
  const int first = core->column_start[c], end = core->column_start[c + 1], first_row = core->dense_row[c];
  const bool dense = first_row >= 0, all_rows = first_row == 0 && end - first == core->rows;
  const bool spiked = gated && all_rows;
  int done = 0, updated = 0;
  if (dense && narrow && count <= 2) {
    const Column column = {first, first_row, core->formats[core->format[first]], core->logical_output[c] * core->inputs, prefix};
    if (column.format.plan != core->plan) return 0;
    if (column.format.wgt_exp <= 0 && column.format.lsb < 8) {  // a step of 256 would need a 16th bit
      updated = spiked ? update_narrow<true>(core, active, count, &column, spiked_count, &done)
                       : update_narrow<false>(core, active, count, &column, end - first, &done);
    }
  }
  if (spiked) {
    for (int k = done; k < spiked_count; k++) updated += update_one(core, active, count, prefix, c, first + core->spiked[k]);
  } else {
    for (int s = first + done; s < end; s++) updated += update_one(core, active, count, prefix, c, s);
  }
  return updated;
}

// active_products: bit n, product n is not 0 in this step.
extern "C" int learn_separable(LearningArrays* core, uint32_t active_products, uint32_t prefix) {
  const int spiked_count = list_spiked(core);
  for (int n = 0; n < core->product_count; n++) {
    if (active_products >> n & 1) fill_pre(core, core->products + n, spiked_count);
  }
  int updated = 0;
  for (int c = 0; c < core->compartments; c++) {
    Active active[MAX_PRODUCTS];
    int count = 0;
    bool gated = true, narrow = true;
    for (int n = 0; n < core->product_count; n++) {
      const SeparableProduct* product = core->products + n;
      if (!(active_products >> n & 1) || product->post[c] == 0) continue;
      gated &= product->gated != 0;
      narrow &= is_narrow(product, product->post[c]);
      active[count++] = {product->post[c], product->down_shift, product->up_shift, product->pre, product->spiked_pre};
    }
    if (count > 0) updated += update_column(core, active, count, narrow, gated, prefix, c, spiked_count);
  }
  for (int n = 0; n < core->product_count; n++) {
    if (active_products >> n & 1) clear_pre(core, core->products + n, spiked_count);
  }
  return updated;
}
