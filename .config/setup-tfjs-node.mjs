// Makes `@tensorflow/tfjs-node` run for the tfjs engine, in build/tfjs-node, apart from the project's own node_modules.
// Its own installer downloads libtensorflow from a server that many machines do not reach, so on Linux x86-64 the
// library and its headers are taken from the `tensorflow-cpu` wheel (pip, held against its SHA-256) and the addon is
// compiled here with the headers of node-api-headers. Elsewhere the package's own installer runs.
// Idempotent; every step that is done is skipped. Needs npm, and on Linux x86-64 python3 with pip and g++ or clang++.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  createReadStream, createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync,
  symlinkSync, writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const TFJS_NODE = "4.22.0";
const WHEEL = { version: "2.15.1", sha256: "54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26" };

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const place = join(root, "build", "tfjs-node");
const module = join(place, "node_modules", "@tensorflow", "tfjs-node");
const addon = join(module, "lib", "napi-v8", "tfjs_binding.node");
const quiet = process.argv.includes("--quiet");
const say = (text) => quiet || process.stderr.write(`${text}\n`);

/** Ends with the reason. 1: a step failed; 3: this machine lacks something. */
function stop(code, reason) {
  process.stderr.write(`tfjs-node is not set up: ${reason}\nThe tfjs engine goes on with its wasm or cpu backend.\n`);
  process.exit(code);
}

function run(label, command, args, options = {}) {
  say(`${label} …`);
  const result = spawnSync(command, args, { encoding: "utf8", shell: process.platform === "win32", ...options });
  if (result.status !== 0) {
    stop(1, `${label} failed.\n${(result.stderr || result.stdout || result.error?.message || "").trim().slice(-2000)}`);
  }
  return result.stdout;
}

/** Loads the package in a process of its own and multiplies two matrices. */
function works() {
  const program = `const tf = require(${JSON.stringify(module)});
    const a = tf.tensor2d([[1, 2], [3, 4]]);
    if (tf.getBackend() !== "tensorflow" || a.matMul(a).dataSync().join() !== "7,10,15,22") process.exit(1);
    console.log(tf.version["tfjs-node"] + " on libtensorflow " + tf.backend().binding.TF_Version);`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" };
  const result = spawnSync(process.execPath, ["--no-deprecation", "-e", program], { encoding: "utf8", env });
  return result.status === 0 ? result.stdout.trim() : null;
}

function installPackage() {
  if (existsSync(join(module, "package.json"))) return;
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "package.json"), JSON.stringify({ private: true, dependencies: { "@tensorflow/tfjs-node": TFJS_NODE } }));
  // Without scripts: its own would remove deps/ and then fail where the server is out of reach.
  run(`installing @tensorflow/tfjs-node ${TFJS_NODE}`, "npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: place });
}

/** Folder with lib/ and include/ out of the wheel; in the user's cache, as it takes 500 MB and outlives a checkout. */
async function library() {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "metaloihi", `tensorflow-cpu-${WHEEL.version}`);
  if (existsSync(join(cache, "lib"))) return cache;
  const python = ["python3", "python"].find((p) => spawnSync(p, ["-m", "pip", "--version"]).status === 0);
  if (!python) stop(3, "python3 with pip is needed, which brings libtensorflow.");
  mkdirSync(dirname(cache), { recursive: true });
  const staging = mkdtempSync(join(dirname(cache), "unpacking-"));
  const requirements = join(mkdtempSync(join(tmpdir(), "metaloihi-")), "requirements.txt");
  try {
    writeFileSync(requirements, `tensorflow-cpu==${WHEEL.version} --hash=sha256:${WHEEL.sha256}\n`);
    run(`downloading tensorflow-cpu ${WHEEL.version} with pip (200 MB)`, python, [
      "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", staging, "--python-version", "3.11",
      "--implementation", "cp", "--abi", "cp311", "--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64",
      "--requirement", requirements,
    ]);
    const wheel = readdirSync(staging).find((name) => name.endsWith(".whl"));
    say("unpacking …");
    await checkHash(join(staging, wheel));
    await unpack(join(staging, wheel), staging);
    rmSync(join(staging, wheel));
    spawnSync("strip", ["--strip-unneeded", join(staging, "lib", "libtensorflow_cc.so.2")]);
    // The names that the addon is linked with.
    symlinkSync("libtensorflow_cc.so.2", join(staging, "lib", "libtensorflow.so"));
    symlinkSync("libtensorflow_framework.so.2", join(staging, "lib", "libtensorflow_framework.so"));
    renameSync(staging, cache);
  } finally {
    rmSync(staging, { recursive: true, force: true });
    rmSync(dirname(requirements), { recursive: true, force: true });
  }
  return cache;
}

