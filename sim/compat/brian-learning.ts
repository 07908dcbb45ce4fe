import type { FactorVariable, LearningRule, Product } from "../../hw/microcode.js";
import { clip } from "../../src/base/int.js";
import { mantissaGrid } from "../../hw/weights.js";

/** One plastic synapse as Brian2Loihi has it, where no random number matters: τ = 1 and whole steps. */
export interface BrianSynapse {
  readonly rule: LearningRule;
  readonly signMode: 1 | 2 | 3;
  readonly weightBits: number;
  readonly impulseX1: number;
  readonly impulseY1: number;
  readonly w0: number;
}

/** Brian2Loihi's learning (loihi-facts §3.7): the change is rounded away from zero. A post spike counts in the step after it
 *  (loihi-facts §1.9). Not the chip; `sim/learning` is. */
export class BrianLearning {
  w: number;
  x1 = 0;
  y1 = 0;
  private postBefore = 0;

  constructor(private readonly synapse: BrianSynapse) {
    this.w = synapse.w0;
  }

  /** One step at time t, from 0. With τ = 1 a trace is its impulse in the step of a spike, else 0. */
  step(t: number, pre: 0 | 1, post: 0 | 1): void {
    const y0 = this.postBefore;
    this.postBefore = post;
    this.x1 = pre * this.synapse.impulseX1;
    this.y1 = y0 * this.synapse.impulseY1;
    const values: Partial<Record<FactorVariable, number>> = { x0: pre, x1: this.x1, y0, y1: this.y1, w: this.w };
    const change = this.synapse.rule.products.reduce((sum, product) => sum + this.value(product, values, t), 0);
    const grid = mantissaGrid(this.synapse.weightBits, this.synapse.signMode);
    this.w = clip(this.w + Math.sign(change) * Math.ceil(Math.abs(change)), grid.min, grid.max);
  }

  private value(product: Product, values: Partial<Record<FactorVariable, number>>, t: number): number {
    const { decimateExp } = this.synapse.rule;
    const gate = product.dependency === "u" ? (t % 2 ** (decimateExp ?? 0) === 0 ? 1 : 0) : values[product.dependency]!;
    return product.factors.reduce(
      (sum, { variable, constant }) => sum * ((values[variable] ?? 0) + (constant ?? 0)), gate * product.mantissa * 2 ** product.exponent,
    );
  }
}
