import type { EventColumns } from "../columns.js";
import type { Problems } from "../problems.js";

/** Roles of the columns of a table of events. */
export const ROLES = ["t", "x", "y", "p"] as const;
export type Role = (typeof ROLES)[number];

/** Names by which tables call a column; lower case. */
const NAMES: Readonly<Record<Role, readonly string[]>> = {
  t: ["t", "ts", "time", "times", "timestamp", "timestamps", "t_us", "tus", "t(us)", "time_us"],
  x: ["x", "xs", "col", "xaddr", "x_pos"],
  y: ["y", "ys", "row", "yaddr", "y_pos"],
  p: ["p", "ps", "pol", "polarity", "polarities", "on", "sign"],
};

/** Role of a column by its name, if that is one of the usual ones. */
export const roleOf = (name: string): Role | undefined =>
  ROLES.find((role) => NAMES[role].includes(name.trim().toLowerCase()));

/** Times from 2^53 on are not exact. */
const TIME_END_US = 2 ** 53;
const PIXEL_END = 2 ** 16;
/** Fractional times below this are seconds: a recording in µs lasts longer, and none lasts 11 days. */
const SECONDS_END = 1e6;

/** Takes rows of numbers as events: polarity 0/1 or −1/1, times in µs, or in seconds where they have fractions. */
export class RowSink {
  private scale = 0;
  private readonly out: EventColumns;

  constructor(out: EventColumns, private readonly problems: Problems, scale = 0) {
    this.out = out;
    this.scale = scale;
  }

  /** Decides the unit by a sample of times. @returns µs in one unit of them */
  decideUnit(times: ArrayLike<number>): number {
    if (this.scale > 0) return this.scale;
    let fraction = false;
    let largest = 0;
    for (let i = 0; i < times.length; i++) {
      if (!Number.isInteger(times[i])) fraction = true;
      if (times[i] > largest) largest = times[i];
    }
    this.scale = fraction && largest < SECONDS_END ? 1e6 : 1;
    return this.scale;
  }

  /** Adds one row; an impossible one is a problem at that byte. */
  add(t: number, x: number, y: number, p: number, offset: number, row: number): void {
    const time = this.scale === 1 ? Math.round(t) : Math.round(t * this.scale);
    const pixels = x >= 0 && y >= 0 && x < PIXEL_END && y < PIXEL_END && Number.isInteger(x) && Number.isInteger(y);
    if (pixels && time >= 0 && time < TIME_END_US && (p === 1 || p === 0 || p === -1)) {
      this.out.push(time, x, y, p === 1 ? 1 : 0);
      return;
    }
    this.problems.report("E-EVT-007", offset, {
      found: `row ${row}: t ${t}, x ${x}, y ${y}, polarity ${p}`, limit: "t from 0, x and y 0…65535, polarity 0 or 1 (or −1 and 1)",
      dropped: "impossible events dropped",
    });
  }
}

/** Roles of four columns without names, by content: polarity has only −1, 0, 1; of the others time never falls and
 *  reaches furthest; x comes before y.
 *  @param columns  [4][row] a sample
 *  @returns column of each role, or undefined where the content does not tell */
export function guessRoles(columns: readonly (readonly number[])[]): Readonly<Record<Role, number>> | undefined {
  if (columns.length !== 4) return undefined;
  const isPolarity = columns.map((c) => c.every((v) => v === 0 || v === 1 || v === -1));
  const p = isPolarity.lastIndexOf(true);
  if (p < 0) return undefined;
  let t = -1;
  // Fractions are seconds: no pixel has them. Else the largest number tells.
  const reach = columns.map((c) => (c.some((v) => !Number.isInteger(v)) ? Infinity : Math.max(0, ...c)));
  for (let c = 0; c < 4; c++) {
    const ascends = columns[c].every((v, i) => i === 0 || v >= columns[c][i - 1]);
    if (c !== p && ascends && (t < 0 || reach[c] > reach[t])) t = c;
  }
  if (t < 0) return undefined;
  const [x, y] = [0, 1, 2, 3].filter((c) => c !== p && c !== t);
  return { t, x, y, p };
}
