/** A process of its own for `bench chip-step`: it loads and runs an image, and nothing else is in its memory.
 *  Arguments: folder with image.mlh and run.json. Prints one line of JSON. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { benchChipStep } from "../../../sim/bench.js";

/** Processor milliseconds of this process, user and system. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const folder = process.argv[2];
const run = JSON.parse(readFileSync(join(folder, "run.json"), "utf8")) as {
  rowStart: number[]; channel: number[]; count: number[]; repeats: number; kernels?: "wasm" | "typescript";
};
const frames = { rowStart: Uint32Array.from(run.rowStart), channel: Uint32Array.from(run.channel), count: Uint16Array.from(run.count) };
const figures = await benchChipStep(readFileSync(join(folder, "image.mlh")), frames, { repeats: run.repeats, kernels: run.kernels, cpuMs });
// Largest resident set; the unit is KiB on every platform of Node 20.
const rssMib = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ ...figures, rss_mib: rssMib })}\n`);
