// Builds src/engines/native/metaloihi.wasm, which is kept in the repository: the loihi kernels as WebAssembly with SIMD, on
// a shared memory so that workers take items. Needs clang++ with wasm-ld and no C library. Run it after changing a kernel.
// Exit codes: 0 built, 3 no such compiler here, 1 the build failed. `--out FILE` writes elsewhere (a test compares).
import { spawnSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const outAt = process.argv.indexOf("--out");
const out = outAt > 0 ? resolve(process.argv[outAt + 1]) : join(here, "metaloihi.wasm");
const compiler = [process.env.WASM_CXX, "clang++"].find((c) => c && spawnSync(c, ["--version"], { stdio: "ignore" }).status === 0);
if (!compiler || spawnSync("wasm-ld", ["--version"], { stdio: "ignore" }).status !== 0) {
  console.log("no clang++ with wasm-ld on this machine: metaloihi.wasm stays as it is");
  process.exit(3);
}

// Vectors of 16 bytes, the width of WebAssembly's: wider ones would be split and spilled.
const result = spawnSync(compiler, [
  "--target=wasm32", "-std=c++17", "-O3", "-msimd128", "-matomics", "-mbulk-memory", "-mmutable-globals", "-mnontrapping-fptoint",
  "-nostdlib", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-fvisibility=hidden",
  "-Wall", "-Wextra", "-Wno-unused-function", "-Wno-unused-command-line-argument",
  "-DMETALOIHI_FREESTANDING", "-DLOIHI_ISA=wasm", `-DMETALOIHI_VECTOR_BYTES=${process.env.VECTOR_BYTES ?? 16}`,
  "loihi/loihi.cc", "wasm/platform.cc",
  "-Wl,--no-entry,--import-memory,--shared-memory,--initial-memory=2097152,--max-memory=2147483648",
  "-Wl,--export-dynamic,--export=metaloihi_allocate,--export=metaloihi_release,--export=__stack_pointer,--strip-all",
  "-o", out,
], { cwd: here, encoding: "utf8" });
if (result.status !== 0) {
  console.error(`metaloihi.wasm does not build with ${compiler}:\n${result.stderr}`);
  process.exit(1);
}
if (result.stderr) process.stderr.write(result.stderr);
console.log(`built metaloihi.wasm with ${compiler}`);
