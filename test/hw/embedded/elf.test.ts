import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constantTable, TABLE_SYMBOL, TABLE_WORDS } from "../../../hw/embedded/constants.js";
import { elfSymbols, fillConstants } from "../../../hw/embedded/elf.js";
import { emitC, prebuiltProgram } from "../../../hw/embedded/emit-c.js";
import { emitEmbeddedProgram, prebuiltElf } from "../../../hw/embedded/emit.js";
import { PREBUILT_ELF } from "../../../hw/embedded/prebuilt/elf-images.js";
import type { ProgramForm } from "../../../hw/embedded/soel-program.js";
import { UserError } from "../../../src/base/errors.js";
import { repositoryRoot } from "../../support/shared.js";
import { testOutputs } from "../../sim/embedded/golden-case.js";
import { hasLakemontGcc } from "./host-program.js";

const hasObjdump = spawnSync("objdump", ["--version"]).status === 0;
const FORMS: readonly ProgramForm[] = ["chip", "authors-chip", "readout"];
const program = {
  chip: 0, form: "chip" as const, outputs: testOutputs(7),
  constants: { ways: 7, presentationSteps: 112, windowSteps: 24, epochSteps: 8, gamma: 5, theta: 2, hi: 13, lo: -1 },
};

describe("prebuilt machine code", () => {
  it.each(FORMS)("of form %s was built from the C and the runtime as they are now", (form) => {
    const hash = createHash("sha256").update(emitC(prebuiltProgram(form)));
    for (const file of ["loihi_runtime.h", "runtime_ports.h", "start.S", "link.ld"]) {
      hash.update(readFileSync(join(repositoryRoot, "hw/embedded/runtime", file)));
    }
    expect(PREBUILT_ELF[form].sourceSha256, "run node hw/embedded/build-elf.mjs").toBe(hash.digest("hex"));
  });

  it.skipIf(!hasObjdump).each(FORMS)("of form %s holds integer instructions only, and port I/O (objdump)", (form) => {
    const folder = mkdtempSync(join(tmpdir(), "metaloihi-objdump-"));
    writeFileSync(join(folder, "program.elf"), prebuiltElf(form));
    const text = execFileSync("objdump", ["-d", join(folder, "program.elf")], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    const mnemonics = text.split("\n").map((line) => line.split("\t")[2]?.split(" ")[0] ?? "");
    if (form !== "readout") expect(mnemonics).toContain("idivl");
    expect(mnemonics.filter((m) => m === "in" || m === "out").length).toBeGreaterThan(5);
    // x87 mnemonics, and only they, begin with f; Lakemont has no vector unit.
    expect(mnemonics.filter((m) => /^f|xmm|^mm/.test(m))).toEqual([]);
  });

  it.skipIf(!hasLakemontGcc)("comes out of the recipe without a warning", () => {
    const recipe = join(repositoryRoot, "hw/embedded/build-elf.mjs");
    const report = execFileSync(process.execPath, [recipe, "--check"], { encoding: "utf8" });
    expect(report.trim().split("\n").map((line) => line.split(":")[0])).toEqual(FORMS);
  });
});

describe("filling the constant table of the ELF", () => {
  it("changes the table's words to the program's, and nothing else", () => {
    const before = prebuiltElf("chip");
    const { elf } = emitEmbeddedProgram(program);
    const start = elfSymbols(elf).fileOffset(TABLE_SYMBOL);
    const end = start + 4 * TABLE_WORDS;
    const view = new DataView(elf.buffer, elf.byteOffset);
    const words = Array.from({ length: TABLE_WORDS }, (_, k) => view.getInt32(start + 4 * k, true));
    expect(words).toEqual([...constantTable(program)]);
    expect(elf.length).toBe(before.length);
    for (let k = 0; k < elf.length; k++) if (k < start || k >= end) expect(elf[k]).toBe(before[k]);
  });

  it("leaves its argument as it was", () => {
    const elf = prebuiltElf("chip");
    fillConstants(elf, program);
    expect(elf).toEqual(prebuiltElf("chip"));
  });

  it("finds the symbols where link.ld puts them", () => {
    const symbols = elfSymbols(prebuiltElf("chip"));
    // The file is loaded from 1 MiB on; the table is the first thing in .data.
    expect(symbols.address("_image_start")).toBe(0x100000);
    expect(symbols.address(TABLE_SYMBOL)).toBe(symbols.address("_state_start"));
    expect(symbols.address("_data_end") - symbols.address(TABLE_SYMBOL)).toBe(4 * TABLE_WORDS);
  });

  it.each([
    ["an empty file", () => new Uint8Array(0)],
    ["text", () => new TextEncoder().encode("int main(void) { return 0; }".repeat(4))],
    ["half an ELF", () => prebuiltElf("chip").subarray(0, 4000)],
    ["an ELF with a table of another version", () => {
      const elf = prebuiltElf("chip");
      elf[elfSymbols(elf).fileOffset(TABLE_SYMBOL) + 4]++;
      return elf;
    }],
    ["an ELF whose table has another name", () => {
      const elf = prebuiltElf("chip");
      const at = new TextDecoder("latin1").decode(elf).indexOf(TABLE_SYMBOL);
      elf[at] ^= 1;
      return elf;
    }],
  ])("refuses %s with E-PROG-003", (_, make) => {
    expect(() => fillConstants(make(), program)).toThrow("E-PROG-003");
  });

  it("answers any damage to the headers with the table or with E-PROG-003, and never hangs", () => {
    const intact = prebuiltElf("chip");
    const damage = fc.array(fc.tuple(fc.nat(intact.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(fc.property(damage, fc.boolean(), (changes, header) => {
      const elf = intact.slice();
      for (const [at, byte] of changes) elf[header ? at % 64 : at] = byte;
      try {
        fillConstants(elf, program);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }), { numRuns: 500, seed: 7 });
  });
});
