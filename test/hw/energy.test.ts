import { describe, expect, it } from "vitest";
import { barrierSeconds, type CountedOperations, dynamicEnergy, staticEnergy, stepSeconds } from "../../hw/energy.js";
import { coreAt, meshPosition, routeHops, tilesUsed } from "../../hw/topology.js";
import { hasShared, readShared } from "../support/shared.js";

const NONE: CountedOperations = {
  steps: 0, sparseOperations: 0, denseOperations: 0, populationOperations: 0, activeUpdates: 0, inactiveUpdates: 0, spikes: 0, messages: 0,
  hopsEastWest: 0, hopsNorthSouth: 0, synapticUpdates: 0,
};

describe.skipIf(!hasShared)("SANA-FE's energy of a small net", () => {
  it("comes out of its own counts: soma, synapse and network", () => {
    const golden = readShared<{ energy_soma_j: number; energy_synapse_j: number; energy_network_j: number; energy_j: number }>("golden/sanafe_small.json");
    // Counts as the file's energy_check states them: 6 LIF neurons in 12 steps, 56 of them updated; 18 packets from tile 0 to tile 5.
    const hops = routeHops({ chip: 0, core: 1 }, { chip: 0, core: 22 });
    const report = dynamicEnergy({
      ...NONE, denseOperations: 53, sparseOperations: 18, activeUpdates: 56, inactiveUpdates: 72 - 56, spikes: 25, messages: 38,
      hopsEastWest: 18 * hops.eastWest, hopsNorthSouth: 18 * hops.northSouth,
    }, "sanafe");
    const close = (x: number) => expect(x);
    // Sums of a few dozen doubles: 1e-12 relative is far above their rounding.
    close(report.synapses / golden.energy_synapse_j).toBeCloseTo(1, 12);
    close((report.compartments + 25 * 69.3e-12) / golden.energy_soma_j).toBeCloseTo(1, 12);
    close((report.spikes - 25 * 69.3e-12 + report.mesh) / golden.energy_network_j).toBeCloseTo(1, 12);
    // Their input neurons' own soma energy is none: the three parts are the whole.
    close(report.dynamicJ / golden.energy_j).toBeCloseTo(1, 12);
  });
});

describe("energy and time", () => {
  it("Davies' table: ten synaptic operations and one update of each kind", () => {
    const report = dynamicEnergy({ ...NONE, denseOperations: 10, synapticUpdates: 1, activeUpdates: 1, inactiveUpdates: 1, messages: 1, hopsEastWest: 1, hopsNorthSouth: 1 }, "d18");
    expect(report.dynamicJ).toBeCloseTo((236 + 120 + 81 + 52 + 1.7 + 3 + 4) * 1e-12, 20);
  });

  it("a step takes its busiest core's work and the barrier; static power stands apart", () => {
    expect(barrierSeconds(1, "d18")).toBeCloseTo(113e-9, 15);
    expect(barrierSeconds(3, "sanafe")).toBeCloseTo(1.4e-6, 15);
    expect(stepSeconds({ ...NONE, steps: 1, denseOperations: 100 }, 1, "d18")).toBeCloseTo(350e-9 + 113e-9, 15);
    expect(staticEnergy(2, 0.5)).toBeCloseTo(0.104, 12);
  });
});

describe("the mesh", () => {
  it("places 128 cores on 8 × 4 tiles, and back", () => {
    const cores = Array.from({ length: 128 }, (_, core) => core);
    expect(cores.map((core) => coreAt(meshPosition(core)))).toEqual(cores);
    expect(tilesUsed(cores)).toBe(32);
    expect([Math.max(...cores.map((c) => meshPosition(c).x)), Math.max(...cores.map((c) => meshPosition(c).y))]).toEqual([7, 3]);
  });

  it("counts hops both ways alike, none within a tile, and a link for each chip passed", () => {
    for (const [a, b] of [[0, 127], [5, 90], [17, 18]]) {
      expect(routeHops({ chip: 0, core: a }, { chip: 0, core: b })).toEqual(routeHops({ chip: 0, core: b }, { chip: 0, core: a }));
    }
    expect(routeHops({ chip: 0, core: 16 }, { chip: 0, core: 19 })).toEqual({ eastWest: 0, northSouth: 0, offChip: 0 });
    expect(routeHops({ chip: 0, core: 0 }, { chip: 2, core: 0 })).toMatchObject({ offChip: 2 });
  });
});
