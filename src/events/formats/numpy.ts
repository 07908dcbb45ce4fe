import type { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { latin } from "../detect-header.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { eventsFromPickle } from "./numpy-pickled.js";
import { type NumberReader, READERS } from "./numpy-types.js";
import { guessRoles, type Role, ROLES, roleOf, RowSink } from "./rows.js";

/** One column of numbers in rows of bytes. */
interface Field {
  readonly name: string;
  readonly offset: number;
  readonly read: NumberReader;
  readonly bytes: number;
}

/** What a `.npy` header says. */
export interface NpyHeader {
  readonly fields: readonly Field[];
  /** Bytes from one record to the next (all fields). */
  readonly stride: number;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  readonly dataOffset: number;
}

/** Parses the header of a `.npy`. @returns undefined where bytes are missing
 *  @throws through `problems` where it is no header of numbers */
export function readNpyHeader(bytes: Uint8Array, offset: number, problems: Problems): NpyHeader | undefined {
  if (bytes.length < 12) return undefined;
  const wide = bytes[6] >= 2;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = wide ? 12 : 10;
  if (length > 2 ** 20) problems.fail("E-EVT-005", offset + 8, { found: `a header of ${length} bytes`, limit: "1 MiB" });
  if (bytes.length < start + length) return undefined;
  const text = latin(bytes, start, start + length);
  const bad = (found: string): never => problems.fail("E-EVT-005", offset + start, { found, limit: "numbers, or a record of t, x, y, p" });
  const shapeText = /'shape'\s*:\s*\(([^)]*)\)/.exec(text)?.[1];
  const descr = /'descr'\s*:\s*('[^']*'|\[.*?\](?=\s*,\s*'))/s.exec(text)?.[1];
  if (shapeText === undefined || descr === undefined) return bad("a header without shape or descr");
  const shape = shapeText.split(",").map((s) => s.trim()).filter((s) => s !== "").map(Number);
  if (shape.some((n) => !Number.isSafeInteger(n) || n < 0)) return bad(`the shape (${shapeText})`);
  if (descr.includes("|O")) return bad("pickled Python objects, which are not read");
  const fields: Field[] = [];
  let stride = 0;
  const columns = descr.startsWith("[") ? [...descr.matchAll(/\(\s*'([^']*)'\s*,\s*'([^']*)'\s*(\([^)]*\))?[^)]*\)/g)] : [["", "", descr.slice(1, -1)]];
  for (const [, name, type] of columns) {
    const parsed = /^([<>|=]?)([a-zA-Z])(\d+)$/.exec(type.replace("|?", "|b1"));
    const read = parsed && READERS[parsed[2] + parsed[3]];
    const bytesEach = Number(parsed?.[3] ?? 0);
    if (!parsed || (!read && (parsed[2] !== "V" || bytesEach > 4096))) return bad(`a column of type "${type}"`);
    if (read) fields.push({ name, offset: stride, read: read(parsed[1] !== ">"), bytes: bytesEach });
    stride += bytesEach;
  }
  if (fields.length === 0 || stride === 0) return bad("a header without columns");
  return { fields, stride, shape, fortran: /'fortran_order'\s*:\s*True/.test(text), dataOffset: start + length };
}

/** Where a `.npy` header ends, as far as its first bytes say; 0 where they are not there. */
const pickleOffset = (bytes: Uint8Array): number => (bytes.length < 12 ? 0
  : bytes[6] >= 2 ? 12 + (bytes[8] | (bytes[9] << 8) | (bytes[10] << 16)) : 10 + (bytes[8] | (bytes[9] << 8)));

/** True where the header says that Python objects follow. */
const isPickled = (bytes: Uint8Array): boolean => /'descr'\s*:\s*'\|O/.test(latin(bytes, 10, Math.min(pickleOffset(bytes), 1024)));

/** `.npy` of events: a structured array with t, x, y, p by name, a table of four columns [N, 4], or a pickled dictionary of
 *  columns as N-Omniglot's preparation saves them. */
