import { userError } from "../../base/errors.js";
import { drawAt, drawPrefix, STREAM } from "../../base/rng.js";
import type { EventStream } from "../types.js";
import { EventSink } from "./event-sink.js";
import { type Display, type ImageMap, ImageMapper, SAMPLES_PER_PIXEL } from "./image-map.js";
import { PixelRecorder } from "./pixel-events.js";
import { createSensor, normalOf, type PixelModel, type Sensor } from "./pixel-model.js";

/** The recording procedure of N-MNIST: an ATIS on a pan-tilt head looks at a display that shows one MNIST image, 28×28
 *  sensor pixels large, and makes three saccades along a triangle in about 300 ms; a window of 34×34 pixels is kept.
 *  Source: Orchard, Jayawant, Cohen, Thakor 2015. The path, the polarity (dark digit on a bright display) and all
 *  constants of `NMNIST_MODEL` are fitted on real recordings, see README.md. */
export interface SaccadeModel {
  readonly pixel: PixelModel;
  readonly display: Display;
  /** Where the image's first pixel stands in the window at times k·pathStepUs, sensor pixels; cubic between. */
  readonly path: readonly (readonly [x: number, y: number])[];
  readonly pathStepUs: number;
  /** Standard deviations from recording to recording: of the start, µs, of the place, pixels, of the extent, share. */
  readonly startSpreadUs: number;
  readonly placeSpread: number;
  readonly extentSpread: number;
  /** Mean and standard deviation of a recording's length, µs. */
  readonly durationUs: number;
  readonly durationSpreadUs: number;
  /** Where a pixel starts between its thresholds: 0 at the level it sees, 1 anywhere. */
  readonly initialSpread: number;
}

/** Side of the sensor's window and of the image, pixels. */
export const WINDOW = 34;
export const IMAGE_SIZE = 28;
const STEP_US = 1000;
/** The path keeps the image's first pixel within −MARGIN … MARGIN. */
const MARGIN = 8;
/** Draws of a recording as a whole, beside those of its pixels. */
const WHOLE = 0xffffffff;
/** Least change of the log intensity that can matter: far below any threshold. */
const STILL = 0.005;

/** Records images one after another with one sensor. Holds its buffers: one a thread. */
export class SaccadeSimulator {
  private readonly sensor: Sensor;
  private readonly mapper: ImageMapper;
  private readonly sink = new EventSink();
  private readonly steps: number;
  private readonly levels: Float32Array;
  private readonly base: Int32Array;
  private readonly weights: Float32Array;
  private readonly xs: Float64Array;
  private readonly ys: Float64Array;

  /** @param seed  of the sensor's fixed pattern and of every recording */
  constructor(private readonly model: SaccadeModel, private readonly seed: number) {
    this.sensor = createSensor(model.pixel, WINDOW, WINDOW, seed);
    this.mapper = new ImageMapper(model.display, IMAGE_SIZE, MARGIN + 7);
    this.steps = Math.ceil((model.durationUs + 4 * model.durationSpreadUs) / STEP_US);
    this.levels = new Float32Array(this.steps + 1);
    this.base = new Int32Array(this.steps + 1);
    this.weights = new Float32Array(4 * (this.steps + 1));
    this.xs = new Float64Array(this.steps + 1);
    this.ys = new Float64Array(this.steps + 1);
  }

