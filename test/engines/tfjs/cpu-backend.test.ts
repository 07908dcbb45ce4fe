import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { gradcheck } from "../../../src/engines/cases/gradcheck.js";
import { createEngine } from "../../../src/engines/create.js";
import { BACKEND_VARIABLE, loadTfjs } from "../../../src/engines/tfjs/node/load-tfjs.js";
import { hasShared, sharedPath } from "../../support/shared.js";
import { randomCase } from "../reference/random-networks.js";

vi.setConfig({ testTimeout: 300_000 });

// A process has one backend, and every test file a process of its own: this one is for cpu, and for asking in vain.
const { spec } = randomCase(1, { neuronModel: "srm", mode: "counts" });

describe("which backend the tfjs engine takes", () => {
  it("refuses a backend that there is not (E-ENG-001), and then loads the one asked for and says which it is", async () => {
    process.env[BACKEND_VARIABLE] = "gpu";
    await expect(createEngine(spec, { engine: "tfjs" })).rejects.toThrow(/METALOIHI_TFJS_BACKEND is "gpu".*tensorflow, wasm, cpu.*E-ENG-001/);
    process.env[BACKEND_VARIABLE] = "cpu";
    const { engine, notice } = await createEngine(spec, { engine: "tfjs", threads: 2 });
    expect(notice).toMatch(/^the tfjs engine runs on tfjs \d+\.\d+\.\d+, cpu backend$/);
    expect([engine.name, engine.threads]).toEqual(["tfjs", 1]);
    expect((await loadTfjs(1)).backend).toBe("cpu");
    process.env[BACKEND_VARIABLE] = "wasm";
    await expect(createEngine(spec, { engine: "tfjs" })).rejects.toThrow(/runs cpu already.*E-ENG-001/);
    process.env[BACKEND_VARIABLE] = "cpu";
  });

  it.skipIf(!hasShared)("on cpu, the slowest, maml_torch_small.json agrees too", async () => {
    const name = "maml_torch_small.json";
    const report = await gradcheck(readFileSync(sharedPath(`golden/${name}`), "utf8"), name, async (network) =>
      (await createEngine(network, { engine: "tfjs" })).engine);
    expect(report).toMatchObject({ engine: "tfjs", verdict: "agrees" });
  });
});
