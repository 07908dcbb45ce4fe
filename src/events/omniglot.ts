import { userError } from "../base/errors.js";
import { lowerBound } from "./encode.js";
import type { EventStream } from "./types.js";

/** Cuts a recording of all drawers of one character (N-Omniglot: `<id>.aedat4` with `<id>.csv`) into one recording
 *  each, times from 0. Events with start ≤ t < end belong to a drawing; both bounds are searched, as equality with an
 *  event's time can fail. Source: reference/event-formats.md, N-Omniglot.
 *  @param csv  text: a line of titles, then index, start µs, end µs
 *  @throws UserError E-EVT-005 where a row is no such row */
export function sliceByTable(stream: EventStream, csv: string, csvName: string): readonly EventStream[] {
  const rows = csv.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "").slice(1);
  return rows.map((row, k) => {
    const [, start, end] = row.split(/[,;\t]/).map(Number);
    if (!Number.isFinite(start) || !Number.isFinite(end) || end < start) {
      throw userError({
        code: "E-EVT-005", at: `${csvName}, row ${k + 2}`, found: `"${row.slice(0, 60)}"`, limit: "index, start and end in µs, start before end",
      });
    }
    return sliceTime(stream, start, end);
  });
}

/** Events with from ≤ t < to; times from that of the first one. */
function sliceTime(stream: EventStream, from: number, to: number): EventStream {
  const [first, end] = [lowerBound(stream.tUs, from), lowerBound(stream.tUs, to)];
  const origin = stream.tUs[first] ?? 0;
  return {
    ...stream,
    tUs: timesFrom(stream.tUs.subarray(first, end), origin),
    x: stream.x.slice(first, end), y: stream.y.slice(first, end), polarity: stream.polarity.slice(first, end),
  };
}

/** A plain loop, as Uint32Array.from with a function takes ten times as long. */
function timesFrom(tUs: EventStream["tUs"], origin: number): Uint32Array {
  const out = new Uint32Array(tUs.length);
  for (let i = 0; i < out.length; i++) out[i] = tUs[i] - origin;
  return out;
}
