// Narrow products over a column, eight rows at a time: raw products and their shifted values fit 16 bits, so that no product
// saturates and only the accumulator can.
#pragma once
#include "learning.h"

// A product that is not 0 for the column in hand.
struct Active {
  int32_t post, down_shift, up_shift;
  const int32_t* pre;         // [row]
  const int32_t* spiked_pre;  // [spiked]
};

// What all synapses of a column share.
struct Column {
  int first;           // its first synapse
  int first_row;
  SynapseFormat format;
  int32_t draw_base;   // i·J
  uint32_t prefix;
};

static inline bool is_narrow(const SeparableProduct* product, int32_t post) {
  const int64_t raw = (int64_t)product->pre_bound * (post < 0 ? -post : post);
  return raw <= 32767 && ((raw >> product->down_shift) + 1) << product->up_shift <= 32767;
}

// The top `bits` (<= 14) of eight draws; the last mixing step of fmix does not reach them.
static inline v8s draw8(v4u prefix, v4i low, v4i high, int bits) {
  v4u h[2] = {prefix ^ (v4u)low, prefix ^ (v4u)high};
  for (int k = 0; k < 2; k++) {
    h[k] ^= h[k] >> 16;
    h[k] *= 0x85ebca6bu;
    h[k] ^= h[k] >> 13;
    h[k] *= 0xc2b2ae35u;
    h[k] = shift_right(h[k], 32 - bits);
  }
  return narrow((v4i)h[0], (v4i)h[1]);
}

// SPIKED: the rows in `spiked` (a column of all rows), else all of the column's. Returns the number of synapses with a product other than 0;
// `done`: rows (or entries of `spiked`) worked on, a multiple of 8.
template <int COUNT, bool SPIKED>
static int update_eights(LearningArrays* core, const Active* active, const Column* column, int length, int* done) {
  const SynapseFormat format = column->format;
  const int bits = 7 + format.lsb, down = -format.wgt_exp;
  const v8s mask = splat8((1 << bits) - 1), mins = splat8(format.min), maxs = splat8(format.max);
  const v4u prefix = (v4u)splat((int32_t)column->prefix);
  const v4i base = splat(column->draw_base);
  const int32_t* inputs = SPIKED ? core->spiked_input : core->logical_input + column->first_row;
  int16_t* const mantissa = core->mantissa + column->first;
  int16_t* const weight = core->weight;
  const int32_t* const synapse = core->synapse + column->first;
  const int32_t* const spiked = core->spiked;
  v8s updates = {};
  int k = 0;
  for (; k + 8 <= length; k += 8) {
    v8s raw[COUNT], touched = {};
    for (int n = 0; n < COUNT; n++) {
      const int32_t* pre = SPIKED ? active[n].spiked_pre : active[n].pre + column->first_row;
      raw[n] = narrow(load4(pre + k), load4(pre + k + 4)) * (int16_t)active[n].post;
      touched |= raw[n];
    }
    if (!any((v4i)touched)) continue;
    v8s before;
    if (SPIKED) for_eight(e) before[e] = mantissa[spiked[k + e]];
    else before = *(const v8s_unaligned*)(mantissa + k);
    v8s acc = before << 7;
    for (int n = 0; n < COUNT; n++) {
      acc = add_saturated(acc, shift_left(shift_right(raw[n], active[n].down_shift), active[n].up_shift));
    }
    const v8s draw = draw8(prefix, base + load4(inputs + k), base + load4(inputs + k + 4), bits);
    // floor((acc + draw) / 2^bits) without leaving 16 bits: what is below 2^bits can carry one.
    const v8s carry = shift_right((acc & mask) + draw, bits);
    const v8s rounded = clip(shift_left(shift_right(acc, bits) + carry, format.lsb), mins, maxs);
    const v8s open = touched != 0;
    updates -= open;
    const v8s next = (rounded & open) | (before & ~open);
    if (!any((v4i)(next ^ before))) continue;
    const v8s units = shift_right(next, down);
    if (!SPIKED) *(v8s_unaligned*)(mantissa + k) = next;
    for_eight(e) {
      const int at = SPIKED ? spiked[k + e] : k + e;
      if (SPIKED) mantissa[at] = next[e];
      weight[synapse[at]] = units[e];
    }
  }
  *done = k;
  int updated = 0;
  for_eight(e) updated += updates[e];
  return updated;
}
