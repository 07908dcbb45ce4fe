import { unzlibSync } from "fflate";
import { concatBytes } from "../../base/bytes.js";
import type { EventColumns } from "../columns.js";
import type { DecodeOptions, SensorSize, StreamDecoder } from "../decoder.js";
import { latin } from "../detect-header.js";
import type { Problems } from "../problems.js";
import type { EventStream } from "../types.js";
import { eventsFromNumbers, type NamedColumn } from "./named-columns.js";

/** Types of elements. Source: reference/event-formats.md, MAT-file level 5. */
const MI = { int8: 1, int32: 5, uint32: 6, double: 9, matrix: 14, compressed: 15 } as const;
/** Bytes and reader of a numeric mi-type. */
const NUMERIC: Readonly<Record<number, readonly [number, (v: DataView, at: number, little: boolean) => number]>> = {
  1: [1, (v, at) => v.getInt8(at)], 2: [1, (v, at) => v.getUint8(at)], 3: [2, (v, at, l) => v.getInt16(at, l)],
  4: [2, (v, at, l) => v.getUint16(at, l)], 5: [4, (v, at, l) => v.getInt32(at, l)], 6: [4, (v, at, l) => v.getUint32(at, l)],
  7: [4, (v, at, l) => v.getFloat32(at, l)], 9: [8, (v, at, l) => v.getFloat64(at, l)],
  12: [8, (v, at, l) => Number(v.getBigInt64(at, l))], 13: [8, (v, at, l) => Number(v.getBigUint64(at, l))],
};
/** Array classes: struct and cell hold matrices, 6…15 hold numbers. */
const CLASS = { cell: 1, struct: 2, firstNumeric: 6, lastNumeric: 15 } as const;
const HEADER_BYTES = 128;
/** One compressed variable may not grow beyond this. */
const VARIABLE_LIMIT_BYTES = 2 ** 30;
const DEPTH_LIMIT = 8;

interface Element {
  readonly type: number;
  readonly at: number;
  readonly bytes: number;
  /** Where the next one begins. */
  readonly next: number;
}

class Mat5Error extends Error {}

/** MATLAB level 5 (`-v6`, `-v7`), as ASL-DVS ships: variables or struct fields ts, x, y, pol in any numeric type. */
export class Mat5Decoder implements StreamDecoder {
  readonly jitterUs = 0;
  size: SensorSize | undefined;
  private little = true;
  private firstAt = HEADER_BYTES;

  constructor(_options: DecodeOptions, private readonly problems: Problems) {}

  decode(bytes: Uint8Array, offset: number, final: boolean, out: EventColumns): number {
    if (!final) return 0;
    const mark = bytes.length >= HEADER_BYTES ? latin(bytes, 126, 128) : "";
    if (mark !== "IM" && mark !== "MI") {
      this.problems.fail("E-EVT-005", offset + 126, { found: `byte order mark "${mark.replace(/[^\x20-\x7e]/g, "?")}"`, limit: `"IM" or "MI"` });
    }
    this.little = mark === "IM";
    const columns: NamedColumn[] = [];
    let at = HEADER_BYTES;
    while (at < bytes.length) {
      const start = at;
      try {
        const element = this.element(viewOf(bytes), at);
        at = element.next;
        this.variable(bytes, element, offset + start, columns);
      } catch (error) {
        if (!(error instanceof Mat5Error)) throw error;
        this.problems.report("E-EVT-006", offset + start, { found: `a variable is damaged: ${error.message}`, dropped: "damaged variables dropped" });
        if (at === start) break;
      }
    }
    this.firstAt = columns[0]?.at ?? HEADER_BYTES;
    this.size = eventsFromNumbers(columns, offset, this.problems, out);
    return bytes.length;
  }

  private variable(bytes: Uint8Array, element: Element, at: number, columns: NamedColumn[]): void {
    if (element.type === MI.matrix) this.matrix(viewOf(bytes.subarray(element.at, element.at + element.bytes)), "", at, columns, 0);
    else if (element.type === MI.compressed) {
      const inflated = inflateBounded(bytes.subarray(element.at, element.at + element.bytes));
      const view = viewOf(inflated);
      const inner = this.element(view, 0);
      if (inner.type !== MI.matrix) throw new Mat5Error(`a compressed element of type ${inner.type}`);
      this.matrix(viewOf(inflated.subarray(inner.at, inner.at + inner.bytes)), "", at, columns, 0);
    } else if (element.type < 1 || element.type > 18) throw new Mat5Error(`an element of type ${element.type}`);
  }

  private element(view: DataView, at: number): Element {
    if (at + 8 > view.byteLength) throw new Mat5Error("it is cut short");
    const word = view.getUint32(at, this.little);
    const small = word >>> 16;
    if (small !== 0) {
      if (small > 4) throw new Mat5Error(`a small element of ${small} bytes`);
      return { type: word & 0xffff, at: at + 4, bytes: small, next: at + 8 };
    }
    const bytes = view.getUint32(at + 4, this.little);
    if (at + 8 + bytes > view.byteLength) throw new Mat5Error(`an element of ${bytes} bytes runs past the end`);
    const padded = word === MI.compressed ? bytes : Math.ceil(bytes / 8) * 8;
    return { type: word, at: at + 8, bytes, next: Math.min(view.byteLength, at + 8 + padded) };
  }

