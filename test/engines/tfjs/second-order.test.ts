import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { linearMap } from "../../../src/engines/reference/convolution.js";
import { forEachWindow } from "../../../src/engines/reference/or-pool.js";
import type { Tensor } from "../../../src/engines/tfjs/ops/custom-op.js";
import { linearLayer } from "../../../src/engines/tfjs/ops/linear.js";
import { poolOps } from "../../../src/engines/tfjs/ops/pool.js";
import { smoothOps } from "../../../src/engines/tfjs/ops/smooth.js";
import { outputShape, sizeOf } from "../../../src/model/shapes.js";
import type { ConvLayer, Shape3 } from "../../../src/model/types.js";
import { relative } from "../reference/relative.js";
import { tf } from "./library.js";

const smooth = smoothOps(tf);
const pool = poolOps(tf);

type Plain = (x: readonly number[]) => number[];
type Op = (x: Tensor) => Tensor;

const point = [0.3, -0.5, 0.9, 0.1];
const weights = [0.2, 0.7, -0.4, 0.5];
const direction = [1, -0.5, 0.25, 0.75];

/** H·direction of g(x) = Σ w·f(x)², by the library, differentiating twice. */
const hessianVector = (f: Op): Float32Array =>
  tf.tidy(() => {
    const [x0, w, v] = [point, weights, direction].map((values): Tensor => tf.tensor2d([values]));
    const g = (x: Tensor): Tensor => tf.sum(tf.mul(tf.square(f(x)), w));
    const along = (x: Tensor): Tensor => tf.sum(tf.mul(tf.grad(g as never)(x), v));
    return tf.grad(along as never)(x0).dataSync<"float32">();
  });

/** The same in float64 from values alone: (∂/∂x_i)(∂/∂direction) by a four-point difference. Its own error is about 1e-7. */
function differences(f: Plain): number[] {
  const g = (x: readonly number[]): number => f(x).reduce((sum, y, i) => sum + weights[i] * y * y, 0);
  const h = 1e-3;
  return point.map((_, i) => {
    const at = (a: number, b: number): number => g(point.map((x, k) => x + b * h * direction[k] + (k === i ? a * h : 0)));
    return (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h * h);
  });
}

const softmax: Plain = (x) => {
  const sum = x.reduce((s, v) => s + Math.exp(v), 0);
  return x.map((v) => Math.exp(v) / sum);
};

describe("the trap: second derivatives of tfjs as shipped", () => {
  // If one of these fails, the library has been mended, and the operation of ours that replaces it may go.
  it.each<[string, Op, Plain]>([
    ["exp", (x) => tf.exp(x), (x) => x.map(Math.exp)],
    ["tanh", (x) => tf.tanh(x), (x) => x.map(Math.tanh)],
    ["sigmoid", (x) => tf.sigmoid(x), (x) => x.map((v) => 1 / (1 + Math.exp(-v)))],
    ["softmax", (x) => tf.softmax(x), softmax],
    ["logSoftmax", (x) => tf.logSoftmax(x), (x) => softmax(x).map(Math.log)],
  ])("inside a larger expression is wrong by more than a tenth, without a word: %s", (_, op, plain) => {
    expect(relative(hessianVector(op), differences(plain))).toBeGreaterThan(0.1);
  });

  it("conv2d, maxPool and max have no second derivative at all (conv2d on wasm: not even a first)", () => {
    const image = tf.tensor4d(Float32Array.from({ length: 16 }, (_, k) => Math.sin(k)), [1, 4, 4, 1]);
    const filter = tf.tensor4d(Float32Array.from({ length: 9 }, (_, k) => Math.cos(k)), [3, 3, 1, 1]);
    const twice = (f: (k: Tensor) => Tensor) => () => {
      tf.tidy(() => {
        const once = tf.grad(((k: Tensor) => tf.sum(tf.square(f(k)))) as never);
        tf.grad(((k: Tensor) => tf.sum(tf.square(once(k)))) as never)(filter);
      });
    };
    expect(twice((k) => tf.conv2d(image, k as never, 1, "same"))).toThrow(/gradient|Conv2DBackpropFilter/i);
    expect(twice((k) => tf.maxPool(tf.mul(image, tf.sum(k)) as never, 2, 2, "valid"))).toThrow(/gradient/i);
    expect(twice((k) => tf.max(tf.mul(image, tf.sum(k)), 1))).toThrow(/gradient/i);
    tf.dispose([image, filter]);
  });
});

// float32 through two differentiations: some thirty operations that round by 2^−24 each, relative to the largest entry.
const bound = 1e-5;

