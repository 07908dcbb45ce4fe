import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { lsuvStart, orthogonal } from "../../../src/engines/reference/lsuv.js";
import { inputFrames, restStates, runSteps, srmNetwork } from "../../../src/engines/reference/srm-network.js";
import { randomNetwork, randomSample } from "./random-networks.js";

describe("start weights of srm networks", () => {
  it.each([
    [4, 9],
    [9, 4],
    [5, 5],
  ])("are orthonormal: %d × %d", (rows, columns) => {
    const m = orthogonal(rows, columns, new Rng(1, 0x1fffe));
    const [n, stride, step] = rows <= columns ? [rows, columns, 1] : [columns, 1, columns];
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) {
        let sum = 0;
        for (let k = 0; k < Math.max(rows, columns); k++)
          sum += m[a * stride + k * step] * m[b * stride + k * step];
        expect(sum).toBeCloseTo(a === b ? 1 : 0, 12);
      }
    }
  });

  it.each([1, 2, 3])(
    "bring U at the last step to variance 1 ± .1 and mean −.559 ± .2, network %d",
    (seed) => {
      const rng = new Rng(seed, 0x1fffd);
      const spec = randomNetwork(rng, { neuronModel: "srm", mode: "counts", ways: 5 });
      const samples = Array.from({ length: 12 }, () => randomSample(rng, spec, 0.3));
      const { parameters, statistics } = lsuvStart(spec, samples, seed);
      const network = srmNetwork(spec);
      const tensors = Object.fromEntries(
        Object.entries(parameters).map(([name, w]) => [name, Float64Array.from(w)]),
      );
      const values = network.stages.map((): number[] => []);
      for (const sample of samples) {
        runSteps(network, tensors, inputFrames(network, sample), 0, spec.steps, restStates(network)).forEach(
          ({ u, steps }, k) => {
            values[k].push(...u.value.subarray(((steps - 1) * u.value.length) / steps));
          },
        );
      }
      values.forEach((layer, k) => {
        const mean = layer.reduce((a, b) => a + b, 0) / layer.length;
        const variance = layer.reduce((a, b) => a + (b - mean) ** 2, 0) / layer.length;
        expect(Math.abs(mean + 0.559), statistics[k].name).toBeLessThan(0.2);
        expect(Math.abs(variance - 1), statistics[k].name).toBeLessThan(0.1);
      });
    },
  );
});
