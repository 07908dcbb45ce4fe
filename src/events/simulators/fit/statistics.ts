import type { EventStream } from "../../types.js";

/** Bins of the histograms: 100 µs up to 320 ms for intervals, 5 ms for rates. */
export const BINS = { intervalUs: 100, intervals: 3200, rateUs: 5000, rates: 64, pixelCounts: 200 } as const;

/** What a set of recordings looks like, without regard to what they show. */
export interface SetStatistics {
  readonly recordings: number;
  /** [recording] events. */
  readonly counts: Float64Array;
  /** [recording] share of ON events. */
  readonly onShares: Float64Array;
  readonly events: number;
  readonly onShare: number;
  /** [events of a pixel in a recording] how many pixels; the last bin holds all beyond. */
  readonly pixelCounts: Float64Array;
  /** [interval / 100 µs] intervals between successive events of one pixel, of equal and of opposite polarity. */
  readonly sameIntervals: Float64Array;
  readonly otherIntervals: Float64Array;
  /** [µs, capped at 999] intervals between successive events of a recording. */
  readonly streamIntervals: Float64Array;
  /** [2, time / 5 ms] events by polarity. */
  readonly rates: Float64Array;
}

/** Collects the statistics of recordings of one sensor size. */
export function statisticsOf(streams: readonly EventStream[]): SetStatistics {
  const n = streams.length;
  const [counts, onShares] = [new Float64Array(n), new Float64Array(n)];
  const pixelCounts = new Float64Array(BINS.pixelCounts);
  const [sameIntervals, otherIntervals] = [new Float64Array(BINS.intervals), new Float64Array(BINS.intervals)];
  const streamIntervals = new Float64Array(1000);
  const rates = new Float64Array(2 * BINS.rates);
  let [events, ons] = [0, 0];
  streams.forEach(({ tUs, x, y, polarity, width, height }, k) => {
    const lastUs = new Float64Array(width * height).fill(-1);
    const lastOn = new Uint8Array(width * height);
    const perPixel = new Uint32Array(width * height);
    let on = 0;
    for (let i = 0; i < tUs.length; i++) {
      const pixel = y[i] * width + x[i];
      if (lastUs[pixel] >= 0) {
        const bin = Math.min(BINS.intervals - 1, Math.floor((tUs[i] - lastUs[pixel]) / BINS.intervalUs));
        (lastOn[pixel] === polarity[i] ? sameIntervals : otherIntervals)[bin]++;
      }
      if (i > 0) streamIntervals[Math.min(999, tUs[i] - tUs[i - 1])]++;
      lastUs[pixel] = tUs[i];
      lastOn[pixel] = polarity[i];
      perPixel[pixel]++;
      on += polarity[i];
      rates[polarity[i] * BINS.rates + Math.min(BINS.rates - 1, Math.floor(tUs[i] / BINS.rateUs))]++;
    }
    for (const count of perPixel) pixelCounts[Math.min(BINS.pixelCounts - 1, count)]++;
    counts[k] = tUs.length;
    onShares[k] = tUs.length > 0 ? on / tUs.length : 0;
    events += tUs.length;
    ons += on;
  });
  return {
    recordings: n, counts, onShares, events, onShare: events > 0 ? ons / events : 0,
    pixelCounts, sameIntervals, otherIntervals, streamIntervals, rates,
  };
}

/** Kolmogorov–Smirnov distance of two histograms over the same bins: the largest difference of their distribution
 *  functions at the bins' ends, 0…1. */
export function ksOfHistograms(a: Float64Array, b: Float64Array): number {
  const [sumA, sumB] = [a, b].map((h) => h.reduce((s, v) => s + v, 0));
  let [most, atA, atB] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    atA += a[k] / sumA;
    atB += b[k] / sumB;
    most = Math.max(most, Math.abs(atA - atB));
  }
  return most;
}

/** The same distance of two samples. */
export function ksOfSamples(a: Float64Array, b: Float64Array): number {
  const [sortedA, sortedB] = [a.slice().sort(), b.slice().sort()];
  let [i, j, most] = [0, 0, 0];
  while (i < sortedA.length && j < sortedB.length) {
    const value = Math.min(sortedA[i], sortedB[j]);
    while (i < sortedA.length && sortedA[i] <= value) i++;
    while (j < sortedB.length && sortedB[j] <= value) j++;
    most = Math.max(most, Math.abs(i / sortedA.length - j / sortedB.length));
  }
  return most;
}

