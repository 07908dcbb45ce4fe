import { CHIP_STREAM } from "../../../base/rng.js";
import { userError } from "../../../base/errors.js";
import { networkShapes, presentationSteps, sizeOf } from "../../../model/shapes.js";
import { gridStep, mantissaRange, roundHalfEven, traceDecayOf } from "../../../model/quantize.js";
import type { ConvLayer, DenseLayer, NetworkSpec, Parameters, QuantizedNetwork } from "../../../model/types.js";
import { VTH_EXP } from "../../../../hw/limits.js";
import { AUTHORS } from "../../reference/plastic-rule.js";

/** Largest number of outputs the kernels hold on their stack (loihi/plastic.h). */
const MAX_OUTPUTS = 64;

/** Neurons of a row that 16-bit event keys number (kernels/layout.h). */
const MAX_ROW = 65_536;

/** Forms of the rule as loihi/plastic.h numbers them. */
const FORM = { chip: 1, "authors-chip": 2 } as const;

export type WeightedLayer = ConvLayer | DenseLayer;

export const weightedLayers = (spec: NetworkSpec): readonly WeightedLayer[] =>
  spec.layers.filter((layer): layer is WeightedLayer => layer.kind !== "pool");

/** Arguments of `create`: see loihi.cc for the rows. A hidden dense layer is the convolution whose kernel is its input.
 *  @throws UserError E-ENG-020 where the last layer cannot be run, E-ENG-021 where a row of a map is too long */
export function kernelSpec(spec: NetworkSpec, threads: number): { head: Int32Array; rows: Int32Array; exps: Int32Array } {
  const shapes = networkShapes(spec);
  const last = spec.layers[spec.layers.length - 1];
  if (last.kind !== "dense" || last.outputs > MAX_OUTPUTS) {
    throw userError({
      code: "E-ENG-020", at: `layer "${last.name}"`, found: last.kind === "dense" ? `${last.outputs} outputs` : `a ${last.kind} layer`,
      limit: `the last layer is dense, with at most ${MAX_OUTPUTS} outputs`,
    });
  }
  shapes.slice(0, -1).forEach(([channels, , width], k) => {
    if (channels * width <= MAX_ROW) return;
    throw userError({
      code: "E-ENG-021", at: k === 0 ? "network.input" : `layer "${spec.layers[k - 1].name}"`, found: `${width} columns of ${channels} channels`,
      limit: `${MAX_ROW} neurons a row in this engine`, hint: "take --engine reference",
    });
  });
  const rows: number[] = [];
  const exps: number[] = [];
  spec.layers.slice(0, -1).forEach((layer, k) => {
    const [c, h, w] = shapes[k];
    const [oc, oh, ow] = shapes[k + 1];
    if (layer.kind === "pool") {
      rows.push(1, c, h, w, oc, oh, ow, 2, 2, 2, 2, 0, 0, 0, 0, 0, 1);
      exps.push(0);
      return;
    }
    const form = layer.kind === "conv" ? [...layer.kernel, ...layer.stride, ...layer.padding] : [h, w, 1, 1, 0, 0];
    rows.push(0, c, h, w, oc, oh, ow, ...form, ...neuronRow(layer));
    exps.push(layer.weight.wgtExp);
  });
  rows.push(...new Array<number>(13).fill(0), ...neuronRow(last));
  const { polarities, height, width, mode } = spec.input;
  const head = [
    spec.layers.length - 1, spec.steps, presentationSteps(spec), threads, polarities, height, width, last.outputs,
    last.weight.bits, last.weight.wgtExp, spec.soel ? FORM[spec.soel.form] : 0, mode === "counts" ? 1 : 0,
  ];
  return { head: Int32Array.from(head), rows: Int32Array.from(rows), exps: Int32Array.from(exps) };
}

const neuronRow = ({ loihi }: WeightedLayer): readonly number[] =>
  [loihi.decayU, loihi.decayV, loihi.vthMant * 2 ** VTH_EXP, loihi.refractory];

/** Constants of the rule as `rule` takes them; `layer` is the plastic layer's number, for its streams. */
export function ruleConstants(spec: NetworkSpec, quantized: QuantizedNetwork, layer = 0): Int32Array {
  const { soel } = spec;
  if (!soel || !quantized.soel) return Int32Array.from([1, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 2, 0, 3]);
  const q = quantized.soel;
  const base = CHIP_STREAM.perLayer * layer;
  if (soel.form === "authors-chip") {
    const { target, impulse, tauX1, tauX2, rateExp } = AUTHORS;
    return Int32Array.from([
      2 ** soel.epochExp, soel.windowSteps, 1, impulse, traceDecayOf(tauX1), soel.resetPreTrace ? 1 : 0, target, 0, 1, 1, rateExp,
      base + CHIP_STREAM.x1, base + CHIP_STREAM.weight, traceDecayOf(tauX2), base + CHIP_STREAM.x3,
    ]);
  }
  return Int32Array.from([
    2 ** soel.epochExp, soel.windowSteps, soel.gamma, soel.impulse, q.traceDecay, soel.resetPreTrace ? 1 : 0,
    q.hi, q.lo, q.theta, q.rateMant, q.rateExp, base + CHIP_STREAM.x1, base + CHIP_STREAM.weight,
    0, base + CHIP_STREAM.x3,
  ]);
}

