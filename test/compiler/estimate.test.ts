import { describe, expect, it } from "vitest";
import { ASSUMED_RATES, estimate, estimatePlaced } from "../../compiler/estimate.js";
import { compileNetwork } from "../../compiler/pipeline.js";
import { COST_TABLES } from "../../hw/energy.js";
import { conv, dense, geometry, netB, network, paper, pool, quantized, soel } from "./networks.js";

describe("estimate", () => {
  const pooled = network("pooled", [2, 12, 20], [conv("c1", 24, 3, 1, 1), pool("p1"), conv("c2", 32, 3, 1, 1), dense("out", 3)]);

  it("needs the cores that the compiler then takes", { timeout: 60_000 }, () => {
    for (const spec of [netB, pooled]) {
      const { cores, chips, worst } = estimate(spec);
      const { image, placed } = compileNetwork(quantized(spec), geometry);
      expect({ cores, chips }).toEqual({ cores: image.cores.length, chips: image.chips });
      // What compile writes into the bundle is the same estimate, without the search for alternatives.
      const { alternatives: _, ...own } = estimate(spec);
      expect(estimatePlaced(placed)).toEqual({ ...own, alternatives: [] });
      expect(worst.synapseWords).toBe(Math.max(...image.cores.map((core) => core.synapseMemory.length / 8)));
    }
  });

  it("sums the energy of a network small enough for a pencil", () => {
    // One dense layer, 2×1×1 inputs to 3 outputs on one core, no learning; S = 10 + 1 + 1.
    const spec = network("pencil", [2, 1, 1], [dense("out", 3)], { soel: null, steps: 10 });
    const operations = 2 * 3 * ASSUMED_RATES.input;
    const { d18 } = COST_TABLES;
    // All three compartments leak, so all count as active.
    const perStep = operations * d18.synapticOperation.population + 3 * d18.activeUpdate;
    expect(estimate(spec).energyPerSampleJ.d18).toBeCloseTo(12 * perStep, 20);
  });

  it("adds the updates of every window to the energy of a class where the table has them", () => {
    const spec = network("small", [2, 4, 4], [conv("c1", 4, 3, 1, 1), dense("out", 3)]);
    const { energyPerSampleJ: sample, energyPerClassJ: lesson } = estimate(spec);
    // 104 steps are 5 windows of 20; 64 inputs × 3 outputs.
    expect(lesson.d18 - sample.d18).toBeCloseTo(5 * 64 * 3 * 120e-12, 18);
    expect(lesson.sanafe).toBeCloseTo(sample.sanafe, 18);
    const twice = estimate({ ...spec, soel: { ...soel, passes: 2 } });
    expect(twice.energyPerClassJ.d18).toBeCloseTo(2 * lesson.d18, 15);
  });

  it("names bits, channels and boards as alternatives, and says why one is refused", {
    timeout: 60_000,
  }, () => {
    const changes = estimate(paper(30, 80, true), { board: "nahuku-8" }).alternatives;
    expect(changes.find((a) => a.change.startsWith("weights of 4 bits"))!.cores).toBeLessThanOrEqual(186);
    expect(changes.find((a) => a.change.startsWith("half the channels"))!.cores).toBeLessThan(128);
    expect(changes.find((a) => a.change.includes("kapoho-bay"))).toMatchObject({ chips: 2 });
    const large = estimate(
      network("large", [2, 64, 128], [conv("c1", 64, 3, 2, 1), conv("c2", 8, 3, 4, 1), dense("out", 3)]),
    );
    expect(large.alternatives.filter((a) => a.change.startsWith("board")).length).toBe(5);
  });
});
