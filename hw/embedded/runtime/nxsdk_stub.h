/* A stub of our own, so that runtime_nxsdk.h can be compiled without NxSDK: names as open templates use them
 * (loihi-facts 4.3 and 6). Types, widths and order are made up here and say nothing about the chip. */
#ifndef NXSDK_STUB_H
#define NXSDK_STUB_H
#include <stdint.h>

typedef struct { uint32_t time_step, total_steps; int32_t userData[64]; } runState;
typedef struct { uint32_t id; } CoreId;
typedef struct { int32_t U, V; } StubCxState;
typedef struct { uint32_t phase0, phase1, phase2, phase3; } StubCxMetaState;
typedef struct {
  uint32_t Yspike0, Yspike1, Yspike2, Yepoch0, Yepoch1, Yepoch2, Tspike, TraceProfile, StdpProfile;
} PostTraceEntry;
typedef struct {
  StubCxState cx_state[1024];
  StubCxMetaState cx_meta_state[256];
  uint32_t dendrite_accum[8192];
  PostTraceEntry stdp_post_state[1024];
  uint32_t time;
} NeuronCore;

NeuronCore *NEURON_PTR(CoreId core);
CoreId nx_nth_coreid(int n);
void nx_fast_init32(void *at, int count, uint32_t value);
void nx_flush_core(CoreId core);
int getChannelID(const char *name);
void readChannel(int id, void *into, int count);
void writeChannel(int id, const void *from, int count);
extern uint32_t SPIKE_COUNT[4][0x20 + 256];
#endif
