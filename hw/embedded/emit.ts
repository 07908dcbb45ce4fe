import type { EmbeddedProgramImage } from "../image.js";
import { fillConstants } from "./elf.js";
import { emitC } from "./emit-c.js";
import { PREBUILT_ELF } from "./prebuilt/elf-images.js";

/** Machine code of the form that ships with the package, its constant table not yet filled. */
export function prebuiltElf(form: EmbeddedProgramImage["form"]): Uint8Array {
  return Uint8Array.from(atob(PREBUILT_ELF[form].base64), (character) => character.charCodeAt(0));
}

/** The embedded program of a network: its C, and its machine code with the constants filled in. Needs no compiler.
 *  @throws E-PROG-001 where a constant is out of range, E-PROG-002 where there are more outputs than the table holds */
export function emitEmbeddedProgram(
  program: Pick<EmbeddedProgramImage, "chip" | "form" | "constants" | "outputs">,
): EmbeddedProgramImage {
  return { ...program, source: emitC(program), elf: fillConstants(prebuiltElf(program.form), program) };
}