describe("our operations, differentiated twice", () => {
  it.each<[string, Op, Plain]>([
    ["exp", smooth.exp, (x) => x.map(Math.exp)],
    ["logSoftmax", smooth.logSoftmax, (x) => softmax(x).map(Math.log)],
    ["softmax by exp and logSoftmax", (x) => smooth.exp(smooth.logSoftmax(x)), softmax],
  ])("%s agrees with differences of float64 values", (_, op, plain) => {
    expect(relative(hessianVector(op), differences(plain))).toBeLessThan(bound);
  });

  it("the spike's surrogate is the second derivative's base: u/(10|u|+1) has the same derivatives", () => {
    // f = u/(10|u|+1) has the slope that `spike` uses, so d/du of Σ w·slope(u) is what differences of f say twice.
    const f = (u: number): number => u / (10 * Math.abs(u) + 1);
    const slopes = (x: Tensor): Tensor => tf.grad(((u: Tensor) => tf.sum(smooth.spike(u))) as never)(x);
    const x0 = tf.tensor1d([-1.3, -0.2, 0.03, 0.4, 0]);
    const [first, second] = tf.tidy(() => [
      slopes(x0).dataSync(), tf.grad(((x: Tensor) => tf.sum(slopes(x))) as never)(x0).dataSync(),
    ] as never) as readonly [Float32Array, Float32Array];
    const h = 1e-4;
    const at = [-1.3, -0.2, 0.03, 0.4];
    expect(relative(first.slice(0, 4), at.map((u) => (f(u + h) - f(u - h)) / (2 * h)))).toBeLessThan(1e-4);
    expect(relative(second.slice(0, 4), at.map((u) => (f(u + h) - 2 * f(u) + f(u - h)) / (h * h)))).toBeLessThan(1e-4);
    expect([first[4], Math.abs(second[4])]).toEqual([1, 0]);
    x0.dispose();
  });
});

const shapes = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  height: fc.integer({ min: 3, max: 9 }), width: fc.integer({ min: 3, max: 8 }),
  kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  padding: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
  groups: fc.constantFrom(1, 1, 2), perGroup: fc.integer({ min: 1, max: 2 }),
});

/** [n, C, H, W] values as a tensor [n, H, W, C], and back. */
const lastChannel = (values: ArrayLike<number>, n: number, [c, h, w]: Shape3): Tensor =>
  tf.transpose(tf.tensor(Float32Array.from(values), [n, c, h, w]), [0, 2, 3, 1]);
const firstChannel = (x: Tensor): Float32Array => tf.transpose(x, [0, 3, 1, 2]).dataSync<"float32">();

