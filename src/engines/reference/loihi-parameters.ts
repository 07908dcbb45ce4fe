import { networkShapes, parameterShapes, sizeOf } from "../../model/shapes.js";
import { gridStep, mantissaRange, roundHalfEven } from "../../model/quantize.js";
import type {
  ConvLayer,
  DenseLayer,
  NetworkSpec,
  Parameters,
  QuantizedLayer,
  QuantizedNetwork,
  Shape3,
} from "../../model/types.js";
import { effectiveWeight, effectiveWeightSlope } from "./chip-arithmetic.js";
import { linearMap } from "./convolution.js";
import type { LinearMap } from "./convolution.js";
import { thresholdOf } from "./population.js";

/** One weighted layer, ready to run: integers, and the slopes back to the masters. */
export interface WeightedLayer {
  readonly spec: ConvLayer | DenseLayer;
  readonly map: LinearMap;
  readonly mantissa: Int16Array;
  /** Same layout: what one spike adds to q. */
  readonly effective: Float64Array;
  /** [neuron] bias integer as added to u. */
  readonly bias: Float64Array;
  /** [weight] ∂w_eff/∂master, 0 where clamped. */
  readonly weightSlope: Float64Array;
  /** [weight] ∂mantissa/∂master, 0 where clamped. */
  readonly mantissaSlope: Float64Array;
  /** [out] ∂bias/∂master, 0 where clamped. */
  readonly biasSlope: Float64Array;
  /** Neurons that share a bias: positions of a channel. */
  readonly positions: number;
}

/** All layers of a network in order; a pool is null. */
export type LoihiLayers = readonly (WeightedLayer | null)[];

/** Joins spec, masters and integers of every layer. */
export function loihiLayers(
  spec: NetworkSpec,
  masters: Parameters,
  quantized: QuantizedNetwork,
): LoihiLayers {
  const shapes = networkShapes(spec);
  const byName = new Map(quantized.layers.map((layer) => [layer.name, layer]));
  return spec.layers.map((layer, index) =>
    layer.kind === "pool" ? null : weightedLayer(layer, shapes[index], masters, byName.get(layer.name)!),
  );
}

function weightedLayer(
  spec: ConvLayer | DenseLayer,
  input: Shape3,
  masters: Parameters,
  integers: QuantizedLayer,
): WeightedLayer {
  const map = linearMap(spec, input);
  const { weight: precision, loihi } = spec;
  const scale = loihi.vthMant * 2 ** -precision.wgtExp;
  const mantissaSlope = Float64Array.from(masters[`${spec.name}.weight`], (master, k) =>
    mantissaClamped(master * scale, integers.mantissa[k]) ? 0 : scale,
  );
  // Under stochastic rounding the uniform number is gone by now: a value on the limit counts as clamped where
  // the nearest grid point lies outside, which for nearest rounding is exactly "the limit changed the value".
  function mantissaClamped(scaled: number, mantissa: number): boolean {
    const { min, max } = mantissaRange(precision);
    const nearest = roundHalfEven(scaled / gridStep(precision)) * gridStep(precision);
    return (mantissa === min && nearest < min) || (mantissa === max && nearest > max);
  }
  const biasUnit = 2 ** integers.biasExp;
  const vth = thresholdOf(loihi);
  const biasSlope = Float64Array.from(masters[`${spec.name}.bias`], (master) => {
    const nearest = roundHalfEven((master * vth) / biasUnit);
    return nearest < -4096 || nearest > 4095 ? 0 : vth;
  });
  const positions = sizeOf(map.outputShape) / integers.biasMant.length;
  return {
    spec,
    map,
    positions,
    mantissa: integers.mantissa,
    mantissaSlope,
    biasSlope,
    effective: Float64Array.from(integers.mantissa, (m) => effectiveWeight(m, precision.wgtExp)),
    weightSlope: mantissaSlope.map((slope) => slope * effectiveWeightSlope(precision.wgtExp)),
    bias: Float64Array.from(
      { length: map.outputSize },
      (_, i) => integers.biasMant[Math.floor(i / positions)] * biasUnit,
    ),
  };
}

/** Zeros in the layout of all parameters. */
export function zeroGradients(spec: NetworkSpec): Record<string, Float64Array> {
  return Object.fromEntries(
    parameterShapes(spec).map(({ name, shape }) => [
      name,
      new Float64Array(shape.reduce((product, n) => product * n, 1)),
    ]),
  );
}
