import { decodeImage, encodeImage } from "../../../hw/image-codec.js";
import type { ChipImage } from "../../../hw/image.js";
import type { ChipMachine } from "../../../sim/chip-machine.js";
import { loadMachine } from "../../../sim/load.js";

/** Loads a case's image the way any image is loaded: packed, read back, verified. Wraps are allowed. */
export const loadCase = (image: ChipImage, seed: number): Promise<ChipMachine> =>
  loadMachine(decodeImage(encodeImage(image), image.name), { seed, onOverflow: "wrap" });
