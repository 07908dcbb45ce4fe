/** Typed arrays that can be laid into the kernels' memory. */
export type PlacedArray = Int32Array | Uint8Array | Int16Array | Uint16Array | Int8Array;

/** Below this the kernels keep their stack. */
const FIRST_BYTE = 131_072;
const PAGE_BYTES = 65_536;
const ALIGNMENT = 16;

/** Lays arrays out one after another, first as a plan, then in a memory of the size that came out. */
export class Arena {
  private used = FIRST_BYTE;
  private memory: WebAssembly.Memory | null = null;

  /** Address of so many bytes, zero at first. */
  take(bytes: number): number {
    const address = this.used;
    this.used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return address;
  }

  /** The memory, allocated once all addresses are taken; it never grows, so views stay valid. */
  allocate(): WebAssembly.Memory {
    const pages = Math.ceil(this.used / PAGE_BYTES);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    return this.memory;
  }

  private buffer(): ArrayBuffer {
    if (this.memory === null) throw new Error("simulator bug: arena used before it was allocated");
    return this.memory.buffer;
  }

  int32(address: number, length: number): Int32Array {
    return new Int32Array(this.buffer(), address, length);
  }

  /** A copy of the array at its address, as a view. */
  moved<T extends PlacedArray>(array: T, address: number): T {
    const Type = array.constructor as new (buffer: ArrayBuffer, address: number, length: number) => T;
    const view = new Type(this.buffer(), address, array.length);
    view.set(array);
    return view;
  }
}
