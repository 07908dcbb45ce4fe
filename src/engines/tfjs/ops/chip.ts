import { DECAY_ONE, PRODUCT_DOWN_SHIFT, TRACE_MAX, V_LIMIT, WEIGHT_EXP_BASE, WIDTH } from "../../../../hw/limits.js";
import { type Tensor, type Tf, customOp } from "./custom-op.js";

/** The chip's integer operations in float32, exact, with the straight-through derivatives of design §4 and §6. Every
 *  integer stays within ±2^24, or is a smaller one times a power of two: float32 holds both exactly. First order only:
 *  the inner loop of `loihi` is not a gradient. */
export interface ChipOps {
  /** rtz(x·(4096−δ)/4096), |x| ≤ 2^23. */
  decay(x: Tensor, delta: number): Tensor;
  /** Two's complement of `bits` bits; slope 1. */
  wrap(x: Tensor, bits: number): Tensor;
  /** u of this step: wrap24(decay(u) + q). `mayWrap` false: the caller knows that it does not, which saves the work. */
  current(u: Tensor, q: Tensor, delta: number, mayWrap: boolean): Tensor;
  /** wrap24(u + bias), bias [C] the same for all before the last axis. */
  driven(u: Tensor, bias: Tensor, mayWrap: boolean): Tensor;
  /** v⁻: decay(v) + drive within ±(2^23−1), and 0 where `blocked` > 0; slope 0 where either changed it. v null: 0. */
  voltage(v: Tensor | null, drive: Tensor, delta: number, blocked: Tensor | null): Tensor;
  /** v⁻ > vth; slope 1/(vth·(10|x|+1)²), x = v⁻/vth − 1. */
  spike(v: Tensor, vth: number): Tensor;
  /** v⁻·(1 − spike) with the spike constant. */
  reset(v: Tensor, spike: Tensor): Tensor;
  /** Given integers with the slope of the formula they were rounded from: `master`'s gradient is dy·slope. */
  rounded(master: Tensor, integers: Tensor, slope: Tensor): Tensor;
  /** floor(mantissa·2^wgtExp)·64, slope 2^(6+wgtExp). */
  effective(mantissa: Tensor, wgtExp: number): Tensor;
  /** 1 where anything arrived, slope 1. */
  arrived(spikes: Tensor): Tensor;
  /** min(127, floor((x·dx + draw)/65536) + imp·arrived); both slopes 0 where the result is 127. */
  trace(x: Tensor, arrived: Tensor, constants: { readonly decay: number; readonly impulse: number }, draw: Tensor): Tensor;
  /** clip(γ·sign(d)·⌊|d|/θ⌋, ±63), d = target − c; c, target [K], θ [1]. */
  windowError(count: Tensor, target: Tensor, theta: Tensor, gamma: number): Tensor;
  /** A learning epoch: weights [K, J], traces [J] each, e [K], ρ [1] of the one product where it is learned. */
  learn(weights: Tensor, traces: readonly Tensor[], e: Tensor, rho: Tensor, rule: LearnRule, draw: Tensor): Tensor;
}

/** Products of a rule, one after another, on weights of `bits` bits. */
export interface LearnRule {
  readonly products: readonly { readonly mant: number; readonly exp: number; readonly trace: number }[];
  readonly bits: number;
}

/** Down-shift of a product with two trace factors. Source: design §6. */
export const PRODUCT_SHIFT = Math.max(
  0,
  2 * PRODUCT_DOWN_SHIFT.traceBits + PRODUCT_DOWN_SHIFT.mantissaBits - PRODUCT_DOWN_SHIFT.resultBits,
);

