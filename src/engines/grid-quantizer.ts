import { userError } from "../base/errors.js";
import { STREAM, drawAt, drawPrefix } from "../base/rng.js";
import { mantissaRange, roundHalfEven } from "../model/quantize.js";
import type { ConvLayer, DenseLayer, NetworkSpec } from "../model/types.js";
import type { GridQuantizer } from "./engine.js";

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

/** Float64 tensors by name, as the parameters. */
type Tensors = Readonly<Record<string, Float64Array>>;

/** Tensors on a grid, and 1 where the gradient passes, 0 where the limit changed the value. */
export interface Quantized {
  readonly tensors: Record<string, Float64Array>;
  readonly open: Record<string, Float64Array>;
}

/** Rounds all weights and biases. Nearest: ties to the even multiple; stochastic: floor(x + uniform), the
 *  uniform number of element i of tensor n after inner step k (0: the start of a task) being draw32(seed,
 *  stream, 1024·k + n, i)/2^32. The `chip` grid is in units of a layer's threshold. Without a quantizer all
 *  passes unchanged. Source: design §5.
 *  @throws UserError E-ENG-014 where the paper's grid has not that many bits */
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
  const out: Record<string, Float64Array> = {};
  let number = 0;
  for (const layer of spec.layers) {
    if (layer.kind === "pool") continue;
    for (const part of ["weight", "bias"] as const) {
      const name = `${layer.name}.${part}`;
      out[name] = new Float64Array(tensors[name].length);
      const prefix = drawPrefix(seed, stream, 1024 * innerStep + number++);
      const round = quantizer.rounding === "nearest"
        ? roundHalfEven
        : (scaled: number, i: number): number => Math.floor(scaled + drawAt(prefix, i) / 2 ** 32);
      ontoGrid(tensors[name], gridOf(quantizer, layer, part), round, out[name], open[name]);
    }
  }
  return { tensors: out, open };
}

/** Writes the rounded values, and 0 into `open` where the limit changed one. */
function ontoGrid(
  values: Float64Array,
  { step, offset, min, max }: Grid,
  round: (scaled: number, index: number) => number,
  out: Float64Array,
  open: Float64Array,
): void {
  // Half a step of slack: offset + k·step may miss the limit by a rounding error of float64.
  const [low, high] = [min - step / 2, max + step / 2];
  for (let i = 0; i < values.length; i++) {
    const rounded = offset + step * round((values[i] - offset) / step, i);
    if (rounded < low || rounded > high) open[i] = 0;
    out[i] = Math.min(max, Math.max(min, rounded));
  }
}
