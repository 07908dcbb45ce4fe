// Runs other people's engines beside ours, in turns, on the same problem, and prints the ratio.
//   node .config/bench-peers.mjs --python PYTHON --peers DIR [--tfjs DIR] [--only srm,loihi,wasm] [--variants compiled,batched]
//                                [--modes second,first,eval] [--threads 2] [--rounds 3] [--repeats 3] [--json FILE]
// PYTHON has torch and numpy; DIR holds snn_problem.py, torch_maml_step.py and torch_loihi_soel.py; the tfjs folder holds
// maml-step.mjs with @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm beside it. What is not given is left out, and said.
// Only ratios from one run count: machines differ by a factor of two, and so does one machine that others use.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, "dist", "src", "cli", "main.js");

function refuse(message) {
  console.error(message);
  process.exit(2);
}

let options;
try {
  options = parseArgs({
    options: {
      python: { type: "string" }, peers: { type: "string" }, tfjs: { type: "string" }, only: { type: "string", default: "srm,loihi,wasm" },
      variants: { type: "string", default: "compiled,batched" }, modes: { type: "string", default: "second,first,eval" },
      threads: { type: "string", default: "2" }, rounds: { type: "string", default: "3" }, repeats: { type: "string", default: "3" },
      json: { type: "string" },
    },
  }).values;
} catch (error) {
  refuse(`${error.message} (the head of .config/bench-peers.mjs lists the options)`);
}
const { threads, repeats } = options;
const rounds = Number(options.rounds);
if (!(rounds >= 1)) refuse(`--rounds: ${options.rounds}; allowed: 1 or more`);
if (!existsSync(main)) refuse("dist/ is not built: npm run setup");
const only = options.only.split(",");
const withTorch = options.python !== undefined && options.peers !== undefined;
const peers = options.peers && resolve(options.peers);
if (withTorch && !existsSync(join(peers, "torch_maml_step.py"))) refuse(`--peers ${options.peers}: no torch_maml_step.py in it`);
if (!withTorch && !options.tfjs) refuse("nothing to run beside: give --python PYTHON --peers DIR, or --tfjs DIR");

