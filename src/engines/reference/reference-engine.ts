import type { NetworkSpec } from "../../model/types.js";
import type { Engine } from "../engine.js";
import { loihiMethods } from "./loihi-engine.js";
import { srmMethods } from "./srm-engine.js";

/** The engine in plain float64 TypeScript: what the others are held against, and the engine of last resort.
 *  Slow. Gradients are float64. */
export function createReferenceEngine(spec: NetworkSpec): Engine {
  const methods = spec.neuronModel === "loihi" ? loihiMethods(spec) : srmMethods(spec);
  return { name: "reference", spec, threads: 1, ...methods, dispose() {} };
}
