import type { EventColumns } from "../columns.js";
import { STATE } from "../kernels.js";
import type { DecodeOptions } from "../decoder.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { refuseOutside, writerHeader } from "../writing.js";
import { PropheseeDecoder } from "./prophesee.js";

const WORD_BYTES = 2;
/** Types of words, bits 15…12. Source: reference/event-formats.md, EVT 3.0. */
const TYPE = {
  addrY: 0x0, addrX: 0x2, vectBaseX: 0x3, vect12: 0x4, vect8: 0x5, timeLow: 0x6, continued4: 0x7, timeHigh: 0x8,
  trigger: 0xa, imu: 0xd, others: 0xe, continued12: 0xf,
} as const;
const HIGH_END = 2 ** 12;
const LOW_END = 2 ** 12;
/** The clock starts anew after 2^24 µs, 16.8 s. */
const CLOCK_END_US = HIGH_END * LOW_END;

/** Events in each of the 2^16 words: the counting pass then has no branch. */
const EVENTS_IN = Uint8Array.from({ length: 2 ** 16 }, (_, word) => {
  const type = word >>> 12;
  if (type === TYPE.addrX) return 1;
  if (type !== TYPE.vect12 && type !== TYPE.vect8) return 0;
  let ones = 0;
  for (let rest = word & (type === TYPE.vect12 ? 0xfff : 0xff); rest !== 0; rest &= rest - 1) ones++;
  return ones;
});

/** EVT 3.0: 16-bit words that change one part of the state each; pixels of one line come as masks.
 *  Time moves on at TIME_HIGH only; TIME_LOW may step back a little within one TIME_HIGH, which is no wrap. */
export class Evt3Decoder extends PropheseeDecoder {
  private high = -1;
  private highAtStart = -1;
  private body: Uint8Array = new Uint8Array(0);
  /** Time, line, vector base and polarity at the end of the last call. */
  private state3 = { baseUs: -1, low: 0, line: 0, vectorX: 0, vectorOn: 0 };

  constructor(options: DecodeOptions, problems: Problems) {
    super(options, problems, WORD_BYTES);
  }

  protected decodeWords(bytes: Uint8Array, wordCount: number, out: EventColumns): void {
    [this.body, this.highAtStart] = [bytes, this.high];
    const done = this.runKernel("evt3", bytes, out) / WORD_BYTES;
    if (done > 0) this.takeState();
    if (done < wordCount) this.decodeFrom(this.wordsOf(bytes), done, out);
  }

  /** Goes on where the kernel stopped. */
  private takeState(): void {
    const { state } = this;
    this.high = state[STATE.high];
    this.state3 = {
      baseUs: state[STATE.known] ? state[STATE.base] >>> 0 : -1, low: state[STATE.low], line: state[STATE.line],
      vectorX: state[STATE.vectorX], vectorOn: state[STATE.vectorOn],
    };
  }

  private wordsOf(bytes: Uint8Array): Uint16Array {
    const { buffer, byteOffset, byteLength } = this.aligned(bytes);
    return new Uint16Array(buffer, byteOffset, byteLength / WORD_BYTES);
  }

  /** The twin of the kernel: any file, with what is wrong in it. */
  private decodeFrom(words: Uint16Array, first: number, out: EventColumns): void {
    const wordCount = words.length;
    let count = 0;
    for (let i = first; i < wordCount; i++) count += EVENTS_IN[words[i]];
    out.reserve(count);
    const { t, x, y, on } = out;
    const before = out.length;
    let n = before;
    let { baseUs, low, line, vectorX, vectorOn } = this.state3;
    let now = baseUs + low;
    for (let i = first; i < wordCount; i++) {
      const word = words[i];
      switch (word >>> 12) {
        case TYPE.addrY:
          line = word & 0x7ff;
          break;
        case TYPE.addrX:
          if (baseUs < 0) break;
          t[n] = now;
          x[n] = word & 0x7ff;
          y[n] = line;
          on[n++] = (word >>> 11) & 1;
          break;
        case TYPE.vectBaseX:
          vectorX = word & 0x7ff;
          vectorOn = (word >>> 11) & 1;
          break;
        case TYPE.vect12:
        case TYPE.vect8: {
          const width = word >>> 12 === TYPE.vect12 ? 12 : 8;
          if (baseUs >= 0) {
            for (let mask = word & ((1 << width) - 1); mask !== 0; mask &= mask - 1) {
              t[n] = now;
              x[n] = vectorX + 31 - Math.clz32(mask & -mask);
              y[n] = line;
              on[n++] = vectorOn;
            }
          }
          vectorX += width;
          break;
        }
        case TYPE.timeLow:
          low = word & 0xfff;
          now = baseUs + low;
          break;
        case TYPE.timeHigh:
          baseUs = this.timeHigh(word & 0xfff, baseUs);
          if (this.lowIsOld) low = 0;
          now = baseUs + low;
          break;
        case TYPE.continued4: case TYPE.trigger: case TYPE.imu: case TYPE.others: case TYPE.continued12:
          break;
        default:
          this.problems.report("E-EVT-006", this.wordsOffset + i * WORD_BYTES, {
            found: `a word of unknown type 0x${(word >>> 12).toString(16)}`, limit: "the types of EVT 3.0",
            dropped: "words of unknown type skipped",
          });
      }
    }
    this.noteDropped(count - (n - before));
    out.length = n;
    this.state3 = { baseUs, low, line, vectorX, vectorOn };
  }

