import type { EventStream } from "../types.js";

/** Bits of pixel and polarity in a key: arrays up to 2^20 pixels, times up to 2^32 µs. */
const PLACE = 2 ** 21;

/** Collects the events of one recording in any order, and gives them sorted by time, then pixel, then polarity.
 *  An event is one number, t·2^21 + 2·pixel + polarity: exact below 2^53, and sorted as it stands. */
export class EventSink {
  private keys = new Float64Array(1 << 13);
  private count = 0;

  get length(): number {
    return this.count;
  }

  /** @param tUs  µs, floored  @param on  1 = brighter */
  add(tUs: number, pixel: number, on: number): void {
    if (this.count === this.keys.length) {
      const grown = new Float64Array(2 * this.count);
      grown.set(this.keys);
      this.keys = grown;
    }
    this.keys[this.count++] = Math.floor(tUs) * PLACE + 2 * pixel + on;
  }

  clear(): void {
    this.count = 0;
  }

  stream(width: number, height: number): EventStream {
    const sorted = this.keys.slice(0, this.count).sort();
    const n = sorted.length;
    const [tUs, x, y, polarity] = [new Uint32Array(n), new Uint16Array(n), new Uint16Array(n), new Uint8Array(n)];
    for (let k = 0; k < n; k++) {
      const t = Math.floor(sorted[k] / PLACE);
      const place = sorted[k] - t * PLACE;
      const pixel = place >>> 1;
      const row = Math.floor(pixel / width);
      tUs[k] = t;
      polarity[k] = place & 1;
      y[k] = row;
      x[k] = pixel - row * width;
    }
    return { tUs, x, y, polarity, width, height };
  }
}