export class NpyDecoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private header: NpyHeader | undefined;
  private roles: Readonly<Record<Role, Field>> | undefined;
  private stride = 0;
  private rows = 0;
  private done = 0;
  private scale = 0;
  private firstAt = 0;

  constructor(_options: DecodeOptions, private readonly problems: Problems) {}

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    let at = 0;
    if (!this.header && isPickled(bytes)) {
      if (!final) return 0;
      this.size = eventsFromPickle(bytes, pickleOffset(bytes), offset, this.problems, out);
      return bytes.length;
    }
    if (!this.header) {
      this.header = readNpyHeader(bytes, offset, this.problems);
      if (!this.header) {
        if (final) this.problems.fail("E-EVT-002", offset + bytes.length, { found: "the file ends within its header" });
        return 0;
      }
      at = this.header.dataOffset;
    }
    // Columns of a Fortran array lie behind each other, so its end must be there.
    if (this.header.fortran && this.header.shape.length > 1 && !final) {
      if (at > 0) this.header = undefined;
      return 0;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.roles ??= this.findRoles(view, at, offset);
    const count = Math.min(this.rows - this.done, Math.floor((bytes.length - at) / this.stride));
    this.firstAt = offset + at;
    this.fill(view, at, this.header.fortran ? Math.min(this.rows, count) : count, offset, out);
    const end = at + count * this.stride;
    if (final && this.done < this.rows) {
      this.problems.report("E-EVT-002", offset + bytes.length, {
        found: `the file ends after ${this.done} of ${this.rows} events`, dropped: "events that are missing",
      });
    }
    return final ? bytes.length : end;
  }

  private fill(view: DataView, at: number, count: number, offset: number, out: EventColumns): void {
    const { t, x, y, p } = this.roles!;
    const sink = new RowSink(out, this.problems, this.scale);
    const step = this.header!.fortran && this.header!.shape.length > 1 ? this.header!.fields[0].bytes : this.stride;
    const sample = Array.from({ length: Math.min(count, 1000) }, (_, i) => t.read(view, at + t.offset + i * step));
    if (count > 0) this.scale = sink.decideUnit(sample);
    out.reserve(count);
    for (let i = 0; i < count; i++) {
      const row = at + i * step;
      sink.add(t.read(view, row + t.offset), x.read(view, row + x.offset), y.read(view, row + y.offset), p.read(view, row + p.offset), offset + row, this.done + i);
    }
    this.done += count;
  }

  private findRoles(view: DataView, at: number, offset: number): Readonly<Record<Role, Field>> {
    const { fields, stride, shape, fortran } = this.header!;
    const fail = (found: string): never => this.problems.fail("E-EVT-005", offset, {
      found, limit: "a structured array with t, x, y, p, or a table [N, 4]", hint: "np.save of a structured array, or np.savez(t=…, x=…, y=…, p=…)",
    });
    this.rows = shape[0] ?? 0;
    if (fields.length > 1 || fields[0].name !== "") {
      this.stride = stride;
      if (shape.length !== 1) return fail(`records in ${shape.length} dimensions`);
      const found = ROLES.map((role) => [role, fields.find((f) => roleOf(f.name) === role)] as const);
      const missing = found.filter(([, field]) => !field).map(([role]) => role);
      if (missing.length > 0) return fail(`fields ${fields.map((f) => f.name).join(", ")}, and none for ${missing.join(", ")}`);
      return Object.fromEntries(found) as unknown as Record<Role, Field>;
    }
    if (shape.length !== 2 || shape[1] !== 4) return fail(`an array of shape (${shape.join(", ")})`);
    this.stride = 4 * stride;
    const columnStep = fortran ? shape[0] * stride : stride;
    const rowStep = fortran ? stride : 4 * stride;
    if (fortran && at + 4 * columnStep > view.byteLength) {
      this.problems.fail("E-EVT-002", offset + view.byteLength, { found: `the file ends within ${this.rows} events stored by columns` });
    }
    const rows = Math.min(1000, this.rows, Math.floor((view.byteLength - at) / this.stride));
    const sample = [0, 1, 2, 3].map((c) => Array.from({ length: rows }, (_, i) => fields[0].read(view, at + c * columnStep + i * rowStep)));
    const guessed = guessRoles(sample);
    if (!guessed) return fail("four columns whose meaning the content does not tell");
    return Object.fromEntries(ROLES.map((role) => [role, { ...fields[0], offset: guessed[role] * columnStep }])) as unknown as Record<Role, Field>;
  }

  locate(index: number): number {
    return this.firstAt + index * this.stride;
  }
}

/** Numbers of a one-dimensional `.npy`. @throws through `problems` where it is another thing or cut short */
export function readNpyColumn(bytes: Uint8Array, offset: number, problems: Problems): Float64Array {
  const header = readNpyHeader(bytes, offset, problems);
  if (!header) return problems.fail("E-EVT-002", offset, { found: "a column ends within its header" });
  const count = header.shape.reduce((a, b) => a * b, 1);
  if (header.fields.length !== 1 || header.dataOffset + count * header.stride > bytes.length) {
    problems.fail("E-EVT-002", offset, { found: `a column of ${count} numbers in ${bytes.length} bytes` });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: count }, (_, i) => header.fields[0].read(view, header.dataOffset + i * header.stride));
}

/** True where a `.npy` holds records by name or a table, and no single column. */
export const isNpyTable = (header: NpyHeader): boolean =>
  header.fields.length > 1 || (header.shape.length === 2 && header.shape[1] === 4);

function npy(descr: string, count: number, data: Uint8Array): Uint8Array {
  const dict = `{'descr': ${descr}, 'fortran_order': False, 'shape': (${count},), }`;
  const padded = `${dict}${" ".repeat((64 - ((10 + dict.length + 1) % 64)) % 64)}\n`;
  const out = new Uint8Array(10 + padded.length + data.length);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 0xff, padded.length >> 8]);
  out.set(new TextEncoder().encode(padded), 10);
  out.set(data, 10 + padded.length);
  return out;
}

/** Writes a structured `.npy` with the fields x, y, t, p that tonic uses (i2, i2, i8, b1). */
export function encodeNpy(stream: EventStream): Uint8Array {
  const { tUs, x, y, polarity } = stream;
  const view = new DataView(new ArrayBuffer(13 * tUs.length));
  for (let i = 0; i < tUs.length; i++) {
    view.setUint16(13 * i, x[i], true);
    view.setUint16(13 * i + 2, y[i], true);
    view.setBigInt64(13 * i + 4, BigInt(tUs[i]), true);
    view.setUint8(13 * i + 12, polarity[i]);
  }
  return npy("[('x', '<u2'), ('y', '<u2'), ('t', '<i8'), ('p', '|b1')]", tUs.length, new Uint8Array(view.buffer));
}

/** The four columns as `.npy` files for an `.npz`: t i8, x and y u2, p u1. */
export function encodeNpyColumns(stream: EventStream): Record<string, Uint8Array> {
  const bytes = (a: Uint16Array | Uint8Array) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  const count = stream.tUs.length;
  const t = BigInt64Array.from(stream.tUs as Float64Array, (v) => BigInt(v));
  return {
    "t.npy": npy("'<i8'", count, new Uint8Array(t.buffer)), "x.npy": npy("'<u2'", count, bytes(stream.x)),
    "y.npy": npy("'<u2'", count, bytes(stream.y)), "p.npy": npy("'|u1'", count, bytes(stream.polarity)),
  };
}