async function checkHash(file) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  if (hash.digest("hex") !== WHEEL.sha256) stop(1, "the wheel is not the one that was asked for (SHA-256 differs).");
}

/** The two shared objects and the C headers of a wheel, which is a zip archive. */
async function unpack(wheel, target) {
  const yauzl = createRequire(join(root, "package.json"))("yauzl");
  const headers = /^tensorflow\/include\/((?:tensorflow\/(?:c|core\/platform|tsl|compiler\/xla\/tsl)|tsl|xla\/tsl)\/.*\.h)$/;
  const placeOf = (name) => {
    const shared = /^tensorflow\/(libtensorflow_(?:cc|framework)\.so\.2)$/.exec(name);
    if (shared) return join(target, "lib", shared[1]);
    const header = headers.exec(name);
    return header && !name.includes("..") ? join(target, "include", header[1]) : null;
  };
  const zip = await new Promise((resolve, reject) =>
    yauzl.open(wheel, { lazyEntries: true, autoClose: true }, (error, file) => (error ? reject(error) : resolve(file))));
  await new Promise((resolve, reject) => {
    zip.on("error", reject);
    zip.on("end", resolve);
    zip.on("entry", (entry) => {
      const to = placeOf(entry.fileName);
      if (!to) return zip.readEntry();
      zip.openReadStream(entry, (error, stream) => {
        if (error) return reject(error);
        mkdirSync(dirname(to), { recursive: true });
        pipeline(stream, createWriteStream(to)).then(() => zip.readEntry(), reject);
      });
    });
    zip.readEntry();
  });
}

function compile(cache) {
  const compiler = [process.env.CXX, "g++", "clang++"].find((c) => c && spawnSync(c, ["--version"]).status === 0);
  if (!compiler) stop(3, "a C++ compiler (g++ or clang++) is needed for its addon.");
  const deps = join(module, "deps");
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(deps);
  for (const part of ["include", "lib"]) symlinkSync(join(cache, part), join(deps, part));
  const nodeApi = createRequire(join(root, "package.json")).resolve("node-api-headers");
  mkdirSync(dirname(addon), { recursive: true });
  run("compiling its addon", compiler, [
    "-std=c++17", "-O2", "-fPIC", "-shared", "-w", "-DNAPI_VERSION=8", "-DBUILDING_NODE_EXTENSION",
    `-I${join(dirname(nodeApi), "include")}`, `-I${module}`, `-I${join(deps, "include")}`,
    join(module, "binding", "tfjs_backend.cc"), join(module, "binding", "tfjs_binding.cc"), "-o", addon,
    `-L${join(cache, "lib")}`, "-ltensorflow", "-ltensorflow_framework", "-Wl,-rpath,$ORIGIN/../../deps/lib",
  ]);
}

/** The package's own installer, where no wheel is known. */
function ownInstaller() {
  run("running the installer of tfjs-node", process.execPath, [join("scripts", "install.js")], { cwd: module });
}

const stamp = join(place, "ready.json");
const done = existsSync(stamp) ? JSON.parse(readFileSync(stamp, "utf8")) : {};
// The library lies in the user's cache, which may have been emptied: the link to it must lead somewhere.
const whole = existsSync(addon) && existsSync(join(module, "deps", "lib"));
if (done.node === process.version && whole) {
  say(`tfjs-node is set up: ${done.version}`);
} else {
  installPackage();
  if (process.platform === "linux" && process.arch === "x64") compile(await library());
  else ownInstaller();
  const version = works();
  if (version === null) stop(1, "it was installed, but does not compute (Node 20 and 22 run it). Remove build/tfjs-node to start afresh.");
  writeFileSync(stamp, JSON.stringify({ node: process.version, version }));
  say(`tfjs-node is set up: ${version}`);
}
