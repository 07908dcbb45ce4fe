import type { ChipImage } from "../../hw/image.js";
import { assert } from "../../src/base/errors.js";
import type { QuantizedNetwork } from "../../src/model/types.js";
import { compareWithModel } from "../compare.js";

/** The image's tables, read back, are the model: every synapse and neuron once, with its integers. */
export function verifyExpansion(image: ChipImage, network: QuantizedNetwork): void {
  const { differences, examples } = compareWithModel(image, network);
  const first = examples[0];
  assert(
    differences === 0,
    `compiler bug: ${differences} differences between image and model, first ${first?.at}: ${first?.found}, expected ${first?.expected}`,
  );
}
