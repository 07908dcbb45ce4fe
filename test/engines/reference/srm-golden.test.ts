import { describe, expect, it } from "vitest";
import { mamlTorchCase } from "../../../src/engines/cases/maml-torch-case.js";
import type { MamlTorchFile } from "../../../src/engines/cases/maml-torch-case.js";
import {
  adapt,
  horizonOf,
  mapTensors,
  outerGradients,
  startWeights,
} from "../../../src/engines/reference/srm-adapt.js";
import { batchGradient, prepareBatch, srmNetwork } from "../../../src/engines/reference/srm-network.js";
import { hasShared, readShared } from "../../support/shared.js";
import { relative } from "./relative.js";

// Outside witness: PyTorch float64, two ways of differentiating that agree to 2.3e-14 (golden/README.md).
describe.skipIf(!hasShared)("maml_torch_small.json", () => {
  const file = readShared<MamlTorchFile>("golden/maml_torch_small.json");
  const { spec, masters, task, inner } = mamlTorchCase(file);
  const network = srmNetwork(spec);
  const horizon = horizonOf(spec, inner);
  const theta0 = Object.fromEntries(Object.entries(masters).map(([name, w]) => [name, Float64Array.from(w)]));
  const support = prepareBatch(network, theta0, task.support, task.supportLabels, horizon);
  const query = prepareBatch(network, theta0, task.query, task.queryLabels, horizon);
  const options = { inner, outer: "maml", roundingSeed: 0 } as const;
  const adaptation = adapt(network, startWeights(network, theta0, options), support, options);
  const atAdapted = batchGradient(network, adaptation.adapted, query, horizon);
  const bound = 1e-9;

  it("has the file's support loss, readout and inner gradient", () => {
    const found = batchGradient(network, theta0, support, horizon);
    expect(found.loss).toBeCloseTo(file.supportLoss, 12);
    expect(relative(found.readout, file.supportReadout)).toBeLessThan(bound);
    for (const [name, g] of Object.entries(file.innerGradient)) {
      expect(relative(found.gradients[name], g), name).toBeLessThan(bound);
    }
  });

  it("adapts to the file's weights", () => {
    for (const [name, w] of Object.entries(file.adapted)) {
      expect(relative(adaptation.adapted[name], w), name).toBeLessThan(bound);
    }
  });

  it("answers the queries with the adapted weights from the unadapted burn-in", () => {
    expect(atAdapted.loss).toBeCloseTo(file.queryLoss, 12);
    expect(relative(atAdapted.readout, file.queryReadout)).toBeLessThan(bound);
  });

  it("has the file's first-order gradient", () => {
    const { masters: found } = outerGradients(network, adaptation, support, atAdapted.gradients, {
      ...options,
      outer: "fomaml",
    });
    for (const [name, g] of Object.entries(file.firstOrderGradient))
      expect(relative(found[name], g), name).toBeLessThan(bound);
  });

  it("has the file's second-order gradient", () => {
    const { masters: found } = outerGradients(network, adaptation, support, atAdapted.gradients, options);
    for (const [name, g] of Object.entries(file.secondOrderGradient))
      expect(relative(found[name], g), name).toBeLessThan(bound);
  });

  it("has symmetric Hessian-vector products", () => {
    const direction = (salt: number) =>
      mapTensors(theta0, (_, name, i) => Math.sin(salt * (i + 1) + name.length));
    const [a, b] = [direction(1.3), direction(2.7)];
    const [ha, hb] = [a, b].map((d) => batchGradient(network, theta0, support, horizon, d).hessianVector!);
    const dot = (x: typeof a, y: typeof a): number =>
      Object.keys(x).reduce(
        (sum, name) => sum + x[name].reduce((s, value, i) => s + value * y[name][i], 0),
        0,
      );
    expect(Math.abs(dot(a, hb) - dot(b, ha))).toBeLessThan(1e-10 * Math.abs(dot(a, hb)));
    expect(Math.abs(dot(a, hb))).toBeGreaterThan(1e-6);
  });
});
