// Runs all tests and prints `N passed, N failed, N skipped` last, in words that CI reads.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "metaloihi-test-"));
const report = join(folder, "report.json");
const result = spawnSync(
  process.execPath,
  [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--config", ".config/vitest.config.ts",
    "--reporter=dot", "--reporter=json", `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
let counts;
try {
  counts = JSON.parse(readFileSync(report, "utf8"));
} catch {
  counts = { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 };
}
rmSync(folder, { recursive: true, force: true });
// A file that does not load fails without a test: it counts as one.
const brokenFiles = (counts.testResults ?? []).filter((f) => f.status === "failed" && f.assertionResults.length === 0);
for (const file of brokenFiles) console.log(`did not load: ${file.name}`);
const failed = counts.numFailedTests + brokenFiles.length;
const skipped = counts.numPendingTests + (counts.numTodoTests ?? 0);
console.log(`${counts.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = result.status === 0 && failed === 0 ? 0 : 1;
