/** What kernels know of the events they appended: enough to spare the validator a pass. */
export interface SoundPart {
  /** Events from…to−1 ascend in time, held ones included. */
  readonly from: number;
  to: number;
  firstUs: number;
  lastUs: number;
  maxX: number;
  maxY: number;
  held: number;
}

/** Growable columns that decoders fill in place: the hot loops take the arrays into locals and write from `length` on.
 *  Kernels append whole pieces; while they alone do, and times are below 2^32, times stay 32 bits wide. */
export class EventColumns {
  x: Uint16Array = new Uint16Array(0);
  y: Uint16Array = new Uint16Array(0);
  /** [event] 1 = ON. */
  on: Uint8Array = new Uint8Array(0);
  /** Events filled so far. */
  length = 0;
  /** What kernels appended since this was last set to undefined. */
  sound: SoundPart | undefined;
  private wide: Float64Array = new Float64Array(0);
  private narrow: Uint32Array = new Uint32Array(0);
  /** Times are in `narrow`. */
  private isNarrow = false;

  /** [event] µs, as the file means them; Float64 as sensors' clocks pass 2^32 µs. */
  get t(): Float64Array {
    if (this.isNarrow) this.widen();
    return this.wide;
  }

  set t(times: Float64Array) {
    this.wide = times;
    this.isNarrow = false;
  }

  /** Times where they are all 32 bits wide. */
  get narrowTimes(): Uint32Array | undefined {
    return this.isNarrow ? this.narrow.subarray(0, this.length) : undefined;
  }

  private widen(): void {
    this.isNarrow = false;
    if (this.wide.length < this.x.length) this.wide = new Float64Array(this.x.length);
    const { wide, narrow, length } = this;
    for (let i = 0; i < length; i++) wide[i] = narrow[i];
  }

  /** Makes room for `extra` more events. The first call allocates exactly, so a counted file wastes nothing. */
  reserve(extra: number): void {
    const capacity = this.capacityFor(extra);
    this.wide = grown(this.t, this.length, capacity, Float64Array);
    this.growPixels(capacity);
  }

  private capacityFor(extra: number): number {
    const needed = this.length + extra;
    const now = this.x.length;
    return needed <= now ? now : this.length === 0 ? needed : Math.max(needed, 2 * now);
  }

  private growPixels(capacity: number): void {
    this.x = grown(this.x, this.length, capacity, Uint16Array);
    this.y = grown(this.y, this.length, capacity, Uint16Array);
    this.on = grown(this.on, this.length, capacity, Uint8Array);
  }

  /** About how many events are still to come, once the first are there: room is then made in one go. */
  expect(more: number): void {
    if (this.length + more > this.x.length) this.room(Math.ceil(more * 1.05) + 1024, this.isNarrow);
  }

  private room(extra: number, narrow: boolean): void {
    const capacity = this.capacityFor(extra);
    if (narrow) this.narrow = grown(this.narrow, this.length, capacity, Uint32Array);
    else this.wide = grown(this.wide, this.length, capacity, Float64Array);
    this.growPixels(capacity);
  }

  /** Appends the first `count` of a kernel's events, with what it knows of them. */
  append(
    t: Uint32Array | Float64Array, x: Uint16Array, y: Uint16Array, on: Uint8Array, count: number, maxX: number, maxY: number, held: number,
  ): void {
    const from = this.length;
    if (from === 0) this.isNarrow = t instanceof Uint32Array;
    const narrow = this.isNarrow && t instanceof Uint32Array;
    if (!narrow && this.isNarrow) this.widen();
    this.room(count, narrow);
    (narrow ? this.narrow : this.wide).set(t.subarray(0, count), from);
    this.x.set(x.subarray(0, count), from);
    this.y.set(y.subarray(0, count), from);
    this.on.set(on.subarray(0, count), from);
    this.length = from + count;
    const { sound } = this;
    if (!sound) this.sound = { from, to: this.length, firstUs: t[0], lastUs: t[count - 1], maxX, maxY, held };
    else if (sound.to === from && t[0] >= sound.lastUs) {
      sound.to += count;
      sound.lastUs = t[count - 1];
      if (maxX > sound.maxX) sound.maxX = maxX;
      if (maxY > sound.maxY) sound.maxY = maxY;
      sound.held += held;
    }
  }

  /** Appends one event; for formats whose parsing costs more than the call. */
  push(t: number, x: number, y: number, on: number): void {
    if (this.isNarrow || this.length >= this.wide.length || this.length >= this.x.length) this.reserve(Math.max(1024, this.length));
    const n = this.length++;
    this.wide[n] = t;
    this.x[n] = x;
    this.y[n] = y;
    this.on[n] = on;
  }

  /** Forgets the events and keeps the memory. */
  clear(): void {
    this.length = 0;
    this.isNarrow = false;
    this.sound = undefined;
  }

  /** Keeps the events i < length for which keep[i] is 1; their order stays. Returns how many were dropped. */
  keepWhere(keep: Uint8Array): number {
    const { t, x, y, on } = this;
    let kept = 0;
    for (let i = 0; i < this.length; i++) {
      if (!keep[i]) continue;
      t[kept] = t[i];
      x[kept] = x[i];
      y[kept] = y[i];
      on[kept] = on[i];
      kept++;
    }
    const dropped = this.length - kept;
    this.length = kept;
    return dropped;
  }
}

/** The array, or a larger one with its first `length` numbers. */
function grown<A extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(
  from: A, length: number, capacity: number, make: new (length: number) => A,
): A {
  if (from.length >= capacity) return from;
  const to = new make(capacity);
  to.set(from.subarray(0, length));
  return to;
}
