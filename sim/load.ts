import type { ChipImage } from "../hw/image.js";
import { requireValidImage } from "../hw/verify-image.js";
import type { Chip, ChipOptions } from "./chip.js";
import { ChipMachine } from "./chip-machine.js";

/** Loads a chip from an image and nothing else; every limit and pointer of the image is checked first.
 *  @throws UserError E-IMAGE-002…009, E-SIM-007, E-SIM-008 where the image is wrong */
export const loadChip = (image: ChipImage, options: ChipOptions): Promise<Chip> => loadMachine(image, options);

/** The same chip with its steps in the caller's hand and with probes. @throws as `loadChip` */
export function loadMachine(image: ChipImage, options: ChipOptions): Promise<ChipMachine> {
  requireValidImage(image);
  return ChipMachine.create(image, options);
}