/** How far two sets of recordings of the same images are from each other. */
export interface Distances {
  /** Mean events of a recording, second set over first. */
  readonly countRatio: number;
  /** Correlation of the recordings' counts, pair by pair, and the mean of |difference| over the first's mean. */
  readonly countCorrelation: number;
  readonly countError: number;
  readonly onShareDifference: number;
  /** KS distances: events of a recording; events of a pixel that has any; intervals at a pixel, by whether the polarity
   *  stays; intervals within the stream. */
  readonly counts: number;
  readonly pixelCounts: number;
  readonly sameIntervals: number;
  readonly otherIntervals: number;
  readonly streamIntervals: number;
  /** Half the L1 distance of the rates by time and polarity, both normalized to 1: 0…1. */
  readonly rates: number;
  /** Share of intervals at a pixel after which the polarity stays, second minus first. */
  readonly persistenceDifference: number;
}

/** Compares two sets, `b` with `a`; recording k of both shows the same image. */
export function distancesOf(a: SetStatistics, b: SetStatistics): Distances {
  const mean = (v: Float64Array): number => v.reduce((s, x) => s + x, 0) / v.length;
  const sum = (v: Float64Array): number => v.reduce((s, x) => s + x, 0);
  const withEvents = (h: Float64Array): Float64Array => h.slice(1);
  const persistence = (s: SetStatistics): number => sum(s.sameIntervals) / (sum(s.sameIntervals) + sum(s.otherIntervals));
  let apart = 0;
  for (let k = 0; k < a.counts.length; k++) apart += Math.abs(a.counts[k] - b.counts[k]);
  let rates = 0;
  for (let k = 0; k < a.rates.length; k++) rates += Math.abs(a.rates[k] / a.events - b.rates[k] / b.events) / 2;
  return {
    countRatio: mean(b.counts) / mean(a.counts), countCorrelation: correlation(a.counts, b.counts), countError: apart / sum(a.counts),
    onShareDifference: b.onShare - a.onShare, counts: ksOfSamples(a.counts, b.counts),
    pixelCounts: ksOfHistograms(withEvents(a.pixelCounts), withEvents(b.pixelCounts)),
    sameIntervals: ksOfHistograms(a.sameIntervals, b.sameIntervals), otherIntervals: ksOfHistograms(a.otherIntervals, b.otherIntervals),
    streamIntervals: ksOfHistograms(a.streamIntervals, b.streamIntervals), rates, persistenceDifference: persistence(b) - persistence(a),
  };
}

function correlation(a: Float64Array, b: Float64Array): number {
  const [meanA, meanB] = [a, b].map((v) => v.reduce((s, x) => s + x, 0) / v.length);
  let [ab, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    ab += (a[k] - meanA) * (b[k] - meanB);
    aa += (a[k] - meanA) ** 2;
    bb += (b[k] - meanB) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Events by polarity, time and place of paired recordings: [recording, polarity, bin, y, x], counts. */
export function countCubes(streams: readonly EventStream[], binUs: number, bins: number): Float32Array {
  const { width, height } = streams[0];
  const size = width * height;
  const cubes = new Float32Array(streams.length * 2 * bins * size);
  streams.forEach(({ tUs, x, y, polarity }, k) => {
    for (let i = 0; i < tUs.length; i++) {
      const bin = Math.min(bins - 1, Math.floor(tUs[i] / binUs));
      cubes[((k * 2 + polarity[i]) * bins + bin) * size + y[i] * width + x[i]]++;
    }
  });
  return cubes;
}

/** Squared difference of two arrays over the sum of squares of the first: 0 for equal ones, 1 where the second is 0. */
export function relativeSquares(a: Float32Array, b: Float32Array): number {
  let [apart, whole] = [0, 0];
  for (let k = 0; k < a.length; k++) {
    apart += (a[k] - b[k]) ** 2;
    whole += a[k] * a[k];
  }
  return apart / whole;
}
