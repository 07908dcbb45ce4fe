import type { EventColumns } from "../columns.js";
import type { DecodeOptions } from "../decoder.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { refuseOutside, writerHeader } from "../writing.js";
import { PropheseeDecoder } from "./prophesee.js";

const WORD_BYTES = 8;
const VECTOR = 32;
/** Types of words, bits 63…60. Source: docs.prophesee.ai, EVT 2.1. */
const TYPE = { off: 0x0, on: 0x1, timeHigh: 0x8, trigger: 0xa, others: 0xe, continued: 0xf } as const;
const KNOWN = new Set<number>(Object.values(TYPE));
const HIGH_UNIT_US = 64;
const HIGH_END = 2 ** 28;

const popcount32 = (word: number): number => {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
};

/** EVT 2.1: 64-bit words; a word of pixels holds the low 6 bits of time, x, y and a mask of 32 neighbors in x.
 *  The upper half comes second, or first where the header says `endianness=legacy`. */
export class Evt21Decoder extends PropheseeDecoder {
  private high = -1;
  private wrapUs = 0;
  private highAtStart = -1;
  private words: Uint32Array = new Uint32Array(0);
  private upper = 1;

  constructor(options: DecodeOptions, problems: Problems) {
    super(options, problems, WORD_BYTES);
  }

  protected decodeWords(bytes: Uint8Array, wordCount: number, out: EventColumns): void {
    if (/endianness=legacy/i.test(this.fields.get("format") ?? "")) this.upper = 0;
    const aligned = this.aligned(bytes);
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, 2 * wordCount);
    [this.words, this.highAtStart] = [words, this.high];
    const { upper } = this;
    let count = 0;
    for (let i = 0; i < wordCount; i++) if (words[2 * i + upper] < 0x20000000) count += popcount32(words[2 * i + 1 - upper]);
    out.reserve(count);
    const { t, x, y, on } = out;
    let n = out.length;
    let baseUs = this.high < 0 ? -1 : this.wrapUs + this.high * HIGH_UNIT_US;
    for (let i = 0; i < wordCount; i++) {
      const head = words[2 * i + upper];
      if (head < 0x20000000) {
        if (baseUs < 0) continue;
        const time = baseUs + ((head >>> 22) & 0x3f);
        const baseX = (head >>> 11) & 0x7ff;
        for (let mask = words[2 * i + 1 - upper]; mask !== 0; mask &= mask - 1) {
          t[n] = time;
          x[n] = baseX + 31 - Math.clz32(mask & -mask);
          y[n] = head & 0x7ff;
          on[n++] = head >>> 28;
        }
      } else if (head >>> 28 === TYPE.timeHigh) {
        const high = head & 0x0fffffff;
        if (this.high - high > HIGH_END / 2) this.wrapUs += HIGH_UNIT_US * HIGH_END;
        this.high = high;
        baseUs = this.wrapUs + high * HIGH_UNIT_US;
      } else if (!KNOWN.has(head >>> 28)) {
        this.problems.report("E-EVT-006", this.wordsOffset + i * WORD_BYTES, {
          found: `a word of unknown type 0x${(head >>> 28).toString(16)}`, limit: "types 0, 1, 8, A, E, F of EVT 2.1",
          dropped: "words of unknown type skipped",
        });
      }
    }
    this.noteDropped(count - (n - out.length));
    out.length = n;
  }

  locate(index: number): number {
    let known = this.highAtStart >= 0;
    let before = 0;
    for (let i = 0; i < this.words.length / 2; i++) {
      const head = this.words[2 * i + this.upper];
      if (head >>> 28 === TYPE.timeHigh) known = true;
      else if (known && head < 0x20000000) {
        before += popcount32(this.words[2 * i + 1 - this.upper]);
        if (before > index) return this.wordsOffset + i * WORD_BYTES;
      }
    }
    return this.wordsOffset;
  }
}

/** Writes EVT 2.1; neighbors of one line, time and polarity that follow each other share a word.
 *  @throws UserError E-EVT-008 where a pixel passes 2047 or a time 2^34 µs */
export function encodeEvt21(stream: EventStream, name: string): Uint8Array {
  refuseOutside(stream, name, { maxX: 0x7ff, maxY: 0x7ff, endUs: HIGH_UNIT_US * HIGH_END });
  const header = writerHeader([`format EVT21;width=${stream.width};height=${stream.height}`, `geometry ${stream.width}x${stream.height}`, "evt 2.1", "end"]);
  const { tUs, x, y, polarity } = stream;
  const words = new Uint32Array(4 * tUs.length);
  let n = 0;
  let high = -1;
  for (let i = 0; i < tUs.length; ) {
    const eventHigh = Math.floor(tUs[i] / HIGH_UNIT_US);
    if (eventHigh !== high) {
      high = eventHigh;
      words[n + 1] = ((TYPE.timeHigh << 28) | high) >>> 0;
      n += 2;
    }
    const first = i;
    const baseX = x[i] - (x[i] % VECTOR);
    let mask = 0;
    // Only ascending x, so that reading gives the events back in their order.
    do mask |= 1 << (x[i] - baseX);
    while (++i < tUs.length && tUs[i] === tUs[first] && y[i] === y[first] && polarity[i] === polarity[first] &&
      x[i] > x[i - 1] && x[i] < baseX + VECTOR);
    words[n] = mask >>> 0;
    words[n + 1] = ((polarity[first] << 28) | ((tUs[first] % HIGH_UNIT_US) << 22) | (baseX << 11) | y[first]) >>> 0;
    n += 2;
  }
  const out = new Uint8Array(header.length + n * 4);
  out.set(header);
  out.set(new Uint8Array(words.buffer, 0, n * 4), header.length);
  return out;
}
