import { userError } from "../../base/errors.js";
import { STREAM, draw32 } from "../../base/rng.js";
import { mantissaRange, roundHalfEven } from "../../model/quantize.js";
import type { ConvLayer, DenseLayer, NetworkSpec } from "../../model/types.js";
import type { GridQuantizer } from "../engine.js";
import type { Tensors } from "./srm-network.js";

/** Values offset + k·step between min and max. */
interface Grid {
  readonly step: number;
  readonly offset: number;
  readonly min: number;
  readonly max: number;
}

/** The authors' code, bits → step and range. Source: design §5, quantizers. */
const PAPER: Readonly<Record<number, Grid>> = {
  2: { step: 0.5, offset: 0, min: -0.5, max: 0.5 },
  3: { step: 0.5, offset: 0, min: -1.5, max: 1.5 },
  4: { step: 0.125, offset: 0, min: -0.875, max: 0.875 },
  8: { step: 1 / 128, offset: 0, min: -1, max: 0.9921875 },
  16: { step: 2 ** -15, offset: 0, min: -1, max: 1 - 2 ** -15 },
};

function gridOf(quantizer: GridQuantizer, layer: ConvLayer | DenseLayer, part: "weight" | "bias"): Grid {
  const { grid, bits } = quantizer;
  if (grid === "paper") {
    if (!PAPER[bits]) {
      throw userError({
        code: "E-ENG-014",
        at: "quantizer, grid paper",
        found: `${bits} bits`,
        limit: Object.keys(PAPER).join(", "),
        hint: "grid symmetric takes any number of bits",
      });
    }
    return PAPER[bits];
  }
  if (grid === "symmetric") return { step: 2 / (2 ** bits - 1), offset: -1, min: -1, max: 1 };
  const { vthMant, biasExp } = layer.loihi;
  if (part === "bias") {
    const unit = 2 ** biasExp / (vthMant * 64);
    return { step: unit, offset: 0, min: -4096 * unit, max: 4095 * unit };
  }
  const unit = 2 ** layer.weight.wgtExp / vthMant;
  const { min, max } = mantissaRange({ ...layer.weight, bits, signMode: "mixed" });
  return { step: 2 ** (9 - bits) * unit, offset: 0, min: min * unit, max: max * unit };
}

/** Tensors on a grid, and 1 where the gradient passes, 0 where the limit changed the value. */
export interface Quantized {
  readonly tensors: Tensors;
  readonly open: Tensors;
}

/** Rounds all weights and biases. Nearest: ties to the even multiple; stochastic: floor(x + uniform), the
 *  uniform number of element i of tensor n after inner step k (0: the start of a task) being draw32(seed,
 *  stream, 1024·k + n, i)/2^32. The `chip` grid is in units of a layer's threshold. Without a quantizer all
 *  passes unchanged. Source: design §5. */
export function quantizeTensors(
  spec: NetworkSpec,
  tensors: Tensors,
  quantizer: GridQuantizer | undefined,
  seed: number,
  innerStep: number,
): Quantized {
  const open = Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => [name, new Float64Array(t.length).fill(1)]),
  );
  if (!quantizer) return { tensors, open };
  const stream = innerStep === 0 ? STREAM.stochasticRounding : STREAM.innerRounding;
  const out: Tensors = {};
  let number = 0;
  for (const layer of spec.layers) {
    if (layer.kind === "pool") continue;
    for (const part of ["weight", "bias"] as const) {
      const name = `${layer.name}.${part}`;
      const { step, offset, min, max } = gridOf(quantizer, layer, part);
      const item = 1024 * innerStep + number++;
      out[name] = tensors[name].map((x, i) => {
        const scaled = (x - offset) / step;
        const rounded =
          offset +
          step *
            (quantizer.rounding === "nearest"
              ? roundHalfEven(scaled)
              : Math.floor(scaled + draw32(seed, stream, item, i) / 2 ** 32));
        // Half a step of slack: offset + k·step may miss the limit by a rounding error of float64.
        if (rounded >= min - step / 2 && rounded <= max + step / 2)
          return Math.min(max, Math.max(min, rounded));
        open[name][i] = 0;
        return rounded < min ? min : max;
      });
    }
  }
  return { tensors: out, open };
}