/** Makes the operations. */
export function chipOps(tf: Tf): ChipOps {
  const number = (condition: Tensor): Tensor => tf.cast(condition, "float32");
  /** An operation of one input whose slope is a constant number. */
  const scaled = (x: Tensor, slope: number, value: () => Tensor): Tensor =>
    customOp(tf, [x], () => ({ value: tf.tidy(value), gradient: (dy) => (slope === 1 ? dy : tf.mul(dy, slope)) }));
  /** The product of a 24-bit and a 13-bit integer does not fit float32. With |x| = 4096a + b it is a·r + ⌊b·r/4096⌋,
   *  whose parts do. */
  const decayed = (x: Tensor, keep: number): Tensor => {
    if (keep === 0) return tf.zerosLike(x);
    if (keep === DECAY_ONE) return tf.clone(x);
    const size = tf.abs(x);
    const a = tf.floor(tf.mul(size, 1 / DECAY_ONE));
    const b = tf.sub(size, tf.mul(a, DECAY_ONE));
    return tf.mul(tf.sign(x), tf.add(tf.mul(a, keep), tf.floor(tf.mul(b, keep / DECAY_ONE))));
  };
  const wrapped = (x: Tensor, bits: number): Tensor => {
    const [half, full] = [2 ** (bits - 1), 2 ** bits];
    return tf.sub(x, tf.mul(tf.floor(tf.mul(tf.add(x, half), 1 / full)), full));
  };
  const limited = (x: Tensor): Tensor => tf.minimum(tf.maximum(x, -V_LIMIT), V_LIMIT);
  const clip16 = (x: Tensor): Tensor => tf.minimum(tf.maximum(x, -32768), 32767);

  /** The arithmetic of `learn`, with masks of what saturated. */
  const learned = (weights: Tensor, traces: readonly Tensor[], e: Tensor, { products, bits }: LearnRule, draw: Tensor) => {
    const column = tf.reshape(e, [-1, 1]);
    let a: Tensor = tf.mul(weights, 128);
    let open: Tensor = tf.onesLike(weights);
    const openProducts: Tensor[] = [];
    for (const { mant, exp, trace } of products) {
      const product = tf.mul(tf.matMul(column, tf.reshape(traces[trace], [1, -1])), mant);
      const raw = tf.mul(tf.floor(tf.mul(product, 2 ** -PRODUCT_SHIFT)), 2 ** (exp + 7));
      const p = clip16(raw);
      openProducts.push(number(tf.equal(p, raw)));
      const sum = tf.add(a, p);
      a = clip16(sum);
      open = tf.mul(open, number(tf.equal(a, sum)));
    }
    const n = 16 - bits;
    const next = tf.mul(tf.floor(tf.mul(tf.add(a, draw), 2 ** -n)), 2 ** (n - 7));
    const value = tf.minimum(tf.maximum(next, -256), 256 - 2 ** (9 - bits));
    return { value, open: tf.mul(open, number(tf.equal(value, next))), openProducts };
  };

  return {
    decay: (x, delta) => {
      const keep = DECAY_ONE - delta;
      return scaled(x, keep / DECAY_ONE, () => decayed(x, keep));
    },
    wrap: (x, bits) => scaled(x, 1, () => wrapped(x, bits)),
    current: (u, q, delta, mayWrap) =>
      customOp(tf, [u, q], () => {
        const keep = DECAY_ONE - delta;
        const value = tf.tidy(() => {
          const sum = tf.add(decayed(u, keep), q);
          return mayWrap ? wrapped(sum, WIDTH.u) : sum;
        });
        return { value, gradient: (dy) => [tf.mul(dy, keep / DECAY_ONE), dy] };
      }),
    driven: (u, bias, mayWrap) =>
      customOp(tf, [u, bias], () => ({
        value: tf.tidy(() => (mayWrap ? wrapped(tf.add(u, bias), WIDTH.u) : tf.add(u, bias))),
        gradient: (dy) => [dy, tf.sum(tf.reshape(dy, [-1, bias.shape[0]]), 0)],
      })),
    voltage: (v, drive, delta, blocked) =>
      customOp(tf, v ? [v, drive] : [drive], (save) => {
        const keep = DECAY_ONE - delta;
        const raw = v ? tf.tidy(() => tf.add(decayed(v, keep), drive)) : drive;
        const value = tf.tidy(() => {
          const clipped = limited(raw);
          return blocked ? tf.mul(clipped, number(tf.equal(blocked, 0))) : clipped;
        });
        save(blocked ? [raw, blocked] : [raw]);
        return {
          value,
          gradient: (dy, [sum, block]) => {
            let passed: Tensor = tf.mul(dy, number(tf.equal(limited(sum), sum)));
            if (block) passed = tf.mul(passed, number(tf.equal(block, 0)));
            return v ? [tf.mul(passed, keep / DECAY_ONE), passed] : [passed];
          },
        };
      }),
    spike: (v, vth) =>
      customOp(tf, [v], (save) => {
        save([v]);
        return {
          value: number(tf.greater(v, vth)),
          gradient: (dy, [kept]) => {
            const away = tf.abs(tf.sub(tf.mul(kept, 1 / vth), 1));
            return tf.div(tf.mul(dy, 1 / vth), tf.square(tf.add(tf.mul(away, 10), 1)));
          },
        };
      }),
    reset: (v, spike) =>
      customOp(tf, [v], (save) => {
        save([spike]);
        const quiet = (x: Tensor, fired: Tensor): Tensor => tf.sub(x, tf.mul(x, fired));
        return { value: tf.tidy(() => quiet(v, spike)), gradient: (dy, [kept]) => quiet(dy, kept) };
      }),
    rounded: (master, integers, slope) =>
      customOp(tf, [master], (save) => {
        save([slope]);
        return { value: tf.clone(integers), gradient: (dy, [kept]) => tf.mul(dy, kept) };
      }),
    effective: (mantissa, wgtExp) =>
      scaled(mantissa, 2 ** (WEIGHT_EXP_BASE + wgtExp), () =>
        tf.mul(tf.floor(tf.mul(mantissa, 2 ** wgtExp)), 2 ** WEIGHT_EXP_BASE)),
    arrived: (spikes) => scaled(spikes, 1, () => number(tf.greater(spikes, 0))),
    trace: (x, arrived, { decay, impulse }, draw) =>
      customOp(tf, [x, arrived], (save) => {
        const decayedTrace = tf.floor(tf.mul(tf.add(tf.mul(x, decay), draw), 1 / 65536));
        const value = tf.minimum(tf.add(decayedTrace, tf.mul(arrived, impulse)), TRACE_MAX);
        const open = number(tf.notEqual(value, TRACE_MAX));
        save([open]);
        return {
          value,
          gradient: (dy, [kept]) => {
            const passed = tf.mul(dy, kept);
            return [tf.mul(passed, decay / 65536), tf.mul(passed, impulse)];
          },
        };
      }),
    windowError: (count, target, theta, gamma) =>
      customOp(tf, [count, target, theta], (save) => {
        const d = tf.sub(target, count);
        // Half a unit keeps the quotient off the integers, so that floor is right however a backend divides.
        const steps = tf.floor(tf.div(tf.add(tf.abs(d), 0.5), theta));
        const raw = tf.mul(tf.mul(tf.sign(d), steps), gamma);
        const value = tf.minimum(tf.maximum(raw, -63), 63);
        save([d, number(tf.equal(value, raw)), theta]);
        return {
          value,
          gradient: (dy, [difference, open, th]) => {
            const byTarget = tf.div(tf.mul(tf.mul(dy, open), gamma), th);
            const byTheta = tf.neg(tf.div(tf.sum(tf.mul(byTarget, difference)), th));
            return [tf.neg(byTarget), byTarget, tf.reshape(byTheta, [1])];
          },
        };
      }),
    learn: (weights, traces, e, rho, rule, draw) =>
      customOp(tf, [weights, ...traces, e, rho], (save) => {
        const { value, open, openProducts } = tf.tidy(() => learned(weights, traces, e, rule, draw));
        save([open, e, ...openProducts, ...traces]);
        const { products } = rule;
        return {
          value,
          gradient: (dy, [kept, error, ...rest]) => {
            const g = tf.mul(dy, kept);
            const opens = rest.slice(0, products.length);
            const xs = rest.slice(products.length);
            const unit = 2 ** -PRODUCT_SHIFT;
            const byTrace = xs.map((x): Tensor => tf.zerosLike(x));
            let byError: Tensor = tf.zerosLike(error);
            let byRho: Tensor = tf.zeros([1]);
            products.forEach(({ mant, exp, trace }, k) => {
              const through = tf.mul(tf.mul(g, opens[k]), unit);
              const rate = mant * 2 ** exp;
              const [x, column] = [tf.reshape(xs[trace], [-1, 1]), tf.reshape(error, [1, -1])];
              const alongTraces = tf.reshape(tf.matMul(through, x), [-1]);
              byTrace[trace] = tf.add(byTrace[trace], tf.mul(tf.reshape(tf.matMul(column, through), [-1]), rate));
              byError = tf.add(byError, tf.mul(alongTraces, rate));
              byRho = tf.add(byRho, tf.reshape(tf.sum(tf.mul(alongTraces, error)), [1]));
            });
            return [g, ...byTrace, byError, byRho];
          },
        };
      }),
  };
}
