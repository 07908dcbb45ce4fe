/** Parts of the bundle that a compilation makes. */
import type { Estimate } from "../../compiler/estimate.js";
import type { Compilation } from "../../compiler/pipeline.js";
import { encodeImage } from "../../hw/image-codec.js";
import { sha256Hex } from "../base/bytes.js";
import { BUNDLE_PART, type BundleFiles } from "./bundle.js";

/** All parts of a fresh bundle. The image's header names the checkpoint it was made from. */
export function compiledParts(
  compilation: Compilation,
  estimate: Estimate,
  checkpoint: Uint8Array,
): BundleFiles {
  const { image, passes, warnings } = compilation;
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`);
  return {
    [BUNDLE_PART.image]: encodeImage(image, { checkpoint: sha256Hex(checkpoint) }),
    [BUNDLE_PART.checkpoint]: checkpoint,
    [BUNDLE_PART.source]: new TextEncoder().encode(image.embedded.source),
    ...(image.embedded.elf.length > 0 ? { [BUNDLE_PART.elf]: image.embedded.elf } : {}),
    [BUNDLE_PART.passes]: text({ passes, warnings }),
    [BUNDLE_PART.estimate]: text(estimate),
  };
}
