/** What a `srm` neuron fires, with the derivatives that training uses in place of the true ones. */
export interface SpikeFunction {
  value(u: number): number;
  slope(u: number): number;
  /** Derivative of `slope`. */
  curve(u: number): number;
}

const slope = (u: number): number => 1 / (10 * Math.abs(u) + 1) ** 2;
const curve = (u: number): number => (-20 * Math.sign(u)) / (10 * Math.abs(u) + 1) ** 3;

/** The paper's: a step, with the surrogate σ'(u) = 1/(10|u|+1)². Source: design §4, `srm`. */
export const stepSpike: SpikeFunction = { value: (u) => (u > 0 ? 1 : 0), slope, curve };

/** The function whose true derivative the surrogate is, ½ + u/(10|u|+1): for finite differences, which see it as it is. */
export const smoothSpike: SpikeFunction = { value: (u) => 0.5 + u / (10 * Math.abs(u) + 1), slope, curve };
