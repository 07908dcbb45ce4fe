import { closeSync, openSync, readSync } from "node:fs";
import { readFileBytes } from "../../base/node/files.js";
import type { EventColumns } from "../columns.js";
import { decodeAny } from "../decode-any.js";
import { extractIsolated } from "./hdf5-isolated.js";
import { type Recording, RecordingReader } from "../decode.js";
import type { DecodeOptions, FormatName, SensorSize } from "../decoder.js";
import { detectFormat, HEAD_BYTES } from "../detect.js";

/** Piece of a file that is decoded at once: with its columns about 2 MiB of memory. */
const PIECE_BYTES = 2 ** 17;

/** Reads a recording file of any format into memory. @throws UserError E-FILE-010, E-EVT-001…009 */
export const readRecording = (path: string, options: Omit<DecodeOptions, "name"> = {}): Promise<Recording> =>
  decodeAny(readFileBytes(path), { ...options, name: path }, extractIsolated);

/** Reads a recording file piece by piece and hands the events of each piece over; memory is bounded by the piece,
 *  whatever the file's size. Containers (MAT, HDF5, npz) and repair, which may have to sort, read the file whole.
 *  @returns what is known at the end */
export async function streamRecording(
  path: string, options: Omit<DecodeOptions, "name">, onBatch: (batch: Pick<EventColumns, "t" | "x" | "y" | "on" | "length">) => void,
): Promise<{ readonly format: FormatName; readonly size: SensorSize; readonly notes: readonly string[] }> {
  const format = options.format ?? detectFormat(readHead(path), path);
  if (options.repair || format === "hdf5" || format === "mat7.3") return whole(path, options, onBatch);
  const reader = new RecordingReader({ ...options, name: path }, onBatch);
  for (const { piece, final } of pieces(path)) reader.push(piece, final);
  return { format: reader.format, size: reader.size, notes: reader.notes };
}

/** First bytes of a file, as detection wants them. @throws UserError E-FILE-010 */
export function readHead(path: string): Uint8Array {
  const handle = openPiecewise(path);
  try {
    return readPiece(handle, new Uint8Array(HEAD_BYTES), 0);
  } finally {
    closeSync(handle);
  }
}

/** The pieces of a file in order; a piece is overwritten when the next but one is read. @throws UserError E-FILE-010 */
export function* pieces(path: string): Generator<{ readonly piece: Uint8Array; readonly final: boolean }> {
  const handle = openPiecewise(path);
  try {
    // Two buffers in turn: a piece is final only once the next one turns out to be empty.
    const buffers = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
    let piece = readPiece(handle, buffers[0], 0);
    let at = piece.length;
    for (let k = 1; ; k++) {
      const next = piece.length < PIECE_BYTES ? piece.subarray(0, 0) : readPiece(handle, buffers[k % 2], at);
      yield { piece, final: next.length === 0 };
      if (next.length === 0) return;
      at += next.length;
      piece = next;
    }
  } finally {
    closeSync(handle);
  }
}

function openPiecewise(path: string): number {
  try {
    const handle = openSync(path, "r");
    readSync(handle, new Uint8Array(1), 0, 1, 0);
    return handle;
  } catch {
    readFileBytes(path); // Says in our words why it cannot be read.
    throw new Error(`cannot open ${path}`);
  }
}

function readPiece(handle: number, buffer: Uint8Array, at: number): Uint8Array {
  let length = 0;
  for (;;) {
    const got = readSync(handle, buffer, length, buffer.length - length, at + length);
    length += got;
    if (got === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}

async function whole(path: string, options: Omit<DecodeOptions, "name">, onBatch: Parameters<typeof streamRecording>[2]) {
  const { stream, format, notes } = await readRecording(path, options);
  const t = Float64Array.from(stream.tUs);
  onBatch({ t, x: new Uint16Array(stream.x), y: new Uint16Array(stream.y), on: new Uint8Array(stream.polarity), length: t.length });
  return { format, size: { width: stream.width, height: stream.height }, notes };
}
