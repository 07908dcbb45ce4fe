import type { EventStream } from "../types.js";
import { EventSink } from "./event-sink.js";
import { PixelRecorder } from "./pixel-events.js";
import { createSensor, normalBelow, type PixelModel, type Sensor } from "./pixel-model.js";
import { type Drawing, withoutLongPauses } from "./stroke-drawing.js";

/** The recording procedure of N-Omniglot: the pen strokes of a character are shown as a video on a display, and a DAVIS346
 *  looks at it. A frame shows what was drawn so far, dark ink on white paper; the display holds it until the next frame.
 *  Sources: Li, Dong, Zhao, Zeng 2022 (procedure); the crop of BrainCog's loader, 250×250 from (54, 4), which is where
 *  the page lies here. No real recording of N-Omniglot was to be had: nothing here is fitted to one. */
export interface StrokeModel {
  readonly pixel: PixelModel;
  readonly framesPerSecond: number;
  /** Luminance of ink as a share of the paper's. */
  readonly black: number;
  /** Half the pen's width and the standard deviation of optical blur, sensor pixels. */
  readonly inkRadius: number;
  readonly blur: number;
  /** Where the page's upper left corner stands, and how many sensor pixels one of its 105 is. */
  readonly left: number;
  readonly top: number;
  readonly scale: number;
  /** Recorded before the first and after the last point, ms. */
  readonly leadMs: number;
  readonly tailMs: number;
}

/** DAVIS346 pixels: nominal contrast threshold .2 with 3.5 % mismatch is the DAVIS family's data sheet (Brandli 2014);
 *  bandwidth, refractory time and background as v2e gives for indoor light. Ink as wide as in Omniglot's images. */
export const DAVIS346_STROKES: StrokeModel = {
  pixel: {
    thresholdOn: 0.25, thresholdOff: 0.25, mismatch: 0.05, thresholdNoise: 0.05, tauUs: 800, tauMaxUs: 15_000, refractoryUs: 1000, latencyUs: 300,
    noiseHz: 0.04, noiseSpread: 0.8, noiseOnShare: 0.9, hotPixels: [],
  },
  framesPerSecond: 60, black: 0.15, inkRadius: 3, blur: 0.8, left: 54, top: 4, scale: 250 / 105, leadMs: 100, tailMs: 100,
};

/** The sensor. */
export const DAVIS346 = { width: 346, height: 260 } as const;

const STEP_US = 1000;
/** Least change of ink cover that a frame redraws. */
const COVER_STEP = 0.02;
/** A pixel has settled so many time constants after a change. */
const SETTLED = 6;

/** Records drawings one after another with one sensor. Holds its buffers: one a thread. */
export class StrokeSimulator {
  private readonly sensor: Sensor;
  private readonly sink = new EventSink();
  private readonly cover: Float32Array;
  /** [pixel] its last entry in the list of changes, or −1. */
  private readonly lastChange: Int32Array;
  private changes = { frame: new Int32Array(1 << 16), level: new Float32Array(1 << 16), before: new Int32Array(1 << 16), count: 0 };
  private readonly touched: number[] = [];
  private levels = new Float32Array(1024);
  private times = new Float64Array(1024);

  constructor(private readonly model: StrokeModel, private readonly seed: number) {
    const { width, height } = DAVIS346;
    this.sensor = createSensor(model.pixel, width, height, seed);
    this.cover = new Float32Array(width * height);
    this.lastChange = new Int32Array(width * height).fill(-1);
  }

  /** One recording, sorted, times from 0: the page is white, then the character is drawn. */
  record(drawing: Drawing, recording: number): EventStream {
    const { model, sensor, sink, seed } = this;
    const { width, height } = DAVIS346;
    const { strokes } = withoutLongPauses(drawing);
    const endMs = strokes[strokes.length - 1].at(-1)?.tMs ?? 0;
    const durationUs = Math.ceil((model.leadMs + endMs + model.tailMs) * 1000);
    this.draw(strokes);
    const recorder = new PixelRecorder(sensor, STEP_US, durationUs, seed, recording, sink);
    sink.clear();
    for (let pixel = 0; pixel < width * height; pixel++) {
      if (this.lastChange[pixel] < 0) recorder.recordDark(pixel);
      else recorder.record(pixel, this.levels, this.unroll(pixel, durationUs), 1, this.times);
    }
    for (const pixel of this.touched) {
      this.cover[pixel] = 0;
      this.lastChange[pixel] = -1;
    }
    this.touched.length = 0;
    this.changes.count = 0;
    return sink.stream(width, height);
  }

