/* NOT RUN ON SILICON. Accessors with the names that the open nengo-loihi, nxtf, EPL and PeleNet templates use
 * (loihi-facts 4.3); checked only by compiling against nxsdk_stub.h. Before a first run on a chip, check each name,
 * field width and the meaning of the counters against your NxSDK.
 *
 * Each phase is a SNIP: a function and its guard. Spike probes of the outputs must be made in the order of the outputs.
 * Two things differ from the simulated chip: x1 is not cleared at the end of a presentation (its register is not
 * documented in public; compile with resetPreTrace false), and only the outputs' own chip is reset. */
#ifndef RUNTIME_NXSDK_H
#define RUNTIME_NXSDK_H
#ifdef LOIHI_NXSDK_STUB
#include "nxsdk_stub.h"
#else
#include "nxsdk.h"
#endif

enum {
  PROBE_BASE = 0x20,          /* first x86-side spike counter */
  COUNTER_RING = 4,           /* steps that the counters hold */
  TRACE_PROFILE = 3,          /* post trace configuration with no decay and no impulse */
  COMPARTMENTS = 1024,
  COMPARTMENT_GROUPS = 256,   /* of 4 */
  ACCUMULATORS = 8192,
  PHASE_IDLE = 2
};

#ifndef LOIHI_USED_CORES
#define LOIHI_USED_CORES 128 /* cores 0...n-1 of this chip that hold the network */
#endif

static runState *loihi_run_state;
static int loihi_from_host, loihi_to_host;

static inline NeuronCore *loihi_core_of(int32_t output) {
  return NEURON_PTR(nx_nth_coreid(soel_constants.outputs[output].core));
}

static inline int32_t loihi_time(void) { return (int32_t)loihi_run_state->time_step; }

static inline int32_t loihi_read_and_clear_spike_count(int32_t output) {
  const int32_t slot = (loihi_time() - 1) & (COUNTER_RING - 1);
  const int32_t count = (int32_t)SPIKE_COUNT[slot][PROBE_BASE + output];
  SPIKE_COUNT[slot][PROBE_BASE + output] = 0;
  return count;
}

static inline int32_t loihi_read_u(int32_t output) {
  return (int32_t)loihi_core_of(output)->cx_state[soel_constants.outputs[output].compartment].U;
}

static inline int32_t loihi_read_v(int32_t output) {
  return (int32_t)loihi_core_of(output)->cx_state[soel_constants.outputs[output].compartment].V;
}

static inline void loihi_write_post_trace(int32_t output, int32_t y1) {
  PostTraceEntry entry = {0};
  entry.Yepoch0 = (unsigned)y1;
  entry.TraceProfile = TRACE_PROFILE;
  entry.StdpProfile = 0;
  loihi_core_of(output)->stdp_post_state[soel_constants.outputs[output].compartment] = entry;
  nx_flush_core(nx_nth_coreid(soel_constants.outputs[output].core));
}

static inline void loihi_reset_state(void) {
  for (int32_t n = 0; n < LOIHI_USED_CORES; n++) {
    NeuronCore *core = NEURON_PTR(nx_nth_coreid(n));
    for (int32_t i = 0; i < COMPARTMENTS; i++) {
      core->cx_state[i].U = 0;
      core->cx_state[i].V = 0;
    }
    for (int32_t g = 0; g < COMPARTMENT_GROUPS; g++) {
      core->cx_meta_state[g].phase0 = PHASE_IDLE;
      core->cx_meta_state[g].phase1 = PHASE_IDLE;
      core->cx_meta_state[g].phase2 = PHASE_IDLE;
      core->cx_meta_state[g].phase3 = PHASE_IDLE;
    }
    nx_fast_init32(core->dendrite_accum, ACCUMULATORS, 0);
    nx_flush_core(nx_nth_coreid(n));
  }
  for (int32_t slot = 0; slot < COUNTER_RING; slot++) {
    for (int32_t i = 0; i < soel_constants.output_count; i++) SPIKE_COUNT[slot][PROBE_BASE + i] = 0;
  }
}

static inline int32_t loihi_read_channel(void) {
  int32_t word = 0;
  readChannel(loihi_from_host, &word, 1);
  return word;
}

static inline void loihi_write_channel(int32_t word) { writeChannel(loihi_to_host, &word, 1); }

/* The SNIPs, by phase: EMBEDDED_INIT, EMBEDDED_PRELEARN_MGMT, EMBEDDED_MGMT. */
int soel_guard(runState *state);
void soel_init(runState *state);
void soel_pre_learning(runState *state);
void soel_management(runState *state);

int soel_guard(runState *state) {
  loihi_run_state = state;
  return 1;
}

void soel_init(runState *state) {
  loihi_run_state = state;
  loihi_from_host = getChannelID("soel_from_host");
  loihi_to_host = getChannelID("soel_to_host");
  program_init();
}

void soel_pre_learning(runState *state) {
  loihi_run_state = state;
  program_pre_learning();
}

void soel_management(runState *state) {
  loihi_run_state = state;
  program_management();
}
#endif
