type Values = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;

/** The module's allocator. */
export interface Allocator {
  metaloihi_allocate(bytes: number): number;
  metaloihi_release(address: number): void;
}

/** Copies arrays into the shared memory and out of it. The memory grows, so views are made anew each time. */
export class Exchange<K extends Allocator> {
  constructor(readonly kernels: K, private readonly memory: WebAssembly.Memory) {}

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  /** Calls with the addresses of copies of `values`; those in `out` are copied back. */
  call<R>(values: readonly Values[], run: (...addresses: number[]) => R, out = false): R {
    const addresses = values.map((v) => {
      const address = this.kernels.metaloihi_allocate(Math.max(1, v.byteLength));
      this.bytes(address, v.byteLength).set(new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
      return address;
    });
    const result = run(...addresses);
    values.forEach((v, k) => {
      if (out) new Uint8Array(v.buffer, v.byteOffset, v.byteLength).set(this.bytes(addresses[k], v.byteLength));
      this.kernels.metaloihi_release(addresses[k]);
    });
    return result;
  }

  /** A copy of `length` values of a kind. */
  copy<T extends Float32Array | Float64Array | Int32Array>(kind: { new (buffer: ArrayBuffer): T; BYTES_PER_ELEMENT: number },
    address: number, length: number): T {
    return new kind(this.bytes(address, length * kind.BYTES_PER_ELEMENT).slice().buffer as ArrayBuffer);
  }
}
