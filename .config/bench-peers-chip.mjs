// Runs the peers' speed scripts and `bench chip-step` on the same integers, in turns, and prints the ratios.
//   node .config/bench-peers-chip.mjs --peers DIR [--scripts DIR] [--rounds N] [--only NAME,NAME] [--save FOLDER] [--cli FILE]
// --peers   environment that interop/setup-peers.sh made (DIR/bin/python)
// --scripts folder with net.py and run_*.py; default: ../shared/bench/interop/speed beside this checkout
// --only    of nengo, lava, brian2loihi, lava-learning, brian2loihi-learning; default all
// --save    keeps the problems network.npz and plastic.npz there, for `metaloihi bench chip-step --problem FILE`; without --only
//           NAME nothing else is done if --rounds is 0
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    peers: { type: "string" }, scripts: { type: "string", default: join(root, "..", "shared", "bench", "interop", "speed") },
    rounds: { type: "string", default: "1" }, only: { type: "string" }, save: { type: "string" },
    cli: { type: "string", default: join(root, "dist", "src", "cli", "main.js") },
  },
});
if (!given.peers) {
  console.error("usage: node .config/bench-peers-chip.mjs --peers DIR (made by interop/setup-peers.sh) [--rounds N] [--only NAME,…] [--save FOLDER]");
  process.exit(2);
}
const python = join(resolve(given.peers), "bin", "python");
const scripts = resolve(given.scripts);
const folder = given.save ? resolve(given.save) : mkdtempSync(join(tmpdir(), "peers-chip-"));
mkdirSync(folder, { recursive: true });

/** Writes the scripts' own network, input and reference counts, and the plastic layer's stimulus and weights. */
const SAVE = `
import sys, numpy as np, net, run_learning
layers, raster = net.build()
counts, out = net.run(layers, raster)
arrays = dict(raster=raster, counts=np.array(counts, dtype=np.int64), out=out.astype(np.uint8))
for k, ly in enumerate(layers):
    arrays[f"w{k}"] = ly.w.reshape(ly.w.shape + (1, 1)) if ly.kind == "dense" else ly.w
    arrays[f"m{k}"] = np.array([int(ly.kind == "dense"), ly.stride, ly.pad, ly.groups, ly.du, ly.dv, ly.vth], dtype=np.int64)
np.savez(sys.argv[1] + "/network.npz", **arrays)
s, w = run_learning.stimulus()
np.savez(sys.argv[1] + "/plastic.npz", stimulus=s.astype(np.uint8), weights=w.astype(np.int64))
`;
execFileSync(python, ["-c", SAVE, folder], { cwd: scripts, stdio: ["ignore", "inherit", "inherit"] });

const PEERS = [
  { name: "nengo", problem: "network", script: ["run_nengo.py"] },
  { name: "lava", problem: "network", script: ["run_lava.py"] },
  { name: "brian2loihi", problem: "network", script: ["run_brian2loihi.py"] },
  { name: "lava-learning", problem: "plastic", script: ["run_learning.py", "lava"] },
  { name: "brian2loihi-learning", problem: "plastic", script: ["run_learning.py", "brian2loihi"] },
].filter(({ name }) => !given.only || given.only.split(",").includes(name));

function ours(problem) {
  const out = execFileSync(process.execPath, [given.cli, "bench", "chip-step", "--problem", join(folder, `${problem}.npz`), "--repeats", "21", "--json"]);
  return JSON.parse(out.toString());
}

/** The report lines of a peer's script (net.py, report): one a configuration. */
function theirs({ script }) {
  const { stdout, stderr, status } = spawnSync(python, script, { cwd: scripts, encoding: "utf8", maxBuffer: 2 ** 26 });
  const lines = stdout.split("\n").filter((line) => line.includes("ms/step"));
  if (status !== 0 || lines.length === 0) return { error: (stderr || stdout).trim().split("\n").at(-1) ?? "no output" };
  return {
    runs: lines.map((line) => ({
      name: line.slice(0, line.indexOf(":")), wall: Number(/median ([\d.]+) ms/.exec(line)?.[1]), cpu: Number(/processor ([\d.]+) ms/.exec(line)?.[1]),
      setup: Number(/set-up ([\d.]+) s/.exec(line)?.[1]), memory: Number(/peak memory (\d+) MiB/.exec(line)?.[1]), line,
    })),
  };
}

let differing = 0;
for (let round = 1; round <= Number(given.rounds); round++) {
  for (const peer of PEERS) {
    const [before, their, after] = [ours(peer.problem), theirs(peer), ours(peer.problem)];
    if (before.equal === false || after.equal === false) differing++;
    const mine = { wall: Math.min(before.ms_per_step, after.ms_per_step), cpu: Math.min(before.cpu_ms_per_step, after.cpu_ms_per_step) };
    const spikes = before.equal === undefined ? "" : before.equal ? ", spikes of every layer equal to their reference" : ", spikes DIFFER";
    console.log(`metaloihi: ${mine.wall.toFixed(4)} ms/step, processor ${mine.cpu.toFixed(4)}, load ${(before.load_ms / 1000).toFixed(2)} s, ${before.rss_mib.toFixed(0)} MiB${spikes}`);
    if (their.error) console.log(`  ${peer.name}: did not run (${their.error})`);
    else {
      for (const run of their.runs) {
        console.log(`  ${run.name}: ${run.wall} ms/step, processor ${run.cpu}, set-up ${run.setup} s, ${run.memory} MiB`
          + ` -> ${(run.wall / mine.wall).toFixed(1)}x by wall time, ${(run.cpu / mine.cpu).toFixed(1)}x by processor time`);
      }
    }
  }
}
if (!given.save) rmSync(folder, { recursive: true });
process.exit(differing > 0 ? 1 : 0);
