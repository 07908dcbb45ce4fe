import { assert } from "../base/errors.js";
import { bytesOf } from "../base/bytes.js";
import type { SpikeTensor } from "../events/types.js";
import type { EncodedRecording } from "./recording-source.js";

/** A recording of a set before it is dealt to splits: whose class it is, and its frames. */
export interface GroupedRecording extends EncodedRecording {
  /** Unit class: a digit, a letter, a folder, a character. */
  readonly group: string;
}

/** Where one recording stands in the buffer, and how wide its columns are: id, group, first byte (a multiple of 4),
 *  entries, bit 0: channels of 32 bits, bit 1: counts of 16 bits. Arrays, as there are tens of thousands of them. */
export type PackedRow = readonly [id: string, group: string, at: number, entries: number, wide: number];

/** What is known of packed recordings beside their bytes. */
export interface PackedIndex {
  readonly shape: SpikeTensor["shape"];
  readonly timestepUs: number;
  readonly rows: readonly PackedRow[];
  /** What was left out when the set was read, one sentence each. */
  readonly notes: readonly string[];
}

/** Recordings of one shape, encoded, in one piece of memory that threads share: `postMessage` passes the buffer on
 *  without a copy, and `unpackFrames` makes views of it. */
export interface PackedFrames {
  readonly buffer: SharedArrayBuffer;
  /** First byte of the planes in the buffer; a multiple of 4. */
  readonly base: number;
  readonly index: PackedIndex;
}

const WORD_BYTES = 4;
const padded = (bytes: number): number => Math.ceil(bytes / WORD_BYTES) * WORD_BYTES;
const WIDE = { channel: 1, count: 2 } as const;

/** The planes of one recording, row starts, channels, counts, each padded to whole words.
 *  @returns the bytes, and the row's last two numbers */
export function packFrames({ rowStart, channel, count }: SpikeTensor): { readonly bytes: Uint8Array; readonly entries: number; readonly wide: number } {
  const planes = [rowStart, channel, count].map(bytesOf);
  const bytes = new Uint8Array(planes.reduce((sum, plane) => sum + padded(plane.length), 0));
  let at = 0;
  for (const plane of planes) {
    bytes.set(plane, at);
    at += padded(plane.length);
  }
  const wide = (channel instanceof Uint32Array ? WIDE.channel : 0) | (count instanceof Uint16Array ? WIDE.count : 0);
  return { bytes, entries: channel.length, wide };
}

/** Bytes that a row's planes take. */
export function packedBytes(steps: number, entries: number, wide: number): number {
  const channelBytes = entries * (wide & WIDE.channel ? 4 : 2);
  return WORD_BYTES * (steps + 1) + padded(channelBytes) + padded(entries * (wide & WIDE.count ? 2 : 1));
}

/** The recordings as views of the buffer: nothing is copied. */
export function unpackFrames({ buffer, base, index }: PackedFrames): readonly GroupedRecording[] {
  const { shape, timestepUs, rows } = index;
  const [steps] = shape;
  return rows.map(([id, group, from, entries, wide]) => {
    const at = base + from;
    const rowStart = new Uint32Array(buffer, at, steps + 1);
    const channelAt = at + WORD_BYTES * (steps + 1);
    const channel = wide & WIDE.channel ? new Uint32Array(buffer, channelAt, entries) : new Uint16Array(buffer, channelAt, entries);
    const countAt = channelAt + padded(channel.byteLength);
    const count = wide & WIDE.count ? new Uint16Array(buffer, countAt, entries) : new Uint8Array(buffer, countAt, entries);
    return { id, group, frames: { shape, timestepUs, rowStart, channel, count } };
  });
}

/** Builds an index while planes are written one after the other. */
export class PackedIndexBuilder {
  private readonly rows: PackedRow[] = [];
  private readonly notes: string[] = [];
  private first: SpikeTensor | undefined;
  private at = 0;

  /** @returns the planes, to be written behind those of the recordings before */
  add({ id, group, frames }: GroupedRecording): Uint8Array {
    this.first ??= frames;
    assert(String(frames.shape) === String(this.first.shape), `frames of one set differ in shape: [${frames.shape}] and [${this.first.shape}]`);
    const { bytes, entries, wide } = packFrames(frames);
    this.rows.push([id, group, this.at, entries, wide]);
    this.at += bytes.length;
    return bytes;
  }

  note(line: string): void {
    this.notes.push(line);
  }

  index(): PackedIndex {
    const { shape, timestepUs } = this.first ?? { shape: [0, 0, 0, 0] as const, timestepUs: 0 };
    return { shape, timestepUs, rows: this.rows, notes: this.notes };
  }
}
