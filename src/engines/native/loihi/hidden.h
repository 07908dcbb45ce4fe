// Hidden layers of one sample: forward in integers, backward in float. Source: design §4.
#pragma once
#include "context.h"

namespace loihi {
namespace {

// words [positions][outCp/LANE] → the events of one step, listed after those of the steps before.
void emitSpikes(const Layer& L, const uint16_t* words, Events& out) {
  const size_t before = out.key.size();
  out.key.resize(before + size_t(L.outH) * L.outW * L.outC + 2);
  const size_t row = out.start.size();
  out.start.resize(row + size_t(L.outH) * L.outW);
  uint32_t* start = out.start.data() + row;
  uint16_t* const first = out.key.data();
  uint16_t* list = first + before;
  for (int y = 0; y < L.outH; y++) {
    for (int x = 0; x < L.outW; x++) {
      const int base = x * L.outC;
      for (int k = 0; k < L.outCp; k += LANE) {
        // Two slots are written whatever there is: a branch on each spike would be guessed wrong too often.
        const uint32_t bits = *words++, more = bits & (bits - 1);
        list[0] = uint16_t(base + k + __builtin_ctz(bits | 0x80000000u));
        list[1] = uint16_t(base + k + __builtin_ctz(more | 0x80000000u));
        const int count = __builtin_popcount(bits);
        if (count > 2) {
          uint16_t* next = list + 2;
          for (uint32_t rest = more & (more - 1); rest; rest &= rest - 1) *next++ = uint16_t(base + k + __builtin_ctz(rest));
        }
        list += count;
      }
      *start++ = uint32_t(list - first);
    }
  }
  out.key.resize(list - first);
}

// OR pool: fires at step r where any input of its window fired at r − 1. A last odd row or column is dropped.
// On a convolution: from its spikes as words.
void poolWords(const Layer& L, const uint16_t* words, int S, Events& out, Array<uint16_t>& space) {
  out.clear(L.outH * L.outW, S);
  const long vectors = L.outCp / LANE, down = L.inW * vectors, step = L.inH * down;
  space.zero(size_t(L.outH) * L.outW * vectors);
  emitSpikes(L, space.data(), out);
  for (int r = 2; r <= S; r++, words += step) {
    uint16_t* to = space.data();
    for (int y = 0; y < L.outH; y++)
      for (int x = 0; x < L.outW; x++) {
        const uint16_t* from = words + 2 * y * down + 2 * x * vectors;
        for (int k = 0; k < vectors; k++) *to++ = from[k] | from[k + vectors] | from[k + down] | from[k + down + vectors];
      }
    emitSpikes(L, space.data(), out);
  }
}

// On a convolution that ran by windows: its words are the pool's.
void poolWindows(const Layer& L, const uint16_t* words, int S, Events& out, Array<uint16_t>& space) {
  out.clear(L.outH * L.outW, S);
  const size_t step = size_t(L.outH) * L.outW * (L.outCp / LANE);
  space.zero(step);
  emitSpikes(L, space.data(), out);
  for (int r = 2; r <= S; r++, words += step) emitSpikes(L, words, out);
}

// On a pool or the input: from a list.
void poolEvents(const Layer& L, const Events& in, int S, Events& out, Array<uint8_t>& flags) {
  out.clear(L.outH * L.outW, S);
  flags.zero(size_t(L.outW) * L.outC);
  for (int r = 1; r <= S; r++) {
    for (int y = 0; y < L.outH; y++) {
      if (r >= 2) {
        for (int dy = 0; dy < 2; dy++) {
          const uint32_t* row = in.start.data() + size_t(r - 2) * in.positions + (2 * y + dy) * L.inW;
          const uint32_t end = row[2 * L.outW];
          for (uint32_t k = row[0]; k < end; k++) {
            const int x = in.key[k] / L.inC, ch = in.key[k] - x * L.inC;
            flags[size_t(x >> 1) * L.outC + ch] = 1;
          }
        }
      }
      for (int x = 0, i = 0; x < L.outW; x++) {
        for (int ch = 0; ch < L.outC; ch++, i++) if (flags[i]) { out.key.push(uint16_t(i)); flags[i] = 0; }
        out.start.push(uint32_t(out.key.size()));
      }
    }
  }
}

// X of steps t0 + 1 … t0 + steps from the events that fired a step before, in units of 64.
void arrivals(const Hidden& h, const Events& in, int t0, int steps, int32_t* q) {
  if (h.largest > 0 && in.value.empty()) convShort(h.L, h.shorts.data(), h.largest, in, t0, steps, q);
  else convEvents<int32_t>(h.L, h.weights.data(), in, t0, steps, q);
}

size_t shortApart(const Layer& L) { return L.outSize() + SHORT_GAP; }
// The same in 16-bit sums, of which `doubt` says at the end whether they were right.
void shortArrivals(const Hidden& h, const Events& in, int t0, int steps, int16_t* q, SlideDoubt& doubt) {
  if (h.sums == SPREAD_SUMS) convSpread(h.L, h.narrow.data(), in, t0, steps, q, shortApart(h.L));
  else convSlide(h.L, h.narrow.data(), in, t0, steps, q, shortApart(h.L), doubt);
}

// How a layer runs: by 16-bit sums and without a look at what seldom happens; without that look; exactly.
enum Way { SHORT_WAY, PLAIN_WAY, EXACT_WAY };

// Returns whether that way served.
template <Way W> bool runConvBy(Context& c, int l, Tape& tape, Work& w, bool store) {
  Hidden& h = c.hidden[l];
  const Layer& L = h.L;
  const Events& in = tape.spikes[l];
  Events& out = tape.spikes[l + 1];
  NeuronState& s = w.neurons[l];
  const int vectors = L.outCp / LANE, positions = L.outH * L.outW;
  const bool list = listed(c, l);
  const size_t words = size_t(positions) * vectors, apart = pooled(c, l) ? words : 0;
  Met met;
  SlideDoubt doubt;
  for (auto* b : {&s.u, &s.v, &s.refractory}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(int32_t));
  __builtin_memset(w.tally.get(), 0, L.outCp * sizeof(int32_t));
  if (store) tape.vBefore[l].resize(L.outSize() * c.S);
  w.words.resize(apart ? words * c.S : words);
  out.clear(positions, c.S);
  VI* tally = reinterpret_cast<VI*>(w.tally.get());
  for (int r = 1; r <= c.S; r += BLOCK_STEPS) {
    const int n = c.S - r + 1 < BLOCK_STEPS ? c.S - r + 1 : BLOCK_STEPS;
    // What fired at r − 1 arrives at r; nothing arrives at r = 1.
    const int skip = r == 1 ? 1 : 0;
    if (W == SHORT_WAY) {
      if (skip) __builtin_memset(w.shortQ.get(), 0, L.outSize() * sizeof(int16_t));
      if (n > skip) shortArrivals(h, in, r - 2 + skip, n - skip, w.shortQ.get() + skip * shortApart(L), doubt);
    } else {
      __builtin_memset(w.q.get(), 0, n * L.outSize() * sizeof(int32_t));
      if (n > skip) arrivals(h, in, r - 2 + skip, n - skip, w.q.get() + skip * L.outSize());
    }
    for (int k = 0; k < n; k++) {
      uint16_t* bits = w.words.data() + size_t(r + k - 1) * apart;
      int32_t* before = store ? tape.vBefore[l].get() + size_t(r + k - 1) * L.outSize() : nullptr;
      const auto fired = [&](int i, int channel, VI spike) { bits[i] = uint16_t(laneBits(spike)); tally[channel] -= spike; };
      const StepInput<int32_t> input = {positions, L.outC, L.outCp, w.q.get() + k * L.outSize(), h.bias.data(), l, r + k};
      if constexpr (W == EXACT_WAY) stepExact(input, h.neuron, s, before, tape.wraps, fired);
      else if constexpr (W == PLAIN_WAY) stepPlain(input, h.neuron, s, before, met, fired);
      else {
        const StepInput<int16_t> narrow = {positions, L.outC, L.outCp, w.shortQ.get() + k * shortApart(L), h.bias.data(), l, r + k};
        stepPlain(narrow, h.neuron, s, before, met, fired);
      }
      if (list) emitSpikes(L, bits, out);
    }
  }
  tape.cut[l] = W == EXACT_WAY || any(met.clipped);
  return !met.wrapped() && (W != SHORT_WAY || doubt.certain());
}

// By windows of the pool above; returns whether that served.
bool runWindows(Context& c, int l, Tape& tape, Work& w, bool store) {
  Hidden& h = c.hidden[l];
  const Layer& L = h.L;
  NeuronState& s = w.neurons[l];
  const size_t windows = size_t(L.outH / 2) * (L.outW / 2), words = windows * (L.outCp / LANE);
  SlideDoubt doubt;
  VI reached = {};
  for (auto* b : {&s.u, &s.v}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(int32_t));
  __builtin_memset(w.tally.get(), 0, L.outCp * sizeof(int32_t));
  if (store) tape.marks[l].resize(windows * L.outCp * c.S);
  w.words.resize(words * c.S);
  tape.spikes[l + 1].clear(L.outH * L.outW, c.S);
  for (int r = 1; r <= c.S; r += BLOCK_STEPS) {
    const int n = c.S - r + 1 < BLOCK_STEPS ? c.S - r + 1 : BLOCK_STEPS, skip = r == 1 ? 1 : 0;
    if (skip) __builtin_memset(w.shortQ.get(), 0, L.outSize() * sizeof(int16_t));
    if (n > skip) shortArrivals(h, tape.spikes[l], r - 2 + skip, n - skip, w.shortQ.get() + skip * shortApart(L), doubt);
    const WindowRun run = {n, w.shortQ.get(), shortApart(L), h.bias.data(), w.words.data() + (r - 1) * words,
                           store ? tape.marks[l].get() + (r - 1) * windows * L.outCp : nullptr};
    windowSteps(L, h.neuron, run, s, reinterpret_cast<VI*>(w.tally.get()), reached);
  }
  tape.cut[l] = 0;
  return doubt.certain() && withinWindowLimit(reached);
}

// The fastest way that serves; the next one where that is only seen at the end.
void runConv(Context& c, int l, Tape& tape, Work& w, bool store) {
  const Hidden& h = c.hidden[l];
  tape.windowed[l] = windowed(c, l) && tape.spikes[l].value.empty() && runWindows(c, l, tape, w, store);
  if (tape.windowed[l]) return;
  if (h.neuron.refractory == 1) {
    if (h.sums != WIDE_SUMS && tape.spikes[l].value.empty() && runConvBy<SHORT_WAY>(c, l, tape, w, store)) return;
    if (runConvBy<PLAIN_WAY>(c, l, tape, w, store)) return;
  }
  runConvBy<EXACT_WAY>(c, l, tape, w, store);
}

// Spikes of every layer, v⁻ where the backward will ask for it, spikes by channel into counts (a pool's: all in its first channel).
void hiddenForward(Context& c, Tape& tape, Work& w, int32_t* counts, bool store) {
  prepare(c, w);
  tape.vBefore.make(c.hidden.size());
  tape.marks.make(c.hidden.size());
  tape.windowed.resize(c.hidden.size());
  tape.cut.resize(c.hidden.size());
  tape.wraps.clear();
  for (int l = 0; l < c.layers(); l++) {
    const Layer& L = c.hidden[l].L;
    Events& out = tape.spikes[l + 1];
    if (c.hidden[l].kind == CONV) {
      runConv(c, l, tape, w, store);
      if (counts) for (int k = 0; k < L.outC; k++) counts[k] += w.tally[k];
    } else {
      if (l > 0 && pooled(c, l - 1) && tape.windowed[l - 1]) poolWindows(L, w.words.data(), c.S, out, w.pool);
      else if (l > 0 && pooled(c, l - 1)) poolWords(L, w.words.data(), c.S, out, w.pool);
      else poolEvents(L, tape.spikes[l], c.S, out, w.flags);
      if (counts) counts[0] += int32_t(out.key.size());
    }
    if (counts) counts += L.outC;
  }
}

// Gradient of a pool that is on a pool: slope 1 to the input with the largest v⁻ in the step it reads, the first in row-major order on
// ties; v⁻ of a pool is 4,096 × its firing inputs. g [S][outH][outW][cp] → gIn [S][inH][inW][cp].
void poolBackward(Context& c, int l, const Tape& tape, const float* g, float* gIn, int below) {
  const Layer& L = c.hidden[l].L;
  const Layer& B = c.hidden[l - 1].L;
  const Events& e = tape.spikes[l - 1];
  const size_t sizeIn = size_t(L.inH) * L.inW * below, sizeOut = size_t(L.outH) * L.outW * L.outCp;
  __builtin_memset(gIn, 0, sizeIn * c.S * sizeof(float));
  Array<int32_t> counts;
  for (int r = 2; r <= c.S; r++) {
    const float* gs = g + size_t(r - 1) * sizeOut;
    float* to = gIn + size_t(r - 2) * sizeIn;
    // The pool below at step r − 1: its own inputs fired at r − 2.
    counts.zero(sizeIn);
    for (int p = 0; r >= 3 && p < e.positions; p++) {
      const int y = p / B.inW, x = p % B.inW;
      if (y / 2 >= B.outH || x / 2 >= B.outW) continue;
      const uint32_t* row = e.start.data() + size_t(r - 3) * e.positions + p;
      for (uint32_t k = row[0]; k < row[1]; k++) counts[(size_t(y / 2) * B.outW + x / 2) * below + e.key[k] - x * B.inC] += 4096;
    }
    for (int y = 0; y < L.outH; y++) {
      for (int x = 0; x < L.outW; x++) {
        const size_t a = (size_t(2 * y) * L.inW + 2 * x) * below, down = size_t(L.inW) * below;
        const size_t at[4] = {a, a + below, a + down, a + down + below};
        const float* from = gs + (size_t(y) * L.outW + x) * L.outCp;
        for (int k = 0; k < L.outC; k++) {
          size_t best = at[0] + k;
          for (int i = 1; i < 4; i++) if (counts[at[i] + k] > counts[best]) best = at[i] + k;
          to[best] += from[k];
        }
      }
    }
  }
}

// The columns beside the map, which taps read as zeros; the map itself is written whole.
void zeroMargins(const Layer& L, float* g, int maps) {
  const size_t margin = size_t(L.padX()) * L.outCp, line = size_t(L.gWidth()) * L.outCp;
  for (size_t row = 0; row < size_t(maps) * L.outH; row++, g += line) {
    __builtin_memset(g, 0, margin * sizeof(float));
    __builtin_memset(g + line - margin, 0, margin * sizeof(float));
  }
}

// Step r of a layer: w.gNext (of its spikes, or of the pool on it) → gq.
template <bool Cut>
void adjointStep(const Context& c, int l, const Tape& tape, const float* perSpike, Work& w, int r, float* gq, float* dB) {
  const Hidden& h = c.hidden[l];
  const Layer& L = h.L;
  const int32_t* before = tape.vBefore[l].get() + size_t(r - 1) * L.outSize();
  if (!pooled(c, l)) {
    stepAdjoint<Cut>(L, h.neuron, before, w.gNext.get() + size_t(r - 1) * L.outSize(), perSpike, w.adjoint[l], gq, dB);
    return;
  }
  // The pool fires at r + 1 what fired here at r.
  const size_t size = c.hidden[l + 1].L.outSize();
  stepAdjointPooled<Cut>(L, h.neuron, before, r < c.S ? w.gNext.get() + r * size : nullptr, perSpike, w.adjoint[l], gq, dB);
}

// Gradient of the spikes of the layer below in rows t0 … t0 + n − 1 of gIn, from the n maps of gx.
void backInto(const Hidden& h, const float* gx, float* gIn, int n, Work& w) {
  const Layer& L = h.L;
  if (!h.tiles.empty()) {
    convBackTiles<float>(L, h.tiles.data(), gx, gIn, n, w.winograd);
    return;
  }
  __builtin_memset(gIn, 0, n * L.inSize() * sizeof(float));
  for (int k = 0; k < n; k++) convBack<float>(L, h.backward.data(), gx + k * L.gSize(), gIn + k * L.inSize(), w.segments.data());
}

// gFeature [S][inputs]: gradient of the last hidden layer's spikes, unpadded [y][x][c].
void hiddenBackward(Context& c, const Tape& tape, const float* gFeature, Work& w, float* into) {
  if (c.layers() == 0) return;
  prepare(c, w);
  size_t offset = hiddenSize(c), channel = 0;
  for (int l = 0; l < c.layers(); l++) channel += c.hidden[l].L.outCp;
  // Into the padded layout of the last hidden layer.
  const Layer& top = c.hidden[c.layers() - 1].L;
  const int positions = top.outH * top.outW;
  for (size_t row = 0; row < size_t(c.S) * positions; row++) {
    float* to = w.gNext.get() + row * top.outCp;
    for (int k = 0; k < top.outC; k++) to[k] = gFeature[row * top.outC + k];
    for (int k = top.outC; k < top.outCp; k++) to[k] = 0;
  }
  for (int l = c.layers() - 1; l >= 0; l--) {
    const Hidden& h = c.hidden[l];
    const Layer& L = h.L;
    channel -= L.outCp;
    if (h.kind == POOL) {
      if (l == 0) return;
      if (pooled(c, l - 1)) continue;                    // its convolution takes the gradient through it
      poolBackward(c, l, tape, w.gNext.get(), w.gIn.get(), c.hidden[l - 1].L.outCp);
      w.gIn.swap(w.gNext);
      continue;
    }
    offset -= accumulatorSize(h);
    float* dW = into + offset;
    float* dB = dW + L.weightSize();
    AdjointState& s = w.adjoint[l];
    for (auto* b : {&s.u, &s.v}) __builtin_memset(b->get(), 0, L.outSize() * sizeof(float));
    const int chunk = chunkOf(L);
    zeroMargins(L, w.gx.get(), chunk);
    // What arrived at step r stands in row r − 2 of the events below; nothing arrives at r = 1.
    for (int last = c.S; last >= 1; last -= chunk) {
      const int first = last - chunk + 1 > 1 ? last - chunk + 1 : 1;
      if (tape.windowed[l]) {
        const size_t pool = c.hidden[l + 1].L.outSize();
        windowAdjoint(L, h.neuron, last - first + 1, last == c.S ? 1 : 0, tape.marks[l].get() + (first - 1) * pool,
                      w.gNext.get() + first * pool, s, w.gx.get(), dB);
      }
      for (int r = last; r >= first && !tape.windowed[l]; r--) {
        float* gq = w.gx.get() + size_t(r - first) * L.gSize();
        if (tape.cut[l]) adjointStep<true>(c, l, tape, c.perSpike.data() + channel, w, r, gq, dB);
        else adjointStep<false>(c, l, tape, c.perSpike.data() + channel, w, r, gq, dB);
      }
      const int from = first > 2 ? first : 2, n = last - from + 1;
      if (n <= 0) continue;
      const float* gx = w.gx.get() + size_t(from - first) * L.gSize();
      if (planesServe(L)) planesOuter<float>(L, gx, tape.spikes[l], from - 2, n, dW, w.planes);
      else outerEvents<float>(L, gx, tape.spikes[l], from - 2, n, dW, w.list);
      if (l > 0) backInto(h, gx, w.gIn.get() + size_t(from - 2) * L.inSize(), n, w);
    }
    if (l == 0) continue;
    __builtin_memset(w.gIn.get() + size_t(c.S - 1) * L.inSize(), 0, L.inSize() * sizeof(float));
    w.gIn.swap(w.gNext);
  }
}

}  // namespace
}  // namespace loihi
