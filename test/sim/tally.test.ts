import { describe, expect, it } from "vitest";
import type { OperationCounts } from "../../sim/trace.js";
import { type CoreState, type CoreWork, noWork } from "../../sim/core-state.js";
import { loadMachine } from "../../sim/load.js";
import { tallyOperations } from "../../sim/phases/tally.js";
import { framesOfSpikes } from "../../src/cli/cases/frames.js";
import { noOperations } from "../../src/replay/replay-run.js";
import { recurrentImage } from "../support/small-images.js";

const core = (compartmentCount: number, work: Partial<CoreWork>) => ({ compartmentCount, work: { ...noWork(), ...work } }) as CoreState;

describe("operations of a step", () => {
  it("take as long as the busiest core, which the two cost models may see in different cores", () => {
    const counts: OperationCounts = noOperations();
    // A: 100 dense operations; B: 20 messages of 20 spikes, all 40 compartments active.
    tallyOperations([core(10, { dense: 100 }), core(40, { active: 40, spikes: 20, messages: 20 })], counts);
    // Davies 2018: 3.5 ns an operation, 8.4 an active and 5.3 an inactive update, 2.1 a message. A 403, B 378 ns.
    expect(counts.busiestSecondsD18).toBeCloseTo(100 * 3.5e-9 + 10 * 5.3e-9, 15);
    // SANA-FE: 3.8, 9.7 and 6, 30 a spike, 5.1 a message. A 440, B 1090 ns.
    expect(counts.busiestSecondsSanafe).toBeCloseTo(40 * 9.7e-9 + 20 * 30e-9 + 20 * 5.1e-9, 15);
    expect(counts).toMatchObject({ steps: 1, denseOperations: 100, synapticOperations: 100, activeUpdates: 40, inactiveUpdates: 10, spikes: 20, messages: 20 });
  });

  it("are the same whether the kernels count or their twins, and busiest is between the mean core and all cores in one", async () => {
    const seen: OperationCounts[] = [];
    for (const kernels of ["wasm", "typescript"] as const) {
      const machine = await loadMachine(recurrentImage(), { seed: 1, kernels, onOverflow: "wrap" });
      await machine.present(framesOfSpikes([[0, 1], [0, 2], [3, 4], [9, 0], [9, 1]], 30), { learn: false, label: -1 });
      seen.push({ ...machine.counts });
      const { counts, cores } = machine;
      const all = counts.sparseOperations * 3.5e-9 + counts.denseOperations * 3.5e-9 + counts.activeUpdates * 8.4e-9 +
        counts.inactiveUpdates * 5.3e-9 + counts.messages * 2.1e-9;
      expect(counts.busiestSecondsD18).toBeGreaterThanOrEqual(all / cores.length - 1e-15);
      expect(counts.busiestSecondsD18).toBeLessThanOrEqual(all + 1e-15);
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0].synapticOperations).toBeGreaterThan(10);
  });
});
