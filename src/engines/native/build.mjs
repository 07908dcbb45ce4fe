// Builds the addon with g++ or clang++: no download, no node-gyp. Each kernel file is built once for each instruction set,
// under a namespace of its own; the fastest that the processor has is picked when the addon is loaded.
// Does nothing where neither sources, compiler nor flags changed since the last time (build/native/stamp).
// Exit codes: 0 built or up to date, 3 no compiler here, 1 the build failed.
import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..", "..");
const out = join(root, "build", "native");
const target = join(out, "metaloihi.node");

const compiler = [process.env.CXX, "g++", "clang++"].find((c) => c && spawnSync(c, ["--version"], { stdio: "ignore" }).status === 0);
if (!compiler) {
  console.log("no C++ compiler (g++ or clang++) on this machine");
  process.exit(3);
}

// Vectors as wide as the registers: g++ takes wider ones apart in memory, which made a step ten times slower.
const isas = process.arch === "x64"
  ? { base: ["-DMETALOIHI_VECTOR_BYTES=16"], avx2: ["-mavx2", "-mfma", "-DMETALOIHI_VECTOR_BYTES=32"], avx512: ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mavx2", "-mfma", "-mprefer-vector-width=512"] }
  : { base: ["-DMETALOIHI_VECTOR_BYTES=16"] };
const common = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-psabi", "-Wno-unused-function",
  "-Wno-ignored-attributes", "-Wno-unknown-warning-option"];
// Loop unrolling and contraction are the compiler's; the order of sums is the source's on every instruction set.
const kernels = { "srm/srm.cc": "SRM_ISA", "loihi/loihi.cc": "LOIHI_ISA", "kernels/peak.cc": "PEAK_ISA" };
const include = createRequire(import.meta.url)("node-api-headers").include_dir;
const headers = join(root, "node_modules", "node-api-headers", relative(join(root, "node_modules", "node-api-headers"), include));

const stampFile = join(out, "stamp");
const sources = readdirSync(here, { recursive: true }).filter((f) => /\.(cc|h)$/.test(f) || f === "build.mjs").sort();
const hash = createHash("sha256").update(`${process.arch} ${process.platform} ${spawnSync(compiler, ["--version"]).stdout}`);
for (const file of sources) hash.update(`\0${file}\0`).update(readFileSync(join(here, file)));
const stamp = hash.digest("hex");
if (existsSync(target) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
  console.log("the native engine is up to date");
  process.exit(0);
}

mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(out, "objects-"));
const jobs = [];
for (const [file, macro] of Object.entries(kernels)) {
  for (const [isa, flags] of Object.entries(isas)) {
    const names = ["kernels", "srm", "loihi"].map((n) => `-D${n}=${n}_${isa}`);
    jobs.push([file, [...common, ...flags, `-D${macro}=${isa}`, ...names], `${file.replace(/\W/g, "_")}_${isa}.o`]);
  }
}
for (const file of ["kernels/platform.cc", "srm/api.cc", "loihi/api.cc", "srm/addon.cc", "loihi/addon.cc", "peak-addon.cc", "addon.cc"]) {
  jobs.push([file, [...common, "-I", headers], `${file.replace(/\W/g, "_")}.o`]);
}
const objects = jobs.map(([, , name]) => join(work, name));

const run = (args) => new Promise((resolve, reject) => {
  execFile(compiler, args, { cwd: here, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
    error ? reject(new Error(stderr || error.message)) : resolve(stdout));
});
async function worker(queue) {
  for (let job = queue.shift(); job; job = queue.shift()) await run([...job[1], "-c", job[0], "-o", join(work, job[2])]);
}
try {
  const queue = [...jobs];
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, () => worker(queue)));
  const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared", "-pthread"];
  const partial = join(work, "metaloihi.node");
  await run([...shared, "-o", partial, ...objects]);
  renameSync(partial, target);
  writeFileSync(stampFile, stamp);
  console.log(`built the native engine with ${compiler}`);
} catch (error) {
  console.error(`the native engine does not build with ${compiler}:\n${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
