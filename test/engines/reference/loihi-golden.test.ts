import { describe, expect, it } from "vitest";
import { mamlSoelCase } from "../../../src/engines/cases/maml-soel-case.js";
import type { MamlSoelFile } from "../../../src/engines/cases/maml-soel-case.js";
import { loihiNetwork, runTask, taskGradient } from "../../../src/engines/reference/loihi-task.js";
import { hasShared, readShared } from "../../support/shared.js";
import { relative } from "./relative.js";

const bits = (text: string): number[] => [...text].map(Number);
const hexPairs = (text: string): number[] => (text.match(/../g) ?? []).map((pair) => parseInt(pair, 16));

// Outside witness: a PyTorch program and a second one in plain integers and numpy (golden/README.md).
describe.skipIf(!hasShared).each([
  ["main", false],
  ["variant", true],
] as const)("maml_loihi_soel_small.json, %s", (_, variant) => {
  const file = readShared<MamlSoelFile>("golden/maml_loihi_soel_small.json");
  const { spec, masters, quantized, task, chipSeed, expected } = mamlSoelCase(file, variant);
  const network = loihiNetwork(spec, masters, quantized);
  const run = runTask(network, task, { chipSeed, learn: true, keepHidden: true });

  it("rounds every master to the file's mantissa and bias", () => {
    for (const layer of quantized.layers) {
      expect([...layer.mantissa]).toEqual(file.mantissas[`${layer.name}.weight`]);
      expect(Array.from(layer.biasMant, (m) => m * 2 ** layer.biasExp)).toEqual(
        file.mantissas[`${layer.name}.bias`],
      );
    }
  });

  it("fires every spike of every layer in the step the file says", () => {
    for (const [index, layer] of spec.layers.slice(0, -1).entries()) {
      run.hidden.forEach((tape, sample) => {
        const raster = expected.raster?.[layer.name]?.[sample];
        if (raster) expect([...tape!.layers[index + 1].spikes]).toEqual(bits(raster));
      });
    }
  });

  it("learns from the support exactly as the file does, step by step", () => {
    expected.supportSteps.forEach((steps, k) => {
      const tape = run.support[k];
      const [S, K, J] = [network.steps, run.plastic.outputs, run.plastic.inputs];
      if (steps.u) expect([...tape.population.u]).toEqual(steps.u);
      if (steps.v) expect([...tape.population.v]).toEqual(steps.v);
      if (steps.spikes) expect([...tape.population.spikes]).toEqual(bits(steps.spikes));
      if (steps.c) expect([...tape.counters]).toEqual(hexPairs(steps.c));
      if (steps.x1) expect([...tape.traces[0]]).toEqual(hexPairs(steps.x1));
      expect([...tape.y1]).toEqual(steps.y1);
      const ends = tape.events.map(({ r }) => r);
      expect(ends).toEqual([8, 16, 24, 32]);
      expect(tape.events.flatMap(({ errors }) => errors.map(({ e }) => e + 0))).toEqual(steps.e);
      expect(ends.flatMap((r) => [...tape.counters.subarray((r - 1) * K, r * K)])).toEqual(steps.cEnd);
      expect(ends.flatMap((r) => [...tape.traces[0].subarray((r - 1) * J, r * J)])).toEqual(steps.x1End);
      expect([...tape.weights[tape.weights.length - 1].mantissa]).toEqual(steps.w);
      expect(tape.population.steps).toBe(S);
    });
  });

  it("answers every query with the file's spikes, voltages, logits and decision", () => {
    expected.querySteps?.forEach((steps, k) => {
      expect([...run.query[k].population.u]).toEqual(steps.u);
      expect([...run.query[k].population.v]).toEqual(steps.v);
      expect([...run.query[k].population.spikes]).toEqual(bits(steps.spikes!));
    });
    expect(run.query.flatMap(({ outputSpikes }) => [...outputSpikes])).toEqual(expected.N);
    expect(run.query.map(({ decision }) => decision)).toEqual(expected.decisions);
    expect(relative(run.logits, expected.logits)).toBeLessThan(1e-13);
    expect(Math.abs(run.loss - expected.loss)).toBeLessThan(1e-13);
  });

  // 1e-9 is the bound; float64 sums of a few thousand terms differ by 1e-15 of the largest entry.
  it("has the file's gradient in every parameter, to 1e-9 of its largest entry", () => {
    const { gradients } = taskGradient(network, task, run);
    for (const [name, values] of Object.entries(expected.gradients)) {
      expect(relative(gradients[name], values), name).toBeLessThan(1e-9);
    }
  });

  it("has the file's direct gradient, with the support's hidden spikes as constants", () => {
    const { gradients } = taskGradient(network, task, run, undefined, true);
    for (const [name, values] of Object.entries(expected.gradientsDirect!)) {
      expect(relative(gradients[name], values), name).toBeLessThan(1e-9);
    }
  });
});
