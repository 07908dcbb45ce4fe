import { describe, expect, it } from "vitest";
import type { ChipImage } from "../../../hw/image.js";
import { noOperations } from "../../../src/replay/replay-run.js";
import { costRows } from "../../../src/cli/report/cost-rows.js";

const image = { chips: 1, cores: [{ chip: 0, core: 0 }, { chip: 0, core: 1 }] } as unknown as ChipImage;

describe("costRows", () => {
  it("prices operations by the published figures, each model by itself", () => {
    const queries = { counts: { ...noOperations(), steps: 10, denseOperations: 100, activeUpdates: 20 }, presentations: 2 };
    const lessons = { counts: { ...noOperations(), steps: 10, synapticUpdates: 50 }, presentations: 1 };
    const [d18, sanafe] = costRows(image, queries, lessons, 5);
    // Davies 2018: 23.6 pJ a synaptic operation, 81 an active update, 120 a synaptic update.
    expect(d18.energyPerSampleJ).toBeCloseTo((100 * 23.6e-12 + 20 * 81e-12) / 2, 18);
    expect(d18.energyPerClassJ).toBeCloseTo((50 * 120e-12) / 5, 18);
    // SANA-FE: 35.5 dense, 51.2 + 21.6 an active update, none for learning.
    expect(sanafe.energyPerSampleJ).toBeCloseTo((100 * 35.5e-12 + 20 * 72.8e-12) / 2, 18);
    expect(sanafe.energyPerClassJ).toBe(0);
    expect(sanafe.notes.join()).toContain("synaptic update (learning)");
  });

  it("takes a step as the work of its busiest core and the barrier", () => {
    const counts = { ...noOperations(), steps: 10, busiestSecondsD18: 10 * 7e-8, busiestSecondsSanafe: 10 * 9e-8 };
    const [d18, sanafe] = costRows(image, { counts, presentations: 2 }, { counts, presentations: 2 }, 5);
    // Five steps a sample; barrier of one tile 113 ns (Davies 2018), 600 ns (SANA-FE).
    expect(d18.secondsPerSample).toBeCloseTo(5 * (70e-9 + 113e-9), 15);
    expect(sanafe.secondsPerSample).toBeCloseTo(5 * (90e-9 + 600e-9), 15);
  });
});
