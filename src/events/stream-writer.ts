import type { FormatName, SensorSize } from "./decoder.js";
import { encodeEvents } from "./write.js";
import type { EventStream } from "./types.js";

/** Formats whose files can be written event by event; the others hold a count or a directory. */
const STREAMABLE: readonly FormatName[] = ["nmnist", "aedat2", "aedat3", "aedat4", "evt2", "evt2.1", "evt3", "dat", "es", "csv"];

/** True where a format can be written piece by piece. */
export const isStreamable = (format: FormatName): boolean => STREAMABLE.includes(format);

/** EVT3's clock; see formats/evt3.ts. */
const EVT3_CLOCK_US = 2 ** 24;
/** TIME_HIGH, TIME_LOW, ADDR_Y, ADDR_X: what the first event of an EVT3 file takes. */
const EVT3_FIRST_EVENT_BYTES = 8;

/** Writes a recording batch by batch: the header once, then each batch as a file of its own without its header. */
export class StreamWriter {
  private headerBytes = -1;
  private last: EventStream | undefined;

  constructor(private readonly format: FormatName, private readonly size: SensorSize, private readonly name: string) {}

  /** The file's next bytes. @throws UserError E-EVT-008 where the format cannot hold the batch */
  async encode(batch: EventStream): Promise<Uint8Array> {
    const start = this.headerBytes < 0 ? await this.header() : new Uint8Array(0);
    if (batch.tUs.length === 0) return start;
    const body = await this.body(batch);
    this.last = lastEvent(batch);
    if (start.length === 0) return body;
    const out = new Uint8Array(start.length + body.length);
    out.set(start);
    out.set(body, start.length);
    return out;
  }

  private async header(): Promise<Uint8Array> {
    const none = { tUs: new Uint32Array(0), x: new Uint16Array(0), y: new Uint16Array(0), polarity: new Uint8Array(0), ...this.size };
    const header = await encodeEvents(none, this.format, this.name);
    this.headerBytes = header.length;
    return header;
  }

  private async body(batch: EventStream): Promise<Uint8Array> {
    const previous = this.last;
    const bytes = async (stream: EventStream) => (await encodeEvents(stream, this.format, this.name)).subarray(this.headerBytes);
    if (!previous) return bytes(batch);
    // `.es` counts from the event before; EVT3 needs that event to step its short clock through a pause.
    if (this.format === "es") return bytes(shifted(batch, previous.tUs[0]));
    if (this.format !== "evt3") return bytes(batch);
    const base = previous.tUs[0] - (previous.tUs[0] % EVT3_CLOCK_US);
    return (await bytes(shifted(joined(previous, batch), base))).subarray(EVT3_FIRST_EVENT_BYTES);
  }
}

const shifted = (stream: EventStream, by: number): EventStream => ({ ...stream, tUs: Float64Array.from(stream.tUs, (t) => t - by) });

function lastEvent(stream: EventStream): EventStream {
  const from = stream.tUs.length - 1;
  return {
    ...stream, tUs: stream.tUs.slice(from), x: stream.x.slice(from), y: stream.y.slice(from), polarity: stream.polarity.slice(from),
  };
}

/** One event in front of a batch. */
function joined(first: EventStream, rest: EventStream): EventStream {
  const count = rest.tUs.length + 1;
  const join = <A extends Float64Array | Uint16Array | Uint8Array>(out: A, a: ArrayLike<number>, b: ArrayLike<number>): A => {
    out.set(a);
    out.set(b, 1);
    return out;
  };
  return {
    ...rest, tUs: join(new Float64Array(count), first.tUs, rest.tUs), x: join(new Uint16Array(count), first.x, rest.x),
    y: join(new Uint16Array(count), first.y, rest.y), polarity: join(new Uint8Array(count), first.polarity, rest.polarity),
  };
}
