import type { ChipImage } from "../../hw/image.js";
import type { EmbeddedCore, NeuroCoreAccess } from "./embedded-core.js";
import { createInterpreter } from "./interpreter.js";

/** The image's embedded program, ready to run: its typed form, or its machine code on an emulated x86.
 *  @throws E-PROG-004 where `x86` is asked for and the image holds no machine code */
export async function createEmbeddedCore(
  image: ChipImage, access: NeuroCoreAccess, program: "typed" | "x86",
): Promise<EmbeddedCore> {
  if (program === "typed") return createInterpreter(image.embedded, access);
  // The emulator is a third of a megabyte of script: only who asks for it loads it.
  const { createX86Core } = await import("./x86.js");
  return createX86Core(image.embedded, access);
}