/** Groups of a layer; its kernels run with all input channels, zero outside their group. */
const groupsOf = (layer: WeightedLayer): number => (layer.kind === "conv" ? layer.groups : 1);

/** Index pairs (in the layer's own weights, in those of the kernels) for each weight. */
function forWeights(layer: WeightedLayer, count: number, inChannels: number, visit: (own: number, kernel: number) => void): void {
  const groups = groupsOf(layer);
  if (layer.kind === "dense" || groups === 1) throw new Error("engine bug: one group is copied, not visited");
  const taps = layer.kernel[0] * layer.kernel[1];
  const perGroup = inChannels / groups;
  for (let own = 0; own < count; own++) {
    const tap = own % taps;
    const i = Math.floor(own / taps) % perGroup;
    const o = Math.floor(own / (taps * perGroup));
    const group = Math.floor(o / (layer.outChannels / groups));
    visit(own, (o * inChannels + group * perGroup + i) * taps + tap);
  }
}

/** Number of weights of a layer in the kernels. */
const kernelWeights = (layer: WeightedLayer, own: number): number => own * groupsOf(layer);

/** Mantissas and bias integers of all weighted layers, one after another, as `parameters` takes them. */
export function kernelParameters(spec: NetworkSpec, quantized: QuantizedNetwork): { mantissa: Int16Array; bias: Int32Array } {
  const shapes = networkShapes(spec);
  const layers = weightedLayers(spec);
  const sizes = layers.map((layer, k) => kernelWeights(layer, quantized.layers[k].mantissa.length));
  const mantissa = new Int16Array(sizes.reduce((a, b) => a + b, 0));
  let offset = 0;
  layers.forEach((layer, k) => {
    const own = quantized.layers[k].mantissa;
    const inChannels = shapes[spec.layers.indexOf(layer)][0];
    if (groupsOf(layer) === 1) mantissa.set(own, offset);
    else forWeights(layer, own.length, inChannels, (a, b) => { mantissa[offset + b] = own[a]; });
    offset += sizes[k];
  });
  const bias = Int32Array.from(quantized.layers.flatMap((q) => Array.from(q.biasMant, (m) => m * 2 ** q.biasExp)));
  return { mantissa, bias };
}

/** Slopes of the masters: ∂mantissa/∂w̃ and ∂bias/∂b̃, 0 where clamped (design §4). Under stochastic rounding a value on the
 *  limit counts as clamped where the nearest grid point lies outside. */
export function masterSlopes(layer: WeightedLayer, masters: Parameters, mantissa: Int16Array): { weight: Float32Array; bias: Float32Array } {
  const scale = layer.loihi.vthMant * 2 ** -layer.weight.wgtExp;
  const step = gridStep(layer.weight);
  const { min, max } = mantissaRange(layer.weight);
  const values = masters[`${layer.name}.weight`];
  const weight = new Float32Array(values.length).fill(scale);
  for (let k = 0; k < values.length; k++) {
    if (mantissa[k] !== min && mantissa[k] !== max) continue;
    const nearest = roundHalfEven((values[k] * scale) / step) * step;
    if (nearest < min || nearest > max) weight[k] = 0;
  }
  const vth = layer.loihi.vthMant * 2 ** VTH_EXP;
  const bias = Float32Array.from(masters[`${layer.name}.bias`], (b) => {
    const nearest = roundHalfEven((b * vth) / 2 ** layer.loihi.biasExp);
    return nearest < -4096 || nearest > 4095 ? 0 : vth;
  });
  return { weight, bias };
}

/** Gradients by tensor from the kernels' row of mantissa and bias gradients. */
export function namedGradients(
  spec: NetworkSpec, row: Float32Array, slopes: readonly { readonly weight: Float32Array; readonly bias: Float32Array }[],
): Record<string, Float32Array> {
  const shapes = networkShapes(spec);
  const out: Record<string, Float32Array> = {};
  let offset = 0;
  weightedLayers(spec).forEach((layer, k) => {
    const { weight: slope, bias: biasSlope } = slopes[k];
    const weight = new Float32Array(slope.length);
    const inChannels = shapes[spec.layers.indexOf(layer)][0];
    if (groupsOf(layer) === 1) for (let i = 0; i < slope.length; i++) weight[i] = row[offset + i] * slope[i];
    else forWeights(layer, slope.length, inChannels, (own, kernel) => { weight[own] = row[offset + kernel] * slope[own]; });
    offset += kernelWeights(layer, slope.length);
    out[`${layer.name}.weight`] = weight;
    out[`${layer.name}.bias`] = biasSlope.map((s, i) => s * row[offset + i]);
    offset += biasSlope.length;
  });
  return out;
}

/** [layer] neurons of each layer's output. */
export const layerSizes = (spec: NetworkSpec): readonly number[] => networkShapes(spec).slice(1).map(sizeOf);
