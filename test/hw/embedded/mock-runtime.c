/* Neuro cores that replay a script, so that a printed program runs on the host. Script on stdin, decimal words:
 * 1 and the words of a constant table that replaces the program's, or 0; presentations; then per presentation: learn, label,
 * assigned[outputs], and per step fired[outputs], u[outputs]. Prints "y t output y1", "r" (reset), "d decision". */
#include <stdio.h>
#include <stdlib.h>
#include "loihi_runtime.h"

static int32_t next_word(void) {
  long word;
  if (scanf("%ld", &word) != 1) exit(3);
  return (int32_t)word;
}

static int32_t t, fired[LOIHI_MAX_OUTPUTS], u[LOIHI_MAX_OUTPUTS], message[2 + LOIHI_MAX_OUTPUTS], position;

#ifdef LOIHI_BACKEND_NXSDK
/* The stub of NxSDK with a body. Spikes of step t stand in slot t & 3 from the end of step t on. */
static NeuronCore cores[128];
uint32_t SPIKE_COUNT[4][0x20 + 256];
static runState state;
enum { UNTOUCHED = 999 };

NeuronCore *NEURON_PTR(CoreId core) { return &cores[core.id]; }
CoreId nx_nth_coreid(int n) { return (CoreId){.id = (uint32_t)n}; }
void nx_fast_init32(void *at, int count, uint32_t value) {
  for (int k = 0; k < count; k++) ((uint32_t *)at)[k] = value;
}
void nx_flush_core(CoreId core) { (void)core; }
int getChannelID(const char *name) { return name[5] == 'f' ? 1 : 2; }
void readChannel(int id, void *into, int count) {
  if (id != 1 || count != 1) exit(4);
  *(int32_t *)into = message[position++];
}
void writeChannel(int id, const void *from, int count) {
  if (id != 2 || count != 1) exit(4);
  printf("d %d\n", *(const int32_t *)from);
}

static NeuronCore *core_of(int32_t i) { return &cores[soel_constants.outputs[i].core]; }

static void start(void) {
  if (soel_guard(&state) != 1) exit(5);
  soel_init(&state);
}

static void run_step(int32_t last) {
  const int32_t n = soel_constants.output_count;
  state.time_step = (uint32_t)t;
  for (int32_t i = 0; i < n; i++) {
    SPIKE_COUNT[t & 3][0x20 + i] += (uint32_t)fired[i];
    core_of(i)->cx_state[soel_constants.outputs[i].compartment].U = u[i];
    core_of(i)->stdp_post_state[soel_constants.outputs[i].compartment].Yepoch0 = UNTOUCHED;
  }
  soel_pre_learning(&state);
  for (int32_t i = 0; i < n; i++) {
    const PostTraceEntry *entry = &core_of(i)->stdp_post_state[soel_constants.outputs[i].compartment];
    if (entry->Yepoch0 != UNTOUCHED) printf("y %d %d %u\n", t, i, entry->Yepoch0);
  }
  core_of(0)->dendrite_accum[7] = 1;
  soel_management(&state);
  if (last && core_of(0)->cx_state[soel_constants.outputs[0].compartment].U == 0 && core_of(0)->dendrite_accum[7] == 0) puts("r");
}
#else
static int32_t count[LOIHI_MAX_OUTPUTS], before[LOIHI_MAX_OUTPUTS];

int32_t loihi_time(void) { return t; }
int32_t loihi_read_and_clear_spike_count(int32_t output) {
  const int32_t value = count[output];
  count[output] = 0;
  return value;
}
int32_t loihi_read_u(int32_t output) { return u[output]; }
int32_t loihi_read_v(int32_t output) { (void)output; exit(6); }
void loihi_write_post_trace(int32_t output, int32_t y1) { printf("y %d %d %d\n", t, output, y1); }
void loihi_reset_state(void) {
  for (int32_t i = 0; i < LOIHI_MAX_OUTPUTS; i++) count[i] = before[i] = fired[i] = 0;
  puts("r");
}
int32_t loihi_read_channel(void) { return message[position++]; }
void loihi_write_channel(int32_t word) { printf("d %d\n", word); }

static void start(void) { program_init(); }

static void run_step(int32_t last) {
  (void)last;
  for (int32_t i = 0; i < soel_constants.output_count; i++) count[i] += before[i];
  for (int32_t i = 0; i < soel_constants.output_count; i++) before[i] = fired[i];
  program_pre_learning();
  program_management();
}
#endif

int main(void) {
  if (next_word()) {
    int32_t *words = (int32_t *)(void *)&soel_constants;
    for (size_t k = 0; k < sizeof soel_constants / sizeof *words; k++) words[k] = next_word();
  }
  start();
  for (int32_t presentations = next_word(); presentations > 0; presentations--) {
    position = 0;
    for (int32_t k = 0; k < 2 + soel_constants.output_count; k++) message[k] = next_word();
    for (int32_t r = 1; r <= soel_constants.presentation_steps; r++) {
      t++;
      for (int32_t i = 0; i < soel_constants.output_count; i++) fired[i] = next_word();
      for (int32_t i = 0; i < soel_constants.output_count; i++) u[i] = next_word();
      run_step(r == soel_constants.presentation_steps);
    }
  }
  return 0;
}
