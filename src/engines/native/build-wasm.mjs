// Builds src/engines/native/metaloihi.wasm, which is kept in the repository: the kernels as WebAssembly with SIMD, on
// a shared memory so that workers take items. Needs clang++ with wasm-ld and no C library. Run it after changing a kernel.
// wasm/recipe.json says from which sources and flags the kept one was made. `--check` compares, without a compiler.
// Exit codes: 0 built (--check: up to date), 3 no such compiler here, 1 the build failed (--check: stale).
// `--out FILE` writes elsewhere (a test compares).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const outAt = process.argv.indexOf("--out");
const kept = join(here, "metaloihi.wasm");
const recipeFile = join(here, "wasm", "recipe.json");
const out = outAt > 0 ? resolve(process.argv[outAt + 1]) : kept;

// Vectors of 16 bytes, the width of WebAssembly's: wider ones would be split and spilled.
const units = ["loihi/loihi.cc", "srm/srm.cc", "wasm/platform.cc"];
const flags = [
  "--target=wasm32", "-std=c++17", "-O3", "-msimd128", "-matomics", "-mbulk-memory", "-mmutable-globals", "-mnontrapping-fptoint",
  "-nostdlib", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-fvisibility=hidden",
  "-Wall", "-Wextra", "-Wno-unused-function", "-Wno-unused-command-line-argument",
  "-DMETALOIHI_FREESTANDING", "-DLOIHI_ISA=wasm", "-DSRM_ISA=wasm", "-DMETALOIHI_VECTOR_BYTES=16",
  "-Wl,--no-entry,--import-memory,--shared-memory,--initial-memory=2097152,--max-memory=2147483648",
  "-Wl,--export-dynamic,--export=metaloihi_allocate,--export=metaloihi_release,--export=__stack_pointer,--strip-all",
];

const sha256 = (parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");
/** Hash of all that the module is made of, but for the compiler: flags, and names and bytes of the sources. */
function recipeHash() {
  const headers = ["kernels", "loihi", "srm"].flatMap((folder) =>
    readdirSync(join(here, folder)).filter((f) => f.endsWith(".h")).map((f) => `${folder}/${f}`));
  return sha256([JSON.stringify(flags), ...[...units, ...headers].sort().flatMap((f) => [`\0${f}\0`, readFileSync(join(here, f))])]);
}

if (process.argv.includes("--check")) {
  const row = JSON.parse(readFileSync(recipeFile, "utf8"));
  const fresh = row.recipe === recipeHash() && row.module === sha256([readFileSync(kept)]);
  console.log(fresh ? "metaloihi.wasm is up to date" : "metaloihi.wasm is not what its sources give: run build-wasm.mjs");
  process.exit(fresh ? 0 : 1);
}

const compiler = [process.env.WASM_CXX, "clang++"].find((c) => c && spawnSync(c, ["--version"], { stdio: "ignore" }).status === 0);
if (!compiler || spawnSync("wasm-ld", ["--version"], { stdio: "ignore" }).status !== 0) {
  console.log("no clang++ with wasm-ld on this machine: metaloihi.wasm stays as it is");
  process.exit(3);
}

const result = spawnSync(compiler, [...flags, ...units, "-o", out], { cwd: here, encoding: "utf8" });
if (result.status !== 0) {
  console.error(`metaloihi.wasm does not build with ${compiler}:\n${result.stderr}`);
  process.exit(1);
}
if (result.stderr) process.stderr.write(result.stderr);
if (out === kept) writeFileSync(recipeFile, `${JSON.stringify({ recipe: recipeHash(), module: sha256([readFileSync(kept)]) }, null, 2)}\n`);
console.log(`built metaloihi.wasm with ${compiler}`);
