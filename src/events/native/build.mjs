// Builds the decoding kernels for WebAssembly with SIMD and writes them as text into src/events/native/kernels-wasm.ts, so that
// nothing is compiled or read at run time. Needs clang with wasm-ld; run it after changing a kernel: node src/events/native/build.mjs
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kernels-"));
const wasm = join(folder, "kernels.wasm");
const exported = ["address", "prepare_evt3", "evt2", "evt3", "dat", "nmnist", "event_stream", "aedat2", "csv", "unpack_aedat4", "lz4_block", "xxh32"];
execFileSync("clang", [
  "--target=wasm32", "-O3", "-msimd128", "-mbulk-memory", "-nostdlib", "-fno-exceptions", "-ffreestanding", "-Wall", "-Wextra", "-Werror",
  "-Wl,--no-entry,--strip-all", `-Wl,${exported.map((name) => `--export=${name}`).join(",")}`,
  ...["memory", "evt2", "evt3", "records", "csv", "lz4"].map((name) => join(here, `kernels/${name}.cc`)), "-o", wasm,
], { stdio: "inherit" });
const lines = readFileSync(wasm).toString("base64").match(/.{1,100}/g);
writeFileSync(join(here, "kernels-wasm.ts"), `/** Kernels of src/events/native/kernels as WebAssembly, base64. Made by src/events/native/build.mjs. */
export const DECODE_WASM = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`);
rmSync(folder, { recursive: true });
