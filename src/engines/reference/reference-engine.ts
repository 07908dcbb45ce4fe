import type { NetworkSpec } from "../../model/types.js";
import type { Engine } from "../engine.js";
import { loihiMethods } from "./loihi-engine.js";

/** The engine in plain float64 TypeScript: what the others are held against, and the engine of last resort. Slow.
 *  Gradients are float64. */
export function createReferenceEngine(spec: NetworkSpec): Engine {
  return { name: "reference", spec, threads: 1, ...loihiMethods(spec), dispose() {} };
}