  /** After a new TIME_HIGH the low part known so far is of the old one; a repeated one leaves it alone. */
  private lowIsOld = false;

  /** @returns time in µs of the new TIME_HIGH, wraps counted */
  private timeHigh(high: number, baseUs: number): number {
    this.lowIsOld = high !== this.high;
    const wraps = baseUs < 0 ? 0 : Math.floor(baseUs / CLOCK_END_US);
    const wrapped = this.high - high > HIGH_END / 2 ? 1 : 0;
    this.high = high;
    return (wraps + wrapped) * CLOCK_END_US + high * LOW_END;
  }

  locate(index: number): number {
    let known = this.highAtStart >= 0;
    const words = this.wordsOf(this.body);
    let before = 0;
    for (let i = 0; i < words.length; i++) {
      if (words[i] >>> 12 === TYPE.timeHigh) known = true;
      else if (known) before += EVENTS_IN[words[i]];
      if (before > index) return this.wordsOffset + i * WORD_BYTES;
    }
    return this.wordsOffset;
  }
}

/** Writes EVT 3.0, single pixels and no masks. Recordings of more than 16.8 s wrap as the sensor's do; a pause of half
 *  of that would be lost, so TIME_HIGH is repeated through it.
 *  @throws UserError E-EVT-008 where a pixel passes 2047, or the first event comes after 16.8 s */
export function encodeEvt3(stream: EventStream, name: string): Uint8Array {
  refuseOutside(stream, name, { maxX: 0x7ff, maxY: 0x7ff, endUs: CLOCK_END_US, firstOnly: true });
  const header = writerHeader(["evt 3.0", `format EVT3;width=${stream.width};height=${stream.height}`, `geometry ${stream.width}x${stream.height}`, "end"]);
  const { tUs, x, y, polarity } = stream;
  let words = new Uint16Array(4 * tUs.length + 16);
  let n = 0;
  let [high, low, line] = [-1, -1, -1];
  for (let i = 0; i < tUs.length; i++) {
    const eventHigh = Math.floor(tUs[i] / LOW_END);
    if (eventHigh !== high) {
      const from = high < 0 ? eventHigh : high + Math.min(HIGH_END / 4, eventHigh - high);
      for (let step = from; ; step = Math.min(step + HIGH_END / 4, eventHigh)) {
        if (n + 8 > words.length) words = grown(words);
        words[n++] = (TYPE.timeHigh << 12) | (step % HIGH_END);
        if (step === eventHigh) break;
      }
      [high, low] = [eventHigh, -1];
    }
    if (n + 8 > words.length) words = grown(words);
    if (tUs[i] % LOW_END !== low) words[n++] = (TYPE.timeLow << 12) | (low = tUs[i] % LOW_END);
    if (y[i] !== line) words[n++] = (TYPE.addrY << 12) | (line = y[i]);
    words[n++] = (TYPE.addrX << 12) | (polarity[i] << 11) | x[i];
  }
  const out = new Uint8Array(header.length + n * WORD_BYTES);
  out.set(header);
  out.set(new Uint8Array(words.buffer, 0, n * WORD_BYTES), header.length);
  return out;
}

function grown(words: Uint16Array): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(2 * words.length);
  out.set(words);
  return out;
}
