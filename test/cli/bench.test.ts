import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { benchmarkKernels } from "../../src/cli/bench/kernels.js";
import { benchmarkMetaStep } from "../../src/cli/bench/meta-step.js";
import { benchmarkScaling, fittedLine } from "../../src/cli/bench/scaling.js";
import { scalingPage } from "../../src/cli/bench/scaling-page.js";
import { peakRunner } from "../../src/engines/native/peak.js";
import { packageRoot } from "../../src/base/node/package-root.js";

const hasAddon = existsSync(join(packageRoot(), "build", "native", "metaloihi.node"));

describe("bench kernels", () => {
  it.skipIf(!hasAddon)("counts work as done by hand: taps inside the input, channels, four maps", () => {
    const run = peakRunner();
    // 4×4 map, 3×3 kernel, padding 1: each axis reaches 4 + 3 + 3 of its 12 taps, so 100 of 144; 2 channels to 3.
    const shape = [2, 4, 4, 3, 3, 1, 1, 1000];
    for (const kernel of ["convDense", "convBack", "outerDense"] as const) expect(run(kernel, shape, 2).work).toBe(2 * (2 * 100 * 2 * 3 * 4));
    // Every channel fires in every step: as many synaptic operations as multiply-adds.
    for (const kernel of ["convEvents", "outerEvents", "convShort"] as const) expect(run(kernel, shape, 2).work).toBe(2 * (100 * 2 * 3 * 4));
    // Stride 2 is nothing for tiles; with stride 1 their work is counted as the direct form's.
    expect(run("convBackTiles", [16, 8, 8, 16, 3, 1, 1, 0], 1).work).toBe(2 * (8 * 3 - 2) ** 2 * 16 * 16 * 4);
    expect(run("convBackTiles", [16, 8, 8, 16, 3, 2, 1, 0], 1).work).toBe(0);
    expect(run("gemm", [], 3).work).toBe(3 * 2 * 96 * 256 * 64);
    expect(run("copy", [1 << 12], 5).work).toBe(5 * 2 * 4 * (1 << 12));
    expect(run("triad", [1 << 12], 5).work).toBe(5 * 3 * 4 * (1 << 12));
  });

  it.skipIf(!hasAddon)("gives every dense kernel its share of the peak of the same run", () => {
    const report = benchmarkKernels(1, 0.0005);
    expect(report.kernels.length).toBeGreaterThan(20);
    for (const { gflops, percent_of_peak, gsops } of report.kernels) {
      if (gsops === undefined) expect(percent_of_peak).toBeGreaterThan(0);
      else expect(gsops).toBeGreaterThan(0);
      expect(gflops === undefined).toBe(gsops !== undefined);
    }
    expect(report.dense_percent_of_peak.least).toBeLessThanOrEqual(report.dense_percent_of_peak.median);
  }, 60_000);

  it.skipIf(hasAddon)("says what is missing where there is no addon [E-BENCH-002]", () => {
    expect(() => benchmarkKernels(1)).toThrow(/not built.*E-BENCH-002/);
  });
});

describe("bench scaling", () => {
  it("fits the line that points lie on, and finds how far one is from it", () => {
    const line = fittedLine([1, 2, 3, 4].map((value) => ({ value, cpu_ms: 5 + 2 * value })));
    expect(line.offset_ms).toBeCloseTo(5, 9);
    expect(line.slope_ms).toBeCloseTo(2, 9);
    expect(line.worst_percent).toBeCloseTo(0, 9);
    // y = x² at 1, 2, 3 (least squares by hand): −10/3 + 4x; distances 1/3, 2/3, 1/3 of 1, 4, 9.
    const bent = fittedLine([1, 2, 3].map((value) => ({ value, cpu_ms: value ** 2 })));
    expect(bent.offset_ms).toBeCloseTo(-10 / 3, 9);
    expect(bent.worst_percent).toBeCloseTo(100 / 3, 6);
  });

  it("measures the points of an axis, and draws them on a page without script", async () => {
    const report = await benchmarkScaling({ network: "loihi", repeats: 1, axes: ["threads"], threads: 2 });
    expect(report.curves[0].points.map((p) => p.value)).toEqual([1, 2]);
    const page = scalingPage(report);
    expect(page).toContain("<svg");
    expect(page).not.toContain("<script");
  }, 60_000);
});

describe("bench meta-step", () => {
  it("prints the figures that commands.md names, with peak memory of the process", async () => {
    const figures = await benchmarkMetaStep({ network: "demo", mode: "forward", repeats: 1, threads: 2 });
    for (const key of ["median_ms", "min_ms", "max_ms", "rss_mib", "loss", "gradient_norm", "threads", "engine"]) expect(figures).toHaveProperty(key);
    expect(figures.samples).toBe(55);
    expect(figures.rss_mib).toBeGreaterThan(process.memoryUsage().rss / 2 ** 20 / 4);
  }, 60_000);
});
