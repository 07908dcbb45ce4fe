import type { RatePenalty } from "../engine.js";

/** Rate penalty of one layer: the mean over channels of (max(0, low−rate)/low)² + (max(0, rate−high)/high)²,
 *  times the weight; the rate of a channel is the mean over its neurons, samples and steps. Source: design
 *  §6, outer loop.
 *  @param counts [n] spikes of every neuron over all samples and steps, neurons of a channel together
 *  @returns the penalty and its gradient for one spike of each neuron [n] */
export function ratePenalty(
  penalty: RatePenalty,
  counts: ArrayLike<number>,
  positions: number,
  samplesTimesSteps: number,
): { readonly loss: number; readonly perSpike: Float64Array } {
  const channels = counts.length / positions;
  const perSpike = new Float64Array(counts.length);
  let loss = 0;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let i = 0; i < positions; i++) sum += counts[c * positions + i];
    const rate = sum / (positions * samplesTimesSteps);
    const low = Math.max(0, penalty.low - rate) / penalty.low;
    const high = Math.max(0, rate - penalty.high) / penalty.high;
    loss += (penalty.weight * (low ** 2 + high ** 2)) / channels;
    const byRate = (penalty.weight * 2 * (high / penalty.high - low / penalty.low)) / channels;
    perSpike.fill(byRate / (positions * samplesTimesSteps), c * positions, (c + 1) * positions);
  }
  return { loss, perSpike };
}
