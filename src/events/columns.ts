/** Growable columns that decoders fill in place: the hot loops take the arrays into locals and write from `length` on. */
export class EventColumns {
  /** [event] µs, as the file means them; Float64 as sensors' clocks pass 2^32 µs. */
  t = new Float64Array(0);
  x = new Uint16Array(0);
  y = new Uint16Array(0);
  /** [event] 1 = ON. */
  on = new Uint8Array(0);
  /** Events filled so far. */
  length = 0;

  /** Makes room for `extra` more events. The first call allocates exactly, so a counted file wastes nothing. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.t.length) return;
    const capacity = this.length === 0 ? needed : Math.max(needed, 2 * this.t.length);
    const grow = <A extends Float64Array | Uint16Array | Uint8Array>(from: A, to: A): A => {
      to.set(from.subarray(0, this.length));
      return to;
    };
    this.t = grow(this.t, new Float64Array(capacity));
    this.x = grow(this.x, new Uint16Array(capacity));
    this.y = grow(this.y, new Uint16Array(capacity));
    this.on = grow(this.on, new Uint8Array(capacity));
  }

  /** Appends one event; for formats whose parsing costs more than the call. */
  push(t: number, x: number, y: number, on: number): void {
    if (this.length === this.t.length) this.reserve(Math.max(1024, this.length));
    const n = this.length++;
    this.t[n] = t;
    this.x[n] = x;
    this.y[n] = y;
    this.on[n] = on;
  }

  /** Forgets the events and keeps the memory. */
  clear(): void {
    this.length = 0;
  }

  /** Keeps the events i < length for which keep[i] is 1; their order stays. Returns how many were dropped. */
  keepWhere(keep: Uint8Array): number {
    let kept = 0;
    for (let i = 0; i < this.length; i++) {
      if (!keep[i]) continue;
      this.t[kept] = this.t[i];
      this.x[kept] = this.x[i];
      this.y[kept] = this.y[i];
      this.on[kept] = this.on[i];
      kept++;
    }
    const dropped = this.length - kept;
    this.length = kept;
    return dropped;
  }
}
