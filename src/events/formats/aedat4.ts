import type { EventColumns } from "../columns.js";
import { CompressionError, decodeLz4Frame } from "../compression/lz4.js";
import { decodeZstdFrame } from "../compression/zstd.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { decodeKernels } from "../kernels.js";
import { FlatbufferError, FlatTable } from "../flatbuffer.js";
import type { Problems } from "../problems.js";

const MAGIC = "#!AER-DAT4.0\r\n";
const PACKET_HEADER_BYTES = 8;
const EVENT_BYTES = 16;
/** Compression of the IOHeader. Source: reference/event-formats.md, AEDAT4. */
const COMPRESSION = ["none", "lz4", "lz4", "zstd", "zstd"] as const;
/** Largest packet that is believed; DV writes packets of some ten kilobytes. */
const PACKET_LIMIT_BYTES = 256 * 2 ** 20;
/** Unix microseconds until the year 2255, exact in a double. */
const TIME_END_US = 2 ** 53;

interface StreamInfo extends SensorSize {
  readonly type: string;
}

/** AEDAT4 of DV: packets of several streams; the events of the first event stream are read, frames, IMU and triggers
 *  are skipped by their size. */
export class Aedat4Decoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private readonly kernels = decodeKernels();
  private header = false;
  private compression: (typeof COMPRESSION)[number] = "none";
  private tableAt = -1;
  private readonly streams = new Map<number, StreamInfo>();
  private eventStream = -1;
  private ended = false;
  /** Event number among the last call's → position of its packet's body. */
  private marks: { first: number; at: number }[] = [];
  private added = 0;

  constructor(_options: DecodeOptions, private readonly problems: Problems) {}

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    [this.marks, this.added] = [[], 0];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    if (!this.header) {
      const start = this.readHeader(bytes, view, offset, final);
      if (start < 0) return 0;
      at = start;
    }
    while (!this.ended) {
      if (this.tableAt >= 0 && offset + at >= this.tableAt) {
        this.ended = true;
        break;
      }
      if (at + PACKET_HEADER_BYTES > bytes.length) break;
      const [stream, size] = [view.getInt32(at, true), view.getInt32(at + 4, true)];
      if (!this.soundPacket(stream, size, offset + at)) break;
      if (at + PACKET_HEADER_BYTES + size > bytes.length) break;
      const body = at + PACKET_HEADER_BYTES;
      if (stream !== this.eventStream && this.streams.get(stream)!.type === "EVTS") {
        this.problems.note(`a packet of another event stream, number ${stream} (left out; the first one is ${this.eventStream})`, offset + at, 1);
      }
      if (stream === this.eventStream) this.readEvents(bytes.subarray(body, body + size), offset + body, out);
      at = body + size;
    }
    if (this.ended) return bytes.length;
    if (!final) return at;
    this.reportEnd(at < bytes.length, offset + at, offset + bytes.length);
    return bytes.length;
  }

  private reportEnd(within: boolean, at: number, end: number): void {
    if (!within && this.tableAt < 0) return;
    this.problems.report("E-EVT-002", within ? at : end, {
      found: within ? "the file ends within a packet" : `the file ends before its table at byte ${this.tableAt}`,
      dropped: "incomplete last packets dropped",
    });
  }

  private soundPacket(stream: number, size: number, at: number): boolean {
    if (this.streams.has(stream) && size >= 0 && size <= PACKET_LIMIT_BYTES) return true;
    this.problems.report("E-EVT-006", at, {
      found: `a packet header with stream ${stream} and ${size} bytes`, limit: `streams ${[...this.streams.keys()].join(", ")}`,
      dropped: "rest of the file behind a damaged packet header dropped",
    });
    this.ended = true;
    return false;
  }

  /** @returns where packets begin, −1 where more bytes are needed */
  private readHeader(bytes: Uint8Array, view: DataView, offset: number, final: boolean): number {
    const short = (): number => {
      if (final) this.problems.fail("E-EVT-002", offset + bytes.length, { found: "the file ends within its header" });
      return -1;
    };
    if (bytes.length < MAGIC.length + 4) return short();
    const length = view.getUint32(MAGIC.length, true);
    const start = MAGIC.length + 4;
    if (length > 2 ** 24) this.problems.fail("E-EVT-005", offset + MAGIC.length, { found: `a header of ${length} bytes`, limit: "16 MiB" });
    if (bytes.length < start + length) return short();
    try {
      const root = FlatTable.root(bytes.subarray(start, start + length), "IOHE", false);
      const compression = COMPRESSION[root.int32(0, 0)];
      if (!compression) this.problems.fail("E-EVT-009", offset + start, { found: `compression ${root.int32(0, 0)}`, limit: "0…4 (none, LZ4, zstd)" });
      this.compression = compression;
      this.tableAt = root.int64(1, -1);
      this.readStreams(root.string(2), offset + start);
    } catch (error) {
      if (!(error instanceof FlatbufferError)) throw error;
      this.problems.fail("E-EVT-005", offset + start, { found: `the header is damaged: ${error.message}` });
    }
    this.header = true;
    return start + length;
  }

  /** The streams and sensor sizes that the header's XML names. Its nodes are nested; a stream's attributes stand
   *  behind its node and before the next stream's, so a scan in order is enough. */
  private readStreams(xml: string, at: number): void {
    let current = -1;
    const found = new Map<number, { type: string; width: number; height: number }>();
    const inOutInfo = xml.indexOf('name="outInfo"');
    for (const match of xml.slice(Math.max(0, inOutInfo)).matchAll(/<node name="(\d+)"|<attr key="(typeIdentifier|sizeX|sizeY)"[^>]*>([^<]*)</g)) {
      if (match[1] !== undefined) {
        current = Number(match[1]);
        if (!found.has(current)) found.set(current, { type: "", width: 0, height: 0 });
        continue;
      }
      const stream = found.get(current);
      if (!stream) continue;
      if (match[2] === "typeIdentifier") stream.type = match[3];
      else if (match[2] === "sizeX") stream.width = Number(match[3]);
      else stream.height = Number(match[3]);
    }
    for (const [id, info] of found) this.streams.set(id, info);
    const first = [...found].find(([, info]) => info.type === "EVTS");
    if (!first) {
      this.problems.fail("E-EVT-005", at, {
        found: found.size === 0 ? "the header names no stream" : `no event stream among ${[...found.values()].map((s) => s.type).join(", ")}`,
        limit: "at least one stream of type EVTS",
      });
    }
    this.eventStream = first[0];
    if (first[1].width > 0 && first[1].height > 0) this.size = { width: first[1].width, height: first[1].height };
  }

  private readEvents(body: Uint8Array, at: number, out: EventColumns): void {
    const before = out.length;
    try {
      const data = this.compression === "none" ? body
        : this.compression === "lz4" ? (this.kernels?.inflateLz4(body) ?? decodeLz4Frame(body)) : decodeZstdFrame(body);
      const { at: start, length } = FlatTable.root(data, "EVTS", true).vector(0, EVENT_BYTES);
      this.marks.push({ first: this.added, at });
      if (!this.kernels?.unpackAedat4(data, start, length, out)) this.fill(new DataView(data.buffer, data.byteOffset + start, length * EVENT_BYTES), length, at, out);
    } catch (error) {
      if (!(error instanceof CompressionError || error instanceof FlatbufferError)) throw error;
      this.problems.report("E-EVT-006", at, { found: `a packet of events is damaged: ${error.message}`, dropped: "damaged packets dropped" });
    }
    this.added += out.length - before;
  }

  private fill(view: DataView, count: number, at: number, out: EventColumns): void {
    out.reserve(count);
    const { t, x, y, on } = out;
    let n = out.length;
    for (let i = 0; i < count; i++) {
      const event = i * EVENT_BYTES;
      const time = view.getUint32(event, true) + view.getInt32(event + 4, true) * 2 ** 32;
      const [px, py, polarity] = [view.getInt16(event + 8, true), view.getInt16(event + 10, true), view.getUint8(event + 12)];
      if (time < 0 || time >= TIME_END_US || px < 0 || py < 0 || polarity > 1) {
        this.problems.report("E-EVT-007", at, {
          found: `an event (number ${i} of the packet) at x ${px}, y ${py}, t ${time} µs, polarity ${polarity}`,
          limit: "no negative number, t below 2^53, polarity 0 or 1", dropped: "impossible events dropped",
        });
        continue;
      }
      t[n] = time;
      x[n] = px;
      y[n] = py;
      on[n++] = polarity;
    }
    out.length = n;
  }

  locate(index: number): number {
    return this.marks.findLast(({ first }) => first <= index)?.at ?? 0;
  }
}
