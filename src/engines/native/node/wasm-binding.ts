import { RESULT } from "../loihi/binding.js";
import type { LoihiBinding } from "../loihi/binding.js";
import type { WasmKernels } from "./wasm-kernels.js";

type Numbers = Int32Array | Uint32Array | Int16Array | Uint16Array | Uint8Array | Float32Array | Float64Array;
const WRAP_WORDS = 4;

/** Binding of the kernels as WebAssembly: arguments are copied into the shared memory, results out of it. */
export function wasmBinding(kernels: WasmKernels): LoihiBinding<number> {
  const { exports, memory } = kernels;
  // The memory's buffer changes when it grows: views are made anew for each copy.
  const bytesAt = (pointer: number, length: number) => new Uint8Array(memory.buffer, pointer >>> 0, length);
  const bytesOf = (a: Numbers) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

  /** Calls with the arrays' addresses; copies the arrays of `out` back. */
  function withArrays<R>(inputs: readonly Numbers[], outputs: readonly Numbers[], call: (...pointers: number[]) => R): R {
    const all = [...inputs, ...outputs];
    const pointers = all.map((a) => exports.metaloihi_allocate(a.byteLength));
    try {
      // Outputs too: a kernel that leaves an entry alone leaves what stood there.
      all.forEach((a, k) => bytesAt(pointers[k], a.byteLength).set(bytesOf(a)));
      const result = call(...pointers);
      outputs.forEach((a, k) => bytesOf(a).set(bytesAt(pointers[inputs.length + k], a.byteLength)));
      return result;
    } finally {
      for (const pointer of pointers) exports.metaloihi_release(pointer);
    }
  }

  return {
    create: (head, rows, exps) => withArrays([head, rows, exps], [], (h, r, e) => exports.loihi_create_base(h, r, e)),
    dispose: (handle) => exports.loihi_destroy_base(handle),
    rule: (handle, soel, reals) => withArrays([soel, reals], [], (s, r) => exports.loihi_rule_base(handle, s, r)),
    parameters: (handle, mantissa, bias) =>
      withArrays([mantissa, bias], [], (m, b) => exports.loihi_parameters_base(handle, m, b)),
    task: (handle, t) => withArrays([t.order, t.supportLabels, t.queryLabels, t.assigned], [], (order, support, query, assigned) =>
      exports.loihi_task_base(handle, t.support, t.query, t.order.length, t.flags, t.seed, order, support, query, assigned)),
    sample: (handle, index, rowStart, channel, count) => withArrays([rowStart, channel, count], [], (r, c, n) =>
      exports.loihi_sample_base(handle, index, r, c, n)),
    run: async (handle) => kernels.runPhases(handle),
    result: (handle, which) => {
      const length = new Uint32Array(1);
      const pointer = withArrays([], [length], (l) => exports.loihi_result_base(handle, which, l));
      const kind = which === RESULT.logits || which === RESULT.gradient ? Float32Array
        : which === RESULT.losses || which === RESULT.scalars ? Float64Array : Int32Array;
      return new kind(bytesAt(pointer, length[0] * kind.BYTES_PER_ELEMENT).slice().buffer);
    },
    penalty: (handle) => exports.loihi_penalty_base(handle),
    products: (handle, which) => exports.loihi_products_base(handle, which),
    spikeCount: (handle, sample, layer) => exports.loihi_spike_count_base(handle, sample, layer),
    weights: (handle, out) => withArrays([], [out], (w) => exports.loihi_weights_base(handle, w)),
    spikes: (handle, sample, layer) => {
      const count = exports.loihi_spikes_base(handle, sample, layer, 0, 0) >>> 0;
      const [step, neuron] = [new Uint16Array(count), new Uint32Array(count)];
      withArrays([], [step, neuron], (s, n) => exports.loihi_spikes_base(handle, sample, layer, s, n));
      return { step, neuron };
    },
    presentation: (handle, index, o) =>
      withArrays([], [o.u, o.v, o.spike, o.y1, o.x1, o.counter, o.weights, o.totals], (u, v, spike, y1, x1, counter, weights, totals) =>
        exports.loihi_presentation_base(handle, index, u, v, spike, y1, x1, counter, weights, totals)),
    wraps: (handle, sample) => {
      const rows = new Int32Array(WRAP_WORDS * (exports.loihi_wraps_base(handle, sample, 0) >>> 0));
      if (rows.length > 0) withArrays([], [rows], (r) => exports.loihi_wraps_base(handle, sample, r));
      return rows;
    },
  };
}
