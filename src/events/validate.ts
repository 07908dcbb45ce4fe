import type { EventColumns } from "./columns.js";
import type { SensorSize, StreamDecoder } from "./decoder.js";
import type { Problems } from "./problems.js";

/** Holds events against the sensor and the clock, batch after batch. */
export class Validator {
  private latestUs = -Infinity;
  /** Events held at the latest time, as they stepped back by no more than the sensor's jitter. */
  heldCount = 0;
  /** Times ran back and were left for the caller to sort (repair). */
  needsSort = false;

  constructor(private readonly problems: Problems) {}

  /** Checks `out` from `from` on. Pixels outside and impossible times are dropped under repair, else thrown.
   *  @param size  sensor size, if known already */
  check(out: EventColumns, from: number, decoder: StreamDecoder, size: SensorSize | undefined): void {
    const start = this.acceptKernels(out, from, size);
    if (start === out.length || this.isSound(out, start, size)) return;
    this.checkPixels(out, start, from, decoder, size);
    this.checkTimes(out, start, from, decoder);
  }

  /** What kernels have looked at needs no second pass, where it fits what came before. @returns where the others begin */
  private acceptKernels({ sound }: EventColumns, from: number, size: SensorSize | undefined): number {
    if (!sound || sound.from !== from) return from;
    this.heldCount += sound.held;
    if (sound.firstUs < this.latestUs || (size && (sound.maxX >= size.width || sound.maxY >= size.height))) return from;
    this.latestUs = sound.lastUs;
    return sound.to;
  }

  /** One pass that sound files need and no more; what is wrong with others is looked for afterwards. */
  private isSound(out: EventColumns, from: number, size: SensorSize | undefined): boolean {
    const { t, x, y, length } = out;
    const [width, height] = [size?.width ?? 0x10000, size?.height ?? 0x10000];
    let latest = this.latestUs;
    for (let i = from; i < length; i++) {
      const now = t[i];
      if (!(now >= latest) || x[i] >= width || y[i] >= height) return false;
      latest = now;
    }
    this.latestUs = latest;
    return true;
  }

  /** @param start  first event to look at @param from  the first that the decoder's last call appended */
  private checkPixels(out: EventColumns, start: number, from: number, decoder: StreamDecoder, size: SensorSize | undefined): void {
    if (!size) return;
    const { x, y, length } = out;
    const { width, height } = size;
    let bad = 0;
    for (let i = start; i < length; i++) if (x[i] >= width || y[i] >= height) bad++;
    if (bad === 0) return;
    const keep = new Uint8Array(length).fill(1);
    let first = -1;
    for (let i = start; i < length; i++) {
      if (x[i] < width && y[i] < height) continue;
      keep[i] = 0;
      if (first < 0) first = i;
    }
    this.problems.report("E-EVT-003", decoder.locate(first - from), {
      found: `an event at pixel x ${x[first]}, y ${y[first]}`, limit: `x 0…${width - 1}, y 0…${height - 1} on this ${width}×${height} sensor`,
      hint: "--width and --height of the right sensor", dropped: "events outside the sensor dropped",
    }, bad);
    out.keepWhere(keep);
  }

  private checkTimes(out: EventColumns, start: number, from: number, decoder: StreamDecoder): void {
    const { t, length } = out;
    let latest = this.latestUs;
    let held = 0;
    for (let i = start; i < length; i++) {
      const now = t[i];
      if (now >= latest) latest = now;
      else if (latest - now <= decoder.jitterUs) {
        t[i] = latest;
        held++;
      } else {
        this.needsSort = true;
        this.problems.report("E-EVT-004", decoder.locate(i - from), {
          found: `time runs back from ${latest} to ${now} µs`, limit: "events in order of time",
          dropped: "events behind their time sorted in",
        });
      }
    }
    this.latestUs = latest;
    this.heldCount += held;
  }
}

/** Sorts columns by time; events of equal time keep their order. */
export function sortByTime(out: EventColumns): void {
  const order = Array.from({ length: out.length }, (_, i) => i).sort((a, b) => out.t[a] - out.t[b] || a - b);
  const { t, x, y, on } = out;
  out.t = Float64Array.from(order, (i) => t[i]);
  out.x = Uint16Array.from(order, (i) => x[i]);
  out.y = Uint16Array.from(order, (i) => y[i]);
  out.on = Uint8Array.from(order, (i) => on[i]);
}
