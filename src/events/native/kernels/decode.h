// What the decoding kernels share. A kernel reads `input` and appends events to the columns, as far as all is as in a sound
// file; at anything else it says so and its TypeScript twin (the decoder of that format) does the piece again.
// input [INPUT_BYTES]; times, xs, ys, ons [ROOM] events of this call; times in µs since the caller's epoch.
#pragma once
#include <stdint.h>

static const int INPUT_BYTES = 1 << 17;
static const int ROOM = 1 << 15;
/** Most that one word of any format writes beyond its own events: whole vectors are stored. */
static const int SLACK = 32;

extern "C" {
extern uint8_t input[INPUT_BYTES + 16];
extern uint32_t times[ROOM + SLACK];
extern uint16_t xs[ROOM + SLACK];
extern uint16_t ys[ROOM + SLACK];
extern uint8_t ons[ROOM + SLACK];

// Read and written by every call; fields as in kernels.ts.
extern struct Result {
  int32_t used;      // bytes of the input that are done
  int32_t events;
  int32_t unsound;   // 1: nothing of this call may be used
  int32_t max_x, max_y;
  int32_t held;      // events that stepped back in time within the jitter, held at the latest time
  int32_t dropped;   // events before the first known time
  int32_t outside;   // N-MNIST: events beyond 34×34
  // State of the stream, kept by the caller between calls.
  int32_t known;     // EVT: a TIME_HIGH was seen
  int32_t high;      // EVT3: its 12 bits
  uint32_t base;     // time of the last TIME_HIGH; ES: time of the last event
  uint32_t latest;   // time of the last event
  int32_t low, line, vector_x, vector_on, low_is_old;
} result;
}

static const uint32_t JITTER_US = 100;

// Twin of Validator.checkTimes for one event: the time it is kept at; sets `unsound` where it steps back further.
static inline uint32_t kept_time(uint32_t now, uint32_t* latest, int events) {
  if (now >= *latest) return *latest = now;
  if (*latest - now > JITTER_US) result.unsound = 1;
  result.held += events;
  return *latest;
}

// What every call begins with, and leaves behind.
static inline void begin(void) { result.unsound = result.held = result.dropped = 0; }
static inline void finish(int used, int events, int max_x, int max_y, uint32_t latest) {
  result.used = used;
  result.events = events;
  result.max_x = max_x;
  result.max_y = max_y;
  result.latest = latest;
}
