import { describe, expect, it } from "vitest";
import { assembleRules, type RuleText } from "../../hw/assembler.js";
import type { ChipImage } from "../../hw/image.js";
import { encodeMicrocode } from "../../hw/microcode.js";
import { loadMachine } from "../../sim/load.js";
import { Rng } from "../../src/base/rng.js";
import { soelChipImage } from "../../src/interop/cases/soel-chip.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { soelCase } from "../support/small-images.js";

const RULES: readonly RuleText[] = [
  { dw: "2^-4*x1*y0 - 2^-4*y1*x0" }, { dw: "u1*x1*(y2-30)*2^-3 + x0*4" }, { dw: "2^-2*u0*(x2-5)*y3 - y0*3" },
  { dw: "-2^3*x1*x2*y0*2^-7" }, { dw: "7*2^5*x1*y0 - 5*2^6*x0*y2" }, { dw: "u2*2^-1 - 2^-3*x0*y0*(x1+9)" },
];

/** The small plastic layer with another rule and all traces. */
function imageWith(rule: RuleText, rng: Rng): ChipImage {
  const { products, decimateExp } = assembleRules(rule);
  const image = soelChipImage(soelCase({ J: 12, w0: Array.from({ length: 36 }, () => 2 * (rng.below(200) - 100)), vthMant: 200, k: 1 }));
  const [core] = image.cores;
  const trace = () => ({ decay: rng.below(65_537), impulse: rng.below(128), impulseFraction: rng.below(128) });
  return {
    ...image,
    cores: [{
      ...core,
      learning: {
        ...core.learning!, preTrace: [trace()], preTrace2: [trace()], postTrace: [trace(), trace(), trace()],
        stdpProfiles: [{ pointer: 0, numProducts: products.length, decimateExp: decimateExp ?? 0, requireY: false }],
        microcode: encodeMicrocode(products),
      },
    }],
  };
}

describe("any separable rule", () => {
  it.each(RULES)("learns the same with kernels, with their twins and in the general way: $dw", async (rule) => {
    let moved = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const image = imageWith(rule, new Rng(seed, 0x20002));
      const spikes = new Rng(seed, 0x20003);
      const frames = framesOfSpikes(Array.from({ length: 70 }, () => [spikes.below(18), spikes.below(12)] as const), 18);
      const runs: unknown[] = [];
      for (const way of ["wasm", "typescript", "general"] as const) {
        const machine = await loadMachine(image, { seed, kernels: way === "wasm" ? "wasm" : "typescript", onOverflow: "wrap" });
        const learning = machine.cores[0].learning!;
        expect(learning.plans[0].separable).not.toBeNull();
        expect(learning.kernels === null).toBe(way !== "wasm");
        if (way === "general") (learning.plans[0] as { separable: unknown }).separable = null;
        const weights: Int16Array[] = [];
        machine.probe = (m) => weights.push(m.plasticWeights());
        for (let n = 0; n < 3; n++) await machine.present(frames, { learn: false, label: -1 });
        runs.push({ weights, x1: [...learning.x1], x2: [...learning.x2], y: learning.y.map((y) => [...y]), u: [...machine.cores[0].u] });
        moved += weights[59].filter((w, k) => w !== weights[0][k]).length;
      }
      expect(runs[1]).toEqual(runs[0]);
      expect(runs[2]).toEqual(runs[0]);
    }
    expect(moved).toBeGreaterThan(100);
  });
});
