import { createEngine } from "../../../src/engines/create.js";
import type { NetworkSpec } from "../../../src/model/types.js";
import { randomCase } from "../reference/random-networks.js";

/** Which engines on the kernels this machine has; the tests of the others are skipped visibly. */
export async function hereAre(neuronModel: NetworkSpec["neuronModel"]): Promise<readonly ("native" | "wasm")[]> {
  const { spec } = randomCase(1, { neuronModel, mode: "counts" });
  const here: ("native" | "wasm")[] = [];
  for (const engine of ["native", "wasm"] as const) {
    try {
      (await createEngine(spec, { engine })).engine.dispose();
      here.push(engine);
    } catch {
      // Not built on this machine.
    }
  }
  return here;
}
