import { gridStep, mantissaRange, roundHalfEven } from "../../../model/quantize.js";
import { networkShapes } from "../../../model/shapes.js";
import type { ConvLayer, DenseLayer, NetworkSpec, Parameters, QuantizedNetwork, Shape3 } from "../../../model/types.js";
import type { ChipOps } from "../ops/chip.js";
import type { Tensor, Tf } from "../ops/custom-op.js";
import { type LinearLayer, linearLayer } from "../ops/linear.js";
import { thresholdOf } from "./compartments.js";

/** A weighted layer with its integers, and the slopes back to the masters. Arrays, not tensors: they outlive a call. */
export interface WeightedLayer {
  readonly spec: ConvLayer | DenseLayer;
  readonly linear: LinearLayer;
  readonly master: Float32Array;
  readonly biasMaster: Float32Array;
  readonly mantissa: Float32Array;
  /** ∂mantissa/∂master, 0 where clamped. */
  readonly slope: Float32Array;
  /** [out] as added to u. */
  readonly bias: Float32Array;
  readonly biasSlope: Float32Array;
}

/** All layers of a network in order; a pool is null. */
export function weightedLayers(
  tf: Tf,
  spec: NetworkSpec,
  masters: Parameters,
  quantized: QuantizedNetwork,
): readonly (WeightedLayer | null)[] {
  const shapes = networkShapes(spec);
  return spec.layers.map((layer, k) =>
    layer.kind === "pool" ? null : weightedLayer(tf, layer, shapes[k], masters, quantized),
  );
}

function weightedLayer(
  tf: Tf,
  spec: ConvLayer | DenseLayer,
  input: Shape3,
  masters: Parameters,
  quantized: QuantizedNetwork,
): WeightedLayer {
  const integers = quantized.layers.find(({ name }) => name === spec.name);
  if (!integers) throw new Error(`engine bug: no integers of layer ${spec.name}`);
  const [master, biasMaster] = [masters[`${spec.name}.weight`], masters[`${spec.name}.bias`]];
  const { min, max } = mantissaRange(spec.weight);
  const step = gridStep(spec.weight);
  const scale = spec.loihi.vthMant * 2 ** -spec.weight.wgtExp;
  const vth = thresholdOf(spec.loihi);
  const biasUnit = 2 ** integers.biasExp;
  // A master counts as clamped where its mantissa is on a limit and the grid point nearest to it lies outside (README of
  // the engines).
  const isClamped = (value: number, mantissa: number): boolean => {
    const nearest = roundHalfEven(value / step) * step;
    return (mantissa === min && nearest < min) || (mantissa === max && nearest > max);
  };
  return {
    spec,
    linear: linearLayer(tf, spec, input),
    master,
    biasMaster,
    mantissa: Float32Array.from(integers.mantissa),
    slope: Float32Array.from(integers.mantissa, (m, k) => (isClamped(master[k] * scale, m) ? 0 : scale)),
    bias: Float32Array.from(integers.biasMant, (m) => m * biasUnit),
    biasSlope: Float32Array.from(biasMaster, (b) => {
      const nearest = roundHalfEven((b * vth) / biasUnit);
      return nearest < -4096 || nearest > 4095 ? 0 : vth;
    }),
  };
}

/** The masters of a layer as tensors: weight, bias. */
export const masterTensors = (tf: Tf, { linear, master, biasMaster }: WeightedLayer): [Tensor, Tensor] => [
  tf.tensor(master, [...linear.weightShape]),
  tf.tensor(biasMaster, [biasMaster.length]),
];

/** Integers as functions of the masters: mantissas and biases, in the masters' shapes. */
export function roundedLayer(
  tf: Tf,
  chip: ChipOps,
  { mantissa, slope, bias, biasSlope }: WeightedLayer,
  [weight, biasMaster]: readonly [Tensor, Tensor],
): { readonly mantissa: Tensor; readonly bias: Tensor } {
  const like = (values: Float32Array, t: Tensor): Tensor => tf.tensor(values, t.shape);
  return {
    mantissa: chip.rounded(weight, like(mantissa, weight), like(slope, weight)),
    bias: chip.rounded(biasMaster, like(bias, biasMaster), like(biasSlope, biasMaster)),
  };
}
