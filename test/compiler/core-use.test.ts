import { describe, expect, it } from "vitest";
import { advisoryText, advisoryUse, coreUse, worstUse } from "../../compiler/core-use.js";
import { CORE_LIMITS } from "../../hw/limits.js";
import { plasticImage } from "../support/small-images.js";

/** One population of 1024 compartments that reaches 41 axons of a core: 41 slots a population, 41,984 a compartment. */
const [core] = plasticImage().cores;
const spread = {
  ...core,
  outputAxons: Array.from({ length: 41 * 1024 }, (_, n) => ({
    compartment: n % 1024, kind: "pop32" as const, chip: core.chip, core: 1, axon: Math.floor(n / 1024), atom: n % 1024, population: 0,
  })),
};

describe("the worst core", () => {
  it("names enforced resources only, each within its limit", () => {
    const slots = coreUse(spread).outputAxons;
    expect(slots.perCompartment).toBe(1024 * slots.perPopulation);
    const worst = worstUse([core, spread]);
    expect(Object.keys(worst)).toEqual([
      "compartments", "inputAxons", "outputAxons", "synapseWords", "formats", "profiles", "vthProfiles",
    ]);
    expect(worst.outputAxons).toEqual({ worst: slots.perPopulation, limit: CORE_LIMITS.outputAxonSlots });
    for (const { worst: found, limit } of Object.values(worst)) expect(found).toBeLessThanOrEqual(limit);
  });

  it("has the reading that nothing enforces beside it, labeled as advisory", () => {
    const advisory = advisoryUse([core, spread]);
    expect(advisory.outputAxonsPerCompartment.worst).toBe(coreUse(spread).outputAxons.perCompartment);
    expect(advisory.outputAxonsPerCompartment.worst).toBeGreaterThan(CORE_LIMITS.outputAxonSlots);
    expect(advisoryText(advisory)).toMatch(/^advisory, not enforced: \d{5} output-axon slots/);
  });
});
