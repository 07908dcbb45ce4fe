import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../base/node/package-root.js";
import type { NetworkSpec } from "../../../model/types.js";
import type { Engine } from "../../engine.js";
import { LoihiEngine } from "../loihi/loihi-engine.js";
import { wasmBinding } from "./wasm-binding.js";
import { WasmKernels } from "./wasm-kernels.js";

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/** Path of the module that ships with the package. In `dist` too: it lies among the sources. */
export const wasmModulePath = (): string => join(packageRoot(), "src", "engines", "native", "wasm", "metaloihi.wasm");

function moduleAt(path: string): Promise<WebAssembly.Module> {
  const known = compiled.get(path);
  if (known) return known;
  if (!existsSync(path)) throw new Error("the WebAssembly module is not part of this installation");
  const fresh = WebAssembly.compile(readFileSync(path));
  compiled.set(path, fresh);
  return fresh;
}

/** Engine of `loihi` networks on the C++ kernels as WebAssembly, with `threads − 1` workers on one shared memory beside the
 *  calling thread. Integers as the native engine's, bit for bit, whatever the number of threads. `dispose` ends the workers.
 *  @param path  of another build of the module (tests)
 *  @throws Error for `srm` networks, and where the module or shared memory is missing */
export async function createWasmEngine(spec: NetworkSpec, threads: number, path = wasmModulePath()): Promise<Engine> {
  if (spec.neuronModel === "srm") {
    throw new Error("the wasm engine runs loihi networks only; this one is srm (take --engine native or reference)");
  }
  const kernels = await WasmKernels.start(await moduleAt(path), Math.max(1, threads));
  try {
    return new LoihiEngine("wasm", wasmBinding(kernels), spec, kernels.threads, () => kernels.stop());
  } catch (error) {
    kernels.stop();
    throw error;
  }
}
