import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditData } from "../../src/cli/commands/data-audit.js";
import { encodeEvents } from "../../src/events/index.js";
import { ASL_LETTERS, DOUBLE_ASL_SPLIT } from "../../src/tasks/index.js";
import { hasShared, readShared } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "asl-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  for (const [k, letter] of ASL_LETTERS.entries()) {
    mkdirSync(join(folder, "asl", letter), { recursive: true });
    for (let take = 0; take < 18; take++) {
      const stream = {
        tUs: Uint32Array.of(10, 2000, 3000), x: Uint16Array.of(k, 100, 100 + take), y: Uint16Array.of(take, k, 60), polarity: Uint8Array.of(0, 1, 0),
        width: 240, height: 180,
      };
      writeFileSync(join(folder, "asl", letter, `${letter}_${take}.mat`), await encodeEvents(stream, "mat5", "take"));
    }
  }
});

const audit = async (protocol: "A" | "B") => {
  const config = join(folder, `${protocol}.json`);
  writeFileSync(config, JSON.stringify({ data: { set: "double-asl-dvs", protocol, ways: 2, queries: 1, testQueries: 1 } }));
  return (await auditData({ config, data: join(folder, "asl"), tasks: 10 })).json as unknown as
    { clean: boolean; protocol: string; sharedBetweenSplits: { splits: string }[]; sharedClasses: string[] };
};

describe("double ASL-DVS from a folder of .mat files", () => {
  it.skipIf(!hasShared)("has the split of the seed paper", () => {
    const file = readShared<{ train: string[]; val: string[]; test: string[] }>("data/splits/double-asl-dvs-splits.json");
    expect(DOUBLE_ASL_SPLIT).toEqual({ train: file.train, validation: file.val, test: file.test });
  });

  it("shares no recording between splits under B, and shares them under A", async () => {
    expect(await audit("B")).toMatchObject({ clean: true, protocol: "B", sharedClasses: [] });
    const a = await audit("A");
    expect(a).toMatchObject({ clean: false, protocol: "A", sharedClasses: [] });
    expect(a.sharedBetweenSplits.map(({ splits }) => splits)).toContain("train and test");
  });
});
