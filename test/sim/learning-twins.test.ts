import { describe, expect, it } from "vitest";
import { assembleRules, type RuleText } from "../../hw/assembler.js";
import type { ChipImage } from "../../hw/image.js";
import { encodeMicrocode } from "../../hw/microcode.js";
import { mantissaGrid } from "../../hw/weights.js";
import { loadMachine } from "../../sim/load.js";
import { Rng } from "../../src/base/rng.js";
import { smallImage } from "../../src/interop/cases/small-network.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";

const RULES: readonly RuleText[] = [
  { dw: "2^-4*x1*y0 - 2^-4*y1*x0" }, { dw: "u1*x1*(y2-30)*2^-3 + x0*4" }, { dw: "2^-2*u0*(x2-5)*y3 - y0*3" },
  { dw: "-2^3*x1*x2*y0*2^-7" }, { dw: "7*2^5*x1*y0 - 5*2^6*x0*y2" }, { dw: "u2*2^-1 - 2^-3*x0*y0*(x1+9)" },
  { dw: "x0*y1*2^-1 - x0*2^-2*(y2-3) + 2^-3*x1*y0" },
];

/** A plastic layer of some shape and precision: every third is sparse, so that its columns have gaps. */
function imageWith(rule: RuleText, rng: Rng, seed: number): ChipImage {
  const { products, decimateExp } = assembleRules(rule);
  const [inputs, outputs] = [1 + rng.below(45), 1 + rng.below(5)];
  const all = Array.from({ length: outputs }, (_, i) => i);
  const weightBits = [8, 8, 6, 4, 2, 1][rng.below(6)];
  const signMode = weightBits === 1 ? 2 : [1, 1, 2, 3][rng.below(4)] as 1 | 2 | 3;
  const { min, max, step } = mantissaGrid(weightBits, signMode);
  const { image } = smallImage({
    name: "twins", recurrent: null, weightBits, signMode, wgtExp: rng.below(5) - 3,
    neurons: all.map(() => ({ decayU: 1024, decayV: 256, vthMant: 200 + rng.below(300), refractory: 1 + rng.below(3), biasMant: 900, biasExp: 2 })),
    inputs: Array.from({ length: inputs }, () => {
      const target = seed % 3 === 0 ? all.filter(() => rng.below(4) > 0) : all;
      return { target, mantissa: target.map(() => min + step * rng.below((max - min) / step + 1)), delay: target.map(() => 0) };
    }),
  }, { steps: 60, presentationSteps: 60, mode: "binary", chipSeed: 1 });
  const [core] = image.cores;
  const trace = () => ({ decay: rng.below(65_537), impulse: rng.below(128), impulseFraction: rng.below(128) });
  return {
    ...image,
    layers: [{ name: "output", kind: "dense", shape: [outputs, 1, 1], plastic: true }],
    contract: { ...image.contract, outputs },
    cores: [{
      ...core, synapseFormats: core.synapseFormats.map((format) => ({ ...format, learning: true })),
      inputAxons: core.inputAxons.map((axon, j) => ({ ...axon, preTraceConfig: 0, logicalInput: j })),
      learning: {
        plasticLayer: rng.below(3), inputs, logicalOutput: Int32Array.from(all), preTrace: [trace()], preTrace2: [trace()],
        postTrace: [trace(), trace(), trace()], productMantissaBits: 4, resetPreTrace: false,
        stdpProfiles: [{ pointer: 0, numProducts: products.length, decimateExp: decimateExp ?? 0, requireY: false }],
        microcode: encodeMicrocode(products),
      },
    }],
  };
}

describe("any separable rule", () => {
  it.each(RULES)("learns the same with kernels, with their twins and in the general way: $dw", async (rule) => {
    let moved = 0;
    for (let seed = 1; seed <= 9; seed++) {
      const image = imageWith(rule, new Rng(seed, 0x20002), seed);
      const spikes = new Rng(seed, 0x20003);
      const frames = framesOfSpikes(
        Array.from({ length: 400 }, () => [spikes.below(60), spikes.below(image.cores[0].inputAxons.length)] as const), 60);
      const runs: unknown[] = [];
      for (const way of ["wasm", "typescript", "general"] as const) {
        const machine = await loadMachine(image, { seed, kernels: way === "wasm" ? "wasm" : "typescript", onOverflow: "wrap" });
        const learning = machine.cores[0].learning!;
        expect(learning.plans[0].separable).not.toBeNull();
        expect(learning.kernels === null).toBe(way !== "wasm");
        if (way === "general") (learning.plans[0] as { separable: unknown }).separable = null;
        const weights: Int16Array[] = [];
        machine.probe = (m) => weights.push(m.plasticWeights());
        for (let n = 0; n < 2; n++) await machine.present(frames, { learn: false, label: -1 });
        runs.push({ weights: weights.map((w) => w.join()).join(" "), x1: [...learning.x1], x2: [...learning.x2], y: learning.y.map((y) => [...y]), u: [...machine.cores[0].u] });
        moved += weights[59].filter((w, k) => w !== weights[0][k]).length;
      }
      expect(runs[1]).toEqual(runs[0]);
      expect(runs[2]).toEqual(runs[0]);
    }
    expect(moved).toBeGreaterThan(100);
  }, 60_000);
});