  /** One recording, sorted, times from 0.
   *  @param image  [28, 28] gray, 0 = background, 255 = ink (as MNIST stores it)
   *  @param recording  its number: the same seed, number and image give the same events
   *  @throws UserError E-CAM-001 where it is no such image */
  record(image: Uint8Array, recording: number): EventStream {
    if (image.length !== IMAGE_SIZE * IMAGE_SIZE) {
      throw userError({ code: "E-CAM-001", at: `image ${recording}`, found: `${image.length} pixels`, limit: "28×28 gray pixels" });
    }
    const { model, sink, sensor, seed, steps } = this;
    const prefix = drawAt(drawPrefix(seed, STREAM.eventCamera, recording + 1), WHOLE);
    const durationUs = Math.min(steps * STEP_US, Math.round(model.durationUs + model.durationSpreadUs * normalOf(drawAt(prefix, 0))));
    const last = Math.ceil(durationUs / STEP_US);
    const reach = this.aim(prefix, last);
    const map = this.mapper.map(image);
    const recorder = new PixelRecorder(sensor, STEP_US, durationUs, seed, recording, sink);
    sink.clear();
    const { box } = map;
    for (let y = 0; y < WINDOW; y++) {
      const inRows = y >= box.y0 + reach.y0 && y <= box.y1 + reach.y1;
      for (let x = 0; x < WINDOW; x++) {
        const sees = inRows && x >= box.x0 + reach.x0 && x <= box.x1 + reach.x1 && this.look(map, x, y, last);
        if (sees) recorder.record(y * WINDOW + x, this.levels, last, model.initialSpread);
        else recorder.recordDark(y * WINDOW + x);
      }
    }
    return sink.stream(WINDOW, WINDOW);
  }

  /** Path of this recording as places and weights in a map; returns how far the image moves. */
  private aim(prefix: number, last: number): { x0: number; y0: number; x1: number; y1: number } {
    const { model, xs, ys, base, weights } = this;
    const startUs = model.startSpreadUs * normalOf(drawAt(prefix, 1));
    const [placeX, placeY] = [2, 3].map((k) => model.placeSpread * normalOf(drawAt(prefix, k)));
    const extent = 1 + model.extentSpread * normalOf(drawAt(prefix, 4));
    const [homeX, homeY] = model.path[0];
    const side = (IMAGE_SIZE + 2 * (MARGIN + 7)) * SAMPLES_PER_PIXEL + 1;
    let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let k = 0; k <= last; k++) {
      const at = (k * STEP_US - startUs) / model.pathStepUs;
      const px = clampPlace(homeX + (along(model.path, 0, at) - homeX) * extent + placeX);
      const py = clampPlace(homeY + (along(model.path, 1, at) - homeY) * extent + placeY);
      xs[k] = px;
      ys[k] = py;
      if (px < x0) x0 = px;
      if (px > x1) x1 = px;
      if (py < y0) y0 = py;
      if (py > y1) y1 = py;
      const column = (MARGIN + 7 - px) * SAMPLES_PER_PIXEL;
      const row = (MARGIN + 7 - py) * SAMPLES_PER_PIXEL;
      const [c, r] = [Math.floor(column), Math.floor(row)];
      const [fx, fy] = [column - c, row - r];
      base[k] = r * side + c;
      weights[4 * k] = (1 - fx) * (1 - fy);
      weights[4 * k + 1] = fx * (1 - fy);
      weights[4 * k + 2] = (1 - fx) * fy;
      weights[4 * k + 3] = fx * fy;
    }
    return { x0, y0, x1, y1 };
  }

  /** Fills `levels` with what a pixel sees; false where that does not change. */
  private look(map: ImageMap, x: number, y: number, last: number): boolean {
    const { base, weights, levels } = this;
    const { level, columns } = map;
    const offset = (y * columns + x) * SAMPLES_PER_PIXEL;
    let [least, most] = [Infinity, -Infinity];
    for (let k = 0, w = 0; k <= last; k++, w += 4) {
      const at = base[k] + offset;
      const seen = weights[w] * level[at] + weights[w + 1] * level[at + 1] +
        weights[w + 2] * level[at + columns] + weights[w + 3] * level[at + columns + 1];
      levels[k] = seen;
      if (seen < least) least = seen;
      if (seen > most) most = seen;
    }
    return most - least > STILL;
  }
}

const clampPlace = (p: number): number => Math.max(-MARGIN, Math.min(MARGIN, p));

/** Catmull-Rom through the knots of one axis; constant beyond the ends. */
function along(path: SaccadeModel["path"], axis: 0 | 1, at: number): number {
  const end = path.length - 1;
  const k = Math.max(0, Math.min(end - 1, Math.floor(at)));
  const f = Math.max(0, Math.min(1, at - k));
  const [a, b, c, d] = [path[Math.max(0, k - 1)][axis], path[k][axis], path[k + 1][axis], path[Math.min(end, k + 2)][axis]];
  return b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)));
}
