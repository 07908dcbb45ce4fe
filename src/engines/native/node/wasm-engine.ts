import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../../../base/node/package-root.js";
import type { NetworkSpec } from "../../../model/types.js";
import type { Engine } from "../../engine.js";
import { RESULT } from "../loihi/binding.js";
import type { LoihiBinding } from "../loihi/binding.js";
import { LoihiEngine } from "../loihi/loihi-engine.js";
import { SrmEngine } from "../srm/srm-engine.js";
import { Exchange } from "./wasm-exchange.js";
import type { Allocator } from "./wasm-exchange.js";
import { wasmSrmBinding } from "./wasm-srm.js";
import type { SrmKernels } from "./wasm-srm.js";
import { WasmWorkers } from "./wasm-workers.js";

/** Exports of metaloihi.wasm: the functions of loihi.cc with addresses for pointers, and its allocator. */
interface Kernels extends Allocator, SrmKernels {
  loihi_create_wasm(head: number, rows: number, exps: number): number;
  loihi_destroy_wasm(context: number): void;
  loihi_rule_wasm(context: number, soel: number, reals: number): void;
  loihi_parameters_wasm(context: number, mantissa: number, bias: number): void;
  loihi_task_wasm(
    context: number, support: number, query: number, presentations: number, flags: number, seed: number, order: number,
    supportLabels: number, queryLabels: number, assigned: number,
  ): void;
  loihi_sample_wasm(context: number, index: number, rowStart: number, channel: number, count: number): void;
  loihi_result_wasm(context: number, which: number, length: number): number;
  loihi_penalty_wasm(context: number): number;
  loihi_products_wasm(context: number, which: number): number;
  loihi_spike_count_wasm(context: number, sample: number, layer: number): number;
  loihi_weights_wasm(context: number, out: number): void;
  loihi_spikes_wasm(context: number, sample: number, layer: number, step: number, neuron: number): number;
  loihi_presentation_wasm(
    context: number, index: number, u: number, v: number, spike: number, y1: number, x1: number, counter: number,
    weights: number, totals: number,
  ): number;
  loihi_wraps_wasm(context: number, sample: number, rows: number): number;
}

// 2 GiB at most (build-wasm.mjs), reserved but not taken.
const MEMORY = { initial: 32, maximum: 32768, shared: true } as const;

/** Path of the module in this package, from the sources as well as from the build. */
const keptModule = (): string => join(packageRoot(), "src", "engines", "native", "metaloihi.wasm");
const compiled = new Map<string, Promise<WebAssembly.Module>>();

/** Compiles a module, once. */
function kernelModule(path: string): Promise<WebAssembly.Module> {
  const known = compiled.get(path) ?? readFile(path).then((bytes) => WebAssembly.compile(new Uint8Array(bytes)));
  compiled.set(path, known);
  return known;
}

function bindingOf(x: Exchange<Kernels>, workers: WasmWorkers): LoihiBinding<number> {
  const k = x.kernels;
  return {
    create: (head, rows, exps) => x.call([head, rows, exps], k.loihi_create_wasm),
    dispose: (h) => k.loihi_destroy_wasm(h),
    rule: (h, soel, reals) => x.call([soel, reals], (a, b) => k.loihi_rule_wasm(h, a, b)),
    parameters: (h, mantissa, bias) => x.call([mantissa, bias], (a, b) => k.loihi_parameters_wasm(h, a, b)),
    task: (h, t) => x.call([t.order, t.supportLabels, t.queryLabels, t.assigned], (order, support, query, assigned) =>
      k.loihi_task_wasm(h, t.support, t.query, t.order.length, t.flags, t.seed, order, support, query, assigned)),
    sample: (h, index, rowStart, channel, count) =>
      x.call([rowStart, channel, count], (a, b, c) => k.loihi_sample_wasm(h, index, a, b, c)),
    run: (h) => workers.run("loihi", h),
    result: (h, which) => {
      const length = new Int32Array(1);
      const address = x.call([length], (at) => k.loihi_result_wasm(h, which, at), true);
      if (which === RESULT.logits || which === RESULT.gradient) return x.copy(Float32Array, address, length[0]);
      if (which === RESULT.losses || which === RESULT.scalars) return x.copy(Float64Array, address, length[0]);
      return x.copy(Int32Array, address, length[0]);
    },
    penalty: (h) => k.loihi_penalty_wasm(h),
    products: (h, which) => k.loihi_products_wasm(h, which),
    spikeCount: (h, sample, layer) => k.loihi_spike_count_wasm(h, sample, layer),
    weights: (h, out) => x.call([out], (a) => k.loihi_weights_wasm(h, a), true),
    spikes: (h, sample, layer) => {
      const count = k.loihi_spikes_wasm(h, sample, layer, 0, 0);
      const pairs = { step: new Uint16Array(count), neuron: new Uint32Array(count) };
      x.call([pairs.step, pairs.neuron], (a, b) => k.loihi_spikes_wasm(h, sample, layer, a, b), true);
      return pairs;
    },
    presentation: (h, index, o) => x.call([o.u, o.v, o.spike, o.y1, o.x1, o.counter, o.weights, o.totals], (u, v, spike, y1, x1, c, w, n) =>
      k.loihi_presentation_wasm(h, index, u, v, spike, y1, x1, c, w, n), true),
    wraps: (h, sample) => {
      const rows = new Int32Array(5 * k.loihi_wraps_wasm(h, sample, 0));
      if (rows.length > 0) x.call([rows], (a) => k.loihi_wraps_wasm(h, sample, a), true);
      return rows;
    },
  };
}

/** Engine on the same kernels as WebAssembly, `threads` workers on a shared memory. The integers of a `loihi` network are
 *  those of the native engine, and so are the spikes of an `srm` network; float32 gradients differ in their last bits, as vectors are narrower.
 *  @param path  of another build of the module (tests)
 *  @throws UserError where the kernels do not run the network */
export async function createWasmEngine(spec: NetworkSpec, threads: number, path = keptModule()): Promise<Engine> {
  const module = await kernelModule(path);
  const memory = new WebAssembly.Memory(MEMORY);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const kernels = instance.exports as unknown as Kernels;
  const workers = new WasmWorkers(module, memory, threads, (bytes) => kernels.metaloihi_allocate(bytes));
  const release = () => void workers.stop();
  try {
    const exchange = new Exchange(kernels, memory);
    return spec.neuronModel === "srm"
      ? new SrmEngine("wasm", wasmSrmBinding(exchange, workers), spec, threads, "float32", release)
      : new LoihiEngine("wasm", bindingOf(exchange, workers), spec, threads, release);
  } catch (error) {
    release();
    throw error;
  }
}
