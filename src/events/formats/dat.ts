import type { EventColumns } from "../columns.js";
import { STATE } from "../kernels.js";
import type { DecodeOptions } from "../decoder.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { refuseOutside, writerHeader } from "../writing.js";
import { PropheseeDecoder } from "./prophesee.js";

const WORD_BYTES = 8;
const CLOCK_END_US = 2 ** 32;
const EVENT_TYPES = [0x00, 0x0c];

/** Prophesee DAT version 2: after the header two bytes (event type, event size), then u32 µs and u32 pixel.
 *  Source: reference/event-formats.md. */
export class DatDecoder extends PropheseeDecoder {
  override readonly jitterUs = 0;
  private previous = 0;
  private wrapUs = 0;

  constructor(options: DecodeOptions, problems: Problems) {
    super(options, problems, WORD_BYTES);
  }

  protected override readHeader(bytes: Uint8Array, offset: number): number {
    const start = super.readHeader(bytes, offset);
    const version = Number(this.fields.get("version") ?? 2);
    if (version !== 2) this.problems.fail("E-EVT-009", offset, { found: `DAT version ${version}`, limit: "version 2" });
    if (bytes.length < start + 2) {
      this.problems.report("E-EVT-002", offset + start, { found: "the file ends before its events", dropped: "events that are missing" });
      return -1;
    }
    const [type, size] = [bytes[start], bytes[start + 1]];
    if (!EVENT_TYPES.includes(type) || size !== WORD_BYTES) {
      this.problems.fail("E-EVT-005", offset + start, {
        found: `events of type 0x${type.toString(16)}, ${size} bytes each`, limit: "type 0x00 or 0x0c, 8 bytes each",
      });
    }
    return start + 2;
  }

  protected decodeWords(bytes: Uint8Array, count: number, out: EventColumns): void {
    const done = this.runKernel("dat", bytes, out) / WORD_BYTES;
    if (done > 0) this.previous = this.state[STATE.latest] >>> 0;
    if (done === count) return;
    const aligned = this.aligned(bytes);
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, 2 * count);
    out.reserve(count - done);
    const { t, x, y, on } = out;
    let n = out.length;
    for (let i = done; i < count; i++) {
      const [time, pixel] = [words[2 * i], words[2 * i + 1]];
      if (this.previous - time > CLOCK_END_US / 2) this.wrapUs += CLOCK_END_US;
      this.previous = time;
      if (pixel >= 0x20000000) {
        this.problems.report("E-EVT-007", this.wordsOffset + i * WORD_BYTES, {
          found: `polarity ${pixel >>> 28}`, limit: "0 or 1", dropped: "events of impossible polarity dropped",
        });
        continue;
      }
      t[n] = this.wrapUs + time;
      x[n] = pixel & 0x3fff;
      y[n] = (pixel >>> 14) & 0x3fff;
      on[n++] = pixel >>> 28;
    }
    out.length = n;
  }

  locate(index: number): number {
    return this.wordsOffset + index * WORD_BYTES;
  }
}

/** Writes DAT version 2. @throws UserError E-EVT-008 where a pixel passes 16383 or the recording lasts 2^31 µs */
export function encodeDat(stream: EventStream, name: string): Uint8Array {
  refuseOutside(stream, name, { maxX: 0x3fff, maxY: 0x3fff, endUs: CLOCK_END_US });
  const header = writerHeader(["Data file containing CD events.", "Version 2", `Height ${stream.height}`, `Width ${stream.width}`]);
  const out = new Uint8Array(header.length + 2 + stream.tUs.length * WORD_BYTES);
  out.set(header);
  out.set([0x0c, WORD_BYTES], header.length);
  const view = new DataView(out.buffer, header.length + 2);
  for (let i = 0; i < stream.tUs.length; i++) {
    view.setUint32(i * WORD_BYTES, stream.tUs[i], true);
    view.setUint32(i * WORD_BYTES + 4, stream.x[i] | (stream.y[i] << 14) | (stream.polarity[i] << 28), true);
  }
  return out;
}
