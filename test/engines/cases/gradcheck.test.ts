import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { gradcheck } from "../../../src/engines/cases/gradcheck.js";
import { createReferenceEngine } from "../../../src/engines/reference/reference-engine.js";
import type { NetworkSpec } from "../../../src/model/types.js";
import { hasShared, sharedPath } from "../../support/shared.js";

const reference = async (spec: NetworkSpec) => createReferenceEngine(spec);
const textOf = (name: string): string => readFileSync(sharedPath(`golden/${name}`), "utf8");
const check = (text: string) => gradcheck(text, "case.json", reference);

describe.skipIf(!hasShared)("gradcheck with the reference engine", () => {
  it("finds that maml_loihi_soel_small.json agrees, main and variant", async () => {
    const report = await check(textOf("maml_loihi_soel_small.json"));
    expect(report.verdict).toBe("agrees");
    expect(report.integers).toMatchObject({ differences: 0, first: null });
    expect(report.integers.compared).toBeGreaterThan(40_000);
    expect(Object.keys(report.tensors)).toContain("variant.rho");
    expect(report.loss).toBeCloseTo(1.2338734024605473, 12);
  });

  it("finds that maml_torch_small.json agrees, second and first order", async () => {
    const report = await check(textOf("maml_torch_small.json"));
    expect(report).toMatchObject({ verdict: "agrees", integers: { differences: 0 } });
    expect(Object.keys(report.tensors)).toContain("firstOrder.conv1.weight");
    expect(report.loss).toBeCloseTo(1.132821469384966, 12);
  });

  it("sees one wrong integer and one gradient that is off by a millionth", async () => {
    const file = JSON.parse(textOf("maml_loihi_soel_small.json"));
    file.supportSteps[1].w[5] += 8;
    const wrongWeight = await check(JSON.stringify(file));
    expect(wrongWeight).toMatchObject({
      verdict: "differs",
      integers: { differences: 1, first: "support 1 weights, entry 5" },
    });
    const torch = JSON.parse(textOf("maml_torch_small.json"));
    const values: number[] = torch.secondOrderGradient["dense.weight"];
    values[0] += 1e-6 * Math.max(...values.map(Math.abs));
    const wrongGradient = await check(JSON.stringify(torch));
    expect(wrongGradient.verdict).toBe("differs");
    expect(wrongGradient.tensors["dense.weight"]).toBeGreaterThan(9e-7);
  });

  it("says which field of a damaged case is wrong (E-CASE-002)", async () => {
    const damage = (
      change: (file: Record<string, never> & { [key: string]: { [key: string]: unknown } }) => void,
    ) => {
      const file = JSON.parse(textOf("maml_torch_small.json"));
      change(file);
      return check(JSON.stringify(file));
    };
    await expect(
      damage((f) => {
        delete f.queryLoss;
      }),
    ).rejects.toThrow(/lacks queryLoss.*E-CASE-002/);
    await expect(
      damage((f) => {
        (f.weights["conv2.weight"] as number[]).pop();
      }),
    ).rejects.toThrow(/conv2.weight: 599 values; allowed: 600/);
    await expect(
      damage((f) => {
        (f.query.frames as string[])[7] = "01x";
      }),
    ).rejects.toThrow(/query, frame 7/);
    await expect(
      damage((f) => {
        f.support.labels = [0, 1];
        f.support.frames = ["0", "1", "0"];
      }),
    ).rejects.toThrow(/do not fit together/);
  });
});

describe("gradcheck", () => {
  it("refuses what is not a case, and names the command for other formats (E-CASE-001)", async () => {
    await expect(check("{")).rejects.toThrow(/is not JSON.*E-CASE-001/);
    await expect(check("[]")).rejects.toThrow(/E-CASE-001/);
    await expect(check('{"format":"soel-chip-1"}')).rejects.toThrow(/metaloihi simulate/);
  });
});
