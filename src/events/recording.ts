import type { EventColumns } from "./columns.js";
import type { SensorSize, StreamDecoder } from "./decoder.js";
import type { Problems } from "./problems.js";
import type { EventStream } from "./types.js";
import { sortByTime, Validator } from "./validate.js";

const UINT32_END = 2 ** 32;

/** Sorted columns as a stream; times as Uint32 where they fit. */
export function streamOf(columns: EventColumns, size: SensorSize): EventStream {
  const { length, narrowTimes, x, y, on } = columns;
  return {
    tUs: narrowTimes ?? timesOf(columns),
    x: x.subarray(0, length), y: y.subarray(0, length), polarity: on.subarray(0, length),
    width: size.width, height: size.height,
  };
}

function timesOf({ t, length }: EventColumns): EventStream["tUs"] {
  const tUs = t.subarray(0, length);
  return length === 0 || t[length - 1] < UINT32_END ? narrowed(tUs) : tUs;
}

/** Times below 2^32; a plain loop, as Uint32Array.from takes twice as long. */
function narrowed(t: Float64Array): Uint32Array {
  const out = new Uint32Array(t.length);
  for (let i = 0; i < out.length; i++) out[i] = t[i];
  return out;
}

/** Smallest sensor that holds the events; 1×1 for none. */
export function smallestSize(columns: EventColumns): SensorSize {
  let [maxX, maxY] = [0, 0];
  for (let i = 0; i < columns.length; i++) {
    if (columns.x[i] > maxX) maxX = columns.x[i];
    if (columns.y[i] > maxY) maxY = columns.y[i];
  }
  return { width: maxX + 1, height: maxY + 1 };
}

/** Validates columns that were read as a whole, sorts them where repair allows, and makes a stream of them.
 *  @throws UserError E-EVT-003, E-EVT-004 */
export function recordingOf(columns: EventColumns, size: SensorSize | undefined, problems: Problems): EventStream {
  const validator = new Validator(problems);
  const nowhere: StreamDecoder = { decode: () => 0, locate: () => 0, size: undefined, jitterUs: 0 };
  validator.check(columns, 0, nowhere, size);
  if (validator.needsSort) sortByTime(columns);
  return streamOf(columns, size ?? smallestSize(columns));
}
