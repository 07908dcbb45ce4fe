import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { encodeImage } from "../../hw/image-codec.js";
import { readBundle, writeBundle } from "../../src/cli/bundle.js";
import { diffTraces } from "../../src/cli/commands/diff.js";
import { replayBundle } from "../../src/cli/commands/replay.js";
import { smallBundle } from "./small-bundle.js";

const { folder, bundle, remove } = smallBundle();
afterAll(remove);
const options = { bundle, tasks: 2, engine: "reference", program: "typed", json: true, rateTasks: 1 } as const;

interface ReplayJson {
  readonly accuracy: { readonly before: number; readonly after: number; readonly ci95: number };
  readonly floors: Readonly<Record<string, number>>;
  readonly perTask: readonly { readonly before: number; readonly after: number }[];
}

describe("replay", () => {
  it("reports accuracy, every comparison on the same tasks, and parity without a difference", async () => {
    const trace = join(folder, "chip.trace");
    const report = join(folder, "replay.html");
    const result = await replayBundle({ ...options, trace, report });
    expect(result.failed).toBe(false);
    expect(result.json).toMatchObject({
      data: "real", protocol: "B", engine: "reference", parity: { differences: 0, first: null }, certificate: { verdict: "equal" },
    });
    const { accuracy, floors, perTask } = result.json as ReplayJson;
    expect(perTask).toHaveLength(2);
    expect(accuracy.after).toBeCloseTo((perTask[0].after + perTask[1].after) / 2, 10);
    expect(Object.keys(floors)).toEqual(["chance", "frames", "features", "gradientStep"]);
    expect(floors.chance).toBe(25);
    for (const value of Object.values(floors)) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(100);
    }
    expect(result.text).toContain("real recordings, double N-MNIST, protocol B; not silicon");
    expect(diffTraces({ a: trace, b: `${trace}.engine` })).toMatchObject({ failed: false, json: { differences: 0 } });
    const page = readFileSync(report, "utf8");
    expect(page).toContain("Equal in every integer");
    expect(page).not.toMatch(/NaN|undefined/);
  });

  it("draws the same tasks and gives the same figures for the same seed, others for another", async () => {
    const one = { ...options, tasks: 1 };
    const [a, b, c] = [await replayBundle({ ...one, seed: 5 }), await replayBundle({ ...one, seed: 5 }), await replayBundle({ ...one, seed: 6 })];
    const of = (r: typeof a) => (r.json as unknown as { perTask: readonly { classes: readonly string[] }[] }).perTask;
    expect(of(b)).toEqual(of(a));
    expect(of(c)[0].classes).not.toEqual(of(a)[0].classes);
  });

  it("refuses a bundle that no recordings here fit (E-REPLAY-002)", async () => {
    const short = join(folder, "short");
    const { files, image } = readBundle(bundle);
    writeBundle(short, { ...files, "image.mlh": encodeImage({ ...image, contract: { ...image.contract, timestepUs: 2000 } }) });
    await expect(replayBundle({ ...options, bundle: short })).rejects.toMatchObject({ code: "E-REPLAY-002" });
  });

  it("refuses a bundle without a checkpoint (E-REPLAY-001)", async () => {
    const bare = join(folder, "bare");
    const { "checkpoint.mlh": _, ...files } = readBundle(bundle).files;
    writeBundle(bare, files);
    await expect(replayBundle({ ...options, bundle: bare })).rejects.toMatchObject({ code: "E-REPLAY-001" });
    expect(existsSync(bare)).toBe(true);
  });
});
