import type { FactorVariable, LearningRule, Product } from "../../hw/microcode.js";
import { clip } from "../../src/base/int.js";

/** Constants of a trace as Lava takes them. tau 0: the trace is cleared in every step. */
export interface LavaTrace {
  readonly impulse: number;
  readonly tau: number;
}

/** A plastic connection as Lava's bit-approximate model has it. */
export interface LavaConnection {
  readonly rule: LearningRule;
  readonly tepoch: number;
  readonly signMode: "MIXED" | "EXCITATORY" | "INHIBITORY";
  readonly traces: Readonly<Partial<Record<LavaTraceName, LavaTrace>>>;
  /** [post][pre] */
  readonly weights: readonly (readonly number[])[];
}

export type LavaTraceName = "x1" | "x2" | "y1" | "y2" | "y3";

/** Random numbers in force at an epoch: one scalar for all traces of a side, one for all synapses. */
export interface LavaRandoms {
  readonly x_decay: number;
  readonly x_impulse: number;
  readonly y_decay: number;
  readonly y_impulse: number;
  readonly syn_round: number;
}

const OPERAND_BITS: Readonly<Record<FactorVariable, number>> =
  { x0: 1, y0: 1, r0: 1, x1: 7, x2: 7, y1: 7, y2: 7, y3: 7, r1: 7, w: 9, d: 9, t: 9 };
/** Lava's lower limit is one below the width's. */
const ACC_MIN = -(2 ** 15) - 1;
const ACC_MAX = 2 ** 15 - 1;
const NAMES: readonly LavaTraceName[] = ["x1", "x2", "y1", "y2", "y3"];
const NONE: LavaTrace = { impulse: 0, tau: 0 };

/** Lava's learning, quirk for quirk (loihi-facts §3.5), so that its results can be reproduced with its random numbers: shared
 *  random numbers, a floor of −32769, mixed weights that leave their grid. Not the chip; `sim/learning` is. */
export class LavaLearning {
  readonly w: number[][];
  readonly d: number[][];
  readonly t: number[][];
  /** Step in the epoch of the last spike, 0: none. */
  readonly tx: number[];
  readonly ty: number[];
  readonly trace: Record<LavaTraceName, number[]>;
  private time = 0;

  constructor(private readonly connection: LavaConnection) {
    const { weights } = connection;
    this.w = weights.map((row) => [...row]);
    this.d = weights.map((row) => row.map(() => 0));
    this.t = weights.map((row) => row.map(() => 0));
    this.tx = weights[0].map(() => 0);
    this.ty = weights.map(() => 0);
    this.trace = { x1: [...this.tx], x2: [...this.tx], y1: [...this.ty], y2: [...this.ty], y3: [...this.ty] };
  }

  /** Spikes of one step. A second spike in an epoch adds its impulse at once: x's with any fraction rounded up, y's by a random
   *  number. @param yImpulse that number, 0…127, as Lava had it in this step; it matters for fractional impulses only */
  receive(pre: readonly number[], post: readonly number[], yImpulse = 0): void {
    const step = (this.time++ % this.connection.tepoch) + 1;
    this.note(pre, this.tx, ["x1", "x2"], step, 0);
    this.note(post, this.ty, ["y1", "y2", "y3"], step, yImpulse);
  }

  private note(spikes: readonly number[], last: number[], names: readonly LavaTraceName[], step: number, random: number): void {
    spikes.forEach((spike, n) => {
      if (spike === 0) return;
      if (last[n] > 0) {
        for (const name of names) this.trace[name][n] = Math.min(127, this.trace[name][n] + drawnImpulse(this.constants(name).impulse, random));
      }
      last[n] = step;
    });
  }

  private constants = (name: LavaTraceName): LavaTrace => this.connection.traces[name] ?? NONE;

  /** True where an epoch ends with the step just received. */
  get epochEnds(): boolean {
    return this.time % this.connection.tepoch === 0;
  }

