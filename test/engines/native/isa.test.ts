import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/base/node/package-root.js";

const root = packageRoot();
const built = existsSync(join(root, "build", "native", "metaloihi.node"));
const nested = process.env.METALOIHI_ISA !== undefined;

/** The engine's other tests once more, each on the kernels of a processor that has less than this one. */
describe.skipIf(!built || nested || process.arch !== "x64").each(["avx2", "base"])("native engine on %s", (isa) => {
  it("passes the same tests", { timeout: 240_000 }, () => {
    const run = spawnSync(
      process.execPath,
      [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--config", join(root, ".config", "vitest.config.ts"), "--reporter=json",
        "test/engines/native/loihi", "test/engines/native/soel", "test/engines/native/srm.test.ts"],
      { cwd: root, encoding: "utf8", env: { ...process.env, METALOIHI_ISA: isa }, maxBuffer: 1 << 26 },
    );
    const report = JSON.parse(run.stdout.slice(run.stdout.indexOf("{"))) as { numPassedTests: number; numFailedTests: number };
    expect(report.numFailedTests, run.stdout.slice(0, 4000)).toBe(0);
    expect(report.numPassedTests).toBeGreaterThan(10);
  });
});
