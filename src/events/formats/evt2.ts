import type { EventColumns } from "../columns.js";
import { STATE } from "../kernels.js";
import type { DecodeOptions } from "../decoder.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { refuseOutside, writerHeader } from "../writing.js";
import { PropheseeDecoder } from "./prophesee.js";

const WORD_BYTES = 4;
/** Types of words, bits 31…28. Source: reference/event-formats.md, EVT 2.0. */
const TYPE = { off: 0x0, on: 0x1, timeHigh: 0x8, trigger: 0xa, imu: 0xd, others: 0xe, continued: 0xf } as const;
const KNOWN = new Set<number>(Object.values(TYPE));
/** TIME_HIGH counts 64 µs in 28 bits; the clock starts anew after 2^34 µs. */
const HIGH_UNIT_US = 64;
const HIGH_END = 2 ** 28;
const CLOCK_END_US = HIGH_UNIT_US * HIGH_END;

/** EVT 2.0: 32-bit words; a word of a pixel holds the low 6 bits of its time, x and y. */
export class Evt2Decoder extends PropheseeDecoder {
  /** Last TIME_HIGH; −1 before the first. */
  private high = -1;
  private wrapUs = 0;
  private highAtStart = -1;
  private body: Uint8Array = new Uint8Array(0);

  constructor(options: DecodeOptions, problems: Problems) {
    super(options, problems, WORD_BYTES);
  }

  protected decodeWords(bytes: Uint8Array, wordCount: number, out: EventColumns): void {
    [this.body, this.highAtStart] = [bytes, this.high];
    const done = this.runKernel("evt2", bytes, out) / WORD_BYTES;
    if (done > 0 && this.state[STATE.known]) this.high = (this.state[STATE.base] >>> 0) / HIGH_UNIT_US;
    if (done < wordCount) this.decodeFrom(this.wordsOf(bytes), done, out);
  }

  private wordsOf(bytes: Uint8Array): Uint32Array {
    const { buffer, byteOffset, byteLength } = this.aligned(bytes);
    return new Uint32Array(buffer, byteOffset, byteLength / WORD_BYTES);
  }

  /** The twin of the kernel: any file, with what is wrong in it. */
  private decodeFrom(words: Uint32Array, first: number, out: EventColumns): void {
    const wordCount = words.length;
    // Two passes: counting lets the columns be allocated once, which costs less than growing them.
    let count = 0;
    // 1 where the top three bits are 0, without a branch that would be guessed wrong at every TIME_HIGH.
    for (let i = first; i < wordCount; i++) count += ((words[i] >>> 29) - 1) >>> 31;
    out.reserve(count);
    const { t, x, y, on } = out;
    const before = out.length;
    let n = before;
    let { high: lastHigh, wrapUs } = this;
    let baseUs = lastHigh < 0 ? -1 : wrapUs + lastHigh * HIGH_UNIT_US;
    for (let i = first; i < wordCount; i++) {
      const word = words[i];
      if (word < 0x20000000) {
        if (baseUs < 0) continue;
        t[n] = baseUs + ((word >>> 22) & 0x3f);
        x[n] = (word >>> 11) & 0x7ff;
        y[n] = word & 0x7ff;
        on[n++] = word >>> 28;
      } else if (word >>> 28 === TYPE.timeHigh) {
        const high = word & 0x0fffffff;
        if (lastHigh - high > HIGH_END / 2) wrapUs += CLOCK_END_US;
        lastHigh = high;
        baseUs = wrapUs + high * HIGH_UNIT_US;
      } else if (!KNOWN.has(word >>> 28)) this.reportUnknown(word, i);
    }
    [this.high, this.wrapUs] = [lastHigh, wrapUs];
    this.noteDropped(count - (n - before));
    out.length = n;
  }

  private reportUnknown(word: number, index: number): void {
    this.problems.report("E-EVT-006", this.wordsOffset + index * WORD_BYTES, {
      found: `a word of unknown type 0x${(word >>> 28).toString(16)}`, limit: "types 0, 1, 8, A, D, E, F of EVT 2.0",
      dropped: "words of unknown type skipped",
    });
  }

  locate(index: number): number {
    let known = this.highAtStart >= 0;
    const words = this.wordsOf(this.body);
    let event = -1;
    for (let i = 0; i < words.length; i++) {
      if (words[i] >>> 28 === TYPE.timeHigh) known = true;
      else if (known && words[i] < 0x20000000 && ++event === index) return this.wordsOffset + i * WORD_BYTES;
    }
    return this.wordsOffset;
  }
}

/** Writes EVT 2.0. @throws UserError E-EVT-008 where a pixel passes 2047 or a time 2^34 µs */
export function encodeEvt2(stream: EventStream, name: string): Uint8Array {
  refuseOutside(stream, name, { maxX: 0x7ff, maxY: 0x7ff, endUs: CLOCK_END_US });
  const header = writerHeader(["evt 2.0", `format EVT2;width=${stream.width};height=${stream.height}`, `geometry ${stream.width}x${stream.height}`, "end"]);
  const { tUs, x, y, polarity } = stream;
  const words = new Uint32Array(2 * tUs.length + 1);
  let n = 0;
  let high = -1;
  for (let i = 0; i < tUs.length; i++) {
    const eventHigh = Math.floor(tUs[i] / HIGH_UNIT_US);
    if (eventHigh !== high) {
      high = eventHigh;
      words[n++] = ((TYPE.timeHigh << 28) | high) >>> 0;
    }
    words[n++] = ((polarity[i] << 28) | ((tUs[i] % HIGH_UNIT_US) << 22) | (x[i] << 11) | y[i]) >>> 0;
  }
  const out = new Uint8Array(header.length + n * WORD_BYTES);
  out.set(header);
  out.set(new Uint8Array(words.buffer, 0, n * WORD_BYTES), header.length);
  return out;
}
