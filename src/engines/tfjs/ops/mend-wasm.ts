import type { Tensor, Tf } from "./custom-op.js";

/** What a wasm kernel may use of its backend. */
interface WasmBackend {
  typedArrayFromHeap(info: unknown): Float32Array | Int32Array | Uint8Array;
  makeOutput(shape: readonly number[], dtype: string): { dtype: string };
}

/** Puts a kernel of ours in place of wasm's `unstack` along the first axis: the shipped one copies the whole tensor out
 *  of the heap for each of its parts, which is quadratic in the steps of a scan. */
export function mendUnpack(tf: Tf): void {
  const shipped = tf.getKernel("Unpack", "wasm");
  if (!shipped) return;
  tf.unregisterKernel("Unpack", "wasm");
  tf.registerKernel({
    kernelName: "Unpack",
    backendName: "wasm",
    kernelFunc: (args) => {
      const value = args.inputs.value as Tensor;
      const axis = (args.attrs as { axis?: number } | undefined)?.axis ?? 0;
      if (axis !== 0 || value.rank === 0) return shipped.kernelFunc(args);
      const backend = args.backend as WasmBackend;
      const rest = value.shape.slice(1);
      const size = rest.reduce((product, n) => product * n, 1);
      return Array.from({ length: value.shape[0] }, (_, row) => {
        const part = backend.makeOutput(rest, value.dtype);
        // Read anew for every part: making an output may grow the heap, which moves it.
        const whole = backend.typedArrayFromHeap(value);
        backend.typedArrayFromHeap(part).set(whole.subarray(row * size, (row + 1) * size));
        return part as never;
      });
    },
  });
}
