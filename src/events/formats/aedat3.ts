import type { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { latin } from "../detect-header.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { refuseOutside } from "../writing.js";

const HEADER_END = "#!END-HEADER\r\n";
const PACKET_HEADER_BYTES = 28;
const EVENT_BYTES = 8;
const POLARITY = 1;
/** Types 0…13 of libcaer; more is no packet header. */
const TYPE_END = 128;
const PACKET_LIMIT_BYTES = 256 * 2 ** 20;

const SOURCES: readonly (readonly [RegExp, number, number])[] = [
  [/DVS128/i, 128, 128], [/DAVIS128/i, 128, 128], [/DAVIS208/i, 208, 192], [/DAVIS240/i, 240, 180], [/DAVIS346/i, 346, 260], [/DAVIS640/i, 640, 480],
];

/** AEDAT 3.1 of cAER (DVS128 Gesture): little-endian packets; only valid polarity events are read. Times are
 *  overflow·2^31 + t. Source: reference/event-formats.md. */
export class Aedat3Decoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private header = false;
  private ended = false;
  private marks: { first: number; at: number }[] = [];
  private bytes: Uint8Array = new Uint8Array(0);
  private offset = 0;

  constructor(_options: DecodeOptions, private readonly problems: Problems) {}

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    [this.bytes, this.offset, this.marks] = [bytes, offset, []];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    if (!this.header) {
      at = this.readHeader(bytes, offset, final);
      if (at < 0) return 0;
    }
    const start = out.length;
    while (!this.ended && at + PACKET_HEADER_BYTES <= bytes.length) {
      const type = view.getInt16(at, true);
      const [size, timeOffset, overflow] = [view.getInt32(at + 4, true), view.getInt32(at + 8, true), view.getInt32(at + 12, true)];
      const [capacity, count] = [view.getInt32(at + 16, true), view.getInt32(at + 20, true)];
      const body = at + PACKET_HEADER_BYTES;
      const sound = type >= 0 && type < TYPE_END && size > 0 && count >= 0 && count <= capacity && overflow >= 0 &&
        size * count <= PACKET_LIMIT_BYTES && (type !== POLARITY || (size === EVENT_BYTES && timeOffset === 4));
      if (!sound) {
        this.problems.report("E-EVT-006", offset + at, {
          found: `a packet header of type ${type} with ${count} events of ${size} bytes`, dropped: "rest of the file behind a damaged packet header dropped",
        });
        this.ended = true;
        break;
      }
      if (body + size * count > bytes.length) break;
      if (type === POLARITY) {
        this.marks.push({ first: out.length - start, at: offset + body });
        this.readPolarity(view, body, count, overflow, offset, out);
      }
      at = body + size * count;
    }
    if (this.ended || !final) return this.ended ? bytes.length : at;
    if (at < bytes.length) {
      this.problems.report("E-EVT-002", offset + at, { found: "the file ends within a packet", dropped: "incomplete last packets dropped" });
    }
    return bytes.length;
  }

  private readHeader(bytes: Uint8Array, offset: number, final: boolean): number {
    const text = latin(bytes, 0, 16_384);
    const end = text.indexOf(HEADER_END);
    if (end < 0) {
      if (!final && bytes.length < 16_384) return -1;
      this.problems.fail("E-EVT-005", offset, { found: "the header has no end", limit: "a line #!END-HEADER within 16 KiB" });
    }
    const format = /#Format: *(\S+)/.exec(text.slice(0, end))?.[1] ?? "RAW";
    if (format !== "RAW") this.problems.fail("E-EVT-009", offset, { found: `AEDAT 3 format ${format}`, limit: "RAW" });
    const source = /#Source[^\r\n]*/.exec(text.slice(0, end))?.[0] ?? "";
    const known = SOURCES.find(([pattern]) => pattern.test(source));
    if (known) this.size = { width: known[1], height: known[2] };
    this.header = true;
    return end + HEADER_END.length;
  }

  private readPolarity(view: DataView, body: number, count: number, overflow: number, offset: number, out: EventColumns): void {
    out.reserve(count);
    const { t, x, y, on } = out;
    let n = out.length;
    const base = overflow * 2 ** 31;
    for (let at = body; at < body + count * EVENT_BYTES; at += EVENT_BYTES) {
      const data = view.getUint32(at, true);
      if ((data & 1) === 0) continue;
      const time = view.getInt32(at + 4, true);
      if (time < 0) {
        this.problems.report("E-EVT-007", offset + at, { found: `t ${time} µs`, limit: "t from 0", dropped: "impossible events dropped" });
        continue;
      }
      t[n] = base + time;
      on[n] = (data >>> 1) & 1;
      y[n] = (data >>> 2) & 0x7fff;
      x[n++] = data >>> 17;
    }
    out.length = n;
  }

  locate(index: number): number {
    const packet = this.marks.findLast(({ first }) => first <= index);
    if (!packet) return this.offset;
    let event = packet.first - 1;
    for (let at = packet.at - this.offset; at < this.bytes.length; at += EVENT_BYTES) {
      if (this.bytes[at] & 1 && ++event === index) return this.offset + at;
    }
    return packet.at;
  }
}

/** Writes AEDAT 3.1 in packets of 4096 events. @throws UserError E-EVT-008 where a pixel passes 32767 */
export function encodeAedat3(stream: EventStream, name: string): Uint8Array {
  const { tUs, x, y, polarity, width, height } = stream;
  refuseOutside(stream, name, { maxX: 0x7fff, maxY: 0x7fff, endUs: 2 ** 53 });
  const camera = SOURCES.find(([, w, h]) => w === width && h === height)?.[0].source ?? `sensor ${width}x${height}`;
  const header = new TextEncoder().encode(`#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: ${camera}\r\n${HEADER_END}`);
  const packets: Uint8Array[] = [header];
  for (let from = 0; from < tUs.length; ) {
    const overflow = Math.floor(tUs[from] / 2 ** 31);
    let to = from;
    while (to < tUs.length && to - from < 4096 && Math.floor(tUs[to] / 2 ** 31) === overflow) to++;
    const packet = new DataView(new ArrayBuffer(PACKET_HEADER_BYTES + (to - from) * EVENT_BYTES));
    [POLARITY | (1 << 16), EVENT_BYTES, 4, overflow, to - from, to - from, to - from].forEach((v, k) => { packet.setInt32(4 * k, v, true); });
    for (let i = from; i < to; i++) {
      const at = PACKET_HEADER_BYTES + (i - from) * EVENT_BYTES;
      packet.setUint32(at, ((x[i] << 17) | (y[i] << 2) | (polarity[i] << 1) | 1) >>> 0, true);
      packet.setInt32(at + 4, tUs[i] % 2 ** 31, true);
    }
    packets.push(new Uint8Array(packet.buffer));
    from = to;
  }
  const out = new Uint8Array(packets.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const packet of packets) {
    out.set(packet, at);
    at += packet.length;
  }
  return out;
}
