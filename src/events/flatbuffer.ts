/** Bytes that are no flatbuffer of the expected kind. */
export class FlatbufferError extends Error {}

/** A table in a flatbuffer, read by hand with every access checked. Source: FlatBuffers internals. */
export class FlatTable {
  private constructor(private readonly view: DataView, private readonly at: number, private readonly vtable: number, private readonly slots: number) {}

  /** The root table of a buffer with that 4-byte identifier, size-prefixed or not. @throws FlatbufferError */
  static root(bytes: Uint8Array, identifier: string, sizePrefixed: boolean): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = sizePrefixed ? 4 : 0;
    if (bytes.length < start + 8) throw new FlatbufferError(`too short for a ${identifier} buffer`);
    if (sizePrefixed && view.getUint32(0, true) + 4 > bytes.length) throw new FlatbufferError(`the ${identifier} buffer is cut short`);
    const found = String.fromCharCode(...bytes.subarray(start + 4, start + 8));
    if (found !== identifier) throw new FlatbufferError(`identifier "${found.replace(/[^\x20-\x7e]/g, "?")}" where "${identifier}" belongs`);
    return FlatTable.at(view, start + view.getUint32(start, true));
  }

  private static at(view: DataView, at: number): FlatTable {
    check(view, at, 4);
    const vtable = at - view.getInt32(at, true);
    check(view, vtable, 4);
    const bytes = view.getUint16(vtable, true);
    check(view, vtable, Math.max(4, bytes));
    return new FlatTable(view, at, vtable, Math.max(0, (bytes - 4) >> 1));
  }

  private field(slot: number, bytes: number): number {
    if (slot >= this.slots) return -1;
    const offset = this.view.getUint16(this.vtable + 4 + 2 * slot, true);
    if (offset === 0) return -1;
    check(this.view, this.at + offset, bytes);
    return this.at + offset;
  }

  /** i32 in a slot, or its default. */
  int32(slot: number, absent: number): number {
    const at = this.field(slot, 4);
    return at < 0 ? absent : this.view.getInt32(at, true);
  }

  /** i64 in a slot as a number, or its default. */
  int64(slot: number, absent: number): number {
    const at = this.field(slot, 8);
    return at < 0 ? absent : Number(this.view.getBigInt64(at, true));
  }

  /** String in a slot, "" where absent. */
  string(slot: number): string {
    const { at, length } = this.vector(slot, 1);
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.view.byteOffset + at, length));
  }

  /** Where the elements of a vector of structs lie; length 0 where the slot is absent. */
  vector(slot: number, elementBytes: number): { at: number; length: number } {
    const field = this.field(slot, 4);
    if (field < 0) return { at: 0, length: 0 };
    const start = field + this.view.getUint32(field, true);
    check(this.view, start, 4);
    const length = this.view.getUint32(start, true);
    check(this.view, start + 4, length * elementBytes);
    return { at: start + 4, length };
  }
}

function check(view: DataView, at: number, bytes: number): void {
  if (at < 0 || at + bytes > view.byteLength) throw new FlatbufferError("an offset points outside the buffer");
}
