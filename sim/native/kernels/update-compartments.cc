// u, v and spike of every compartment of a core (design section 4). Twin: `updateInTypeScript` of
// sim/phases/compartments.ts (equal, also in the order of overflow events). Returns the number of compartments not at rest.
#include "chip-step.h"

static const int UNIT = 64;    // of q
static const int Q_BITS = 16;  // 22 bits in units of 64
static const int STATE_BITS = 24;

static int32_t cut(int32_t x, int bits) { return (int32_t)((uint32_t)x << (32 - bits)) >> (32 - bits); }

static void note(CoreArrays* core, int c, int quantity, int32_t value) {
  int32_t* event = core->overflow + 3 * core->overflow_count++;
  event[0] = c;
  event[1] = quantity;
  event[2] = value;
}

// |x|·keep < 2^36, toward zero.
static int32_t decayed(int32_t x, int32_t keep) { return (int32_t)((int64_t)x * keep / 4096); }

static void fire(CoreArrays* core, int32_t* fired, int c) {
  core->refractory[c] = core->blocked[c];
  fired[core->fired_count++] = c;
}

static int update_one(CoreArrays* core, int32_t* fired, int c) {
  const int32_t units = core->q[c];
  if ((units | core->u[c] | core->v[c] | core->refractory[c] | core->bias[c]) == 0) return 0;
  core->q[c] = 0;
  if (cut(units, Q_BITS) != units) note(core, c, 0, units);
  const int32_t input = cut(units, Q_BITS) * UNIT;
  int32_t current = decayed(core->u[c], core->keep_u[c]) + input;
  if (cut(current, STATE_BITS) != current) {
    note(core, c, 1, current);
    current = cut(current, STATE_BITS);
  }
  core->u[c] = current;
  int32_t drive = current + core->bias[c];
  if (cut(drive, STATE_BITS) != drive) {
    note(core, c, 2, drive);
    drive = cut(drive, STATE_BITS);
  }
  int32_t voltage = clip(decayed(core->v[c], core->keep_v[c]) + drive, core->v_min, core->v_max);
  if (core->refractory[c] > 0) {
    core->refractory[c]--;
    voltage = 0;
  } else if (voltage > core->vth[c]) {
    voltage = 0;
    fire(core, fired, c);
  }
  core->v[c] = voltage;
  return 1;
}

// |x| = 4096·high + low: floor(|x|·keep/4096) = high·keep + floor(low·keep/4096), each within 24 bits; then x's sign.
static v4i decayed4(v4i x, v4i keep) {
  const v4i sign = x >> 31, size = (x ^ sign) - sign;
  const v4i kept = (size >> 12) * keep + (((size & 4095) * keep) >> 12);
  return (kept ^ sign) - sign;
}

static v4i cut4(v4i x, int bits) { return (x << (32 - bits)) >> (32 - bits); }

static int update_segment(CoreArrays* core, int32_t* fired, const Segment segment) {
  const v4i v_min = splat(core->v_min), v_max = splat(core->v_max);
  const v4i keep_u = splat(segment.keep_u), keep_v = splat(segment.keep_v), vth = splat(segment.vth);
  int32_t* const q = core->q;
  int32_t* const u = core->u;
  int32_t* const v = core->v;
  v4i resting = splat(0);
  int active = 0, c = segment.first;
  for (; c + 4 <= segment.end; c += 4) {
    const v4i units = load4(q + c), bias = segment.has_bias ? load4(core->bias + c) : splat(0);
    const v4i u_before = load4(u + c), v_before = load4(v + c);
    const v4i state = units | u_before | v_before | bias;
    uint32_t blocked = 0;
    if (segment.blocked) __builtin_memcpy(&blocked, core->refractory + c, 4);
    if (blocked == 0 && !any(state)) continue;
    const v4i current = decayed4(u_before, keep_u) + units * UNIT;
    const v4i drive = current + bias;
    const v4i voltage = clip(decayed4(v_before, keep_v) + drive, v_min, v_max);
    const v4i over = (cut4(units, Q_BITS) ^ units) | (cut4(current, STATE_BITS) ^ current) | (cut4(drive, STATE_BITS) ^ drive);
    if (blocked != 0 || any(over)) {  // one by one
      for (int k = c; k < c + 4; k++) active += update_one(core, fired, k);
      continue;
    }
    const v4i spike = voltage > vth;
    active += 4;
    resting += state == 0;
    *(v4i_unaligned*)(q + c) = splat(0);
    *(v4i_unaligned*)(u + c) = current;
    *(v4i_unaligned*)(v + c) = voltage & ~spike;
    if (any(spike)) for (int k = 0; k < 4; k++) if (spike[k]) fire(core, fired, c + k);
  }
  for (; c < segment.end; c++) active += update_one(core, fired, c);
  return active + resting[0] + resting[1] + resting[2] + resting[3];
}

// fired: written, ascending, [compartments].
extern "C" int update_compartments(CoreArrays* core, int32_t* fired) {
  core->fired_count = 0;
  core->overflow_count = 0;
  int active = 0;
  for (int s = 0; s < core->segment_count; s++) active += update_segment(core, fired, core->segments[s]);
  return active;
}