const work = mkdtempSync(join(tmpdir(), "bench-peers-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** Runs a program; its last line that is JSON, or why there is none. */
function figures(command, args, env = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", cwd: work, env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
  const lines = (result.stdout ?? "").trim().split("\n").filter((l) => l.startsWith("{"));
  if (result.status === 0 && lines.length > 0) return JSON.parse(lines[lines.length - 1]);
  return { failed: (result.stderr || result.error?.message || "no figures").trim().split("\n").pop() };
}
const ours = (args) => figures(process.execPath, [main, "bench", "meta-step", "--threads", threads, "--repeats", repeats, "--json", ...args]);
const python = (script, args) => figures(options.python, [join(peers, script), ...args], { TF_CPP_MIN_LOG_LEVEL: "2" });
function tfjsStep() {
  const result = spawnSync(process.execPath, [join(resolve(options.tfjs), "maml-step.mjs"), "wasm", "3"], { encoding: "utf8", cwd: resolve(options.tfjs) });
  const found = /median (\d+) ms a task/.exec(result.stdout ?? "");
  const peak = [...(result.stdout ?? "").matchAll(/peak (\d+)\)/g)].map((m) => Number(m[1]));
  return found ? { median_ms: Number(found[1]), peak_rss_mib: Math.max(...peak) } : { failed: (result.stderr || "no median").trim().split("\n").pop() };
}

const problem = join(work, "F.npz");
const cases = [];
if (withTorch) {
  const saved = spawnSync(options.python, [join(peers, "snn_problem.py"), "--save", problem], { encoding: "utf8", cwd: work });
  if (saved.status !== 0) refuse(`snn_problem.py --save failed: ${saved.stderr.trim().split("\n").pop()}`);
  if (only.includes("srm")) {
    for (const mode of options.modes.split(",")) {
      for (const variant of options.variants.split(",")) {
        cases.push({
          what: `srm, ${mode}`, peer: `PyTorch ${variant}`, same: "same events and weights",
          ours: () => ours(["--network", "srm", "--mode", mode, "--problem", problem]),
          theirs: () => python("torch_maml_step.py", ["--threads", threads, "--repeats", repeats, "--variant", variant, "--mode", mode]),
        });
      }
    }
  }
  if (only.includes("loihi")) {
    for (const compile of [true, false]) {
      if (!compile && !options.variants.includes("eager")) continue;
      cases.push({
        what: "loihi + SOEL chip", peer: `PyTorch ${compile ? "compiled" : "eager"}`, same: "same network and activity, other draws",
        ours: () => ours(["--network", "loihi", "--problem", "peers"]),
        theirs: () => python("torch_loihi_soel.py", ["bench", "--threads", threads, "--repeats", repeats, "--warmup", "3", ...(compile ? ["--compile"] : [])]),
      });
    }
  }
}
if (options.tfjs && only.includes("wasm")) {
  cases.push({
    what: "srm, second, WebAssembly", peer: "tfjs-wasm", same: "same network, other draws",
    ours: () => ours(["--network", "srm", "--engine", "wasm", ...(withTorch ? ["--problem", problem] : [])]), theirs: tfjsStep,
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const rows = cases.map((c) => {
  const [a, b] = [[], []];
  for (let round = 0; round < rounds; round++) {
    // Turns, so that what others do to the machine meets both.
    a.push(c.ours());
    b.push(c.theirs());
    process.stderr.write(`${c.what} beside ${c.peer}, round ${round + 1} of ${rounds}: ${a[round].median_ms ?? a[round].failed} and ${b[round].median_ms ?? b[round].failed} ms\n`);
  }
  const failed = [...a, ...b].find((f) => f.failed)?.failed;
  const ratios = a.map((f, k) => b[k].median_ms / f.median_ms);
  return {
    what: c.what, peer: c.peer, same: c.same, failed,
    ours_ms: median(a.map((f) => f.median_ms)), peer_ms: median(b.map((f) => f.median_ms)), ratio: failed ? null : median(ratios), ratios,
    ours_mib: Math.round(Math.max(...a.map((f) => f.rss_mib ?? 0))), peer_mib: Math.max(...b.map((f) => f.peak_rss_mib ?? 0)),
    ours_loss: a[0].loss, peer_loss: b[0].loss, ours_norm: a[0].gradient_norm, peer_norm: b[0].grad_norm, engine: a[0].engine,
    other_cpu: Math.max(...b.map((f) => f.other_cpu ?? 0)),
  };
});

const number = (x, digits) => (typeof x === "number" && Number.isFinite(x) ? x.toFixed(digits) : "–");
const table = [
  ["what", "peer", "ours ms", "peer ms", "ratio", "ours MiB", "peer MiB", "loss ours / peer", "gradient norm ours / peer", "problem"],
  ...rows.map((r) => [
    r.what, r.peer, number(r.ours_ms, 0), number(r.peer_ms, 0), r.failed ? `failed: ${r.failed.slice(0, 80)}` : `${number(r.ratio, 2)} (${r.ratios.map((x) => x.toFixed(2)).join(", ")})`,
    number(r.ours_mib, 0), number(r.peer_mib, 0), `${number(r.ours_loss, 4)} / ${number(r.peer_loss, 4)}`, `${number(r.ours_norm, 3)} / ${number(r.peer_norm, 3)}`, r.same,
  ]),
];
console.log(`${threads} threads, ${rounds} rounds in turns of ${repeats} calls each; ratio: peer / ours, the median of the rounds (each round)`);
for (const [k, row] of table.entries()) {
  console.log(`| ${row.join(" | ")} |`);
  if (k === 0) console.log(`|${row.map(() => "---").join("|")}|`);
}
const busy = Math.max(0, ...rows.map((r) => r.other_cpu));
if (busy > 0.1) console.log(`Other processes took up to ${busy.toFixed(2)} of a core during the peers' kept calls: upper bounds, not figures to quote.`);
if (!options.tfjs) console.log("tfjs-wasm was left out: give --tfjs DIR.");
if (!withTorch) console.log("PyTorch was left out: give --python PYTHON and --peers DIR.");
if (options.json) writeFileSync(options.json, `${JSON.stringify({ threads: Number(threads), rounds, rows }, null, 1)}\n`);
process.exitCode = rows.some((r) => r.failed) ? 1 : 0;
