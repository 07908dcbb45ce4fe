import { zipSync } from "fflate";
import type { EventColumns } from "../columns.js";
import { CompressionError } from "../compression/lz4.js";
import { readZip, type ZipEntry } from "../compression/zip.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { encodeNpyColumns, isNpyTable, NpyDecoder, readNpyColumn, readNpyHeader } from "./numpy.js";
import { type Role, ROLES, roleOf, RowSink } from "./rows.js";

/** `.npz`: columns t, x, y, p under those or the usual names, or one structured array. Read as a whole. */
export class NpzDecoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private at = 0;

  constructor(private readonly options: DecodeOptions, private readonly problems: Problems) {}

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    if (!final) return 0;
    const arrays = this.open(bytes).filter((e) => e.name.endsWith(".npy"));
    const table = arrays.find((e) => {
      const header = readNpyHeader(e.content, e.at, this.problems);
      return header && isNpyTable(header);
    });
    const byRole = new Map<Role, ZipEntry>();
    for (const entry of arrays) {
      const role = roleOf(entry.name.slice(entry.name.lastIndexOf("/") + 1, -4));
      if (role) byRole.set(role, entry);
    }
    if (ROLES.every((role) => byRole.has(role))) this.fromColumns(byRole, out);
    else if (table) {
      this.at = table.at;
      new NpyDecoder(this.options, this.problems).decode(table.content, table.at, true, out);
    } else {
      this.problems.fail("E-EVT-005", offset, {
        found: arrays.length === 0 ? "a zip without .npy arrays" : `arrays ${arrays.map((e) => e.name.slice(0, -4)).join(", ")}`,
        limit: "t, x, y and p, or one structured array", hint: "a single recording, or the folder or zip of a data set with --data",
      });
    }
    return bytes.length;
  }

  private open(bytes: Uint8Array): readonly ZipEntry[] {
    try {
      return readZip(bytes);
    } catch (error) {
      if (!(error instanceof CompressionError)) throw error;
      return this.problems.fail("E-EVT-006", 0, { found: error.message });
    }
  }

  private fromColumns(byRole: ReadonlyMap<Role, ZipEntry>, out: EventColumns): void {
    const [t, x, y, p] = ROLES.map((role) => {
      const entry = byRole.get(role)!;
      return readNpyColumn(entry.content, entry.at, this.problems);
    });
    this.at = byRole.get("t")!.at;
    const lengths = [t.length, x.length, y.length, p.length];
    if (new Set(lengths).size > 1) {
      this.problems.report("E-EVT-006", this.at, { found: `columns of ${lengths.join(", ")} numbers`, limit: "equal lengths", dropped: "ends of longer columns dropped" });
    }
    const sink = new RowSink(out, this.problems);
    sink.decideUnit(t);
    const count = Math.min(...lengths);
    out.reserve(count);
    for (let i = 0; i < count; i++) sink.add(t[i], x[i], y[i], p[i], this.at, i);
  }

  locate(): number {
    return this.at;
  }
}

/** Writes `.npz` with the columns t, x, y, p. */
export const encodeNpz = (stream: EventStream): Uint8Array => zipSync(encodeNpyColumns(stream), { level: 6, mtime: new Date(1980, 0, 1) });
