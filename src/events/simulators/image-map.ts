import { normalBelow } from "./pixel-model.js";

/** Samples of a map along one pixel. With a blur of half a pixel, linear interpolation between samples a quarter pixel
 *  apart is within .02 of the log intensity. */
export const SAMPLES_PER_PIXEL = 4;

/** Log intensity of a displayed picture as the sensor's optics show it, at four samples a pixel and for every position
 *  of the center of a sensor pixel. White is 0. */
export interface ImageMap {
  /** [rows, columns] */
  readonly level: Float32Array;
  readonly columns: number;
  readonly rows: number;
  /** Box of picture pixels that differ from the background, the blur's reach included; empty where x1 < x0. */
  readonly box: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number };
}

/** How a display shows gray values. */
export interface Display {
  /** Luminance of the darkest pixel as a share of white's: what the backlight and the room leave. */
  readonly black: number;
  /** Exponent from gray value to ink. */
  readonly gamma: number;
  /** Standard deviation of optical blur, in sensor pixels. */
  readonly blur: number;
}

/** Reach of the kernel beyond a picture pixel's center: half the pixel, and four standard deviations. */
const reachOf = (blur: number): number => Math.ceil(0.5 + 4 * blur);

/** Shows a gray picture as ink on white, one picture pixel a sensor pixel, blurred by a box (a display's pixel seen by a
 *  sensor's pixel) and a Gaussian (optics).
 *  @param gray  [size, size] 0 = white, 255 = full ink
 *  @param margin  white pixels around it */
export class ImageMapper {
  private readonly ink = new Float32Array(256);
  private readonly taps: Float32Array;
  private readonly reach: number;
  private readonly rowBuffer: Float32Array;
  private readonly level: Float32Array;
  private readonly side: number;

  constructor(private readonly display: Display, private readonly size: number, private readonly margin: number) {
    for (let g = 0; g < 256; g++) this.ink[g] = (g / 255) ** display.gamma;
    this.reach = reachOf(display.blur);
    this.taps = kernel(display.blur, this.reach);
    this.side = (size + 2 * margin) * SAMPLES_PER_PIXEL + 1;
    this.rowBuffer = new Float32Array(size * this.side);
    this.level = new Float32Array(this.side * this.side);
  }

  /** The map of one picture; valid until the next call. */
  map(gray: Uint8Array): ImageMap {
    const { size, side, level, rowBuffer } = this;
    const box = inkBox(gray, size);
    level.fill(0);
    if (box.x1 >= box.x0) {
      rowBuffer.fill(0);
      for (let row = box.y0; row <= box.y1; row++) this.spreadRow(gray, row, box);
      for (let row = box.y0; row <= box.y1; row++) this.spreadColumns(row, box);
      this.toLog(box);
    }
    const { x0, y0, x1, y1 } = box;
    const { reach } = this;
    return { level, columns: side, rows: side, box: x1 < x0 ? box : { x0: x0 - reach, y0: y0 - reach, x1: x1 + reach, y1: y1 + reach } };
  }

  /** Sample s stands at picture coordinate s/4 − margin; pixel i's center is i. */
  private spreadRow(gray: Uint8Array, row: number, { x0, x1 }: ImageMap["box"]): void {
    const { size, side, rowBuffer, taps, ink, margin, reach } = this;
    for (let i = x0; i <= x1; i++) {
      const value = ink[gray[row * size + i]];
      if (value === 0) continue;
      const first = row * side + (i + margin - reach) * SAMPLES_PER_PIXEL;
      for (let k = 0; k < taps.length; k++) rowBuffer[first + k] += value * taps[k];
    }
  }

  private spreadColumns(row: number, { x0, x1 }: ImageMap["box"]): void {
    const { side, rowBuffer, taps, level, margin, reach } = this;
    const from = (x0 + margin - reach) * SAMPLES_PER_PIXEL;
    const to = (x1 + margin + reach) * SAMPLES_PER_PIXEL;
    const first = (row + margin - reach) * SAMPLES_PER_PIXEL;
    for (let k = 0; k < taps.length; k++) {
      const [weight, at, source] = [taps[k], (first + k) * side, row * side];
      for (let c = from; c <= to; c++) level[at + c] += weight * rowBuffer[source + c];
    }
  }

  private toLog({ x0, y0, x1, y1 }: ImageMap["box"]): void {
    const { side, level, margin, reach, display } = this;
    const scale = 1 - display.black;
    for (let r = (y0 + margin - reach) * SAMPLES_PER_PIXEL; r <= (y1 + margin + reach) * SAMPLES_PER_PIXEL; r++) {
      for (let c = (x0 + margin - reach) * SAMPLES_PER_PIXEL; c <= (x1 + margin + reach) * SAMPLES_PER_PIXEL; c++) {
        const at = r * side + c;
        if (level[at] !== 0) level[at] = Math.log(1 - scale * Math.min(1, level[at]));
      }
    }
  }
}

/** A unit box blurred by a Gaussian, at the samples of a map around a pixel's center; integrates to 1 at any offset. */
function kernel(blur: number, reach: number): Float32Array {
  const below = (x: number): number => (blur > 0 ? normalBelow(x / blur) : x > 0 ? 1 : x < 0 ? 0 : 0.5);
  return Float32Array.from({ length: 2 * reach * SAMPLES_PER_PIXEL + 1 }, (_, k) => {
    const x = k / SAMPLES_PER_PIXEL - reach;
    return below(x + 0.5) - below(x - 0.5);
  });
}

function inkBox(gray: Uint8Array, size: number): ImageMap["box"] {
  let [x0, y0, x1, y1] = [size, size, -1, -1];
  for (let k = 0; k < size * size; k++) {
    if (gray[k] === 0) continue;
    const y = Math.floor(k / size);
    const x = k - y * size;
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
  }
  return { x0, y0, x1, y1 };
}
