import type { EventStream } from "../../types.js";
import type { PixelModel } from "../pixel-model.js";

/** Pixels this near the border see no ink in nearly all recordings. */
const BORDER = 2;
/** A pixel with so many times the median's events is hot. */
const HOT = 40;

/** Background of a camera from the pixels near the border of its window: rate, spread over pixels, ON share; and pixels
 *  anywhere in the outer quarter that fire far more than those around them. */
export function fitBackground(streams: readonly EventStream[]): Pick<PixelModel, "noiseHz" | "noiseSpread" | "noiseOnShare" | "hotPixels"> {
  const { width, height } = streams[0];
  const [events, ons] = [new Float64Array(width * height), new Float64Array(width * height)];
  let seconds = 0;
  for (const { tUs, x, y, polarity } of streams) {
    for (let i = 0; i < tUs.length; i++) {
      const pixel = y[i] * width + x[i];
      events[pixel]++;
      ons[pixel] += polarity[i];
    }
    seconds += tUs[tUs.length - 1] / 1e6;
  }
  const border: number[] = [];
  for (let k = 0; k < width * height; k++) {
    const [x, y] = [k % width, Math.floor(k / width)];
    // The left and the upper edge: in N-MNIST the image comes nearest to the right and the lower one.
    if (x < BORDER || y < BORDER) border.push(k);
  }
  const rates = border.map((k) => events[k]).sort((a, b) => a - b);
  const median = rates[rates.length >> 1];
  const quiet = border.filter((k) => events[k] > 0 && events[k] < HOT * median);
  const logs = quiet.map((k) => Math.log(events[k]));
  const mean = logs.reduce((s, v) => s + v, 0) / logs.length;
  const variance = logs.reduce((s, v) => s + (v - mean) ** 2, 0) / logs.length;
  const counted = quiet.reduce((s, k) => s + events[k], 0);
  // A counted rate has a Poisson error of its own, of 1/count in the logarithm's variance.
  const spread = Math.sqrt(Math.max(0, variance - quiet.reduce((s, k) => s + 1 / events[k], 0) / quiet.length));
  return {
    noiseHz: Math.exp(mean) / seconds, noiseSpread: spread, noiseOnShare: quiet.reduce((s, k) => s + ons[k], 0) / counted,
    hotPixels: hotPixels(events, ons, width, height, seconds),
  };
}

function hotPixels(events: Float64Array, ons: Float64Array, width: number, height: number, seconds: number): PixelModel["hotPixels"] {
  const found = [];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const k = y * width + x;
      const around = [k - 1, k + 1, k - width, k + width].map((n) => events[n]).sort((a, b) => a - b)[2];
      if (events[k] < 5 * (around + 1)) continue;
      found.push({ x, y, hz: (events[k] - around) / seconds, onShare: ons[k] / events[k] });
    }
  }
  return found;
}
