import type {
  ConvLayer, DenseLayer, NetworkSpec, Parameters, QuantizedLayer, QuantizedNetwork, QuantizedSoel, WeightPrecision,
} from "./types.js";

/** Distance between neighboring mantissas. Source: loihi-facts §2.1; 7 bits are stored at 8. */
export function mantissaStep(precision: WeightPrecision): number {
  const stored = precision.bits === 7 ? 8 : precision.bits;
  return 2 ** ((precision.signMode === "mixed" ? 9 : 8) - stored);
}

/** Smallest and largest mantissa of a precision; 1-bit: {0, 128} excitatory, {−128, 0} inhibitory (design §4).
 *  A trained 7-bit layer uses the step of 7 bits, which the 8-bit storage holds. */
export function mantissaRange(precision: WeightPrecision): { readonly min: number; readonly max: number } {
  const step = gridStep(precision);
  switch (precision.signMode) {
    case "mixed":
      return { min: -256, max: 256 - step };
    case "excitatory":
      return { min: 0, max: 256 - step };
    case "inhibitory":
      return { min: -(256 - step), max: 0 };
  }
}

/** Step of the training grid: 2^(9−bits) mixed, 2^(8−bits) otherwise, also at 7 bits. */
export const gridStep = (precision: WeightPrecision): number =>
  2 ** ((precision.signMode === "mixed" ? 9 : 8) - precision.bits);

/** Nearest integer, ties to even; exact for |x| < 2^51. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Mantissa of a master weight: round(w̃·vthMant·2^−wgtExp / step)·step, then clamped. `uniform` in [0, 1) given:
 *  stochastic, floor(x + uniform); else nearest, ties to even. Source: design §4. */
export const quantizeWeight = (master: number, vthMant: number, precision: WeightPrecision, uniform?: number): number =>
  weightQuantizer(vthMant, precision)(master, uniform);

/** quantizeWeight for many weights of one layer. */
function weightQuantizer(vthMant: number, precision: WeightPrecision): (master: number, uniform?: number) => number {
  const step = gridStep(precision);
  const scale = vthMant * 2 ** -precision.wgtExp;
  const { min, max } = mantissaRange(precision);
  return (master, uniform) => {
    const scaled = (master * scale) / step;
    const rounded = (uniform === undefined ? roundHalfEven(scaled) : Math.floor(scaled + uniform)) * step;
    return Math.min(max, Math.max(min, rounded)) + 0;
  };
}

/** Mantissa of a master bias: clamp(round(b̃·vth·2^−biasExp), −4096, 4095). Source: design §4. */
export function quantizeBias(master: number, vthMant: number, biasExp: number): number {
  const rounded = roundHalfEven(master * vthMant * 64 * 2 ** -biasExp);
  return Math.min(4095, Math.max(-4096, rounded)) + 0;
}

/** The 67 positive rates m·2^s with m 1…7, s −7…8, ascending; of equal pairs the one with the largest m. */
export const POSITIVE_RATES: readonly { readonly value: number; readonly mant: number; readonly exp: number }[] =
  (() => {
    const byValue = new Map<number, { value: number; mant: number; exp: number }>();
    for (let mant = 1; mant <= 7; mant++) {
      for (let exp = -7; exp <= 8; exp++) byValue.set(mant * 2 ** exp, { value: mant * 2 ** exp, mant, exp });
    }
    return [...byValue.values()].sort((a, b) => a.value - b.value);
  })();

/** Nearest positive rate, linear distance, the lower on a tie. Source: design §6. */
export function quantizeRate(rho: number): { readonly mant: number; readonly exp: number } {
  let best = POSITIVE_RATES[0];
  for (const rate of POSITIVE_RATES) if (Math.abs(rate.value - rho) < Math.abs(best.value - rho)) best = rate;
  return { mant: best.mant, exp: best.exp };
}

/** dx = round(65536·e^(−1/τ)); the multiplier of x1 in a step. Source: design §6. */
export const traceDecayOf = (tau: number): number => Math.round(65536 * Math.exp(-1 / tau));

/** Stochastic rounding of θ0: uniform number for element `index` of tensor number `tensor`, or undefined for nearest. */
export type RoundingDraw = (tensor: number, index: number) => number | undefined;

const nearest: RoundingDraw = () => undefined;

/** Integers of the whole network from its masters. Rounds nearest, or as `draw` says. Pure. */
export function quantizeNetwork(spec: NetworkSpec, masters: Parameters, draw: RoundingDraw = nearest): QuantizedNetwork {
  const layers = spec.layers
    .filter((layer): layer is ConvLayer | DenseLayer => layer.kind !== "pool")
    .map((layer, tensor) => quantizeLayer(layer, masters, (index) => draw(tensor, index)));
  return { spec, layers, soel: spec.soel ? quantizeSoel(spec, masters) : null };
}

function quantizeLayer(
  layer: ConvLayer | DenseLayer, masters: Parameters, uniform: (index: number) => number | undefined,
): QuantizedLayer {
  const { vthMant, biasExp } = layer.loihi;
  const weights = masters[`${layer.name}.weight`];
  const mantissa = new Int16Array(weights.length);
  const round = weightQuantizer(vthMant, layer.weight);
  for (let k = 0; k < weights.length; k++) mantissa[k] = round(weights[k], uniform(k));
  const biasMant = Int16Array.from(masters[`${layer.name}.bias`], (b) => quantizeBias(b, vthMant, biasExp));
  return { name: layer.name, mantissa, biasMant, biasExp };
}

function quantizeSoel(spec: NetworkSpec, masters: Parameters): QuantizedSoel | null {
  if (!spec.soel) return null;
  const rate = spec.soel.learned.includes("rho")
    ? quantizeRate(masters.rho[0])
    : { mant: spec.soel.rateMant, exp: spec.soel.rateExp };
  return {
    hi: roundHalfEven(masters.hi[0]),
    lo: roundHalfEven(masters.lo[0]),
    theta: Math.max(1, roundHalfEven(masters.theta[0])),
    rateMant: rate.mant,
    rateExp: rate.exp,
    traceDecay: traceDecayOf(spec.soel.tau),
  };
}
