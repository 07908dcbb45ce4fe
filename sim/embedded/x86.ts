import type { EmbeddedProgramImage } from "../../hw/image.js";
import { userError } from "../../src/base/errors.js";
import type { EmbeddedCore, NeuroCoreAccess } from "./embedded-core.js";

/** The program's machine code on an emulated x86. @throws E-PROG-004 where the image holds none */
export async function createX86Core(program: EmbeddedProgramImage, _access: NeuroCoreAccess): Promise<EmbeddedCore> {
  throw userError({
    code: "E-PROG-004", at: "embedded program of the image", found: `${program.elf.length} bytes of machine code`,
    limit: "an ELF with the constant table filled in", hint: "run with --program typed",
  });
}
