/* Accessors by port I/O, for the emulated x86 of the replay (sim/embedded/x86.ts answers the ports). An output is selected
 * by two writes, then read or written. "Which phase is next?" answered with PHASE_WAIT halts the machine until the
 * neuro cores have reached the next phase: lockstep without threads and without polling. */
#ifndef RUNTIME_PORTS_H
#define RUNTIME_PORTS_H

enum {
  PORT_PHASE = 0xe00,
  PORT_TIME = 0xe04,
  PORT_SELECT_CORE = 0xe08, /* chip * 128 + core */
  PORT_SELECT_COMPARTMENT = 0xe0c,
  PORT_SPIKE_COUNT = 0xe10,
  PORT_U = 0xe14,
  PORT_V = 0xe18,
  PORT_POST_TRACE = 0xe1c,
  PORT_RESET = 0xe20,
  PORT_CHANNEL = 0xe24
};
enum { PHASE_WAIT = 0, PHASE_PRE_LEARNING = 1, PHASE_MANAGEMENT = 2 };
enum { CORES_PER_CHIP = 128 };

static inline void port_write(uint16_t port, int32_t value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline int32_t port_read(uint16_t port) {
  int32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port) : "memory");
  return value;
}

static inline void select_output(int32_t output) {
  const struct loihi_compartment *at = &soel_constants.outputs[output];
  port_write(PORT_SELECT_CORE, at->chip * CORES_PER_CHIP + at->core);
  port_write(PORT_SELECT_COMPARTMENT, at->compartment);
}

static inline int32_t loihi_time(void) { return port_read(PORT_TIME); }

static inline int32_t loihi_read_and_clear_spike_count(int32_t output) {
  select_output(output);
  return port_read(PORT_SPIKE_COUNT);
}

static inline int32_t loihi_read_u(int32_t output) {
  select_output(output);
  return port_read(PORT_U);
}

static inline int32_t loihi_read_v(int32_t output) {
  select_output(output);
  return port_read(PORT_V);
}

static inline void loihi_write_post_trace(int32_t output, int32_t y1) {
  select_output(output);
  port_write(PORT_POST_TRACE, y1);
}

static inline void loihi_reset_state(void) { port_write(PORT_RESET, 1); }
static inline int32_t loihi_read_channel(void) { return port_read(PORT_CHANNEL); }
static inline void loihi_write_channel(int32_t word) { port_write(PORT_CHANNEL, word); }

/* Called by start.S. Never returns. */
void loihi_main(void);
void loihi_main(void) {
  program_init();
  for (;;) {
    switch (port_read(PORT_PHASE)) {
      case PHASE_PRE_LEARNING:
        program_pre_learning();
        break;
      case PHASE_MANAGEMENT:
        program_management();
        break;
      default:
        __asm__ volatile("hlt" : : : "memory");
    }
  }
}
#endif
