// Separable products over the plastic synapses of a core (design section 6, step 6). Twin: `learnInTypeScript` of
// sim/learning/learn-separable.ts (equal). Returns the synapses that had a product other than 0.
#include "learning.h"

static const int MAX_PRODUCTS = 16;
static const int32_t ACC_MIN = -32768, ACC_MAX = 32767;

// A product that is not 0 for the column in hand.
struct Active {
  int32_t post, down_shift, up_shift;
  const int32_t* pre;
};

// (raw >> down) << up, saturated to 16 bits: cut first, so that the shift stays within 32 bits (up <= 15).
template <typename T>
static inline T product_value(T raw, int32_t down, int32_t up, T low, T high) {
  return clip(clip(raw >> down, low, high) << up, low, high);
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
    const v4i value = factor.sign ? (sum < 0) - (sum > 0) : clip(sum, low, high);
    *(v4i*)(pre + row) *= value;
  }
}

static void fill_pre(const LearningArrays* core, SeparableProduct* product, int spiked_count) {
  if (product->gated) {  // the array is 0 elsewhere: clear_pre left it so
    for (int k = 0; k < spiked_count; k++) product->pre[core->spiked[k]] = pre_value(core, product, core->spiked[k]);
    return;
  }
  for (int row = 0; row < core->rows; row += 4) *(v4i*)(product->pre + row) = splat(product->mantissa);
  for (int f = 0; f < product->factor_count; f++) times_factor(core, product->factors[f], product->pre);
}

static void clear_pre(const LearningArrays* core, SeparableProduct* product, int spiked_count) {
  for (int k = 0; k < spiked_count; k++) product->pre[core->spiked[k]] = 0;
}

static int list_spiked(const LearningArrays* core) {
  int count = 0;
  int row = 0;
  for (; row + 8 <= core->rows; row += 8) {
    uint64_t eight;
    __builtin_memcpy(&eight, core->pre_spike + row, 8);
    if (eight == 0) continue;
    for (int k = row; k < row + 8; k++) if (core->pre_spike[k]) core->spiked[count++] = k;
  }
  for (; row < core->rows; row++) if (core->pre_spike[row]) core->spiked[count++] = row;
  return count;
}

static void write(LearningArrays* core, int s, int32_t next, int32_t units) {
  core->mantissa[s] = (int16_t)next;
  core->weight[core->synapse[s]] = (int16_t)units;
}

// Effective weight in units of 64.
static int32_t units_of(int32_t mantissa, int32_t exponent) {
  return clip(exponent >= 0 ? mantissa * (1 << exponent) : mantissa >> -exponent, -32767, 32767);
}

static int update_one(LearningArrays* core, const Active* active, int count, uint32_t prefix, int c, int s, int row) {
  int32_t acc = core->mantissa[s] * 128, touched = 0;
  for (int n = 0; n < count; n++) {
    const int32_t raw = active[n].pre[row] * active[n].post;
    touched |= raw;
    acc = clip(acc + product_value(raw, active[n].down_shift, active[n].up_shift, ACC_MIN, ACC_MAX), ACC_MIN, ACC_MAX);
  }
  const SynapseFormat* format = core->formats + core->format[s];
  if (touched == 0 || format->plan != core->plan) return 0;
  const uint32_t draw = fmix(prefix ^ (uint32_t)(core->logical_output[c] * core->inputs + core->logical_input[row]));
  const int bits = 7 + format->lsb;
  const int32_t rounded = ((acc + (int32_t)(draw >> (32 - bits))) >> bits) * (1 << format->lsb);
  const int32_t next = clip(rounded, format->min, format->max);
  if (next != core->mantissa[s]) write(core, s, next, units_of(next, format->wgt_exp));
  return 1;
}

