import type { ConvLayer, DenseLayer, Shape3 } from "../../model/types.js";
import { outputShape, sizeOf } from "../../model/shapes.js";

/** A linear map between two layers, a convolution or a dense product, as loops: forward by the inputs that are not zero.
 *  Weights [out, in/groups, kH, kW] or [out, in]; arrays [C, H, W]. Cross-correlation, no flip. */
export interface LinearMap {
  readonly inputSize: number;
  readonly outputSize: number;
  /** Shape [C, H, W] of the output. */
  readonly outputShape: Shape3;
  /** out += W·x. `x[xAt…]`, `out[outAt…]`. */
  forward(weights: ArrayLike<number>, x: ArrayLike<number>, xAt: number, out: Float64Array, outAt: number): void;
  /** gx += Wᵀ·g */
  transpose(weights: ArrayLike<number>, g: Float64Array, gAt: number, gx: Float64Array, gxAt: number): void;
  /** gw += g·xᵀ */
  weightGradient(x: ArrayLike<number>, xAt: number, g: Float64Array, gAt: number, gw: Float64Array): void;
}

/** The map of a weighted layer on an input of shape `input`. */
export function linearMap(layer: ConvLayer | DenseLayer, input: Shape3): LinearMap {
  const shape = outputShape(layer, input);
  if (layer.kind === "dense") return denseMap(sizeOf(input), shape);
  const taps = convolutionTaps(layer, input, shape);
  return {
    inputSize: sizeOf(input), outputSize: sizeOf(shape), outputShape: shape,
    forward(weights, x, xAt, out, outAt) {
      taps((input, output, weight) => { out[outAt + output] += weights[weight] * x[xAt + input]; }, (i) => x[xAt + i] !== 0);
    },
    transpose(weights, g, gAt, gx, gxAt) {
      taps((input, output, weight) => { gx[gxAt + input] += weights[weight] * g[gAt + output]; });
    },
    weightGradient(x, xAt, g, gAt, gw) {
      taps((input, output, weight) => { gw[weight] += g[gAt + output] * x[xAt + input]; }, (i) => x[xAt + i] !== 0);
    },
  };
}

function denseMap(inputs: number, shape: Shape3): LinearMap {
  const outputs = shape[0];
  return {
    inputSize: inputs, outputSize: outputs, outputShape: shape,
    forward(weights, x, xAt, out, outAt) {
      for (let j = 0; j < inputs; j++) {
        const value = x[xAt + j];
        if (value !== 0) for (let i = 0; i < outputs; i++) out[outAt + i] += weights[i * inputs + j] * value;
      }
    },
    transpose(weights, g, gAt, gx, gxAt) {
      for (let i = 0; i < outputs; i++) {
        const value = g[gAt + i];
        if (value !== 0) for (let j = 0; j < inputs; j++) gx[gxAt + j] += weights[i * inputs + j] * value;
      }
    },
    weightGradient(x, xAt, g, gAt, gw) {
      for (let j = 0; j < inputs; j++) {
        const value = x[xAt + j];
        if (value !== 0) for (let i = 0; i < outputs; i++) gw[i * inputs + j] += g[gAt + i] * value;
      }
    },
  };
}

type Visit = (input: number, output: number, weight: number) => void;

/** Visits every (input, output, weight) of a convolution, inputs in order; whole inputs are skipped where `wanted` is false. */
function convolutionTaps(layer: ConvLayer, input: Shape3, shape: Shape3) {
  const [channels, height, width] = input;
  const [outChannels, outHeight, outWidth] = shape;
  const [[kH, kW], [sH, sW], [pH, pW]] = [layer.kernel, layer.stride, layer.padding];
  const [inGroup, outGroup] = [channels / layer.groups, outChannels / layer.groups];
  return (visit: Visit, wanted?: (input: number) => boolean): void => {
    let index = 0;
    for (let c = 0; c < channels; c++) {
      const group = Math.floor(c / inGroup);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++, index++) {
          if (wanted && !wanted(index)) continue;
          for (let kY = 0; kY < kH; kY++) {
            const outY = (y + pH - kY) / sH;
            if (outY < 0 || outY >= outHeight || outY % 1 !== 0) continue;
            for (let kX = 0; kX < kW; kX++) {
              const outX = (x + pW - kX) / sW;
              if (outX < 0 || outX >= outWidth || outX % 1 !== 0) continue;
              for (let o = group * outGroup; o < (group + 1) * outGroup; o++) {
                visit(index, (o * outHeight + outY) * outWidth + outX,
                  ((o * inGroup + (c - group * inGroup)) * kH + kY) * kW + kX);
              }
            }
          }
        }
      }
    }
  };
}
