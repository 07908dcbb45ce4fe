import { userError } from "../../base/errors.js";
import { Rng, STREAM } from "../../base/rng.js";
import type { EventStream } from "../types.js";
import { EventSink } from "./event-sink.js";
import { distanceToShape, HAND_LETTERS, handShape } from "./hand-shapes.js";
import { PixelRecorder } from "./pixel-events.js";
import { createSensor, normalBelow, type PixelModel, type Sensor } from "./pixel-model.js";

/** Recordings of ASL-DVS's kind: a DAVIS240C looks at a hand that shows a letter and moves a little, for about 100 ms.
 *  Source of the kind: Bi, Chadha, Abbas, Bourtsoulatze, Andreopoulos 2019 (24 letters, five people, 240×180, office
 *  light). Shapes are procedural (`hand-shapes.ts`); no real recording was to be had, so nothing is fitted to one. */
export interface HandModel {
  readonly pixel: PixelModel;
  /** Luminance of the darker side (hand or background) as a share of the brighter. */
  readonly contrast: number;
  /** Share of recordings in which the hand is the brighter one. */
  readonly brightHandShare: number;
  readonly blur: number;
  /** Palm width, sensor pixels, and its spread from recording to recording. */
  readonly palmPixels: number;
  readonly palmSpread: number;
  readonly durationUs: number;
  /** Amplitude and rate of the hand's sway: pixels, degrees, 1/s. */
  readonly swayPixels: number;
  readonly swayDegrees: number;
  readonly swayHz: number;
  /** Whole hand turned from recording to recording, degrees. */
  readonly tiltDegrees: number;
  /** Place of the palm from recording to recording, pixels. */
  readonly placePixels: number;
  readonly persons: number;
}

/** DAVIS240C: thresholds and mismatch as `DAVIS346_STROKES`; motion as of a hand held out and shaken lightly. */
export const DAVIS240_HANDS: HandModel = {
  pixel: {
    thresholdOn: 0.25, thresholdOff: 0.25, mismatch: 0.05, thresholdNoise: 0.05, tauUs: 1000, tauMaxUs: 20_000, refractoryUs: 1000, latencyUs: 300,
    noiseHz: 0.3, noiseSpread: 0.8, noiseOnShare: 0.8, hotPixels: [],
  },
  contrast: 0.35, brightHandShare: 0.7, blur: 0.9, palmPixels: 44, palmSpread: 0.1, durationUs: 100_000,
  swayPixels: 8, swayDegrees: 5, swayHz: 3, tiltDegrees: 7, placePixels: 7, persons: 5,
};

/** The sensor. */
export const DAVIS240 = { width: 240, height: 180 } as const;

const STEP_US = 1000;
/** Samples of the distance map a pixel of the sensor: distances change evenly, but along the shape's middle. */
const PER_PIXEL = 0.5;
/** Draws of a recording and of a person. */
const ITEM = { recording: 0x2000_0000, person: 0x3000_0000 } as const;

/** Records hands one after another with one sensor. Holds its buffers: one a thread. */
export class HandSimulator {
  private readonly sensor: Sensor;
  private readonly sink = new EventSink();
  private readonly steps: number;
  private readonly levels: Float32Array;
  private readonly motion: Float64Array;
  private readonly light = new Float32Array(2 * EDGE.zero + 1);
  /** Longest way that an edge makes from where it is at first. */
  private wayPixels = 0;

  constructor(private readonly model: HandModel, private readonly seed: number) {
    this.sensor = createSensor(model.pixel, DAVIS240.width, DAVIS240.height, seed);
    this.steps = Math.ceil(model.durationUs / STEP_US);
    this.levels = new Float32Array(this.steps + 1);
    this.motion = new Float64Array(4 * (this.steps + 1));
  }

