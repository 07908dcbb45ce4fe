import type { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { decodeKernels, startState } from "../kernels.js";
import { propheseeHeader } from "../detect-header.js";
import type { Problems } from "../problems.js";

/** Sensor sizes by a word in the plugin's name, for files without a geometry. Source: reference/event-formats.md. */
const SIZE_BY_PLUGIN: readonly (readonly [string, number, number])[] = [
  ["gen41", 1280, 720], ["gen4", 1280, 720], ["imx636", 1280, 720], ["genx320", 320, 320], ["gen3", 640, 480],
];

/** Sensor size that a Prophesee header names or implies. */
export function propheseeSize(fields: ReadonlyMap<string, string>): SensorSize | undefined {
  const geometry = /^(\d+)x(\d+)/.exec(fields.get("geometry") ?? "");
  if (geometry) return sizeOf(geometry[1], geometry[2]);
  const format = fields.get("format") ?? "";
  const [width, height] = [/width=(\d+)/.exec(format)?.[1], /height=(\d+)/.exec(format)?.[1]];
  if (width && height) return sizeOf(width, height);
  if (fields.has("width") && fields.has("height")) return sizeOf(fields.get("width")!, fields.get("height")!);
  const plugin = (fields.get("plugin_name") ?? "").toLowerCase();
  const known = SIZE_BY_PLUGIN.find(([word]) => plugin.includes(word));
  return known && { width: known[1], height: known[2] };
}

function sizeOf(width: string, height: string): SensorSize | undefined {
  const size = { width: Number(width), height: Number(height) };
  return size.width > 0 && size.height > 0 ? size : undefined;
}

/** What the formats of `% ` header and equal words share: header, whole words, the position of an event. */
export abstract class PropheseeDecoder implements StreamDecoder {
  size: SensorSize | undefined;
  /** TIME_LOW steps back by 3…11 µs in recordings of healthy sensors (reference/event-formats.md, EVT 3.0). */
  readonly jitterUs: number = 100;
  protected fields: ReadonlyMap<string, string> = new Map();
  private headerDone = false;
  private kernels = decodeKernels();
  /** The kernel's, between calls. */
  protected readonly state = startState();
  /** Where the words of the last call began, and the words, for `locate`. */
  protected wordsOffset = 0;

  constructor(
    options: DecodeOptions,
    protected readonly problems: Problems,
    protected readonly wordBytes: number,
  ) {
    if (options.width && options.height) this.size = { width: options.width, height: options.height };
  }

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    const start = this.headerDone ? 0 : this.readHeader(bytes, offset);
    if (start < 0) return final ? bytes.length : 0;
    const words = Math.floor((bytes.length - start) / this.wordBytes);
    const end = start + words * this.wordBytes;
    this.wordsOffset = offset + start;
    this.decodeWords(bytes.subarray(start, end), words, out);
    if (final && end < bytes.length) {
      this.problems.report("E-EVT-002", offset + end, {
        found: `the file ends within a word (${bytes.length - end} bytes left over)`, limit: `${this.wordBytes} bytes a word`,
        dropped: "incomplete last words dropped",
      });
    }
    return final ? bytes.length : end;
  }

  /** Reads the header. @returns where the words begin; −1 where more bytes are needed */
  protected readHeader(bytes: Uint8Array, _offset: number): number {
    const { fields, dataOffset } = propheseeHeader(bytes);
    this.fields = fields;
    this.size ??= propheseeSize(fields);
    this.headerDone = true;
    return dataOffset;
  }

  /** Lets the format's kernel decode what is sound. Once it met something else the twin does the rest of the file.
   *  @returns bytes that are done */
  protected runKernel(kernel: "evt2" | "evt3" | "dat", bytes: Uint8Array, out: EventColumns): number {
    const { kernels } = this;
    if (!kernels) return 0;
    const { used, sound, dropped } = kernels.run(kernel, bytes, 0, bytes.length, this.state, out, this.size);
    if (!sound) this.kernels = null;
    this.noteDropped(dropped);
    return used;
  }

  /** Says how many events came before the first TIME_HIGH, and so at no known time. */
  protected noteDropped(count: number): void {
    if (count > 0) this.problems.note("an event before the first TIME_HIGH, at no known time (left out)", this.wordsOffset, count);
  }

  /** The same bytes where a view of words can begin, which no header guarantees; kernels take them as they are. */
  protected aligned(bytes: Uint8Array): Uint8Array {
    return bytes.byteOffset % this.wordBytes === 0 ? bytes : bytes.slice();
  }

  /** @param bytes  whole words */
  protected abstract decodeWords(bytes: Uint8Array, words: number, out: EventColumns): void;

  abstract locate(index: number): number;
}
