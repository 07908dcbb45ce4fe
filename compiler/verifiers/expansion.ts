import type { ChipImage } from "../../hw/image.js";
import { assert } from "../../src/base/errors.js";
import type { QuantizedNetwork } from "../../src/model/types.js";
import { compareWithModel } from "../compare.js";
import { provePadding } from "./padding.js";

/** The image's tables, read back, are the model: every synapse and neuron once, with its integers; and no padding compartment
 *  can wrap or spike. Returns the proof in words. */
export function verifyExpansion(image: ChipImage, network: QuantizedNetwork): string {
  const { differences, examples, padding, synapses, neurons } = compareWithModel(image, network);
  const first = examples[0];
  assert(
    differences === 0,
    `compiler bug: ${differences} differences between image and model, ` +
      `first ${first?.at}: ${first?.found}, expected ${first?.expected}`,
  );
  let [q, v] = [0, 0];
  for (const load of padding) {
    const proof = provePadding(load, image.contract.presentationSteps);
    assert(
      proof.fault === undefined,
      `compiler bug: padding compartment ${load.compartment} of chip ${load.core.chip}, core ${load.core.core}: ${proof.fault}`,
    );
    [q, v] = [Math.max(q, proof.q), Math.max(v, proof.v)];
  }
  const quiet =
    padding.length === 0
      ? "no padding compartments"
      : `${padding.length} padding compartments get at most ${q} a step, to a voltage of ${v}: none can wrap or spike`;
  return `the image's tables say the model, synapse by synapse: ${neurons} neurons, ${synapses} synapses\n${quiet}\n`;
}
