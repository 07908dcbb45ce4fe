import { EventColumns } from "./columns.js";
import type { DecodeOptions, DecoderFactory, FormatName, SensorSize, StreamDecoder } from "./decoder.js";
import { FORMATS } from "./decoder.js";
import { detectFormat, HEAD_BYTES } from "./detect.js";
import { Aedat2Decoder } from "./formats/aedat2.js";
import { Aedat3Decoder } from "./formats/aedat3.js";
import { Aedat4Decoder } from "./formats/aedat4.js";
import { CsvDecoder } from "./formats/csv.js";
import { DatDecoder } from "./formats/dat.js";
import { EventStreamDecoder } from "./formats/event-stream.js";
import { Evt2Decoder } from "./formats/evt2.js";
import { Evt21Decoder } from "./formats/evt21.js";
import { Evt3Decoder } from "./formats/evt3.js";
import { Mat5Decoder } from "./formats/mat5.js";
import { NmnistDecoder } from "./formats/nmnist.js";
import { NpyDecoder } from "./formats/numpy.js";
import { NpzDecoder } from "./formats/npz.js";
import { Problems } from "./problems.js";
import { streamOf } from "./recording.js";
import type { EventStream } from "./types.js";
import { sortByTime, Validator } from "./validate.js";

/** A decoded recording with what is worth saying about it. */
export interface Recording {
  readonly stream: EventStream;
  readonly format: FormatName;
  /** False where nobody says the sensor's size, which then is the smallest that holds the events. */
  readonly sizeIsDeclared: boolean;
  /** What repair dropped or changed, and what the reader evened out; one sentence each. */
  readonly notes: readonly string[];
}

const FACTORIES: Readonly<Partial<Record<FormatName, DecoderFactory>>> = {
  nmnist: (options, problems) => new NmnistDecoder(options, problems),
  aedat2: (options, problems) => new Aedat2Decoder(options, problems),
  aedat3: (options, problems) => new Aedat3Decoder(options, problems),
  aedat4: (options, problems) => new Aedat4Decoder(options, problems),
  evt2: (options, problems) => new Evt2Decoder(options, problems),
  "evt2.1": (options, problems) => new Evt21Decoder(options, problems),
  evt3: (options, problems) => new Evt3Decoder(options, problems),
  dat: (options, problems) => new DatDecoder(options, problems),
  es: (options, problems) => new EventStreamDecoder(options, problems),
  mat5: (options, problems) => new Mat5Decoder(options, problems),
  npy: (options, problems) => new NpyDecoder(options, problems),
  npz: (options, problems) => new NpzDecoder(options, problems),
  csv: (options, problems) => new CsvDecoder(options, problems),
};

/** Decodes a file as its pieces come in. With `onBatch` the events of each piece are handed over and forgotten, so
 *  memory is bounded by the piece; without it they are kept for `recording()`. */
export class RecordingReader {
  readonly problems: Problems;
  private readonly columns = new EventColumns();
  private readonly validator: Validator;
  private decoder: StreamDecoder | undefined;
  private formatFound: FormatName | undefined;
  private rest: Uint8Array = new Uint8Array(0);
  private scratch = new Uint8Array(0);
  private offset = 0;
  private maxX = -1;
  private maxY = -1;

  constructor(
    private readonly options: DecodeOptions,
    private readonly onBatch?: (batch: EventColumns) => void,
  ) {
    this.problems = new Problems(options.name, options.repair ?? false);
    this.validator = new Validator(this.problems);
  }

  /** The next piece of the file; the first should hold HEAD_BYTES or the whole file.
   *  @throws UserError E-EVT-001…009 */
  push(chunk: Uint8Array, final: boolean): void {
    // A plain Uint8Array: slice() of Node's Buffer gives a view where a copy is meant.
    const bytes = this.rest.length > 0 ? this.joined(chunk) : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.decoder ??= this.makeDecoder(bytes);
    const from = this.columns.length;
    this.columns.sound = undefined;
    const used = this.decoder.decode(bytes, this.offset, final, this.columns);
    this.validator.check(this.columns, from, this.decoder, this.declaredSize());
    this.rest = used < bytes.length ? bytes.slice(used) : new Uint8Array(0);
    this.offset += used;
    if (this.onBatch) {
      if (!this.declaredSize()) this.noteExtent(0);
      this.onBatch(this.columns);
      this.columns.clear();
    }
  }

