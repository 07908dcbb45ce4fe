/* What an embedded program of ours may do: a handful of accessors over the outputs of the last layer, numbered from 0.
 * Back ends: runtime_ports.h (emulated x86, the default), runtime_nxsdk.h (-DLOIHI_BACKEND_NXSDK), or functions that
 * another object file defines (-DLOIHI_BACKEND_EXTERNAL). Integers only: the x86 cores have no floating-point unit. */
#ifndef LOIHI_RUNTIME_H
#define LOIHI_RUNTIME_H
#include <stdint.h>

enum { LOIHI_MAX_OUTPUTS = 256, SOEL_TABLE_MAGIC = 0x4c454f53, SOEL_TABLE_VERSION = 1 };

/* Where an output is: chip of the board, core 0...127, compartment 0...1023. */
struct loihi_compartment {
  int32_t chip, core, compartment;
};

/* The program's constants. The compiler of the network fills this table in the machine code, at this symbol: nothing of
 * it may be folded into the code, so it is neither const nor static. */
struct soel_constants {
  int32_t magic;
  int32_t version;
  int32_t output_count;       /* outputs, with or without a class */
  int32_t presentation_steps; /* S, steps of a presentation */
  int32_t window_steps;       /* W, steps between errors, a multiple of E0 */
  int32_t epoch_steps;        /* E0, steps between learning epochs */
  int32_t gamma;              /* gain of the error */
  int32_t theta;              /* what an error must reach to count */
  int32_t hi;                 /* spikes wanted of the target in a window */
  int32_t lo;                 /* spikes wanted of the others */
  int32_t neutral;            /* y1 that means no error */
  int32_t error_max;          /* largest |e| */
  struct loihi_compartment outputs[LOIHI_MAX_OUTPUTS];
};
extern struct soel_constants soel_constants;

/* The program: init once, the others in every step t = 1, 2, ... (before and after the learning engine runs). */
void program_init(void);
void program_pre_learning(void);
void program_management(void);

#if defined(LOIHI_BACKEND_NXSDK)
#include "runtime_nxsdk.h"
#elif defined(LOIHI_BACKEND_EXTERNAL)
int32_t loihi_time(void);                                 /* chip step t, from 1 since the load */
int32_t loihi_read_and_clear_spike_count(int32_t output); /* spikes up to t - 1 since the last read */
int32_t loihi_read_u(int32_t output);                     /* synaptic current after step t */
int32_t loihi_read_v(int32_t output);                     /* voltage after step t */
void loihi_write_post_trace(int32_t output, int32_t y1);  /* 0...127 */
void loihi_reset_state(void);                             /* u, v, refractory, delays, counters, x1; not weights, not t */
int32_t loihi_read_channel(void);                         /* next word of the host's message */
void loihi_write_channel(int32_t word);                   /* a word to the host */
#else
#include "runtime_ports.h"
#endif
#endif
