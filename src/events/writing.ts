import { userError } from "../base/errors.js";
import type { EventStream } from "./types.js";

/** What a format can hold. */
export interface WriteLimits {
  readonly maxX: number;
  readonly maxY: number;
  /** First time that does not fit, µs. */
  readonly endUs: number;
  /** The clock wraps as the reader expects, so only the first event must be before `endUs`. */
  readonly firstOnly?: boolean;
}

/** Refuses a stream that a format cannot hold without loss. @throws UserError E-EVT-008 */
export function refuseOutside(stream: EventStream, name: string, limits: WriteLimits): void {
  const { tUs, x, y } = stream;
  for (let i = 0; i < tUs.length; i++) {
    if (x[i] <= limits.maxX && y[i] <= limits.maxY && (tUs[i] < limits.endUs || (limits.firstOnly && i > 0))) continue;
    throw userError({
      code: "E-EVT-008", at: name, found: `event ${i} is at x ${x[i]}, y ${y[i]}, t ${tUs[i]} µs`,
      limit: `x up to ${limits.maxX}, y up to ${limits.maxY}, t below ${limits.endUs} µs${limits.firstOnly ? " at the first event" : ""} in this format`,
      hint: tUs[i] >= limits.endUs ? "--rebase, so that times start at 0, or another format" : "a crop first, or another format",
    });
  }
}

/** Lines of a `% ` header. */
export const writerHeader = (lines: readonly string[]): Uint8Array =>
  new TextEncoder().encode(lines.map((line) => `% ${line}\n`).join(""));
