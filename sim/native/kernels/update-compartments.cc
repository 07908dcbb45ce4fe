// u, v and spike of every compartment of a core (design section 4). Twin: `updateCompartments` of
// sim/phases/compartments.ts (equal, also in the order of overflow events). Returns the number of compartments not at rest.
#include "chip-step.h"

typedef double v4d __attribute__((vector_size(32)));

static const double INVERSE_ONE = 1.0 / 4096;
static const int UNIT = 64;    // of q
static const int Q_BITS = 16;  // 22 bits in units of 64

static int32_t cut(int32_t x, int bits) { return (int32_t)((uint32_t)x << (32 - bits)) >> (32 - bits); }

static void note(CoreArrays* core, int c, int quantity, int32_t value) {
  int32_t* event = core->overflow + 3 * core->overflow_count++;
  event[0] = c;
  event[1] = quantity;
  event[2] = value;
}

// |x|·keep < 2^36 is exact in a double; the conversion rounds toward zero.
static int32_t decayed(int32_t x, int32_t keep) { return (int32_t)((double)x * keep * INVERSE_ONE); }

static int update_one(CoreArrays* core, int c) {
  const int32_t units = core->q[c];
  if ((units | core->u[c] | core->v[c] | core->refractory[c] | core->bias[c]) == 0) return 0;
  core->q[c] = 0;
  if (cut(units, Q_BITS) != units) note(core, c, 0, units);
  const int32_t input = cut(units, Q_BITS) * UNIT;
  int32_t current = decayed(core->u[c], core->keep_u[c]) + input;
  if (cut(current, 24) != current) {
    note(core, c, 1, current);
    current = cut(current, 24);
  }
  core->u[c] = current;
  int32_t drive = current + core->bias[c];
  if (cut(drive, 24) != drive) {
    note(core, c, 2, drive);
    drive = cut(drive, 24);
  }
  int32_t voltage = decayed(core->v[c], core->keep_v[c]) + drive;
  if (voltage > core->v_max) voltage = core->v_max;
  if (voltage < core->v_min) voltage = core->v_min;
  if (core->refractory[c] > 0) {
    core->refractory[c]--;
    voltage = 0;
  } else if (voltage > core->vth[c]) {
    voltage = 0;
    core->refractory[c] = core->blocked[c];
    core->fired[core->fired_count++] = c;
  }
  core->v[c] = voltage;
  return 1;
}

static v4i decayed4(v4i x, v4i keep) {
  return __builtin_convertvector(
      __builtin_convertvector(x, v4d) * __builtin_convertvector(keep, v4d) * INVERSE_ONE, v4i);
}

static v4i cut4(v4i x, int bits) { return (x << (32 - bits)) >> (32 - bits); }

static int any(v4i x) { return (x[0] | x[1] | x[2] | x[3]) != 0; }

extern "C" int update_compartments(CoreArrays* core) {
  core->fired_count = 0;
  core->overflow_count = 0;
  const int n = core->compartments;
  int active = 0, c = 0;
  for (; c + 4 <= n; c += 4) {
    const v4i units = *(const v4i_unaligned*)(core->q + c);
    const v4i u = *(const v4i_unaligned*)(core->u + c);
    const v4i v = *(const v4i_unaligned*)(core->v + c);
    const v4i bias = *(const v4i_unaligned*)(core->bias + c);
    const uint32_t blocked = (uint32_t)core->refractory[c] | core->refractory[c + 1] | core->refractory[c + 2] | core->refractory[c + 3];
    const v4i state = units | u | v | bias;
    if (!blocked && !any(state)) continue;
    const v4i input = units * UNIT;
    const v4i current = decayed4(u, *(const v4i_unaligned*)(core->keep_u + c)) + input;
    const v4i drive = current + bias;
    v4i voltage = decayed4(v, *(const v4i_unaligned*)(core->keep_v + c)) + drive;
    const v4i over = voltage > core->v_max, under = voltage < core->v_min;
    voltage = (voltage & ~(over | under)) | (over & core->v_max) | (under & core->v_min);
    const v4i odd = (cut4(units, Q_BITS) ^ units) | (cut4(current, 24) ^ current) | (cut4(drive, 24) ^ drive) |
                    (voltage > *(const v4i_unaligned*)(core->vth + c));
    if (blocked || any(odd)) {  // spikes, refractory and overflows: one by one
      for (int k = c; k < c + 4; k++) active += update_one(core, k);
      continue;
    }
    const v4i rest = state == 0;
    active += 4 + rest[0] + rest[1] + rest[2] + rest[3];
    *(v4i_unaligned*)(core->q + c) = (v4i){0, 0, 0, 0};
    *(v4i_unaligned*)(core->u + c) = current;
    *(v4i_unaligned*)(core->v + c) = voltage;
  }
  for (; c < n; c++) active += update_one(core, c);
  return active;
}
