import type { ConvLayer, DenseLayer, Shape3 } from "../../model/types.js";
import { outputShape, sizeOf } from "../../model/shapes.js";

/** A linear map between two layers, a convolution or a dense product, as loops: forward by the inputs that
 *  are not zero. Weights [out, in/groups, kH, kW] or [out, in]; arrays [C, H, W]. Cross-correlation, no
 *  flip. */
export interface LinearMap {
  readonly inputSize: number;
  readonly outputSize: number;
  /** Shape [C, H, W] of the output. */
  readonly outputShape: Shape3;
  /** out += W·x. `x[xAt…]`, `out[outAt…]`. */
  forward(
    weights: ArrayLike<number>,
    x: ArrayLike<number>,
    xAt: number,
    out: Float64Array,
    outAt: number,
  ): void;
  /** gx += Wᵀ·g */
  transpose(weights: ArrayLike<number>, g: Float64Array, gAt: number, gx: Float64Array, gxAt: number): void;
  /** gw += g·xᵀ */
  weightGradient(x: ArrayLike<number>, xAt: number, g: Float64Array, gAt: number, gw: Float64Array): void;
}

/** The map of a weighted layer on an input of shape `input`. */
export function linearMap(layer: ConvLayer | DenseLayer, input: Shape3): LinearMap {
  const shape = outputShape(layer, input);
  return layer.kind === "dense" ? denseMap(sizeOf(input), shape) : convolutionMap(layer, input, shape);
}

function denseMap(inputs: number, shape: Shape3): LinearMap {
  const outputs = shape[0];
  return {
    inputSize: inputs,
    outputSize: outputs,
    outputShape: shape,
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

/** Inputs with fewer values that are not zero than this share are followed one by one, the others row by
 *  row. */
const SPARSE_SHARE = 0.2;

function convolutionMap(layer: ConvLayer, input: Shape3, shape: Shape3): LinearMap {
  const [inputSize, outputSize] = [sizeOf(input), sizeOf(shape)];
  const rows = convolutionRows(layer, input, shape);
  const stride = layer.stride[1];
  const sparse = (x: ArrayLike<number>, xAt: number): number[] | null => {
    const active: number[] = [];
    for (let i = 0; i < inputSize; i++) if (x[xAt + i] !== 0) active.push(i);
    return active.length < SPARSE_SHARE * inputSize ? active : null;
  };
  const taps = convolutionTaps(layer, input, shape);
  return {
    inputSize,
    outputSize,
    outputShape: shape,
    forward(weights, x, xAt, out, outAt) {
      const active = sparse(x, xAt);
      if (active) {
        for (const i of active) {
          const { outputs, weightOf } = taps(i);
          for (let k = 0; k < outputs.length; k++)
            out[outAt + outputs[k]] += weights[weightOf[k]] * x[xAt + i];
        }
        return;
      }
      for (let r = 0; r < rows.length; r += 4) {
        const w = weights[rows[r]];
        const [o, i, n] = [outAt + rows[r + 1], xAt + rows[r + 2], rows[r + 3]];
        for (let k = 0; k < n; k++) out[o + k] += w * x[i + k * stride];
      }
    },
    transpose(weights, g, gAt, gx, gxAt) {
      for (let r = 0; r < rows.length; r += 4) {
        const w = weights[rows[r]];
        const [o, i, n] = [gAt + rows[r + 1], gxAt + rows[r + 2], rows[r + 3]];
        for (let k = 0; k < n; k++) gx[i + k * stride] += w * g[o + k];
      }
    },
    weightGradient(x, xAt, g, gAt, gw) {
      const active = sparse(x, xAt);
      if (active) {
        for (const i of active) {
          const { outputs, weightOf } = taps(i);
          for (let k = 0; k < outputs.length; k++) gw[weightOf[k]] += g[gAt + outputs[k]] * x[xAt + i];
        }
        return;
      }
      for (let r = 0; r < rows.length; r += 4) {
        const [o, i, n] = [gAt + rows[r + 1], xAt + rows[r + 2], rows[r + 3]];
        let sum = 0;
        for (let k = 0; k < n; k++) sum += g[o + k] * x[i + k * stride];
        gw[rows[r]] += sum;
      }
    },
  };
}

/** All rows of a convolution, four numbers each: weight, first output, first input, length. Outputs of a row
 *  are neighbors; its inputs are a horizontal stride apart. */
function convolutionRows(layer: ConvLayer, [channels, height, width]: Shape3, shape: Shape3): Int32Array {
  const [outChannels, outHeight, outWidth] = shape;
  const [[kH, kW], [sH, sW], [pH, pW]] = [layer.kernel, layer.stride, layer.padding];
  const [inGroup, outGroup] = [channels / layer.groups, outChannels / layer.groups];
  const rows: number[] = [];
  for (let o = 0; o < outChannels; o++) {
    for (let c = 0; c < inGroup; c++) {
      const channel = Math.floor(o / outGroup) * inGroup + c;
      for (let kY = 0; kY < kH; kY++) {
        for (let kX = 0; kX < kW; kX++) {
          const firstX = Math.max(0, Math.ceil((pW - kX) / sW));
          const lastX = Math.min(outWidth - 1, Math.floor((width - 1 + pW - kX) / sW));
          for (let outY = 0; outY < outHeight; outY++) {
            const y = outY * sH + kY - pH;
            if (y < 0 || y >= height || lastX < firstX) continue;
            rows.push(
              ((o * inGroup + c) * kH + kY) * kW + kX,
              (o * outHeight + outY) * outWidth + firstX,
              (channel * height + y) * width + firstX * sW + kX - pW,
              lastX - firstX + 1,
            );
          }
        }
      }
    }
  }
  return Int32Array.from(rows);
}

interface Taps {
  readonly outputs: Int32Array;
  readonly weightOf: Int32Array;
}

/** Outputs that an input reaches, each with its weight; found when first asked for, then kept. */
function convolutionTaps(
  layer: ConvLayer,
  [channels, height, width]: Shape3,
  shape: Shape3,
): (input: number) => Taps {
  const [outChannels, outHeight, outWidth] = shape;
  const [[kH, kW], [sH, sW], [pH, pW]] = [layer.kernel, layer.stride, layer.padding];
  const [inGroup, outGroup] = [channels / layer.groups, outChannels / layer.groups];
  const kept = new Map<number, Taps>();
  const find = (input: number): Taps => {
    const [outputs, weightOf]: [number[], number[]] = [[], []];
    const c = Math.floor(input / (height * width));
    const [y, x] = [Math.floor(input / width) % height, input % width];
    const group = Math.floor(c / inGroup);
    for (let kY = 0; kY < kH; kY++) {
      for (let kX = 0; kX < kW; kX++) {
        const [outY, outX] = [(y + pH - kY) / sH, (x + pW - kX) / sW];
        if (outY < 0 || outY >= outHeight || outX < 0 || outX >= outWidth || outY % 1 !== 0 || outX % 1 !== 0)
          continue;
        for (let o = group * outGroup; o < (group + 1) * outGroup; o++) {
          outputs.push((o * outHeight + outY) * outWidth + outX);
          weightOf.push(((o * inGroup + (c - group * inGroup)) * kH + kY) * kW + kX);
        }
      }
    }
    return { outputs: Int32Array.from(outputs), weightOf: Int32Array.from(weightOf) };
  };
  return (input) => {
    const known = kept.get(input);
    if (known) return known;
    const taps = find(input);
    kept.set(input, taps);
    return taps;
  };
}
