import type { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { decodeKernels, STATE, startState } from "../kernels.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { refuseOutside } from "../writing.js";

const MAGIC = "Event Stream";
const HEADER_BYTES = 20;
const EVENT_BYTES = 5;
const TYPE_NAMES = ["generic", "DVS", "ATIS", "asynchronous ATIS", "color"];
const TYPE = { dvs: 1, atis: 2 } as const;

/** Event Stream `.es` version 2, types DVS and ATIS (whose exposure measurements are left out).
 *  Source: reference/event-formats.md. y is given as stored: it points up. */
export class EventStreamDecoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private kernels = decodeKernels();
  private readonly state = startState();
  private type = -1;
  private now = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private offset = 0;

  constructor(_options: DecodeOptions, private readonly problems: Problems) {}

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    let at = 0;
    if (this.type < 0) {
      if (bytes.length < HEADER_BYTES && !final) return 0;
      at = this.readHeader(bytes, offset);
    }
    [this.bytes, this.offset] = [bytes.subarray(at), offset + at];
    at += this.type === TYPE.dvs ? this.readDvs(this.bytes, out) : this.readAtis(this.bytes, out);
    if (final && at < bytes.length) {
      this.problems.report("E-EVT-002", offset + at, {
        found: `the file ends within an event (${bytes.length - at} bytes left over)`, limit: "5 bytes an event",
        dropped: "incomplete last events dropped",
      });
    }
    return final ? bytes.length : at;
  }

  private readHeader(bytes: Uint8Array, offset: number): number {
    if (bytes.length < HEADER_BYTES) this.problems.fail("E-EVT-002", offset + bytes.length, { found: "the file ends within its header" });
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const [major, type] = [bytes[MAGIC.length], bytes[MAGIC.length + 3]];
    if (major !== 2) this.problems.fail("E-EVT-009", offset + MAGIC.length, { found: `Event Stream version ${major}`, limit: "version 2" });
    if (type !== TYPE.dvs && type !== TYPE.atis) {
      this.problems.fail("E-EVT-009", offset + MAGIC.length + 3, {
        found: `an Event Stream of type ${type} (${TYPE_NAMES[type] ?? "unknown"})`, limit: "1 (DVS) and 2 (ATIS)",
      });
    }
    this.type = type;
    const size = { width: view.getUint16(16, true), height: view.getUint16(18, true) };
    if (size.width === 0 || size.height === 0) {
      this.problems.fail("E-EVT-005", offset + 16, { found: `a sensor of ${size.width}×${size.height} pixels`, limit: "at least 1×1" });
    }
    this.size = size;
    return HEADER_BYTES;
  }

  private readDvs(bytes: Uint8Array, out: EventColumns): number {
    const { used, sound } = this.kernels?.run("event_stream", bytes, 0, bytes.length, this.state, out) ?? { used: 0, sound: false };
    if (used > 0) this.now = this.state[STATE.base];
    if (sound) return used;
    // Past what 31 bits count: the twin does the rest of the file.
    this.kernels = null;
    return this.readDvsFrom(bytes, used, out);
  }

  /** The twin of the kernel: times of any length. */
  private readDvsFrom(bytes: Uint8Array, from: number, out: EventColumns): number {
    out.reserve(Math.floor((bytes.length - from) / EVENT_BYTES));
    const { t, x, y, on } = out;
    let [n, now, at] = [out.length, this.now, from];
    while (at < bytes.length) {
      const head = bytes[at];
      if (head === 0xff) {
        now += 127;
        at++;
      } else if (head === 0xfe) at++; // The clock was reset; times go on.
      else {
        if (at + EVENT_BYTES > bytes.length) break;
        now += head >> 1;
        t[n] = now;
        x[n] = bytes[at + 1] | (bytes[at + 2] << 8);
        y[n] = bytes[at + 3] | (bytes[at + 4] << 8);
        on[n++] = head & 1;
        at += EVENT_BYTES;
      }
    }
    [out.length, this.now] = [n, now];
    return at;
  }

  private readAtis(bytes: Uint8Array, out: EventColumns): number {
    out.reserve(Math.floor(bytes.length / EVENT_BYTES));
    const { t, x, y, on } = out;
    let [n, now, at] = [out.length, this.now, 0];
    while (at < bytes.length) {
      const head = bytes[at];
      if (head >= 0xfc) {
        now += 63 * (head & 3);
        at++;
        continue;
      }
      if (at + EVENT_BYTES > bytes.length) break;
      now += head >> 2;
      // Bit 0 marks a crossing of the exposure measurement, which is no change of brightness.
      if ((head & 1) === 0) {
        t[n] = now;
        x[n] = bytes[at + 1] | (bytes[at + 2] << 8);
        y[n] = bytes[at + 3] | (bytes[at + 4] << 8);
        on[n++] = (head >> 1) & 1;
      }
      at += EVENT_BYTES;
    }
    [out.length, this.now] = [n, now];
    return at;
  }

  locate(index: number): number {
    let event = -1;
    for (let at = 0; at < this.bytes.length; ) {
      const head = this.bytes[at];
      const skip = this.type === TYPE.dvs ? head >= 0xfe : head >= 0xfc;
      const counts = !skip && (this.type === TYPE.dvs || (head & 1) === 0);
      if (counts && ++event === index) return this.offset + at;
      at += skip ? 1 : EVENT_BYTES;
    }
    return this.offset;
  }
}

/** Writes a DVS Event Stream, version 2.0.0. Times in the file start at 0, so the first event's time must be the
 *  pause before it. @throws UserError E-EVT-008 where a pixel passes 65535 */
export function encodeEventStream(stream: EventStream, name: string): Uint8Array {
  refuseOutside(stream, name, { maxX: 0xffff, maxY: 0xffff, endUs: 2 ** 32 });
  const { tUs, x, y, polarity, width, height } = stream;
  let bytes = HEADER_BYTES;
  for (let i = 0, now = 0; i < tUs.length; now = tUs[i++]) bytes += EVENT_BYTES + Math.floor((tUs[i] - now) / 127);
  const out = new Uint8Array(bytes);
  out.set(new TextEncoder().encode(MAGIC));
  out.set([2, 0, 0, TYPE.dvs, width & 0xff, width >> 8, height & 0xff, height >> 8], MAGIC.length);
  let at = HEADER_BYTES;
  let now = 0;
  for (let i = 0; i < tUs.length; i++) {
    // A step of 127 with either polarity would read as 0xfe or 0xff, so at most 126 µs stand in an event.
    for (; tUs[i] - now >= 127; now += 127) out[at++] = 0xff;
    out[at++] = ((tUs[i] - now) << 1) | polarity[i];
    out[at++] = x[i] & 0xff;
    out[at++] = x[i] >> 8;
    out[at++] = y[i] & 0xff;
    out[at++] = y[i] >> 8;
    now = tUs[i];
  }
  return out;
}
