// Builds the kernels for WebAssembly with SIMD and writes them as text into sim/native/kernels-wasm.ts, so that nothing is
// compiled or read at run time. Needs clang with wasm-ld; run it after changing a kernel: node sim/native/build.mjs
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kernels-"));
const wasm = join(folder, "kernels.wasm");
execFileSync("clang", [
  "--target=wasm32", "-O3", "-msimd128", "-mnontrapping-fptoint", "-nostdlib", "-fno-exceptions", "-ffreestanding",
  "-Wall", "-Wextra", "-Werror", "-Wl,--no-entry,--import-memory,--strip-all",
  `-Wl,${["scatter", "scatter_bytes", "update_compartments", "learn_separable", "update_traces"].map((name) => `--export=${name}`).join(",")}`,
  ...["scatter", "scatter-bytes", "update-compartments", "learn-separable", "update-traces"].map((name) => join(here, `kernels/${name}.cc`)),
  "-o", wasm,
], { stdio: "inherit" });
const lines = readFileSync(wasm).toString("base64").match(/.{1,100}/g);
writeFileSync(join(here, "kernels-wasm.ts"), `/** Kernels of sim/native/kernels as WebAssembly, base64. Made by sim/native/build.mjs. */
export const KERNELS_WASM = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`);
rmSync(folder, { recursive: true });
