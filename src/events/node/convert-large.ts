import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { userError } from "../../base/errors.js";
import { EventColumns } from "../columns.js";
import { RecordingReader } from "../decode.js";
import type { DecodeOptions, FormatName } from "../decoder.js";
import { streamOf } from "../recording.js";
import { StreamWriter } from "../stream-writer.js";
import { applyTransforms, type TransformSpec } from "../transforms.js";
import { pieces } from "./read-recording.js";

/** Output after which memory is freed. */
const COLLECT_BYTES = 2 ** 20;

/** Files beyond this are converted piece by piece. */
export const LARGE_BYTES = 64 * 2 ** 20;

/** Size of a file in bytes, 0 where there is none. */
export const fileBytes = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Converts a file of any size in bounded memory; the output appears whole or not at all.
 *  @param transforms  only those that look at each event alone: crop, downsample, timeWindow, flips, polarity
 *  @param rebase  subtract the first time that is left
 *  @throws UserError E-EVT-001…009; E-EVT-009 where the source does not say its sensor's size, which the header needs */
export async function convertLarge(
  from: string, options: Omit<DecodeOptions, "name" | "repair">, to: string, format: FormatName, transforms: readonly TransformSpec[], rebase: boolean,
): Promise<{ readonly events: number; readonly from: FormatName; readonly notes: readonly string[] }> {
  const batch = new EventColumns();
  const reader = new RecordingReader({ ...options, name: from }, (columns) => take(columns, batch));
  const partial = join(dirname(to), `.${basename(to)}.${process.pid}.partial`);
  const handle = openForWriting(partial, to);
  const collect = collector();
  let written = 0;
  let done = false;
  try {
    let writer: StreamWriter | undefined;
    let [events, first] = [0, -1];
    for (const { piece, final } of pieces(from)) {
      reader.push(piece, final);
      if (!reader.sizeIsDeclared) {
        throw userError({ code: "E-EVT-009", at: from, found: "the file does not say its sensor's size, which so large a conversion needs at its start", hint: "--width and --height" });
      }
      let stream = applyTransforms(streamOf(batch, reader.size), transforms);
      if (rebase && first < 0 && stream.tUs.length > 0) first = stream.tUs[0];
      if (first > 0) stream = { ...stream, tUs: Float64Array.from(stream.tUs, (t) => t - first) };
      writer ??= new StreamWriter(format, { width: stream.width, height: stream.height }, to);
      const bytes = await writer.encode(stream);
      for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
      written += bytes.length;
      if (written > COLLECT_BYTES) {
        collect?.();
        written = 0;
      }
      events += stream.tUs.length;
      batch.clear();
    }
    fsyncSync(handle);
    renameSync(partial, to);
    done = true;
    return { events, from: reader.format, notes: reader.notes };
  } finally {
    closeSync(handle);
    if (!done) rmSync(partial, { force: true });
  }
}

function openForWriting(partial: string, to: string): number {
  try {
    return openSync(partial, "w");
  } catch (error) {
    throw userError({ code: "E-FILE-011", at: to, found: `cannot be written: ${(error as NodeJS.ErrnoException).code}`, hint: "a folder that exists" });
  }
}

/** Copies the reader's columns, which it fills anew with the next piece. */
function take(from: EventColumns, to: EventColumns): void {
  to.clear();
  if (from.length > 0) to.append(from.narrowTimes ?? from.t, from.x, from.y, from.on, from.length, 0, 0, 0);
}

/** Frees what the pieces before left behind; without it V8 waits for some 100 MB of it. Undefined where V8 does not let us. */
function collector(): (() => void) | undefined {
  try {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as (options: { readonly type: "minor" }) => void;
    setFlagsFromString("--no-expose-gc");
    return () => collect({ type: "minor" });
  } catch {
    return undefined;
  }
}
