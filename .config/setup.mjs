// Sets a checkout up: dependencies from the lock file, native code where a compiler is, TypeScript build.
// Does only what has changed since the last time (stamps in build/); `--quiet` prints nothing where nothing is to be done.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, "build", "setup.json");
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`metaloihi needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(2);
}

const stamps = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, "utf8")) : {};
const save = (name, value) => {
  stamps[name] = value;
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify(stamps, null, 1));
};

/** Files below a folder with one of the endings. */
function filesBelow(folder, endings) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, endings);
    return endings.some((e) => entry.name.endsWith(e)) ? [path] : [];
  });
}

/** A stamp of the files' contents; by size and time first, as reading all of them takes longer. */
function stampOf(files) {
  const hash = createHash("sha256");
  for (const file of files.sort()) {
    const { size, mtimeMs } = statSync(join(root, file));
    hash.update(`${file}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest("hex");
}

function run(label, command, args, options = {}) {
  process.stderr.write(`${label} …\n`);
  const started = Date.now();
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", shell: process.platform === "win32", ...options });
  if (result.status !== 0 && !options.mayFail) {
    process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? result.error?.message ?? ""}\n${label} failed.\n`);
    process.exit(1);
  }
  process.stderr.write(`${label}: ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return result;
}

// npm writes node_modules/.package-lock.json last: without it an installation was cut off.
const dependencies = stampOf(["package-lock.json", "package.json"].filter((f) => existsSync(join(root, f))));
if (stamps.dependencies !== dependencies || !existsSync(join(root, "node_modules", ".package-lock.json"))) {
  run("installing dependencies from the lock file", "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  save("dependencies", dependencies);
}

// The addon's own script knows its sources and prints one line; without a compiler it ends with 3, which is no failure.
const nativeScript = "src/engines/native/build.mjs";
const nativeStamp = `${stampOf(filesBelow("src/engines/native", [".cc", ".h", ".mjs"]))} ${process.arch} ${process.version}`;
const hasAddon = existsSync(join(root, "build", "native", "metaloihi.node"));
if (stamps.native !== nativeStamp || (!hasAddon && stamps.compiler !== "none")) {
  const result = run("building the native engine", process.execPath, [nativeScript], { mayFail: true });
  if (result.status === 0) save("compiler", "found");
  else {
    save("compiler", "none");
    process.stderr.write(`${(result.stderr || result.stdout).trim()}\nGoing on with the WebAssembly engine, which is slower.\n`);
  }
  save("native", nativeStamp);
}

const sources = stampOf(
  ["src", "hw", "sim", "compiler"].flatMap((f) => filesBelow(f, [".ts", ".js", ".json"])).concat(["tsconfig.json"]),
);
if (stamps.build !== sources || !existsSync(join(root, "dist", "src", "cli", "main.js"))) {
  run("building TypeScript", process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-p", "."]);
  save("build", sources);
}

// `npx metaloihi` in a checkout looks in node_modules/.bin only.
const bin = join(root, "node_modules", ".bin", "metaloihi");
if (!existsSync(bin)) {
  writeFileSync(bin, '#!/usr/bin/env node\nimport("../../dist/src/cli/main.js");\n', { mode: 0o755 });
}
if (!process.argv.includes("--quiet")) process.stderr.write("metaloihi is set up: npx metaloihi --help\n");
