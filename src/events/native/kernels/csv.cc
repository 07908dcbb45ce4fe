// Rows of four whole numbers with one comma, semicolon, tab or blank between, each row ended by a line feed. Twin: formats/csv.ts.
// result.low, line, vector_x, vector_on: columns of t, x, y and polarity.
#include "decode.h"

extern "C" void csv(int bytes) {
  const int t_column = result.low, x_column = result.line, y_column = result.vector_x, on_column = result.vector_on;
  uint32_t latest = result.latest;
  int max_x = 0, max_y = 0, n = 0, used = 0;
  uint64_t wrong = 0;
  begin();
  input[bytes] = 0;
  for (int at = 0; n < ROOM; used = at) {
    uint64_t cells[4];
    for (int c = 0; c < 4; c++) {
      const int start = at;
      uint64_t value = 0;
      for (uint32_t digit; (digit = input[at] - '0') <= 9; at++) value = value * 10 + digit;
      if (at == bytes) goto done;  // The row goes on in the next piece.
      // More digits than a time below 2^32 has, or none: the twin knows what it is.
      if (at == start || at - start > 10) { wrong = 1; goto done; }
      cells[c] = value;
      const uint8_t next = input[at++];
      if (c < 3) wrong |= next != ',' && next != ';' && next != '\t' && next != ' ';
      else if (next == '\r') {
        if (at == bytes) goto done;
        wrong |= input[at++] != '\n';
      } else wrong |= next != '\n';
    }
    const uint64_t t = cells[t_column], x = cells[x_column], y = cells[y_column], on = cells[on_column];
    wrong |= t >> 32 | x >> 16 | y >> 16 | on >> 1 | (t < latest);
    if (wrong) break;
    latest = t;
    times[n] = t;
    xs[n] = x;
    ys[n] = y;
    ons[n++] = on;
    max_x = (int)x > max_x ? x : max_x;
    max_y = (int)y > max_y ? y : max_y;
  }
done:
  result.unsound = wrong != 0;
  finish(used, n, max_x, max_y, latest);
}
