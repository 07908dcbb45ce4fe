import { userError, type UserErrorDetail } from "../base/errors.js";

/** Codes of what can be wrong with a recording. */
export type EventErrorCode =
  | "E-EVT-001" // no known format
  | "E-EVT-002" // cut short
  | "E-EVT-003" // a pixel outside the sensor
  | "E-EVT-004" // time runs back
  | "E-EVT-005" // header wrong
  | "E-EVT-006" // structure damaged
  | "E-EVT-007" // a value that no event can have
  | "E-EVT-008" // not representable in the format to be written
  | "E-EVT-009" // a variant that is not supported
  | "E-EVT-010" // frames asked for that the geometry does not give
  | "E-EVT-011"; // a transform's argument

/** What a decoder found wrong with one file. Without `repair` the first problem is thrown; with it every problem is
 *  counted, the decoder drops the bad part and goes on, and `notes` says what was dropped. */
export class Problems {
  private readonly seen = new Map<string, { count: number; first: string }>();

  constructor(
    /** The user's name for the file. */
    readonly file: string,
    readonly repair: boolean,
  ) {}

  /** A problem at a byte; returns only under repair.
   *  @param dropped  what repair leaves out, with its number, e.g. (3, "events outside the sensor") */
  report(code: EventErrorCode, offset: number, detail: Problem, count = 1): void {
    if (!this.repair) throw userError({ code, at: `${this.file}, byte ${offset}`, ...rest(detail, true) });
    const key = detail.dropped ?? detail.found;
    const entry = this.seen.get(key);
    if (entry) entry.count += count;
    else this.seen.set(key, { count, first: `byte ${offset}: ${oneLine(detail.found)}` });
  }

  /** Something the reader leaves out by the format's own rules, worth a sentence and no error. */
  note(what: string, offset: number, count: number): void {
    const entry = this.seen.get(what);
    if (entry) entry.count += count;
    else this.seen.set(what, { count, first: `byte ${offset}` });
  }

  /** A problem that no repair gets around. */
  fail(code: EventErrorCode, offset: number, detail: Problem): never {
    throw userError({ code, at: `${this.file}, byte ${offset}`, ...rest(detail, false) });
  }

  /** One sentence for each kind of thing that repair dropped or changed. */
  get notes(): readonly string[] {
    return [...this.seen].map(([what, { count, first }]) => `${this.file}: ${count} × ${what} (first at ${first})`);
  }
}

/** What is said about a problem; the file and the byte are added by `Problems`. */
export interface Problem {
  readonly found: string;
  readonly limit?: string;
  readonly hint?: string;
  /** What repair does about it, for the notes; with it the error suggests `--repair`. */
  readonly dropped?: string;
}

/** Words of a damaged file may hold anything; a message is one printable line. */
const oneLine = (text: string): string => text.replace(/\p{C}/gu, "?").slice(0, 300);

function rest(problem: Problem, repairable: boolean): Omit<UserErrorDetail, "code" | "at"> {
  const repair = repairable && problem.dropped ? `data convert FILE REPAIRED --repair (${problem.dropped})` : undefined;
  const hint = [problem.hint, repair].filter(Boolean).join(", or ");
  return { found: oneLine(problem.found), limit: problem.limit && oneLine(problem.limit), hint: hint || "an undamaged copy of the file" };
}
