import { drawAt, drawPrefix, STREAM } from "../../base/rng.js";

/** What one pixel of an event camera does with the light that falls on it. All times in µs.
 *
 *  1. *Photoreceptor*: logarithm of the intensity, then a first-order low-pass. Its time constant falls with the light:
 *     τ(I) = tauUs · (white / I), at most `tauMaxUs`. So a pixel follows darkening late and brightening later still.
 *  2. *Comparators*: an ON event where the level is `thresholdOn` above the level remembered at the last event, OFF where
 *     it is `thresholdOff` below. Both thresholds are the pixel's own (mismatch), and vary from event to event.
 *  3. *Reset*: after an event the pixel is deaf for `refractoryUs`; it then remembers the level it finds.
 *  4. *Readout*: an event is stamped up to `latencyUs` late, uniformly.
 *  5. *Background*: leak and shot noise as one Poisson process a pixel, nearly all ON; rates differ from pixel to pixel.
 *  Sources: Lichtsteiner, Posch, Delbruck 2008 (pixel); Posch, Matolin, Wohlgenannt 2011 (ATIS); Hu, Liu, Delbruck 2021
 *  (v2e: bandwidth by intensity, mismatch, leak and shot noise). */
export interface PixelModel {
  /** Change of log intensity that fires; mean over pixels. */
  readonly thresholdOn: number;
  readonly thresholdOff: number;
  /** Standard deviation of a pixel's thresholds, as a share of the mean. */
  readonly mismatch: number;
  /** Standard deviation of a threshold from event to event, as a share of it. */
  readonly thresholdNoise: number;
  readonly tauUs: number;
  readonly tauMaxUs: number;
  readonly refractoryUs: number;
  readonly latencyUs: number;
  /** Background events of a median pixel, 1/s. */
  readonly noiseHz: number;
  /** Standard deviation of the logarithm of that rate over pixels. */
  readonly noiseSpread: number;
  readonly noiseOnShare: number;
  /** Pixels with a rate of their own, as a real array has. */
  readonly hotPixels: readonly { readonly x: number; readonly y: number; readonly hz: number; readonly onShare: number }[];
}

/** Normal deviates by a table of the inverse distribution: 12 bits, so |z| ≤ 3.7; the mean of squares is within .2 % of 1. */
const NORMAL = Float32Array.from({ length: 4096 }, (_, k) => inverseNormal((k + 0.5) / 4096));

/** A normal deviate from 32 random bits. */
export const normalOf = (bits: number): number => NORMAL[bits >>> 20];

/** Inverse of the normal distribution by Newton steps on its series; p in (0, 1). */
function inverseNormal(p: number): number {
  let z = 0;
  for (let k = 0; k < 60; k++) {
    const step = (normalBelow(z) - p) / (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI));
    z -= Math.max(-0.5, Math.min(0.5, step));
  }
  return z;
}

/** Share of a normal distribution below z; series of Marsaglia 2004, exact to 1e-15 for |z| < 6. */
export function normalBelow(z: number): number {
  if (z < -8) return 0;
  if (z > 8) return 1;
  let [sum, term] = [z, z];
  for (let n = 3; Math.abs(term) > 1e-17; n += 2) {
    term *= (z * z) / n;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

/** An array of pixels with the fixed pattern that manufacture gave it: the same for every recording made with it. */
export interface Sensor {
  readonly width: number;
  readonly height: number;
  readonly model: PixelModel;
  /** [pixel] thresholds in log intensity. */
  readonly on: Float32Array;
  readonly off: Float32Array;
  /** [pixel] background events per µs, and the share of them that is ON. */
  readonly noisePerUs: Float64Array;
  readonly noiseOn: Float32Array;
}

/** Least threshold as a share of the mean: mismatch must not make a pixel fire without end. */
const LEAST_THRESHOLD = 0.2;

/** Draws an array. The seed is the camera's serial number, so to say: recordings of one set share it. */
export function createSensor(model: PixelModel, width: number, height: number, seed: number): Sensor {
  const count = width * height;
  const prefix = drawPrefix(seed, STREAM.eventCamera, 0);
  const draw = (pixel: number, k: number): number => normalOf(drawAt(prefix, 4 * pixel + k));
  const around = (mean: number, z: number): number => mean * Math.max(LEAST_THRESHOLD, 1 + model.mismatch * z);
  const sensor: Sensor = {
    width, height, model,
    on: Float32Array.from({ length: count }, (_, k) => around(model.thresholdOn, draw(k, 0))),
    off: Float32Array.from({ length: count }, (_, k) => around(model.thresholdOff, draw(k, 1))),
    noisePerUs: Float64Array.from({ length: count }, (_, k) => (model.noiseHz * Math.exp(model.noiseSpread * draw(k, 2))) / 1e6),
    noiseOn: new Float32Array(count).fill(model.noiseOnShare),
  };
  for (const { x, y, hz, onShare } of model.hotPixels) {
    if (x >= width || y >= height) continue;
    sensor.noisePerUs[y * width + x] = hz / 1e6;
    sensor.noiseOn[y * width + x] = onShare;
  }
  return sensor;
}
