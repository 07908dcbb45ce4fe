import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { gradcheck } from "../../../src/engines/cases/gradcheck.js";
import { createEngine } from "../../../src/engines/create.js";
import { hasShared, sharedPath } from "../../support/shared.js";
import { backend } from "./library.js";

const check = (name: string) =>
  gradcheck(readFileSync(sharedPath(`golden/${name}`), "utf8"), name, async (spec) => (await createEngine(spec, { engine: "tfjs" })).engine);

// Outside witnesses: PyTorch in float64, and programs in plain integers and numpy (golden/README.md).
describe.skipIf(!hasShared)(`gradcheck with the tfjs engine on ${backend}`, () => {
  it("finds that maml_loihi_soel_small.json agrees, main and variant: every integer, gradients within float32", async () => {
    const report = await check("maml_loihi_soel_small.json");
    expect(report).toMatchObject({ engine: "tfjs", verdict: "agrees", integers: { differences: 0, first: null } });
    expect(report.integers.compared).toBeGreaterThan(160_000);
    expect(report.lossDifference).toBeLessThan(1e-12);
    expect(Object.keys(report.tensors)).toEqual(expect.arrayContaining(["hi", "theta", "variant.rho", "variant.conv1.weight"]));
  });

  it("finds that maml_torch_small.json agrees, second and first order", async () => {
    const report = await check("maml_torch_small.json");
    expect(report).toMatchObject({ engine: "tfjs", verdict: "agrees", integers: { differences: 0 } });
    expect(Object.keys(report.tensors)).toEqual(expect.arrayContaining(["conv1.weight", "firstOrder.conv1.weight", "queryReadout"]));
  });
});
