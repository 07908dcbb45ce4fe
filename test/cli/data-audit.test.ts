import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { auditData } from "../../src/cli/commands/data-audit.js";

const folder = mkdtempSync(join(tmpdir(), "audit-"));
afterAll(() => rmSync(folder, { recursive: true }));

const audit = async (protocol: "A" | "B") => {
  const config = join(folder, `${protocol}.json`);
  writeFileSync(config, JSON.stringify({ preset: "demo", data: { protocol } }));
  return auditData({ config, tasks: 10 });
};

describe("data audit", () => {
  it("finds nothing under protocol B", async () => {
    const { json, text } = await audit("B");
    expect(json).toMatchObject({ clean: true, sharedBetweenSplits: [], sharedClasses: [], supportInQuery: { train: 0, validation: 0, test: 0 } });
    expect(text).toContain("No leak");
  });

  it("shows the leaks of protocol A: test files in validation, and recordings on both sides of a task", async () => {
    const { json, text } = await audit("A");
    const { clean, sharedBetweenSplits, supportInQuery } = json as unknown as
      { clean: boolean; sharedBetweenSplits: { splits: string }[]; supportInQuery: Record<string, number> };
    expect(clean).toBe(false);
    expect(sharedBetweenSplits.map(({ splits }) => splits)).toEqual(["validation and test"]);
    expect(supportInQuery.test).toBeGreaterThan(0);
    expect(text).toContain("There is a leak");
  });
});