describe("convolutions of any stride, padding, group and odd size", () => {
  it("equal plain loops: value, both gradients, and the gradients of those gradients", () => {
    fc.assert(
      fc.property(shapes, ({ seed, height, width, kernel, stride, padding, groups, perGroup }) => {
        const rng = new Rng(seed, 0x20001);
        const input: Shape3 = [groups * perGroup, height, width];
        const layer = { kind: "conv", name: "c", outChannels: 2 * groups, kernel, stride, padding, groups } as unknown as ConvLayer;
        const output = outputShape(layer, input);
        const n = 2;
        const draw = (size: number): Float64Array => Float64Array.from({ length: size }, () => Math.fround(rng.normal()));
        const [inSize, outSize, wSize] = [sizeOf(input), sizeOf(output), 2 * groups * perGroup * kernel[0] * kernel[1]];
        const [x, w, g, dx, dw] = [draw(n * inSize), draw(wSize), draw(n * outSize), draw(n * inSize), draw(wSize)];
        const map = linearMap(layer, input);
        const forward = (weight: Float64Array, from: Float64Array): Float64Array => {
          const out = new Float64Array(n * outSize);
          for (let k = 0; k < n; k++) map.forward(weight, from, k * inSize, out, k * outSize);
          return out;
        };
        const transposed = (weight: Float64Array, from: Float64Array): Float64Array => {
          const out = new Float64Array(n * inSize);
          for (let k = 0; k < n; k++) map.transpose(weight, from, k * outSize, out, k * inSize);
          return out;
        };
        const byWeight = (from: Float64Array, cotangent: Float64Array): Float64Array => {
          const out = new Float64Array(wSize);
          for (let k = 0; k < n; k++) map.weightGradient(from, k * inSize, cotangent.subarray(k * outSize, (k + 1) * outSize), 0, out);
          return out;
        };
        const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, k) => value + b[k]);
        tf.tidy(() => {
          const linear = linearLayer(tf, layer, input);
          const weightShape = [...linear.weightShape];
          const [xT, dxT, gT] = [lastChannel(x, n, input), lastChannel(dx, n, input), lastChannel(g, n, output)];
          const [wT, dwT] = [w, dw].map((values): Tensor => tf.tensor(Float32Array.from(values), weightShape));
          expect(relative(firstChannel(linear.apply(xT, wT, false)), forward(w, x))).toBeLessThan(bound);
          // The first derivatives along (dx, dw) are bilinear in g and (x, w): differentiated again they give all parts.
          const first = (constant: boolean) => (a: Tensor, b: Tensor): Tensor[] => tf.grads(((p: Tensor, q: Tensor) =>
            tf.sum(tf.mul(linear.apply(constant ? xT : p, q, constant), tf.mul(gT, tf.add(1, tf.mul(tf.sum(p), 0)))))) as never)([a, b]);
          const [gx, gw] = first(false)(xT, wT);
          expect(relative(firstChannel(gx), transposed(w, g))).toBeLessThan(bound);
          expect(relative(gw.dataSync(), byWeight(x, g))).toBeLessThan(bound);
          expect(relative(first(true)(xT, wT)[1].dataSync(), byWeight(x, g))).toBeLessThan(bound);
          const square = (p: Tensor, q: Tensor): Tensor => tf.mul(tf.sum(tf.square(linear.apply(p, q, false))), 0.5);
          const along = (p: Tensor, q: Tensor): Tensor => {
            const [a, b] = tf.grads(square as never)([p, q]);
            return tf.add(tf.sum(tf.mul(a, dxT)), tf.sum(tf.mul(b, dwT)));
          };
          const [hx, hw] = tf.grads(along as never)([xT, wT]);
          // y = W·x, ẏ = W·dx + dW·x: the Hessian of ½|y|² along (dx, dw) is (Wᵀẏ + dWᵀy, ẏ·x + y·dx).
          const y = forward(w, x);
          const dot = sum(forward(w, dx), forward(dw, x));
          expect(relative(firstChannel(hx), sum(transposed(w, dot), transposed(dw, y)))).toBeLessThan(bound);
          expect(relative(hw.dataSync(), sum(byWeight(x, dot), byWeight(dx, y)))).toBeLessThan(bound);
          // The same with x constant.
          const squareOfW = (q: Tensor): Tensor => tf.mul(tf.sum(tf.square(linear.apply(xT, q, true))), 0.5);
          const alongW = (q: Tensor): Tensor => tf.sum(tf.mul(tf.grad(squareOfW as never)(q), dwT));
          expect(relative(tf.grad(alongW as never)(wT).dataSync(), byWeight(x, forward(dw, x)))).toBeLessThan(bound);
        });
      }),
      { numRuns: 25, seed: 5 },
    );
  });
});

describe("max pools", () => {
  it("send value, gradient and its gradient through the first of the largest in row-major order, ties and odd sizes included", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 2, max: 7 }), fc.integer({ min: 2, max: 6 }), (seed, height, width) => {
        const rng = new Rng(seed, 0x20002);
        const shape: Shape3 = [2, height, width];
        // Few distinct values, so that many windows tie.
        const x = Float64Array.from({ length: sizeOf(shape) }, () => rng.below(3) - 1);
        const winners: number[] = [];
        forEachWindow(shape, (_, inputs) => {
          winners.push(inputs.reduce((best, i) => (x[i] > x[best] ? i : best)));
        });
        const expectedGradient = new Float64Array(x.length);
        const expectedSecond = new Float64Array(x.length);
        for (const i of winners) {
          expectedGradient[i] = 3 * x[i] ** 2;
          expectedSecond[i] = 6 * x[i] * Math.fround(Math.sin(i));
        }
        tf.tidy(() => {
          const xT = lastChannel(x, 1, shape);
          const v = lastChannel(x.map((_, i) => Math.sin(i)), 1, shape);
          const pooled = (p: Tensor): Tensor => pool.pick(p, pool.winners(p));
          const cubes = (p: Tensor): Tensor => {
            const y = pooled(p);
            return tf.sum(tf.mul(tf.square(y), y));
          };
          const gradient = tf.grad(cubes as never);
          expect([...firstChannel(pooled(xT))]).toEqual(winners.map((i) => x[i]));
          expect([...firstChannel(gradient(xT))]).toEqual([...expectedGradient]);
          const second = tf.grad(((p: Tensor) => tf.sum(tf.mul(gradient(p), v))) as never)(xT);
          expect(relative(firstChannel(second), expectedSecond)).toBeLessThan(1e-6);
        });
      }),
      { numRuns: 30, seed: 6 },
    );
  });
});
