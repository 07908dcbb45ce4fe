/** What a `srm` neuron fires, with the derivatives that training uses in place of the true ones. */
export interface SpikeFunction {
  value(u: number): number;
  slope(u: number): number;
  /** Derivative of `slope`. */
  curve(u: number): number;
}

/** The paper's: a step, with the surrogate σ'(u) = 1/(10|u|+1)². Source: design §4, `srm`. */
export const stepSpike: SpikeFunction = {
  value: (u) => (u > 0 ? 1 : 0),
  slope: (u) => 1 / (10 * Math.abs(u) + 1) ** 2,
  curve: (u) => (-20 * Math.sign(u)) / (10 * Math.abs(u) + 1) ** 3,
};