  /** Lays the strokes down frame by frame: each frame shows the segments whose points had been reached. */
  private draw(strokes: Drawing["strokes"]): void {
    const { leadMs, framesPerSecond, left, top, scale } = this.model;
    const frameOf = (tMs: number): number => Math.ceil(((leadMs + tMs) * framesPerSecond) / 1000);
    for (const stroke of strokes) {
      let before = stroke[0];
      for (const point of stroke) {
        // A long segment appears piece by piece, as the pen goes.
        const [first, last] = [frameOf(before.tMs), frameOf(point.tMs)];
        const pieces = Math.max(1, last - first);
        for (let k = 0; k < pieces; k++) {
          const [f, g] = [k / pieces, (k + 1) / pieces];
          const at = (h: number): [number, number] => [
            left + scale * (before.x + h * (point.x - before.x) + 0.5) - 0.5, top + scale * (before.y + h * (point.y - before.y) + 0.5) - 0.5,
          ];
          this.segment(at(f), at(g), pieces === 1 ? last : first + k + 1);
        }
        before = point;
      }
    }
  }

  /** Inks the pixels near a segment of the pen's way. */
  private segment([ax, ay]: readonly [number, number], [bx, by]: readonly [number, number], frame: number): void {
    const { width, height } = DAVIS346;
    const { inkRadius, blur, black } = this.model;
    const reach = inkRadius + 3 * blur;
    const [dx, dy] = [bx - ax, by - ay];
    const square = dx * dx + dy * dy;
    const [x0, x1] = [Math.max(0, Math.ceil(Math.min(ax, bx) - reach)), Math.min(width - 1, Math.floor(Math.max(ax, bx) + reach))];
    const [y0, y1] = [Math.max(0, Math.ceil(Math.min(ay, by) - reach)), Math.min(height - 1, Math.floor(Math.max(ay, by) + reach))];
    for (let y = y0; y <= y1; y++) {
      for (let x = x0; x <= x1; x++) {
        const along = square > 0 ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / square)) : 0;
        const ex = x - ax - along * dx;
        const ey = y - ay - along * dy;
        const distance = Math.sqrt(ex * ex + ey * ey);
        if (distance > reach) continue;
        const pixel = y * width + x;
        const cover = edge((inkRadius - distance) / blur);
        if (cover < this.cover[pixel] + COVER_STEP) continue;
        this.cover[pixel] = cover;
        this.change(pixel, frame, Math.log(1 - (1 - black) * cover));
      }
    }
  }

  private change(pixel: number, frame: number, level: number): void {
    const { changes, lastChange } = this;
    const last = lastChange[pixel];
    if (last < 0) this.touched.push(pixel);
    else if (changes.frame[last] === frame) {
      changes.level[last] = level;
      return;
    }
    if (changes.count === changes.frame.length) {
      const grown = { frame: new Int32Array(2 * changes.count), level: new Float32Array(2 * changes.count), before: new Int32Array(2 * changes.count), count: changes.count };
      grown.frame.set(changes.frame);
      grown.level.set(changes.level);
      grown.before.set(changes.before);
      this.changes = grown;
    }
    const { frame: frames, level: levels, before } = this.changes;
    const at = this.changes.count++;
    frames[at] = frame;
    levels[at] = level;
    before[at] = last;
    lastChange[pixel] = at;
  }

  /** Fills `levels` and `times` with a pixel's changes: fine steps while it settles, one long step while nothing happens.
   *  @returns index of the last sample */
  private unroll(pixel: number, durationUs: number): number {
    const { changes, model } = this;
    const order: number[] = [];
    for (let at = this.lastChange[pixel]; at >= 0; at = changes.before[at]) order.push(at);
    let n = 0;
    this.put(n++, 0, 0);
    for (let k = order.length - 1; k >= 0; k--) {
      const from = Math.round((changes.frame[order[k]] * 1e6) / model.framesPerSecond);
      const until = k > 0 ? Math.round((changes.frame[order[k - 1]] * 1e6) / model.framesPerSecond) : durationUs;
      const level = changes.level[order[k]];
      if (from >= durationUs) break;
      const settledUs = SETTLED * Math.min(model.pixel.tauMaxUs, model.pixel.tauUs * Math.exp(-level));
      if (n === 1 && from > 0) this.put(n++, from, 0);
      // The change before may have ended within a step, at most a step late.
      let t = Math.max(from, this.times[n - 1]);
      while (t < until && t < from + settledUs) this.put(n++, (t += STEP_US), level);
      if (t + 1 >= until) continue;
      // What is left after so many time constants comes at once, lest it be spread over the quiet time.
      this.put(n++, t + 1, level);
      this.put(n++, until, level);
    }
    return n - 1;
  }

  private put(n: number, tUs: number, level: number): void {
    if (n === this.levels.length) {
      const [levels, times] = [new Float32Array(2 * n), new Float64Array(2 * n)];
      levels.set(this.levels);
      times.set(this.times);
      [this.levels, this.times] = [levels, times];
    }
    this.levels[n] = level;
    this.times[n] = tUs;
  }
}

const EDGE = Float32Array.from({ length: 1025 }, (_, k) => normalBelow((k - 512) / 128));

/** Share of a blurred edge's light at z standard deviations inside. */
const edge = (z: number): number => (z >= 4 ? 1 : z <= -4 ? 0 : EDGE[Math.round(z * 128) + 512]);
