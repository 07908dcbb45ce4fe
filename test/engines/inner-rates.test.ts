import { describe, expect, it } from "vitest";
import { createEngine } from "../../src/engines/create.js";
import type { Engine, InnerLoop, OuterGradient } from "../../src/engines/engine.js";
import { randomCase } from "./reference/random-networks.js";

// The rate of a layer that the inner loop leaves alone has no effect on the loss: by definition its gradient is 0, and Adam
// then leaves it where it is. A rate of 0 of a layer that may move has one.
const { spec, masters, quantized, task } = [...Array(40).keys()]
  .map((seed) => randomCase(seed + 1, { neuronModel: "srm", mode: "counts" }, 0.2))
  .find((c) => c.spec.layers.filter(({ kind }) => kind === "conv").length === 2)!;
const inner = (change: Partial<InnerLoop>): InnerLoop => ({
  rule: "gradient", steps: 2, rate: 0.5, frozen: [], burnIn: 4, ...change,
});

async function engineOf(engine: "reference" | "native" | "wasm" | "tfjs"): Promise<Engine | null> {
  try {
    return (await createEngine(spec, { engine, threads: 1 })).engine;
  } catch {
    return null;   // not on this machine: skipped visibly
  }
}

describe.each(["reference", "native", "wasm", "tfjs"] as const)("gradients of the inner rates, engine %s", async (name) => {
  const engine = await engineOf(name);
  engine?.setParameters(masters, quantized);
  const rates = async (outer: OuterGradient, change: Partial<InnerLoop>) => {
    const { innerGradients } = await engine!.metaStep(task, { outer, chipSeed: 0, inner: inner(change) });
    return Object.fromEntries(Object.entries(innerGradients!.rates).map(([layer, g]) => [layer, g === 0]));
  };
  const run = engine ? it : it.skip;

  run("are 0 in frozen layers, and only there", async () => {
    for (const outer of ["maml", "fomaml"] as const) {
      expect(await rates(outer, { frozen: ["conv2"] })).toEqual({ conv1: false, conv2: true, dense: false });
    }
  }, 300_000);

  run("are 0 in all layers but the last with anil", async () => {
    expect(await rates("anil", {})).toEqual({ conv1: true, conv2: true, dense: false });
  }, 300_000);

  run("are not 0 where a rate is 0 and the layer may move", async () => {
    expect(await rates("maml", { rate: { conv1: 0, dense: 0.5 } })).toEqual({ conv1: false, conv2: false, dense: false });
  }, 300_000);
});
