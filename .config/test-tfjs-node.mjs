// Runs the tests of the tfjs engine on tfjs-node, which `setup-tfjs-node.mjs` has set up. Further arguments go to vitest.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const { status } = spawnSync(process.execPath, [join(here, "test.mjs"), "test/engines/tfjs", ...process.argv.slice(2)], {
  stdio: "inherit", env: { ...process.env, METALOIHI_TFJS_BACKEND: "tensorflow" },
});
process.exitCode = status ?? 1;
