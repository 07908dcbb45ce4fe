import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../base/node/package-root.js";
import type { NetworkSpec } from "../../model/types.js";
import type { Engine } from "../engine.js";
import type { LoihiBinding, PresentationArrays, TaskArguments } from "./loihi/binding.js";
import { LoihiEngine } from "./loihi/loihi-engine.js";
import { SrmEngine } from "./srm/srm-engine.js";
import { addonBinding } from "./srm/binding.js";
import type { Precision, SrmAddon } from "./srm/binding.js";

/** The addon's functions for `loihi` networks (loihi/addon.cc). */
interface LoihiAddon {
  loihiCreate(head: Int32Array, rows: Int32Array, exps: Int32Array): unknown;
  loihiDispose(handle: unknown): void;
  loihiRule(handle: unknown, soel: Int32Array, reals: Float64Array): void;
  loihiParameters(handle: unknown, mantissa: Int16Array, bias: Int32Array): void;
  loihiTask(
    handle: unknown, support: number, query: number, presentations: number, flags: number, seed: number, order: Int32Array,
    supportLabels: Int32Array, queryLabels: Int32Array, assigned: Uint8Array,
  ): void;
  loihiSample(handle: unknown, index: number, rowStart: Uint32Array, channel: Uint32Array, count: Uint16Array): void;
  loihiRun(handle: unknown): Promise<void>;
  loihiResult(handle: unknown, which: number): Float32Array | Float64Array | Int32Array;
  loihiPenalty(handle: unknown): number;
  loihiProducts(handle: unknown, which: number): number;
  loihiSpikeCount(handle: unknown, sample: number, layer: number): number;
  loihiWeights(handle: unknown, out: Int16Array): void;
  loihiSpikes(handle: unknown, sample: number, layer: number, step?: Uint16Array, neuron?: Uint32Array): number;
  loihiPresentation(
    handle: unknown, index: number, u: Int32Array, v: Int32Array, spike: Uint8Array, y1: Uint8Array, x1: Uint8Array,
    counter: Int32Array, weights: Int16Array, totals: Int32Array,
  ): number;
  loihiWraps(handle: unknown, sample: number): Int32Array;
}

type Addon = LoihiAddon & SrmAddon;
let loaded: Addon | undefined;

function addon(): Addon {
  const path = join(packageRoot(), "build", "native", "metaloihi.node");
  if (!existsSync(path)) throw new Error("the native addon is not built (no C++ compiler when the project was set up)");
  loaded ??= createRequire(import.meta.url)(path) as Addon;
  return loaded;
}

/** Instruction set that the kernels run with here: `avx512`, `avx2` or `base`. */
export const nativeInstructionSet = (): string => addon().srmIsa();

const bindingOf = (a: LoihiAddon): LoihiBinding => ({
  create: (head, rows, exps) => a.loihiCreate(head, rows, exps),
  dispose: (handle) => a.loihiDispose(handle),
  rule: (handle, soel, reals) => a.loihiRule(handle, soel, reals),
  parameters: (handle, mantissa, bias) => a.loihiParameters(handle, mantissa, bias),
  task: (handle, t: TaskArguments) =>
    a.loihiTask(handle, t.support, t.query, t.order.length, t.flags, t.seed, t.order, t.supportLabels, t.queryLabels, t.assigned),
  sample: (handle, index, rowStart, channel, count) => a.loihiSample(handle, index, rowStart, channel, count),
  run: (handle) => a.loihiRun(handle),
  result: (handle, which) => a.loihiResult(handle, which),
  penalty: (handle) => a.loihiPenalty(handle),
  products: (handle, which) => a.loihiProducts(handle, which),
  spikeCount: (handle, sample, layer) => a.loihiSpikeCount(handle, sample, layer),
  weights: (handle, out) => a.loihiWeights(handle, out),
  spikes: (handle, sample, layer) => {
    const count = a.loihiSpikes(handle, sample, layer);
    const [step, neuron] = [new Uint16Array(count), new Uint32Array(count)];
    a.loihiSpikes(handle, sample, layer, step, neuron);
    return { step, neuron };
  },
  presentation: (handle, index, o: PresentationArrays) =>
    a.loihiPresentation(handle, index, o.u, o.v, o.spike, o.y1, o.x1, o.counter, o.weights, o.totals),
  wraps: (handle, sample) => a.loihiWraps(handle, sample),
});

/** The loihi kernels themselves, for tests of what the engine interface cannot say. @throws Error where the addon is not built */
export const nativeLoihiKernels = (): LoihiBinding => bindingOf(addon());

/** Engine on the C++ kernels. @throws Error where the addon is not built */
export function createNativeEngine(spec: NetworkSpec, threads: number, precision: Precision = "float32"): Engine {
  const a = addon();
  return spec.neuronModel === "srm" ? new SrmEngine("native", addonBinding(a, precision), spec, threads, precision) : new LoihiEngine("native", bindingOf(a), spec, threads);
}
