import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { MetricsLog } from "../../src/train/node/metrics-log.js";

const folder = mkdtempSync(join(tmpdir(), "metrics-"));
afterAll(() => rmSync(folder, { recursive: true }));
const events = (): string[] => readdirSync(folder).filter((name) => name.startsWith("events.out.tfevents."));

describe("metrics of a run", () => {
  it("go on in a file of their own when resumed, even within the same second, and start anew otherwise", () => {
    new MetricsLog(folder, false).add({ tasks: 10, loss: 1 });
    const [first] = events();
    const before = readFileSync(join(folder, first));
    new MetricsLog(folder, true).add({ tasks: 20, loss: 0.5 });
    expect(events().length).toBe(2);
    expect(readFileSync(join(folder, first)).equals(before)).toBe(true);
    const rows = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as { tasks: number });
    expect(rows.map((row) => row.tasks)).toEqual([10, 20]);
    // TensorBoard would read what another run left in the folder as part of this one.
    new MetricsLog(folder, false);
    expect(events().length).toBe(1);
    expect(readFileSync(join(folder, "metrics.jsonl"), "utf8")).toBe("");
  });
});