// A whole dense column, 4 rows at a time. COUNT products are active.
template <int COUNT>
static int update_column(LearningArrays* core, const Active* active, uint32_t prefix, int c) {
  const int first = core->column_start[c], end = core->column_start[c + 1], first_row = core->dense_row[c];
  const SynapseFormat format = core->formats[core->format[first]];
  if (format.plan != core->plan) return 0;
  const int bits = 7 + format.lsb;
  const int up = format.wgt_exp > 0 ? format.wgt_exp : 0, down = format.wgt_exp < 0 ? -format.wgt_exp : 0;
  const v4i acc_min = splat(ACC_MIN), acc_max = splat(ACC_MAX), min = splat(format.min), max = splat(format.max);
  const v4u prefixes = (v4u)splat(prefix);
  const v4i base = splat(core->logical_output[c] * core->inputs);
  v4i updates = splat(0);
  int s = first, row = first_row;
  for (; s + 4 <= end; s += 4, row += 4) {
    v4i products[COUNT];
    v4i touched = splat(0);
    for (int n = 0; n < COUNT; n++) {
      products[n] = *(const v4i_unaligned*)(active[n].pre + row) * active[n].post;
      touched |= products[n];
    }
    if (!any(touched)) continue;
    v4s_unaligned* const mantissa = (v4s_unaligned*)(core->mantissa + s);
    const v4i before = __builtin_convertvector(*mantissa, v4i);
    v4i acc = before << 7;
    for (int n = 0; n < COUNT; n++) {
      const v4i value = product_value(products[n], active[n].down_shift, active[n].up_shift, acc_min, acc_max);
      acc = clip(acc + value, acc_min, acc_max);
    }
    const v4i index = base + *(const v4i_unaligned*)(core->logical_input + row);
    const v4i draw = (v4i)(fmix(prefixes ^ (v4u)index) >> (32 - bits));
    const v4i rounded = clip(((acc + draw) >> bits) << format.lsb, min, max);
    const v4i open = touched != 0;
    updates -= open;
    const v4i next = open ? rounded : before;
    if (!any(next ^ before)) continue;
    *mantissa = __builtin_convertvector(next, v4s_unaligned);
    const v4i units = clip((next << up) >> down, splat(-32767), splat(32767));
    for (int k = 0; k < 4; k++) core->weight[core->synapse[s + k]] = (int16_t)units[k];
  }
  int updated = updates[0] + updates[1] + updates[2] + updates[3];
  for (; s < end; s++, row++) updated += update_one(core, active, COUNT, prefix, c, s, row);
  return updated;
}

// Products that look at pre spikes alone touch the rows with a spike only.
static int update_spiked(LearningArrays* core, const Active* active, int count, uint32_t prefix, int c, int spiked_count) {
  const int first = core->column_start[c], length = core->column_start[c + 1] - first;
  int updated = 0;
  for (int k = 0; k < spiked_count; k++) {
    const int at = core->spiked[k] - core->dense_row[c];
    if (at >= 0 && at < length) updated += update_one(core, active, count, prefix, c, first + at, core->spiked[k]);
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
    int count = 0, all_gated = 1;
    for (int n = 0; n < core->product_count; n++) {
      const SeparableProduct* product = core->products + n;
      if (!(active_products >> n & 1) || product->post[c] == 0) continue;
      all_gated &= product->gated;
      active[count++] = {product->post[c], product->down_shift, product->up_shift, product->pre};
    }
    if (count == 0) continue;
    if (core->dense_row[c] >= 0 && all_gated) updated += update_spiked(core, active, count, prefix, c, spiked_count);
    else if (core->dense_row[c] >= 0 && count == 1) updated += update_column<1>(core, active, prefix, c);
    else if (core->dense_row[c] >= 0 && count == 2) updated += update_column<2>(core, active, prefix, c);
    else {
      for (int s = core->column_start[c]; s < core->column_start[c + 1]; s++) {
        updated += update_one(core, active, count, prefix, c, s, core->row[s]);
      }
    }
  }
  for (int n = 0; n < core->product_count; n++) {
    if (active_products >> n & 1 && core->products[n].gated) clear_pre(core, core->products + n, spiked_count);
  }
  return updated;
}
