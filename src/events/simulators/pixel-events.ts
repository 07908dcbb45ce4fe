import { drawAt, drawPrefix, STREAM } from "../../base/rng.js";
import type { EventSink } from "./event-sink.js";
import { normalOf, type Sensor } from "./pixel-model.js";

/** Levels below white (log intensity) for which the low-pass is tabulated, and how finely. */
const LEVELS = { depth: 8, perUnit: 64 } as const;

/** One recording with one sensor: turns what each pixel sees into events. Draws depend on (seed, recording, pixel) and
 *  the pixel's own events alone, so neither the order of pixels nor the number of threads matters. */
export class PixelRecorder {
  private readonly prefix: number;
  /** [level below white · perUnit] share of the way to the new level that a step goes. */
  private readonly follow: Float32Array;

  /** @param stepUs  time between the samples of `record`  @param recording  number of the recording in its set */
  constructor(
    readonly sensor: Sensor,
    readonly stepUs: number,
    readonly durationUs: number,
    seed: number,
    recording: number,
    private readonly sink: EventSink,
  ) {
    // Recordings count from 0 and the sensor's pattern is drawn at 0: + 1 keeps them apart.
    this.prefix = drawPrefix(seed, STREAM.eventCamera, recording + 1);
    this.follow = followTable(sensor, stepUs);
  }

  /** A pixel whose light does not change: background events alone. */
  recordDark(pixel: number): void {
    const rate = this.sensor.noisePerUs[pixel];
    if (rate <= 0) return;
    const prefix = drawAt(this.prefix, pixel);
    const share = this.sensor.noiseOn[pixel];
    const { refractoryUs } = this.sensor.model;
    let n = 0;
    let earliest = 0;
    for (let t = waiting(drawAt(prefix, n++), rate); t < this.durationUs; t += waiting(drawAt(prefix, n++), rate)) {
      if (t < earliest) continue;
      this.sink.add(t, pixel, drawAt(prefix, n++) < share * 2 ** 32 ? 1 : 0);
      earliest = t + refractoryUs;
    }
  }

  /** A pixel that sees `level`.
   *  @param level  [≥ last + 1] log intensity, 0 = white, as far as sample `last`
   *  @param initial  where the pixel starts between its thresholds: 0 at the level it sees, 1 anywhere between them
   *  @param times  µs of every sample where they are not k·stepUs; a step of another length than `stepUs` must be so long
   *    that the photoreceptor has settled at its end */
  record(pixel: number, level: Float32Array, last: number, initial = 1, times?: Float64Array): void {
    const { sensor, stepUs, sink, follow, durationUs } = this;
    const { refractoryUs, latencyUs, thresholdNoise } = sensor.model;
    const prefix = drawAt(this.prefix, pixel);
    const rate = sensor.noisePerUs[pixel];
    const [meanOn, meanOff] = [sensor.on[pixel], sensor.off[pixel]];
    const noiseOn = sensor.noiseOn[pixel] * 2 ** 32;
    let n = 0;
    let noiseUs = rate > 0 ? waiting(drawAt(prefix, n++), rate) : Infinity;
    let v = level[0];
    const place = drawAt(prefix, n++) / 2 ** 32;
    let on = meanOn * varied(thresholdNoise, drawAt(prefix, n++));
    let off = meanOff * varied(thresholdNoise, drawAt(prefix, n++));
    let ref = v + initial * (place * (on + off) - on);
    let deafUntil = -1;
    for (let k = 1; k <= last; k++) {
      const from = times ? times[k - 1] : (k - 1) * stepUs;
      const to = times ? times[k] : from + stepUs;
      const target = level[k];
      const settles = times !== undefined && to - from !== stepUs;
      const next = settles ? target
        : v + (target - v) * follow[target > -LEVELS.depth ? (-target * LEVELS.perUnit) | 0 : LEVELS.depth * LEVELS.perUnit - 1];
      const slope = (next - v) / (to - from);
      let t = from;
      for (;;) {
        if (deafUntil >= 0) {
          if (deafUntil >= to) break;
          if (deafUntil > t) t = deafUntil;
          ref = v + slope * (t - from);
          deafUntil = -1;
        }
        let isOn = 0;
        let crossing: number;
        if (next - ref >= on) {
          isOn = 1;
          crossing = slope > 0 ? from + (ref + on - v) / slope : t;
        } else if (ref - next >= off) crossing = slope < 0 ? from + (ref - off - v) / slope : t;
        else crossing = Infinity;
        if (crossing < t) crossing = t;
        while (noiseUs < t) noiseUs += waiting(drawAt(prefix, n++), rate);
        if (noiseUs < crossing && noiseUs < to) {
          crossing = noiseUs;
          isOn = drawAt(prefix, n++) < noiseOn ? 1 : 0;
        }
        if (crossing >= to) break;
        const stamp = crossing + (latencyUs * drawAt(prefix, n++)) / 2 ** 32;
        if (stamp < durationUs) sink.add(stamp, pixel, isOn);
        deafUntil = stamp + refractoryUs;
        on = meanOn * varied(thresholdNoise, drawAt(prefix, n++));
        off = meanOff * varied(thresholdNoise, drawAt(prefix, n++));
      }
      v = next;
    }
  }
}

/** Waiting time of a Poisson process from 32 random bits. */
const waiting = (bits: number, rate: number): number => -Math.log((bits + 1) / (2 ** 32 + 1)) / rate;

/** A threshold of one event, as a share of the pixel's own; never so small that it fires without end. */
const varied = (noise: number, bits: number): number => Math.max(0.1, 1 + noise * normalOf(bits));

function followTable(sensor: Sensor, stepUs: number): Float32Array {
  const { tauUs, tauMaxUs } = sensor.model;
  return Float32Array.from({ length: LEVELS.depth * LEVELS.perUnit + 1 }, (_, k) => {
    const tau = Math.min(tauMaxUs, tauUs * Math.exp((k + 0.5) / LEVELS.perUnit));
    return tau > 0 ? -Math.expm1(-stepUs / tau) : 1;
  });
}
