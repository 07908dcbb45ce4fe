import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { STREAM, draw32 } from "../../../src/base/rng.js";
import { createEngine } from "../../../src/engines/create.js";
import type { GridQuantizer, InnerLoop } from "../../../src/engines/engine.js";
import { parameterShapes } from "../../../src/model/shapes.js";
import type { Parameters } from "../../../src/model/types.js";
import { randomCase } from "../reference/random-networks.js";
import { compareStep, inFloat32, inFloat64, sameBits } from "./compare-srm.js";
import type { Witness } from "./compare-srm.js";
import { hereAre } from "./engines-here.js";

const here = await hereAre("srm");
const TIMEOUT = 120_000;

const inner = (change: Partial<InnerLoop>): InnerLoop => ({ rule: "gradient", steps: 1, rate: 0.5, frozen: [], burnIn: 0, ...change });
const grids = fc.oneof(
  fc.record({ grid: fc.constant("paper" as const), bits: fc.constantFrom(2, 3, 4, 8, 16) }),
  fc.record({ grid: fc.constantFrom("chip" as const, "symmetric" as const), bits: fc.integer({ min: 1, max: 8 }) }),
);
const quantizers: fc.Arbitrary<GridQuantizer> =
  fc.tuple(grids, fc.constantFrom("nearest" as const, "stochastic" as const)).map(([grid, rounding]) => ({ ...grid, rounding }));
const both = fc.record(
  { quantizeInner: fc.option(quantizers, { nil: undefined }), quantizeOuter: fc.option(quantizers, { nil: undefined }) },
).filter(({ quantizeInner, quantizeOuter }) => (quantizeInner ?? quantizeOuter) !== undefined);
const loops = fc.tuple(both, fc.constantFrom<Partial<InnerLoop>>(
  {}, { burnIn: 6 }, { truncation: 5 }, { steps: 2, truncation: 4 }, { steps: 0 },
  { steps: 3, rate: { conv1: 0.3, conv2: 0.2, dense: 0.7 }, frozen: ["conv2"] },
)).map(([grid, change]) => inner({ ...change, ...grid }));
const outers = fc.constantFrom("maml" as const, "fomaml" as const, "anil" as const, "reptile" as const);
const cases = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }), mode: fc.constantFrom("binary" as const, "counts" as const),
  share: fc.constantFrom(0, 0.02, 0.15, 0.4), loop: loops, outer: outers, roundingSeed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});

type Drawn = typeof cases extends fc.Arbitrary<infer C> ? C : never;
const compare = ({ seed, mode, share, loop, outer, roundingSeed }: Drawn, witness: Witness): Promise<void> =>
  compareStep(randomCase(seed, { neuronModel: "srm", mode }, share), { outer, chipSeed: 0, inner: loop, roundingSeed }, witness);

describe.each(["native", "wasm"] as const)("quantizers of srm networks on engine %s", (name) => {
  const run = here.includes(name) ? it : it.skip;

  run("agree with the reference to float32 on random networks, grids, bits and roundings", async () => {
    await fc.assert(fc.asyncProperty(cases, (drawn) => compare(drawn, inFloat32(name))), { numRuns: 60, seed: 21 });
  }, TIMEOUT);

  run("give equal bits with 1, 2 and 4 threads", async () => {
    const quantizeInner = { grid: "chip", bits: 5, rounding: "stochastic" } as const;
    const loop = inner({ steps: 2, quantizeInner, quantizeOuter: { ...quantizeInner, bits: 6 } });
    await sameBits(name, randomCase(17, { neuronModel: "srm", mode: "counts" }, 0.3), { outer: "maml", chipSeed: 0, inner: loop, roundingSeed: 9 });
  }, TIMEOUT);

  // The paper's grids are multiples of powers of two, so that float32 holds them: the outer quantizer must be as if the masters
  // had been rounded beforehand, which is done here in a second writing.
  run.each([[8, "nearest"], [4, "stochastic"], [3, "nearest"], [16, "stochastic"]] as const)(
    "start from the weights that a second writing of the paper's grid gives, %i bits, %s", async (bits, rounding) => {
      const { spec, masters, quantized, task } = randomCase(23, { neuronModel: "srm", mode: "counts" }, 0.2);
      const [fraction, largest] = { 3: [1, 3], 4: [3, 7], 8: [7, 127], 16: [15, 32767] }[bits];
      const roundingSeed = 77;
      const levels = parameterShapes(spec).map(({ name }, n) => [name, Float32Array.from(masters[name], (x, i) => {
        const scaled = x * 2 ** fraction;
        const down = Math.floor(scaled);
        const uniform = draw32(roundingSeed, STREAM.stochasticRounding, n, i) / 2 ** 32;
        const up = rounding === "nearest" ? scaled - down > 0.5 || (scaled - down === 0.5 && down % 2 !== 0) : uniform >= 1 - (scaled - down);
        const least = bits >= 8 ? -largest - 1 : -largest;
        return Math.min(largest, Math.max(least, down + (up ? 1 : 0))) / 2 ** fraction;
      })] as const);
      const { engine } = await createEngine(spec, { engine: name, threads: 1 });
      const evaluate = (parameters: Parameters, loop: InnerLoop) => {
        engine.setParameters(parameters, quantized);
        return engine.evaluate(task, { outer: "maml", chipSeed: 0, inner: loop, roundingSeed, learn: true });
      };
      const byQuantizer = await evaluate(masters, inner({ quantizeOuter: { grid: "paper", bits, rounding } }));
      expect(byQuantizer).toEqual(await evaluate(Object.fromEntries(levels), inner({})));
      expect(byQuantizer).not.toEqual(await evaluate(masters, inner({})));
      engine.dispose();
    }, TIMEOUT);

  run("pass no gradient to a master that a grid clamps, and refuse bits that the paper's grid has not (E-ENG-014)", async () => {
    const { spec, masters, quantized, task } = randomCase(5, { neuronModel: "srm", mode: "counts" }, 0.3);
    const large = { ...masters, "dense.weight": masters["dense.weight"].map((w, k) => (k === 0 ? 1.7 : w)) };
    const { engine } = await createEngine(spec, { engine: name, threads: 1 });
    engine.setParameters(large, quantized);
    // First order, as the second brings back what the support's gradient has of other weights.
    const first = async (change: Partial<InnerLoop>) =>
      Math.abs((await engine.metaStep(task, { outer: "fomaml", chipSeed: 0, inner: inner(change) })).gradients["dense.weight"][0]);
    const grid = { grid: "paper", bits: 8, rounding: "nearest" } as const;
    expect(await first({ quantizeOuter: grid })).toBe(0);
    expect(await first({ quantizeInner: grid })).toBe(0);
    expect(await first({})).toBeGreaterThan(0);
    await expect(first({ quantizeInner: { ...grid, bits: 5 } })).rejects.toThrow(/E-ENG-014/);
    engine.dispose();
  }, TIMEOUT);
});

describe.skipIf(!here.includes("native"))("quantizers of srm networks on the native engine in double precision", () => {
  it("agree with the reference to 1e-8, second order included", async () => {
    await fc.assert(fc.asyncProperty(cases, (drawn) => compare(drawn, inFloat64)), { numRuns: 100, seed: 22 });
  }, TIMEOUT);
});
