import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constantTable } from "../../../hw/embedded/constants.js";
import { repositoryRoot } from "../../support/shared.js";
import type { Presentation, programOf, Run } from "../../sim/embedded/golden-case.js";

type Program = ReturnType<typeof programOf>;

/** A C compiler for the host, and one that makes the machine code that we ship. */
export const hasGcc = spawnSync("gcc", ["--version"]).status === 0;
export const hasLakemontGcc =
  hasGcc && spawnSync("gcc", ["-m32", "-march=lakemont", "-miamcu", "-S", "-xc", "-o", "/dev/null", "-"], {
    input: "int x;",
  }).status === 0;

const BACKEND = {
  external: ["-DLOIHI_BACKEND_EXTERNAL"],
  nxsdk: ["-DLOIHI_BACKEND_NXSDK", "-DLOIHI_NXSDK_STUB"],
} as const;

const folders: string[] = [];

/** Removes what was compiled; for `afterAll`. */
export function removeCompiled(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Compiles printed C with the scripted runtime; every warning is an error. Returns the path of the executable. */
export function compileForHost(source: string, backend: keyof typeof BACKEND): string {
  const folder = mkdtempSync(join(tmpdir(), "metaloihi-host-"));
  folders.push(folder);
  const runtime = join(repositoryRoot, "hw/embedded/runtime");
  const flags = ["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", `-I${runtime}`, ...BACKEND[backend]];
  const mock = join(repositoryRoot, "test/hw/embedded/mock-runtime.c");
  writeFileSync(join(folder, "program.c"), source);
  if (backend === "nxsdk") {
    // Its accessors are part of the program's file, so the script's file joins it there.
    writeFileSync(join(folder, "all.c"), `#include "program.c"\n#include "${mock}"\n`);
    execFileSync("gcc", [...flags, "-o", join(folder, "program"), join(folder, "all.c")]);
  } else {
    execFileSync("gcc", [...flags, "-o", join(folder, "program"), join(folder, "program.c"), mock]);
  }
  return join(folder, "program");
}

/** Runs a compiled program over presentations; `replaceTable`: with the program's constants in place of its own. */
export function runOnHost(
  executable: string, program: Program, presentations: readonly Presentation[], replaceTable: boolean,
): Run[] {
  const words: number[] = replaceTable ? [1, ...constantTable(program)] : [0];
  words.push(presentations.length);
  const K = program.outputs.length;
  for (const p of presentations) {
    words.push(Number(p.learn), p.label, ...p.assigned);
    for (let at = 0; at < program.constants.presentationSteps * K; at += K) {
      for (let i = 0; i < K; i++) words.push(p.spikes[at + i]);
      for (let i = 0; i < K; i++) words.push(p.u[at + i]);
    }
  }
  return runsOf(execFileSync(executable, { input: words.join(" "), encoding: "utf8" }));
}

/** Output of the program, cut after each reset. */
function runsOf(text: string): Run[] {
  const runs: Run[] = [];
  let writes: Run["writes"] = [];
  let decision = -2;
  for (const line of text.trim().split("\n")) {
    const [kind, ...values] = line.split(" ");
    if (kind === "y") writes.push({ t: Number(values[0]), output: Number(values[1]), y1: Number(values[2]) });
    if (kind === "d") decision = Number(values[0]);
    if (kind === "r") {
      runs.push({ writes, decision, resets: 1 });
      [writes, decision] = [[], -2];
    }
  }
  return runs;
}
