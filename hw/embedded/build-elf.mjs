// Rebuilds the machine code of every form and writes hw/embedded/prebuilt/elf-images.ts. Needs gcc with -march=lakemont
// (Debian's gcc 12 has it; no 32-bit C library is needed). `--check` builds and reports, writes nothing.
// Usage: node hw/embedded/build-elf.mjs [--check]
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { register } from "tsx/esm/api";

const here = dirname(fileURLToPath(import.meta.url));
const runtime = join(here, "runtime");

const compile = [
  "-m32", "-march=lakemont", "-miamcu", "-std=gnu11", "-ffreestanding", "-fno-pic", "-fno-pie", "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables", "-Wall", "-Wextra", "-Werror", `-I${runtime}`, "-c",
];
const link = [
  "-m32", "-march=lakemont", "-miamcu", "-nostdlib", "-no-pie", `-Wl,-T,${join(runtime, "link.ld")}`, "-Wl,--build-id=none",
  "-Wl,--no-warn-rwx-segments",
];

/** Compiles and links one C program; returns the ELF's bytes. Object files have fixed names: the ELF keeps them. */
export function buildElf(source, optimization = "-Os") {
  const folder = mkdtempSync(join(tmpdir(), "metaloihi-elf-"));
  const gcc = (...args) => execFileSync("gcc", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  try {
    writeFileSync(join(folder, "program.c"), source);
    copyFileSync(join(runtime, "start.S"), join(folder, "start.S"));
    gcc(...compile, optimization, "-o", "start.o", "start.S");
    gcc(...compile, optimization, "-o", "program.o", "program.c");
    gcc(...link, "-o", "program.elf", "start.o", "program.o");
    return readFileSync(join(folder, "program.elf"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Hash of all that goes into an ELF beside the compiler: the C and the runtime. */
export function sourceHash(source) {
  const hash = createHash("sha256").update(source);
  for (const file of ["loihi_runtime.h", "runtime_ports.h", "start.S", "link.ld"]) {
    hash.update(readFileSync(join(runtime, file)));
  }
  return hash.digest("hex");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  register();
  const { emitC, prebuiltProgram } = await import("./emit-c.ts");
  const compiler = execFileSync("gcc", ["--version"], { encoding: "utf8" }).split("\n")[0];
  const rows = ["chip", "authors-chip", "readout"].map((form) => {
    const source = emitC(prebuiltProgram(form));
    const elf = buildElf(source);
    console.log(`${form}: ${elf.length} bytes, sha256 ${createHash("sha256").update(elf).digest("hex")}`);
    return `  ${JSON.stringify(form)}: {\n    compiler: ${JSON.stringify(compiler)},\n` +
      `    sourceSha256: "${sourceHash(source)}",\n` +
      `    base64:\n      "${elf.toString("base64").match(/.{1,100}/g).join('" +\n      "')}",\n  },`;
  });
  if (!process.argv.includes("--check")) {
    writeFileSync(join(here, "prebuilt", "elf-images.ts"), `import type { ProgramForm } from "../soel-program.js";

/** Machine code of one form: ELF for a Lakemont core, its constant table not yet filled. */
export interface PrebuiltElf {
  readonly compiler: string;
  /** SHA-256 of the C and the runtime it was built from. */
  readonly sourceSha256: string;
  readonly base64: string;
}

/** Written by \`node hw/embedded/build-elf.mjs\`; see the README beside it. */
export const PREBUILT_ELF: Readonly<Record<ProgramForm, PrebuiltElf>> = {
${rows.join("\n")}
};
`);
  }
}