  /** One recording of a letter, sorted, times from 0.
   *  @param recording  its number: decides the person (number mod persons), pose and motion
   *  @throws UserError E-CAM-005 where there is no such letter */
  record(letter: string, recording: number): EventStream {
    if (!HAND_LETTERS.includes(letter)) {
      throw userError({ code: "E-CAM-005", at: "--classes", found: `"${letter}"`, limit: HAND_LETTERS.join(", ") });
    }
    const { model, seed, sensor, sink, steps } = this;
    const { width, height } = DAVIS240;
    const rng = new Rng(seed, STREAM.eventCamera, ITEM.recording + recording);
    const person = new Rng(seed, STREAM.eventCamera, ITEM.person + (recording % model.persons));
    const five = (r: Rng, mean: number, spread: number): number[] => Array.from({ length: 5 }, () => mean + spread * r.normal());
    const shape = handShape(letter, {
      lengths: five(person, 1, 0.06), width: 1 + 0.07 * person.normal(), leans: five(rng, 0, 3), outs: five(rng, 0, 0.03),
    });
    const palm = model.palmPixels * (1 + model.palmSpread * rng.normal());
    const isBright = rng.uniform() < model.brightHandShare;
    const far = this.move(rng);
    const field = distanceField(shape, palm, far);
    this.lightOf(isBright);
    const recorder = new PixelRecorder(sensor, STEP_US, model.durationUs, seed, recording, sink);
    sink.clear();
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (this.look(field, x, y)) recorder.record(y * width + x, this.levels, steps);
        else recorder.recordDark(y * width + x);
      }
    }
    return sink.stream(width, height);
  }

  /** Fills `motion` with sine, cosine and place of the hand at every step; returns how far from the palm's center the
   *  sensor's pixels can be. */
  private move(rng: Rng): number {
    const { model, motion, steps } = this;
    const tilt = model.tiltDegrees * rng.normal();
    const [homeX, homeY] = [DAVIS240.width / 2 + model.placePixels * rng.normal(), 0.6 * DAVIS240.height + model.placePixels * rng.normal()];
    const sway = Array.from({ length: 3 }, () => ({
      amplitude: Math.exp(0.4 * rng.normal()), hz: model.swayHz * Math.exp(0.3 * rng.normal()), phase: 2 * Math.PI * rng.uniform(),
    }));
    const swung = (k: number, tMs: number): number => sway[k].amplitude * Math.sin((2 * Math.PI * sway[k].hz * tMs) / 1000 + sway[k].phase);
    for (let k = 0; k <= steps; k++) {
      const tMs = (k * STEP_US) / 1000;
      const angle = ((tilt + model.swayDegrees * swung(2, tMs)) * Math.PI) / 180;
      motion[4 * k] = Math.sin(angle);
      motion[4 * k + 1] = Math.cos(angle);
      motion[4 * k + 2] = homeX + model.swayPixels * swung(0, tMs);
      motion[4 * k + 3] = homeY + model.swayPixels * swung(1, tMs);
    }
    let far = 0;
    this.wayPixels = 0;
    for (let k = 0; k <= steps; k++) {
      const [x, y] = [motion[4 * k + 2], motion[4 * k + 3]];
      const turned = Math.abs(Math.atan2(motion[4 * k], motion[4 * k + 1]) - Math.atan2(motion[0], motion[1]));
      const longest = Math.hypot(DAVIS240.width, DAVIS240.height);
      this.wayPixels = Math.max(this.wayPixels, Math.hypot(x - motion[2], y - motion[3]) + turned * longest);
      far = Math.max(far, Math.hypot(Math.max(x, DAVIS240.width - x), Math.max(y, DAVIS240.height - y)));
    }
    return far;
  }

  /** Fills `light`: what a pixel sees at z blurs from the hand's edge. */
  private lightOf(isBright: boolean): void {
    const { contrast } = this.model;
    for (let k = 0; k < this.light.length; k++) {
      const inside = normalBelow((k - EDGE.zero) / EDGE.perBlur);
      this.light[k] = Math.log(contrast + (1 - contrast) * (isBright ? inside : 1 - inside));
    }
  }

  /** Fills `levels` with what a pixel sees; false where the hand's edge never comes near it. */
  private look(field: DistanceField, x: number, y: number): boolean {
    const { levels, steps, light } = this;
    const { blur } = this.model;
    const reach = EDGE.reach * blur;
    let near = false;
    for (let k = 0; k <= steps && !near; k += COARSE) {
      const distance = Math.abs(this.distance(field, x, y, k));
      // Far from every edge at the start: no step can bring one here.
      if (k === 0 && distance > reach + this.wayPixels) return false;
      near = distance < reach + SLACK;
    }
    if (!near) return false;
    const scale = EDGE.perBlur / blur;
    for (let k = 0; k <= steps; k++) {
      const z = EDGE.zero - this.distance(field, x, y, k) * scale;
      levels[k] = light[z <= 0 ? 0 : z >= 2 * EDGE.zero ? 2 * EDGE.zero : Math.round(z)];
    }
    return true;
  }

  private distance(field: DistanceField, x: number, y: number, k: number): number {
    const { motion } = this;
    const s = motion[4 * k];
    const c = motion[4 * k + 1];
    const dx = x - motion[4 * k + 2];
    const dy = y - motion[4 * k + 3];
    const u = (c * dx + s * dy) * PER_PIXEL + field.middle;
    const v = (c * dy - s * dx) * PER_PIXEL + field.middle;
    const i = Math.floor(u);
    const j = Math.floor(v);
    const f = u - i;
    const g = v - j;
    const at = j * field.side + i;
    const d = field.distance;
    return (1 - g) * ((1 - f) * d[at] + f * d[at + 1]) + g * ((1 - f) * d[at + field.side] + f * d[at + field.side + 1]);
  }
}

/** Table of a blurred edge: samples a blur, the edge's own place, and how far it reaches, in blurs. */
const EDGE = { perBlur: 128, zero: 512, reach: 4 } as const;
/** Steps between coarse looks, and how many pixels an edge moves in between at the most. */
const COARSE = 10;
const SLACK = 6;

interface DistanceField {
  /** [side, side] signed distance to the hand in sensor pixels, the palm's center in the middle. */
  readonly distance: Float32Array;
  readonly side: number;
  readonly middle: number;
}

function distanceField(shape: ReturnType<typeof handShape>, palm: number, far: number): DistanceField {
  const middle = Math.ceil(far * PER_PIXEL) + 2;
  const side = 2 * middle + 1;
  const distance = new Float32Array(side * side);
  for (let j = 0; j < side; j++) {
    for (let i = 0; i < side; i++) {
      distance[j * side + i] = palm * distanceToShape(shape, (i - middle) / PER_PIXEL / palm, (j - middle) / PER_PIXEL / palm);
    }
  }
  return { distance, side, middle };
}
