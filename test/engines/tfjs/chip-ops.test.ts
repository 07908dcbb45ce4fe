import { describe, expect, it } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import { chipOps } from "../../../src/engines/tfjs/ops/chip.js";
import type { Tensor } from "../../../src/engines/tfjs/ops/custom-op.js";
import { hasShared, readShared } from "../../support/shared.js";
import { tf } from "./library.js";

const chip = chipOps(tf);
const values = (x: Tensor): number[] => {
  const out = [...x.dataSync()].map((v) => v + 0);
  x.dispose();
  return out;
};

describe("the chip's integers in float32", () => {
  it("decay toward zero as 48-bit arithmetic says, over the whole range of u and δ", () => {
    const rng = new Rng(3, 0x20003);
    const edges = [0, 1, 4095, 4096, 4097, 2 ** 19, 2 ** 22 - 1, 2 ** 23 - 1, 2 ** 23];
    const xs = [...edges, ...Array.from({ length: 400 }, () => rng.below(2 ** 23 + 1))].flatMap((x) => [x, -x]);
    for (const delta of [0, 1, 2, 410, 1024, 2047, 3000, 4094, 4095, 4096]) {
      const expected = xs.map((x) => Number((BigInt(x) * BigInt(4096 - delta)) / 4096n) + 0);
      expect(values(tf.tidy(() => chip.decay(tf.tensor1d(xs), delta)))).toEqual(expected);
    }
  });

  it("wrap in two's complement at 22 and 24 bits", () => {
    const rng = new Rng(4, 0x20003);
    // q is a multiple of 64 up to 2^30; u and u + bias are any integers within 2^24.
    for (const [bits, unit, most] of [[22, 64, 2 ** 24], [24, 1, 2 ** 24 - 2 ** 23 - 1]] as const) {
      const half = 2 ** (bits - 1);
      const edges = [half - unit, half, half + unit, -half, -half - unit, 0];
      const xs = [...edges, ...Array.from({ length: 200 }, () => unit * (rng.below(2 * most) - most))];
      const expected = xs.map((x) => Number(BigInt.asIntN(bits, BigInt(x))));
      expect(values(tf.tidy(() => chip.wrap(tf.tensor1d(xs), bits)))).toEqual(expected);
    }
  });
});

describe("unstack, which is ours on wasm", () => {
  it("gives every row along the first axis, and along others as shipped", () => {
    const x = Float32Array.from({ length: 24 }, (_, k) => k);
    const rows = (axis: number): number[][] => tf.tidy(() => tf.unstack(tf.tensor3d(x, [2, 3, 4]), axis).map((t) => [...t.dataSync()])) as never;
    expect(rows(0)).toEqual([[...x.subarray(0, 12)], [...x.subarray(12)]]);
    expect(rows(1)).toEqual([0, 1, 2].map((r) => [...x.filter((k) => Math.floor(k / 4) % 3 === r)]));
    expect(tf.memory().numTensors).toBe(0);
  });
});

interface Branches {
  readonly learn: readonly (readonly number[])[];
  readonly err: readonly (readonly number[])[];
  readonly x1: readonly (readonly number[])[];
}

// Outside witness: a PyTorch program written from the design alone, with every zero of a derivative and its neighbors.
describe.skipIf(!hasShared)("the scalar cases of maml_loihi_soel_small.json", () => {
  const { branches } = readShared<{ branches: Branches }>("golden/maml_loihi_soel_small.json");
  const one = (x: number): Tensor => tf.tensor1d([x]);
  const withGradients = (f: (...xs: Tensor[]) => Tensor, xs: readonly number[]): number[] => {
    const inputs = xs.map(one);
    const { value, grads } = tf.valueAndGrads(((...t: Tensor[]) => tf.sum(f(...t))) as never)(inputs);
    const out = [value, ...grads].map((t) => t.dataSync()[0] + 0);
    tf.dispose([value, ...grads, ...inputs]);
    return out;
  };
  const close = (found: readonly number[], expected: readonly number[], row: readonly number[]): void => {
    expect(found[0], `value of ${row.join(" ")}`).toBe(expected[0]);
    found.forEach((x, k) => expect(x, `${k} of ${row.join(" ")}`).toBeCloseTo(expected[k], 4));
  };

  it("traces", () => {
    for (const row of branches.x1) {
      const [x, arrival, decay, impulse, draw, ...expected] = row;
      close(withGradients((a, b) => chip.trace(a, b, { decay, impulse }, one(draw)), [x, arrival]), expected, row);
    }
  });

  it("errors of a window", () => {
    for (const row of branches.err) {
      const [gamma, count, target, theta, ...expected] = row;
      close(withGradients((c, t, th) => chip.windowError(c, t, th, gamma), [count, target, theta]), expected, row);
    }
  });

  it("learning", () => {
    for (const row of branches.learn) {
      const [bits, w, x1, e, mant, exp, draw, ...expected] = row;
      const rule = { bits, products: [{ mant, exp, trace: 0 }] };
      const f = (a: Tensor, b: Tensor, c: Tensor, d: Tensor): Tensor => chip.learn(tf.reshape(a, [1, 1]), [b], c, d, rule, tf.tensor2d([[draw]]));
      close(withGradients(f, [w, x1, e, mant * 2 ** exp]), expected, row);
    }
  });
});
