import type { ChipImage } from "../../hw/image.js";
import { verifyImage as checkImage } from "../../hw/verify-image.js";
import { assert, Diagnostics } from "../../src/base/errors.js";

/** The image passes the chip's own check: no limit, width or pointer is wrong. Here a failure is the compiler's bug. */
export function verifyImage(image: ChipImage): void {
  const diagnostics = new Diagnostics();
  checkImage(image, diagnostics);
  const first = diagnostics.errors[0];
  assert(!first, `compiler bug: ${first?.at}: ${first?.found}, allowed: ${first?.limit}`);
}