  /** Traces through the epoch, then the rules on w, d and t, all from the values before. */
  learn(randoms: LavaRandoms): void {
    const history = Object.fromEntries(NAMES.map((name) => [name, this.walk(name, randoms)])) as Record<LavaTraceName, number[][]>;
    const { tepoch, rule, signMode } = this.connection;
    const due = rule.decimateExp !== null && this.time % (tepoch * 2 ** rule.decimateExp) === 0;
    const before = { w: copy(this.w), d: copy(this.d), t: copy(this.t) };
    const targets = [
      ["w", this.w, signMode === "MIXED" ? [-256, 255] : signMode === "EXCITATORY" ? [0, 255] : [-255, 0]],
      ["d", this.d, [0, 255]], ["t", this.t, [-257, 255]],
    ] as const;
    for (const [target, values, [low, high]] of targets) {
      const products = rule.products.filter((product) => product.target === target);
      if (products.length === 0) continue;
      values.forEach((row, post) => row.forEach((value, pre) => {
        let acc = value * 128;
        for (const product of products) {
          acc = clip(acc + this.product(product, pre, post, due, history, before), ACC_MIN, ACC_MAX);
        }
        if (target === "d" || (target === "w" && signMode === "EXCITATORY")) acc = Math.max(0, acc);
        if (target === "w" && signMode === "INHIBITORY") acc = Math.min(0, acc);
        const whole = Math.floor(acc / 128);
        row[pre] = clip(whole + (randoms.syn_round < acc / 128 - whole ? 1 : 0), low, high);
      }));
    }
    for (const name of NAMES) this.trace[name] = history[name][tepoch];
    this.tx.fill(0);
    this.ty.fill(0);
  }

  /** [step 0…tepoch][n]: the trace at each step of the epoch. */
  private walk(name: LavaTraceName, randoms: LavaRandoms): number[][] {
    const side = name.startsWith("x") ? "x" : "y";
    const last = side === "x" ? this.tx : this.ty;
    const { impulse, tau } = this.constants(name);
    const keep = tau === 0 ? 0 : Math.exp(-1 / tau);
    const added = drawnImpulse(impulse, randoms[`${side}_impulse`]);
    const rows = [this.trace[name]];
    for (let step = 1; step <= this.connection.tepoch; step++) {
      rows.push(rows[step - 1].map((x, n) => {
        const decayed = keep * x;
        const whole = Math.floor(decayed);
        const next = whole + (randoms[`${side}_decay`] < decayed - whole ? 1 : 0);
        return clip(next + (last[n] === step ? added : 0), 0, 127);
      }));
    }
    return rows;
  }

  private product(
    product: Product, pre: number, post: number, due: boolean, history: Record<LavaTraceName, number[][]>,
    before: Record<"w" | "d" | "t", number[][]>,
  ): number {
    const step = product.dependency === "u" ? this.connection.tepoch : product.dependency === "x0" ? this.tx[pre] : this.ty[post];
    if (product.dependency === "u" ? !due : step === 0) return 0;
    let raw = product.mantissa;
    let bits = 0;
    for (const { variable, constant, sign } of product.factors) {
      const value = (() => {
        switch (variable) {
          case "x0": return this.tx[pre] > 0 ? 1 : 0;
          case "y0": return this.ty[post] > 0 ? 1 : 0;
          case "x1": case "x2": return history[variable][step][pre];
          case "y1": case "y2": case "y3": return history[variable][step][post];
          case "w": case "d": case "t": return before[variable][post][pre];
          default: return 0;
        }
      })() + (constant ?? 0);
      const width = OPERAND_BITS[variable]; // of a sign too, whose value is one bit: Lava shifts by the variable's width
      bits += width;
      raw *= sign ? Math.sign(value) : clip(value, -(2 ** width), 2 ** width - 1);
    }
    const shifted = Math.floor(raw / 2 ** Math.max(0, bits + 4 - 15)) * 2 ** (product.exponent + 7);
    return clip(shifted, ACC_MIN, ACC_MAX);
  }
}

/** Whole part, and one more where the random integer (0…127) is below the fraction in 1/256: Lava's units differ. */
const drawnImpulse = (impulse: number, random: number): number =>
  Math.floor(impulse) + (random < Math.round((impulse - Math.floor(impulse)) * 256) ? 1 : 0);

const copy = (rows: number[][]): number[][] => rows.map((row) => [...row]);
