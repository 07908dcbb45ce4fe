import type { NetworkSpec } from "../../model/types.js";
import type { Engine } from "../engine.js";
import { loihiMethods } from "./loihi/loihi-engine.js";
import { loadTfjs } from "./node/load-tfjs.js";
import { srmMethods } from "./srm/srm-engine.js";

/** The engine in TensorFlow.js: the mathematics written once, in its operations, with automatic differentiation. Integers
 *  are exact, gradients float32.
 *  @throws Error where TensorFlow.js does not load */
export async function createTfjsEngine(spec: NetworkSpec, threads: number): Promise<Engine> {
  const { tf, backend, description } = await loadTfjs(threads);
  const methods = spec.neuronModel === "loihi" ? loihiMethods(tf, spec) : srmMethods(tf, spec);
  return {
    name: "tfjs", spec, threads: backend === "tensorflow" ? threads : 1, runsOn: description, ...methods, dispose() {},
  };
}