  /** The rest of the piece before, and the next piece; in memory that is used again. */
  private joined(chunk: Uint8Array): Uint8Array {
    const length = this.rest.length + chunk.length;
    if (this.scratch.length < length) this.scratch = new Uint8Array(Math.ceil(length * 1.1));
    this.scratch.set(this.rest);
    this.scratch.set(chunk, this.rest.length);
    return this.scratch.subarray(0, length);
  }

  private makeDecoder(head: Uint8Array): StreamDecoder {
    const found = this.options.format ?? detectFormat(head.subarray(0, HEAD_BYTES), this.options.name);
    if (typeof found !== "string") {
      this.problems.fail("E-EVT-001", 0, {
        found: found.unknown, limit: FORMATS.join(", "), hint: "--format NAME where the content does not say what it is",
      });
    }
    const factory = FACTORIES[found];
    if (!factory) {
      this.problems.fail("E-EVT-009", 0, { found: `${found} needs the HDF5 library and is read as a whole`, hint: "decodeAny instead of decodeEvents" });
    }
    this.formatFound = found;
    return factory(this.options, this.problems);
  }

  private declaredSize(): SensorSize | undefined {
    const { width, height } = this.options;
    return width && height ? { width, height } : this.decoder?.size;
  }

  private noteExtent(from: number): void {
    const { x, y, length, sound } = this.columns;
    let { maxX, maxY } = this;
    if (sound && sound.from === from && sound.to === length) {
      [this.maxX, this.maxY] = [Math.max(maxX, sound.maxX), Math.max(maxY, sound.maxY)];
      return;
    }
    for (let i = from; i < length; i++) {
      if (x[i] > maxX) maxX = x[i];
      if (y[i] > maxY) maxY = y[i];
    }
    [this.maxX, this.maxY] = [maxX, maxY];
  }

  /** Format of the file, once a piece is in. */
  get format(): FormatName {
    return this.formatFound ?? "nmnist";
  }

  /** Whether the user or the file says the sensor's size; else it is the smallest that holds the events. */
  get sizeIsDeclared(): boolean {
    return this.declaredSize() !== undefined;
  }

  /** Sensor size: the user's word, else the file's, else the smallest that holds the events so far. */
  get size(): SensorSize {
    return this.declaredSize() ?? { width: Math.max(1, this.maxX + 1), height: Math.max(1, this.maxY + 1) };
  }

  /** What was dropped or evened out so far. */
  get notes(): readonly string[] {
    const held = this.validator.heldCount;
    return held === 0 ? this.problems.notes : [
      ...this.problems.notes,
      `${this.options.name}: ${held} × an event stepped back in time within the sensor's jitter (held at the latest time)`,
    ];
  }

  /** All events; only without `onBatch`, after the last piece. */
  recording(): Recording {
    if (this.validator.needsSort) sortByTime(this.columns);
    if (!this.declaredSize()) this.noteExtent(0);
    const stream = streamOf(this.columns, this.size);
    return { stream, format: this.format, sizeIsDeclared: this.sizeIsDeclared, notes: this.notes };
  }
}

/** As decodeEvents, with the format and what repair did. */
export function decodeRecording(bytes: Uint8Array, options: DecodeOptions): Recording {
  const reader = new RecordingReader(options);
  reader.push(bytes, true);
  return reader.recording();
}

/** Reads a recording that is in memory; sorted and validated.
 *  @throws UserError E-EVT-001…009: one sentence with file, byte offset and remedy */
export const decodeEvents = (bytes: Uint8Array, options: DecodeOptions): EventStream =>
  decodeRecording(bytes, options).stream;
