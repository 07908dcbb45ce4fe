import type { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { decodeKernels, startState } from "../kernels.js";
import type { Problems } from "../problems.js";
import { userError } from "../../base/errors.js";
import type { EventStream } from "../types.js";

const RECORD_BYTES = 5;
const TIME_BITS = 23;
/** An event with this y says that the recorder's clock overflowed: 2^13 µs are added to all later times. */
const OVERFLOW_Y = 240;
const OVERFLOW_US = 2 ** 13;
/** N-MNIST's window, x and y 0…33. */
export const NMNIST_SIZE: SensorSize = { width: 34, height: 34 };
/** Below this share of events beyond 34×34 a file is N-MNIST with damaged events, not N-Caltech101: its recordings
 *  have nearly all events outside that corner. */
const CALTECH_SHARE = 0.2;

/** `.bin` of N-MNIST and N-Caltech101 (`.bs2` of SLAYER): 5 bytes an event, big-endian: x, y, polarity bit and 23 bits
 *  of µs. The format names no sensor size: 34×34 where the events are within it, else the smallest that holds them.
 *  Source: reference/event-formats.md, checked on 1,102 files. */
export class NmnistDecoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private kernels = decodeKernels();
  private readonly state = startState();
  private carryUs = 0;
  private count = 0;
  private outside = 0;
  private maxX = 0;
  private maxY = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private offset = 0;

  constructor(options: DecodeOptions, private readonly problems: Problems) {
    if (options.width && options.height) this.size = { width: options.width, height: options.height };
  }

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    const records = Math.floor(bytes.length / RECORD_BYTES);
    [this.bytes, this.offset] = [bytes, offset];
    if (final && records * RECORD_BYTES !== bytes.length) {
      this.problems.report("E-EVT-002", offset + records * RECORD_BYTES, {
        found: `the file ends within an event (${bytes.length - records * RECORD_BYTES} bytes left over)`,
        limit: "5 bytes an event", dropped: "incomplete last events dropped",
      });
    }
    const done = this.runKernel(bytes, records * RECORD_BYTES, out);
    if (done < records * RECORD_BYTES) this.decodeFrom(bytes, done, records, out);
    if (final && !this.size) this.size = this.sizeByContent();
    return final ? bytes.length : records * RECORD_BYTES;
  }

  /** Lets the kernel decode what is sound; after a timer's overflow the twin does the rest. @returns bytes that are done */
  private runKernel(bytes: Uint8Array, end: number, out: EventColumns): number {
    if (!this.kernels) return 0;
    const before = out.length;
    const { used, sound, outside } = this.kernels.run("nmnist", bytes, 0, end, this.state, out);
    if (!sound) this.kernels = null;
    this.count += out.length - before;
    this.outside += outside;
    if (out.sound) [this.maxX, this.maxY] = [Math.max(this.maxX, out.sound.maxX), Math.max(this.maxY, out.sound.maxY)];
    return used;
  }

  /** The twin of the kernel: any file, overflows counted. */
  private decodeFrom(bytes: Uint8Array, first: number, records: number, out: EventColumns): void {
    out.reserve(records - first / RECORD_BYTES);
    const { t, x, y, on } = out;
    let n = out.length;
    let { carryUs, maxX, maxY, outside } = this;
    for (let at = first, end = records * RECORD_BYTES; at < end; at += RECORD_BYTES) {
      const eventY = bytes[at + 1];
      if (eventY === OVERFLOW_Y) {
        carryUs += OVERFLOW_US;
        continue;
      }
      const eventX = bytes[at];
      const third = bytes[at + 2];
      if (eventX > maxX) maxX = eventX;
      if (eventY > maxY) maxY = eventY;
      if (eventX > 33 || eventY > 33) outside++;
      x[n] = eventX;
      y[n] = eventY;
      on[n] = third >> 7;
      t[n++] = (((third & 0x7f) << 16) | (bytes[at + 3] << 8) | bytes[at + 4]) + carryUs;
    }
    this.count += n - out.length;
    out.length = n;
    Object.assign(this, { carryUs, maxX, maxY, outside });
  }

  private sizeByContent(): SensorSize {
    if (this.outside < Math.max(1, this.count * CALTECH_SHARE)) return NMNIST_SIZE;
    return { width: this.maxX + 1, height: this.maxY + 1 };
  }

  locate(index: number): number {
    let event = -1;
    for (let at = 0; at + RECORD_BYTES <= this.bytes.length; at += RECORD_BYTES) {
      if (this.bytes[at + 1] !== OVERFLOW_Y && ++event === index) return this.offset + at;
    }
    return this.offset;
  }
}

/** Share of the first events that a file must keep in order of time to be taken for this format: by its content alone,
 *  and where its name says so too. Random bytes keep half of them. */
const ORDER_SHARE = 0.9;
const ORDER_SHARE_NAMED = 0.7;
const PROBE_EVENTS = 2000;

/** True where headerless bytes look like this format: times ascend in nearly all of the first events.
 *  @param named  the file's name ends as this format's do */
export function looksLikeNmnist(head: Uint8Array, named: boolean): boolean {
  const records = Math.min(PROBE_EVENTS, Math.floor(head.length / RECORD_BYTES));
  if (records < 2) return head.length === RECORD_BYTES || (named && head.length > 0);
  let ordered = 0;
  let previous = -1;
  for (let i = 0; i < records; i++) {
    const at = i * RECORD_BYTES;
    const t = ((head[at + 2] & 0x7f) << 16) | (head[at + 3] << 8) | head[at + 4];
    if (t >= previous || head[at + 1] === OVERFLOW_Y) ordered++;
    previous = head[at + 1] === OVERFLOW_Y ? -1 : t;
  }
  return ordered >= (named ? ORDER_SHARE_NAMED : ORDER_SHARE) * records;
}

/** Writes the 5-byte format. @throws UserError E-EVT-008 where a pixel passes 255, y is 240, or a time 2^23 − 1 µs */
export function encodeNmnist(stream: EventStream, name: string): Uint8Array {
  const out = new Uint8Array(stream.tUs.length * RECORD_BYTES);
  for (let i = 0; i < stream.tUs.length; i++) {
    const [t, x, y] = [stream.tUs[i], stream.x[i], stream.y[i]];
    if (x > 255 || y > 255 || y === OVERFLOW_Y || t >= 2 ** TIME_BITS) {
      throw userError({
        code: "E-EVT-008", at: name, found: `event ${i} is at x ${x}, y ${y}, t ${t} µs`,
        limit: "x 0…255, y 0…255 but 240, t below 8,388,608 µs in the N-MNIST format",
        hint: "another format, or a crop and a time window first",
      });
    }
    out.set([x, y, (stream.polarity[i] << 7) | (t >>> 16), (t >>> 8) & 0xff, t & 0xff], i * RECORD_BYTES);
  }
  return out;
}
