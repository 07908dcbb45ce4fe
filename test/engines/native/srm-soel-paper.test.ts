import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEngine } from "../../../src/engines/create.js";
import type { InnerLoop, MetaStepOptions } from "../../../src/engines/engine.js";
import type { SoelPaper } from "../../../src/engines/soel-paper.js";
import { randomCase } from "../reference/random-networks.js";
import { compareStep, inFloat32, inFloat64, sameBits } from "./compare-srm.js";
import { hereAre } from "./engines-here.js";

const here = await hereAre("srm");
const TIMEOUT = 120_000;

const rules: fc.Arbitrary<SoelPaper> = fc.record({
  order: fc.constantFrom(1 as const, 2 as const), theta: fc.constantFrom(0.05, 0.12, 0.3), thetaLearned: fc.boolean(),
  divide: fc.constantFrom("none" as const, "float" as const, "integer" as const),
});
const loop = (change: Partial<InnerLoop>): InnerLoop => ({ rule: "soel-paper", steps: 1, rate: 0.5, frozen: [], burnIn: 0, ...change });
const loops = fc.tuple(rules, fc.constantFrom<Partial<InnerLoop>>(
  {}, {}, { burnIn: 6 }, { truncation: 5 }, { steps: 2, truncation: 4 }, { steps: 3, rate: { dense: 1.5 } },
  { frozen: ["dense"] }, { quantizeInner: { grid: "paper", bits: 8, rounding: "stochastic" } },
  { quantizeOuter: { grid: "chip", bits: 6, rounding: "nearest" } },
)).map(([soelPaper, change]) => loop({ soelPaper, ...change }));
const cases = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }), mode: fc.constantFrom("binary" as const, "counts" as const),
  share: fc.constantFrom(0, 0.02, 0.15, 0.4), inner: loops, outer: fc.constantFrom("maml" as const, "fomaml" as const, "reptile" as const),
});
const compare = ({ seed, mode, share, inner, outer }: typeof cases extends fc.Arbitrary<infer C> ? C : never, witness: typeof inFloat64) =>
  compareStep(randomCase(seed, { neuronModel: "srm", mode }, share), { outer, chipSeed: 0, inner, roundingSeed: seed }, witness);

describe.each(["native", "wasm"] as const)("the paper's SOEL on engine %s", (name) => {
  const run = here.includes(name) ? it : it.skip;

  run("agrees with the reference to float32: both orders, θ and its gradient, all divisions", async () => {
    await fc.assert(fc.asyncProperty(cases, (drawn) => compare(drawn, inFloat32(name))), { numRuns: 40, seed: 41 });
  }, TIMEOUT);

  const second: MetaStepOptions = {
    outer: "maml", chipSeed: 0, inner: loop({ soelPaper: { order: 2, theta: 0.05, thetaLearned: true, divide: "float" } }),
  };

  run("gives equal bits with 1, 2 and 4 threads", async () => {
    await sameBits(name, randomCase(17, { neuronModel: "srm", mode: "counts" }, 0.3), second);
  }, TIMEOUT);

  run("changes the last layer's weights alone, and is first order, undivided and of θ .05 where no options are named", async () => {
    const { spec, masters, quantized, task } = randomCase(17, { neuronModel: "srm", mode: "counts" }, 0.3);
    const { engine } = await createEngine(spec, { engine: name, threads: 1 });
    engine.setParameters(masters, quantized);
    const { gradients } = await engine.metaStep(task, { outer: "reptile", chipSeed: 0, inner: loop({}) });
    const changed = Object.entries(gradients).filter(([, g]) => g.some((x) => x !== 0)).map(([tensor]) => tensor);
    expect(changed).toEqual(["dense.weight"]);
    const named = { order: 1, theta: 0.05, thetaLearned: false, divide: "none" } as const;
    const [bare, full] = [loop({}), loop({ soelPaper: named })];
    const step = (inner: InnerLoop) => engine.metaStep(task, { outer: "maml", chipSeed: 0, inner });
    expect(await step(bare)).toEqual(await step(full));
    expect(await step(bare)).not.toEqual(await step(loop({ soelPaper: { ...named, order: 2 } })));
    engine.dispose();
  }, TIMEOUT);
});

describe.skipIf(!here.includes("native"))("the paper's SOEL on the native engine in double precision", () => {
  it("agrees with the reference to 1e-8", async () => {
    await fc.assert(fc.asyncProperty(cases, (drawn) => compare(drawn, inFloat64)), { numRuns: 80, seed: 42 });
  }, TIMEOUT);
});
