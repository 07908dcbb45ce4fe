import { SRM_RESULT } from "../srm/binding.js";
import type { SrmBinding } from "../srm/binding.js";
import type { Allocator, Exchange } from "./wasm-exchange.js";
import type { WasmWorkers } from "./wasm-workers.js";

/** Exports of metaloihi.wasm for `srm` networks: the functions of srm.cc with addresses for pointers. */
export interface SrmKernels extends Allocator {
  srm_create_wasm_f32(ints: number, reals: number): number;
  srm_destroy_wasm_f32(context: number): void;
  srm_weights_wasm_f32(context: number, which: number, values: number): void;
  srm_set_size_wasm_f32(context: number, set: number, samples: number): void;
  srm_sample_wasm_f32(context: number, set: number, index: number, rowStart: number, channel: number, count: number): void;
  srm_job_wasm_f32(context: number, kind: number, set: number, samples: number, labels: number, flags: number): void;
  srm_result_wasm_f32(context: number, which: number, length: number): number;
}

/** The srm kernels in WebAssembly; float32 alone. */
export function wasmSrmBinding(x: Exchange<SrmKernels>, workers: WasmWorkers): SrmBinding<number> {
  const k = x.kernels;
  return {
    create: (ints, reals) => x.call([ints, reals], k.srm_create_wasm_f32),
    dispose: (h) => k.srm_destroy_wasm_f32(h),
    weights: (h, which, values) => x.call([values], (a) => k.srm_weights_wasm_f32(h, which, a)),
    setSize: (h, set, samples) => k.srm_set_size_wasm_f32(h, set, samples),
    sample: (h, set, index, rowStart, channel, count) =>
      x.call([rowStart, channel, count], (a, b, c) => k.srm_sample_wasm_f32(h, set, index, a, b, c)),
    run: (h, kind, set, labels, flags) => {
      x.call([labels], (a) => k.srm_job_wasm_f32(h, kind, set, labels.length, a, flags));
      return workers.run("srm", h);
    },
    result: (h, which) => {
      const length = new Int32Array(1);
      const address = x.call([length], (at) => k.srm_result_wasm_f32(h, which, at), true);
      return which === SRM_RESULT.losses || which === SRM_RESULT.traces ? x.copy(Float64Array, address, length[0]) : x.copy(Float32Array, address, length[0]);
    },
  };
}
