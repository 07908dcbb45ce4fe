import { userError } from "../../../base/errors.js";
import { networkShapes, sizeOf } from "../../../model/shapes.js";
import type { NetworkSpec, SrmNeuron } from "../../../model/types.js";

/** Outputs that the kernels' softmax has room for (srm/loss.h). */
const MAX_OUTPUTS = 1024;

/** A network as the kernels take it: weighted layers with the pool behind each, which has no layer of its own there. */
export interface KernelLayers {
  /** 14 numbers a layer: inC inH inW outC outH outW kH kW sH sW pH pW pool groups. */
  readonly ints: readonly number[];
  /** 5 numbers a layer: alpha beta alphaR wr gain. */
  readonly reals: readonly number[];
  /** Names of the weighted layers. */
  readonly names: readonly string[];
  /** [layer of the spec] number of its spike counter in what a sample reports. */
  readonly counters: readonly number[];
  readonly counterCount: number;
}

/** Lists the layers of an `srm` network for the kernels.
 *  @throws UserError E-ENG-010 for a pool that does not follow a convolution, E-ENG-014 for outputs that the kernels do not take */
export function kernelLayers(spec: NetworkSpec): KernelLayers {
  const shapes = networkShapes(spec);
  const ints: number[] = [];
  const reals: number[] = [];
  const names: string[] = [];
  const counters = spec.layers.map((layer, k) => {
    const [c, h, w] = shapes[k];
    if (layer.kind === "pool") {
      if (k === 0 || spec.layers[k - 1].kind !== "conv") {
        throw userError({
          code: "E-ENG-010", at: `layer "${layer.name}"`, found: "a pool that follows no convolution",
          limit: "srm networks in the native engine pool right after a convolution", hint: "take --engine reference",
        });
      }
      ints[ints.length - 2] = 1;
      return 2 * names.length - 1;
    }
    const [oc, oh, ow] = shapes[k + 1];
    const form = layer.kind === "conv"
      ? [...layer.kernel, ...layer.stride, ...layer.padding, 0, layer.groups]
      : [h, w, 1, 1, 0, 0, 0, 1];
    ints.push(c, h, w, oc, oh, ow, ...form);
    const n: SrmNeuron = layer.srm;
    reals.push(n.alpha, n.beta, n.alphaR, n.wr, n.gain);
    names.push(layer.name);
    return 2 * names.length - 2;
  });
  const [outputs, height, width] = shapes[shapes.length - 1];
  if (height * width > 1 || outputs > MAX_OUTPUTS || spec.layers[spec.layers.length - 1].kind === "pool") {
    throw userError({
      code: "E-ENG-014", at: `layer "${spec.layers[spec.layers.length - 1].name}"`, found: `${sizeOf([outputs, height, width])} outputs in ${height}×${width} places`,
      limit: `up to ${MAX_OUTPUTS} outputs in one place in srm networks of the native engine`, hint: "end with a dense layer, or take --engine reference",
    });
  }
  return { ints, reals, names, counters, counterCount: 2 * names.length };
}
