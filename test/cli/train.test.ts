import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { evaluateCheckpoint } from "../../src/cli/commands/evaluate.js";
import { trainNetwork, trainSeeds } from "../../src/cli/commands/train.js";

const folder = mkdtempSync(join(tmpdir(), "train-"));
afterAll(() => rmSync(folder, { recursive: true }));
const config = join(folder, "small.json");
writeFileSync(config, JSON.stringify({
  name: "small", seed: 2, data: { ways: 2, queries: 1, testQueries: 1 },
  network: {
    input: { height: 16, width: 32 },
    layers: [{ kind: "conv", name: "conv1", channels: 4, kernel: 5, stride: 4, vthMant: 256 }, { kind: "dense", name: "output", outputs: 2 }],
  },
  training: { tasks: 4, validateEvery: 2, validationTasks: 1 },
}));
const out = join(folder, "run");

describe("train and evaluate", () => {
  it("leave checkpoints, metrics and a TensorBoard file, and the same bits for any number of threads", async () => {
    const [one, two] = [await trainNetwork({ config, out, threads: 1 }), await trainNetwork({ config, out: join(folder, "two"), threads: 2 })];
    expect((one.json as { sha256: string }).sha256).toBe((two.json as { sha256: string }).sha256);
    expect(one.json).toMatchObject({ tasks: 4, data: "real", protocol: "B" });
    const rows = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as { tasks: number });
    expect(rows.map((row) => row.tasks)).toEqual([2, 4]);
    const path = (one.json as { checkpoint: string }).checkpoint;
    expect(existsSync(path)).toBe(true);
    const report = await evaluateCheckpoint({ checkpoint: path, split: "test", tasks: 2, threads: 1 });
    expect(report.json).toMatchObject({ protocol: "B", floors: { chance: 50 }, accuracy: { mean: expect.any(Number) } });
  });

  it("name no best checkpoint where an interrupt comes before the first validation, and go on to the same bits", async () => {
    const stopped = join(folder, "stopped");
    const running = trainNetwork({ config, out: stopped, threads: 1 });
    // The handler stands once the run has begun; the interrupt is seen after the task at hand.
    while (process.listenerCount("SIGINT") === 0) await new Promise((done) => setTimeout(done, 1));
    process.emit("SIGINT");
    const run = await running;
    expect(run).toMatchObject({ interrupted: true, json: { best: null, bestValidation: null, tasks: 1 } });
    expect(run.text).toContain("not validated yet");
    expect(existsSync(join(stopped, "best.mlh"))).toBe(false);
    const { json } = await trainNetwork({ config, out: stopped, threads: 1, resume: true });
    expect((json as { sha256: string }).sha256).toBe(((await trainNetwork({ config, out: join(folder, "whole"), threads: 1 })).json as { sha256: string }).sha256);
  });

  it("train several seeds into folders of their own, and evaluate them together with their curves", async () => {
    const all = join(folder, "seeds");
    const { json } = await trainSeeds({ config, out: all, seeds: [3, 4], threads: 1 });
    const { runs } = json as { runs: { best: string; sha256: string }[] };
    expect(runs[0].sha256).not.toBe(runs[1].sha256);
    const alone = await trainNetwork({ config, out: join(folder, "three"), seed: 3, threads: 1 });
    expect((alone.json as { sha256: string }).sha256).toBe(runs[0].sha256);
    // Done already: with --resume nothing changes.
    expect(await trainSeeds({ config, out: all, seeds: [3, 4], threads: 1, resume: true }).then((r) => (r.json as { runs: { sha256: string }[] }).runs.map((x) => x.sha256)))
      .toEqual(runs.map((run) => run.sha256));
    const report = join(folder, "seeds.html");
    const both = await evaluateCheckpoint({ checkpoint: runs.map((run) => run.best), split: "validation", tasks: 2, threads: 1, report });
    const { accuracy, checkpoints } = both.json as { accuracy: { mean: number; std: number }; checkpoints: { accuracy: { mean: number }; curve: { tasks: number }[]; seed: number }[] };
    const [a, b] = checkpoints.map((c) => c.accuracy.mean);
    expect(accuracy.mean).toBeCloseTo((a + b) / 2, 9);
    expect(accuracy.std).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 9);
    expect(checkpoints.map((c) => c.seed)).toEqual([3, 4]);
    expect(checkpoints[0].curve.map((row) => row.tasks)[0]).toBe(2);
    expect(both.text).toMatch(/Over 2 checkpoints/);
    const page = readFileSync(report, "utf8");
    expect(page).toContain("curve-validation");
    expect(page).not.toContain("<script");
    await expect(trainSeeds({ config, out: all, seeds: [1, 1] })).rejects.toThrow(/--seeds: 1 1.*E-CLI-003/);
  });

  it("compare an srm network with all that a loihi one is compared with", async () => {
    const srm = join(folder, "srm.json");
    writeFileSync(srm, JSON.stringify({
      name: "srm", seed: 2, data: { ways: 2, queries: 1, testQueries: 1 },
      network: {
        model: "srm", input: { height: 16, width: 32 },
        layers: [{ kind: "conv", name: "conv1", channels: 4, kernel: 5, stride: 4 }, { kind: "dense", name: "output", outputs: 2 }],
      },
      training: { tasks: 2, validateEvery: 2, validationTasks: 1 },
    }));
    const run = await trainNetwork({ config: srm, out: join(folder, "srm"), threads: 1 });
    const { json, text } = await evaluateCheckpoint({ checkpoint: (run.json as { best: string }).best, split: "test", tasks: 2, threads: 1 });
    for (const floor of ["chance", "frames", "features", "gradientStep"]) {
      const value = (json as { floors: Record<string, number> }).floors[floor];
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(100);
    }
    expect(text).toMatch(/prototypes on its own last hidden counts/);
    expect(text).not.toMatch(/place in the support/);
  });

  it("refuse what they cannot do in one sentence with a code", async () => {
    const refused = async (args: object): Promise<string> => {
      try {
        await trainNetwork({ config, out: join(folder, "none"), threads: 1, ...args });
      } catch (error) {
        return (error as Error).message;
      }
      return "done";
    };
    expect(await refused({ config: "double-nmist" })).toMatch(/Try: "double-nmnist" \[E-CFG-004\]/);
    expect(await refused({ resume: true })).toMatch(/nothing to resume.*E-TRAIN-003/);
    expect(await refused({ out, resume: true, seed: 9 })).toMatch(/another configuration.*E-TRAIN-004/);
    expect(await refused({ out })).toMatch(/there is a run already.*--resume.*E-TRAIN-005/);
    expect(await refused({ config: "n-omniglot" })).toMatch(/E-DATA-00[12]/);
  });
});
