import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkBundle } from "../../src/cli/bundle.js";
import { type DemoOutcome, runDemo } from "../../src/cli/demo.js";
import { classifyFiles } from "../../src/cli/commands/classify.js";
import { teachBundle } from "../../src/cli/commands/teach.js";
import { hasShared, sharedPath } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "demo-"));
let outcome: DemoOutcome;

/** Very little training: what is tested is the way from recordings to report, not the accuracy. */
beforeAll(async () => {
  outcome = await runDemo(
    { out: join(folder, "run"), seed: 3, threads: 2, json: true, budget: { train: 4, test: 1, validateEvery: 4, validationTasks: 1 } }, () => {},
  );
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe("the demo, from real recordings to the report", () => {
  it("ends with no difference between engine and simulated chip, over spikes and weights that are there", () => {
    const { comparison } = outcome.compared;
    expect(comparison.differences).toBe(0);
    expect(comparison.compared.spikes).toBeGreaterThan(100_000);
    expect(comparison.compared.weights).toBeGreaterThan(10_000);
    expect(outcome.certificate.verdict).toBe("equal");
    expect(outcome).toMatchObject({ data: "real", protocol: "B", tasks: { trained: 4, tested: 1 } });
  });

  it("measures every comparison on the same tasks", () => {
    const { floors } = outcome.compared;
    expect(floors.chance).toBe(20);
    for (const value of [floors.frames, floors.features, floors.gradientStep]) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThanOrEqual(100);
    }
  });

  it("leaves a sound bundle and one page that needs nothing else", () => {
    expect(checkBundle(outcome.bundle)).toEqual([]);
    const page = readFileSync(outcome.report, "utf8");
    expect(page).toMatch(/<!doctype html>/i);
    expect(page).not.toMatch(/(?:src|href)="https?:/);
  });

  it.skipIf(!hasShared)("is taught classes of the user's own from files in the official layout, and answers", async () => {
    const files = unzipSync(readFileSync(sharedPath("data/nmnist/nmnist-real-800.zip")), { filter: ({ name }) => /Train\/[37]\/0000?0?[0-9]{2}\.bin$/.test(name) });
    mkdirSync(join(folder, "own"));
    const paths = Object.entries(files).map(([name, bytes]) => {
      const path = join(folder, "own", name.replaceAll("/", "-"));
      writeFileSync(path, bytes);
      return { digit: name.split("/")[1], path };
    });
    const of = (digit: string) => paths.filter((p) => p.digit === digit).map((p) => p.path);
    const taught = join(folder, "taught");
    const lesson = await teachBundle({ bundle: outcome.bundle, class: [`three=${of("3")[0]}`, `seven=${of("7")[0]}`], out: taught, seed: 1, program: "typed" });
    expect(lesson.json).toMatchObject({ classes: expect.anything() });
    expect(existsSync(taught)).toBe(true);
    const answer = await classifyFiles({ taught, files: [of("3")[1], of("7")[1]] });
    const { results } = answer.json as { results: { class: string; spikes: number[] }[] };
    expect(results).toHaveLength(2);
    for (const { class: name } of results) expect(["three", "seven"]).toContain(name);
  });
});
