import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { evaluateCheckpoint } from "../../src/cli/commands/evaluate.js";
import { trainNetwork } from "../../src/cli/commands/train.js";

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
