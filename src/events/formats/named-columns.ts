import type { EventColumns } from "../columns.js";
import type { SensorSize } from "../decoder.js";
import type { Problems } from "../problems.js";
import { type Role, ROLES, roleOf, RowSink } from "./rows.js";

/** A column of numbers under the name the file gives it, e.g. `TD.x` or `events/x`. */
export interface NamedColumn {
  readonly name: string;
  /** Position in the file of what holds it. */
  readonly at: number;
  readonly values: Float64Array;
}

/** ASL-DVS: a DAVIS240C. Its variables have exactly these names. */
const ASL = { names: ["pol", "ts", "x", "y"], size: { width: 240, height: 180 } } as const;

/** Takes the first four columns of one group that are t, x, y, p by name as events.
 *  MATLAB programs count pixels from 1 and polarity 1/2 in the struct TD of the N-MNIST reader: both are taken back.
 *  @returns the sensor where names and pixels tell it */
export function eventsFromNumbers(columns: readonly NamedColumn[], offset: number, problems: Problems, out: EventColumns): SensorSize | undefined {
  const groups = new Map<string, Map<Role, NamedColumn>>();
  for (const column of columns) {
    const cut = Math.max(column.name.lastIndexOf("."), column.name.lastIndexOf("/"));
    const role = roleOf(column.name.slice(cut + 1));
    const group = column.name.slice(0, Math.max(0, cut));
    if (role) groups.set(group, (groups.get(group) ?? new Map<Role, NamedColumn>()).set(role, column));
  }
  const found = [...groups].find(([, roles]) => roles.size === ROLES.length);
  if (!found) {
    problems.fail("E-EVT-005", offset, {
      found: columns.length === 0 ? "no numeric variable" : `variables ${columns.slice(0, 12).map((c) => c.name).join(", ")}`,
      limit: "ts, x, y and pol (or t, x, y, p), as variables or as fields of one struct",
    });
  }
  const [group, roles] = found;
  const [t, x, y, p] = ROLES.map((role) => roles.get(role)!);
  const lengths = [t, x, y, p].map((c) => c.values.length);
  if (new Set(lengths).size > 1) {
    problems.report("E-EVT-006", t.at, {
      found: `columns of ${lengths.join(", ")} numbers`, limit: "equal lengths", dropped: "ends of longer columns dropped",
    });
  }
  const isMatlabCounting = /(^|\.)TD$/.test(group) && p.values.includes(2) && p.values.every((v) => v === 1 || v === 2);
  const less = isMatlabCounting ? 1 : 0;
  const sink = new RowSink(out, problems);
  sink.decideUnit(t.values);
  const count = Math.min(...lengths);
  out.reserve(count);
  for (let i = 0; i < count; i++) sink.add(t.values[i], x.values[i] - less, y.values[i] - less, p.values[i] - less, t.at, i);
  const names = [t, x, y, p].map((c) => c.name).sort();
  const isAsl = ASL.names.every((name, k) => names[k] === name) && x.values.every((v) => v < 240) && y.values.every((v) => v < 180);
  return isAsl ? ASL.size : undefined;
}
