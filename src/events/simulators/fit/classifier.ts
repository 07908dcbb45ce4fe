import { Rng, STREAM } from "../../../base/rng.js";
import type { EventStream } from "../../types.js";

/** Pixels joined on each axis, and windows of time, of the frames that the classifier sees. */
const FRAMES = { cell: 2, side: 17, windows: 3, windowUs: 105_000 } as const;
const FEATURES = FRAMES.side ** 2 * FRAMES.windows * 2;

/** Frames of a recording as features: square roots of event counts by polarity, saccade and cell of 2×2 pixels, scaled to
 *  length 1, so that a brighter display is no cue. */
export function frameFeatures({ tUs, x, y, polarity }: EventStream): Float32Array {
  const out = new Float32Array(FEATURES);
  for (let i = 0; i < tUs.length; i++) {
    const window = Math.min(FRAMES.windows - 1, Math.floor(tUs[i] / FRAMES.windowUs));
    const cell = Math.floor(y[i] / FRAMES.cell) * FRAMES.side + Math.floor(x[i] / FRAMES.cell);
    out[(polarity[i] * FRAMES.windows + window) * FRAMES.side ** 2 + cell]++;
  }
  let square = 0;
  for (let k = 0; k < FEATURES; k++) {
    square += out[k];
    out[k] = Math.sqrt(out[k]);
  }
  for (let k = 0; k < FEATURES; k++) out[k] /= Math.sqrt(square) || 1;
  return out;
}

/** Softmax regression: the simplest classifier that is worth the name, so that a score tells of the data.
 *  [classes, features + 1], the bias last. */
export interface Classifier {
  readonly weights: Float32Array;
  readonly classes: number;
  readonly features: number;
}

const TRAINING = { epochs: 12, updates: 30_000, rate: 4, decay: 2e-5 } as const;

/** Trains by stochastic gradient, one sample at a time, rate falling to 0; deterministic for a seed. At least 12 times
 *  over the samples, and at least 30,000 updates. */
export function trainClassifier(samples: readonly Float32Array[], labels: readonly number[], classes: number, seed: number): Classifier {
  const features = samples[0].length;
  const weights = new Float32Array(classes * (features + 1));
  const rng = new Rng(seed, STREAM.eventCamera, 0x5000_0000);
  const scores = new Float64Array(classes);
  const updates = Math.max(TRAINING.updates, samples.length * TRAINING.epochs);
  for (let n = 0; n < updates; n++) {
    const k = rng.below(samples.length);
    const rate = TRAINING.rate * (1 - n / updates);
    probabilities(weights, samples[k], scores);
    for (let c = 0; c < classes; c++) {
      const error = (c === labels[k] ? 1 : 0) - scores[c];
      const at = c * (features + 1);
      const keep = 1 - rate * TRAINING.decay;
      const step = rate * error;
      for (let f = 0; f < features; f++) weights[at + f] = keep * weights[at + f] + step * samples[k][f];
      weights[at + features] += 0.1 * step;
    }
  }
  return { weights, classes, features };
}

function probabilities(weights: Float32Array, sample: Float32Array, scores: Float64Array): void {
  const features = sample.length;
  let most = -Infinity;
  for (let c = 0; c < scores.length; c++) {
    const at = c * (features + 1);
    let sum = weights[at + features];
    for (let f = 0; f < features; f++) sum += weights[at + f] * sample[f];
    scores[c] = sum;
    most = Math.max(most, sum);
  }
  let total = 0;
  for (let c = 0; c < scores.length; c++) total += scores[c] = Math.exp(scores[c] - most);
  for (let c = 0; c < scores.length; c++) scores[c] /= total;
}

/** Share of samples that get their label. */
export function scoreClassifier({ weights, classes }: Classifier, samples: readonly Float32Array[], labels: readonly number[]): number {
  const scores = new Float64Array(classes);
  let right = 0;
  samples.forEach((sample, k) => {
    probabilities(weights, sample, scores);
    if (scores.indexOf(Math.max(...scores)) === labels[k]) right++;
  });
  return right / samples.length;
}
