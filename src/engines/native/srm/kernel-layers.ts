import { userError } from "../../../base/errors.js";
import { networkShapes, sizeOf } from "../../../model/shapes.js";
import type { NetworkSpec, SrmNeuron } from "../../../model/types.js";

/** Outputs that the kernels' softmax has room for (srm/loss.h). */
const MAX_OUTPUTS = 1024;

/** Neurons of a row that 16-bit event keys number (kernels/layout.h). */
const MAX_ROW = 65_536;

/** A network as the kernels take it: weighted layers with the pools behind each, which have no layer of their own there. */
export interface KernelLayers {
  /** 14 numbers a layer: inC inH inW outC outH outW kH kW sH sW pH pW pools groups. */
  readonly ints: readonly number[];
  /** 5 numbers a layer: alpha beta alphaR wr gain. */
  readonly reals: readonly number[];
  /** Names of the weighted layers. */
  readonly names: readonly string[];
  /** Pools on the network's input, which samples pass before the kernels see them. */
  readonly inputPools: number;
  /** [layer of the spec] number of its spike counter in what a sample reports; −1 for pools on the input, which have none. */
  readonly counters: readonly number[];
  readonly counterCount: number;
}

/** Lists the layers of an `srm` network for the kernels.
 *  @throws UserError E-ENG-010 for a row of a map that is too long, E-ENG-011 for outputs that the kernels do not take */
export function kernelLayers(spec: NetworkSpec): KernelLayers {
  refuse(spec);
  const shapes = networkShapes(spec);
  const ints: number[] = [];
  const reals: number[] = [];
  const names: string[] = [];
  let [inputPools, counterCount] = [0, 0];
  const counters = spec.layers.map((layer, k) => {
    const [c, h, w] = shapes[k];
    if (layer.kind === "pool") {
      if (names.length === 0) {
        inputPools++;
        return -1;
      }
      // A layer has a counter for what it passes on even without a pool.
      return ++ints[ints.length - 2] === 1 ? counterCount - 1 : counterCount++;
    }
    const [oc, oh, ow] = shapes[k + 1];
    const form = layer.kind === "conv"
      ? [...layer.kernel, ...layer.stride, ...layer.padding, 0, layer.groups]
      : [h, w, 1, 1, 0, 0, 0, 1];
    ints.push(c, h, w, oc, oh, ow, ...form);
    const n: SrmNeuron = layer.srm;
    reals.push(n.alpha, n.beta, n.alphaR, n.wr, n.gain);
    names.push(layer.name);
    counterCount += 2;
    return counterCount - 2;
  });
  return { ints, reals, names, inputPools, counters, counterCount };
}

function refuse(spec: NetworkSpec): void {
  const shapes = networkShapes(spec);
  const last = spec.layers[spec.layers.length - 1];
  const [outputs, height, width] = shapes[shapes.length - 1];
  if (height * width > 1 || outputs > MAX_OUTPUTS || last.kind === "pool") {
    throw userError({
      code: "E-ENG-011", at: `layer "${last.name}"`, found: `${sizeOf([outputs, height, width])} outputs in ${height}×${width} places`,
      limit: `up to ${MAX_OUTPUTS} outputs in one place in srm networks of this engine`, hint: "end with a dense layer, or take --engine reference",
    });
  }
  shapes.slice(0, -1).forEach(([channels, , columns], k) => {
    if (channels * columns <= MAX_ROW) return;
    throw userError({
      code: "E-ENG-010", at: k === 0 ? "network.input" : `layer "${spec.layers[k - 1].name}"`, found: `${columns} columns of ${channels} channels`,
      limit: `${MAX_ROW} neurons a row in srm networks of this engine`, hint: "take --engine reference",
    });
  });
}
