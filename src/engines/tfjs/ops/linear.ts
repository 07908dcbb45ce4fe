import { outputShape } from "../../../model/shapes.js";
import type { ConvLayer, DenseLayer, Shape3 } from "../../../model/types.js";
import { type Tensor, type Tf, customOp } from "./custom-op.js";

/** The linear map of a weighted layer on tensors: x [n, H, W, C] and weights as the parameters have them
 *  ([out, in/groups, kH, kW] or [out, in], `in` in [C, H, W] order) give [n, H', W', out]. */
export interface LinearLayer {
  /** [C, H, W] of the output. */
  readonly outputShape: Shape3;
  /** Shape of the weights. */
  readonly weightShape: readonly number[];
  /** `constantInput`: x needs no gradient (the network's input), which saves a convolution. */
  apply(x: Tensor, weight: Tensor, constantInput: boolean): Tensor;
}

/** The map of a layer on inputs of shape `input`. */
export function linearLayer(tf: Tf, layer: ConvLayer | DenseLayer, input: Shape3): LinearLayer {
  const shape = outputShape(layer, input);
  const [channels, height, width] = input;
  if (layer.kind === "dense") {
    return {
      outputShape: shape,
      weightShape: [layer.outputs, channels * height * width],
      apply: (x, weight) => {
        const flat = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], channels * height * width]);
        return tf.reshape(tf.matMul(flat, weight, false, true), [x.shape[0], 1, 1, layer.outputs]);
      },
    };
  }
  const { groups, padding: [padY, padX] } = layer;
  const convolution = convolutionOps(tf, layer);
  return {
    outputShape: shape,
    weightShape: [layer.outChannels, channels / groups, ...layer.kernel],
    apply: (x, weight, constantInput) => {
      const padded = padY + padX === 0 ? x : tf.pad(x, [[0, 0], [padY, padY], [padX, padX], [0, 0]]);
      const filter = tf.transpose(weight, [2, 3, 1, 0]);
      if (groups === 1) return convolution(padded, filter, constantInput);
      const parts = tf.split(padded, groups, 3);
      const filters = tf.split(filter, groups, 3);
      return tf.concat(parts.map((part, g) => convolution(part, filters[g], constantInput)), 3);
    },
  };
}

type Shape4 = [number, number, number, number];

/** A convolution without padding, [n, H, W, C] with filters [kH, kW, C, K], that can be differentiated any number of
 *  times: each of convolution, input gradient and filter gradient is bilinear, and its derivatives are the other two.
 *  The library's conv2d has a gradient, but that gradient has none. */
function convolutionOps(tf: Tf, layer: ConvLayer) {
  const [kH, kW] = layer.kernel;
  const [sH, sW] = layer.stride;
  const onTensorflow = tf.getBackend() === "tensorflow";
  const raw = (x: Tensor, w: Tensor): Tensor => tf.conv2d(x as never, w as never, [sH, sW], "valid");

  const rawInputGradient = (dy: Tensor, w: Tensor, shape: Shape4): Tensor => {
    // With stride 1 it is a convolution with the filter turned around, for which wasm has a far faster kernel.
    if (sH === 1 && sW === 1 && !onTensorflow) {
      const wide = tf.pad(dy, [[0, 0], [kH - 1, kH - 1], [kW - 1, kW - 1], [0, 0]]);
      const turned = tf.transpose(tf.reverse(w, [0, 1]), [0, 1, 3, 2]);
      return tf.conv2d(wide as never, turned as never, 1, "valid");
    }
    return tf.conv2dTranspose(dy as never, w as never, shape, [sH, sW], "valid");
  };
  const rawFilterGradient = (x: Tensor, dy: Tensor): Tensor => {
    const [channels, outputs] = [x.shape[3]!, dy.shape[3]!];
    if (onTensorflow) {
      return tf.engine().runKernel("Conv2DBackpropFilter", { x, dy }, {
        strides: [sH, sW], pad: "valid", dataFormat: "NHWC", filterShape: [kH, kW, channels, outputs],
      }) as Tensor;
    }
    // wasm has no kernel for it and that of cpu is slow: a convolution whose kernel is dy, spread by the stride, with
    // samples and channels in each other's place.
    const image = tf.transpose(x, [3, 1, 2, 0]);
    const kernel = tf.transpose(dy, [1, 2, 0, 3]);
    const whole = tf.conv2d(image as never, kernel as never, 1, "valid", "NHWC", [sH, sW]);
    // Rows and columns that the strides never reached give taps beyond the filter.
    return tf.transpose(tf.slice(whole, [0, 0, 0, 0], [channels, kH, kW, outputs]), [1, 2, 0, 3]);
  };

  const convolve = (x: Tensor, w: Tensor): Tensor =>
    customOp(tf, [x, w], (save) => {
      save([x, w]);
      const shape = x.shape as Shape4;
      return {
        value: raw(x, w),
        gradient: (dy, [xs, ws]) => [inputGradient(dy, ws, shape), filterGradient(xs, dy)],
      };
    });
  const inputGradient = (dy: Tensor, w: Tensor, shape: Shape4): Tensor =>
    customOp(tf, [dy, w], (save) => {
      save([dy, w]);
      return {
        value: tf.tidy(() => rawInputGradient(dy, w, shape)),
        gradient: (d, [dys, ws]) => [convolve(d, ws), filterGradient(d, dys)],
      };
    });
  const filterGradient = (x: Tensor, dy: Tensor): Tensor =>
    customOp(tf, [x, dy], (save) => {
      save([x, dy]);
      const shape = x.shape as Shape4;
      return {
        value: tf.tidy(() => rawFilterGradient(x, dy)),
        gradient: (d, [xs, dys]) => [inputGradient(dys, d, shape), convolve(xs, d)],
      };
    });
  // With x constant the convolution is linear in the filter, and the two are each other's derivative.
  const convolveConstant = (x: Tensor, w: Tensor): Tensor =>
    customOp(tf, [w], (save) => {
      save([x]);
      return { value: raw(x, w), gradient: (dy, [xs]) => filterGradientConstant(xs, dy) };
    });
  const filterGradientConstant = (x: Tensor, dy: Tensor): Tensor =>
    customOp(tf, [dy], (save) => {
      save([x]);
      return { value: tf.tidy(() => rawFilterGradient(x, dy)), gradient: (d, [xs]) => convolveConstant(xs, d) };
    });
  return (x: Tensor, w: Tensor, constantInput: boolean): Tensor =>
    constantInput ? convolveConstant(x, w) : convolve(x, w);
}