  private matrix(view: DataView, prefix: string, at: number, columns: NamedColumn[], depth: number): void {
    if (view.byteLength === 0) return;
    if (depth > DEPTH_LIMIT) throw new Mat5Error("structs nested too deep");
    const flags = this.element(view, 0);
    if (flags.bytes < 8) throw new Mat5Error(`array flags of ${flags.bytes} bytes`);
    const kind = view.getUint8(flags.at + (this.little ? 0 : 3));
    const dims = this.element(view, flags.next);
    const name = this.element(view, dims.next);
    const text = latin(new Uint8Array(view.buffer, view.byteOffset + name.at, name.bytes), 0, name.bytes).replace(/\0+$/, "");
    const path = text === "" ? prefix : text;
    if (kind === CLASS.struct) this.struct(view, name.next, path, at, columns, depth);
    else if (kind === CLASS.cell) {
      for (let next = name.next; next + 8 <= view.byteLength; ) {
        const cell = this.element(view, next);
        if (cell.type === MI.matrix) this.matrix(sub(view, cell), path, at, columns, depth + 1);
        next = cell.next;
      }
    } else if (kind >= CLASS.firstNumeric && kind <= CLASS.lastNumeric) {
      columns.push({ name: path, at, values: this.numbers(view, this.element(view, name.next)) });
    }
  }

  private struct(view: DataView, start: number, path: string, at: number, columns: NamedColumn[], depth: number): void {
    const lengthElement = this.element(view, start);
    if (lengthElement.bytes < 4) throw new Mat5Error("no length of field names");
    const nameBytes = view.getInt32(lengthElement.at, this.little);
    const names = this.element(view, lengthElement.next);
    if (nameBytes < 1 || nameBytes > 256) throw new Mat5Error(`field names of ${nameBytes} bytes`);
    const fields = Array.from({ length: Math.floor(names.bytes / nameBytes) }, (_, k) =>
      latin(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), names.at + k * nameBytes, names.at + (k + 1) * nameBytes).replace(/\0.*$/s, ""));
    let next = names.next;
    for (const field of fields) {
      if (next + 8 > view.byteLength) throw new Mat5Error(`field ${field} is missing`);
      const element = this.element(view, next);
      if (element.type === MI.matrix) this.matrix(sub(view, element), `${path}.${field}`, at, columns, depth + 1);
      next = element.next;
    }
  }

  private numbers(view: DataView, element: Element): Float64Array {
    const numeric = NUMERIC[element.type];
    if (!numeric) throw new Mat5Error(`numbers of type ${element.type}`);
    const [bytes, read] = numeric;
    const out = new Float64Array(Math.floor(element.bytes / bytes));
    for (let i = 0; i < out.length; i++) out[i] = read(view, element.at + i * bytes, this.little);
    return out;
  }

  locate(): number {
    return this.firstAt;
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const sub = (view: DataView, element: Element): DataView => new DataView(view.buffer, view.byteOffset + element.at, element.bytes);

function inflateBounded(packed: Uint8Array): Uint8Array {
  try {
    const out = unzlibSync(packed);
    if (out.length > VARIABLE_LIMIT_BYTES) throw new Error("too large");
    if (adler32(out) !== viewOf(packed).getUint32(packed.length - 4, false)) throw new Error("wrong checksum");
    return out;
  } catch (error) {
    throw new Mat5Error(`it cannot be inflated (${(error as Error).message})`);
  }
}

/** Checksum of zlib streams, which fflate leaves unchecked. Source: RFC 1950 §8.2. */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (let i = 0; i < bytes.length; ) {
    // 3800 additions keep both sums below 2^32.
    for (const end = Math.min(bytes.length, i + 3800); i < end; i++) b += a += bytes[i];
    a %= 65521;
    b %= 65521;
  }
  return (b * 65536 + a) >>> 0;
}

/** Writes MATLAB level 5 with the variables of ASL-DVS: ts, x, y, pol as columns of doubles, uncompressed. */
export function encodeMat5(stream: EventStream): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES).fill(0x20);
  header.set(new TextEncoder().encode("MATLAB 5.0 MAT-file, Platform: any, Created by: metaloihi"));
  header.set([0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x01, 0x49, 0x4d], 116);
  return concatBytes([header, ...([["ts", stream.tUs], ["x", stream.x], ["y", stream.y], ["pol", stream.polarity]] as const).map(
    ([name, values]) => matrixElement(name, values))]);
}

function matrixElement(name: string, values: ArrayLike<number>): Uint8Array {
  const bytes = 8 + 16 + 16 + 8 + 8 + 8 * values.length;
  const view = new DataView(new ArrayBuffer(bytes));
  const doubleClass = 6;
  [MI.matrix, bytes - 8, MI.uint32, 8, doubleClass, 0, MI.int32, 8, values.length, 1, (name.length << 16) | MI.int8]
    .forEach((word, k) => { view.setUint32(4 * k, word, true); });
  for (let k = 0; k < name.length; k++) view.setUint8(44 + k, name.charCodeAt(k));
  view.setUint32(48, MI.double, true);
  view.setUint32(52, 8 * values.length, true);
  for (let i = 0; i < values.length; i++) view.setFloat64(56 + 8 * i, values[i], true);
  return new Uint8Array(view.buffer);
}
