import type { EventColumns } from "./columns.js";
import { type ColumnDigest, ColumnDigester, type Hasher } from "./digest.js";

/** What `data info` says about the events of a recording. */
export interface StreamSummary {
  readonly events: number;
  /** µs; null for a recording without events. */
  readonly tFirstUs: number | null;
  readonly tLastUs: number | null;
  readonly onShare: number | null;
  readonly digest: ColumnDigest;
  /** Events by equal spans of time from the first event on. */
  readonly rate: { readonly binUs: number; readonly counts: readonly number[] };
}

const BINS = 64;

/** Sums up a recording batch by batch, in memory that does not grow: spans of time double as the recording gets longer. */
export class Summarizer {
  private readonly digester: ColumnDigester;
  private events = 0;
  private on = 0;
  private first: number | null = null;
  private last: number | null = null;
  private binUs = 1;
  private counts = new Float64Array(BINS);

  constructor(createHash?: () => Hasher) {
    this.digester = new ColumnDigester(createHash);
  }

  add({ t, x, y, on, length }: Pick<EventColumns, "t" | "x" | "y" | "on" | "length">): void {
    if (length === 0) return;
    this.first ??= t[0];
    this.last = t[length - 1];
    while ((this.last - this.first) / this.binUs >= BINS) this.doubleBins();
    for (let i = 0; i < length; i++) {
      this.on += on[i];
      this.counts[Math.floor((t[i] - this.first) / this.binUs)]++;
    }
    this.events += length;
    const cut = <A extends Float64Array | Uint16Array | Uint8Array>(column: A) => column.subarray(0, length) as A;
    this.digester.update({ t: cut(t), x: cut(x), y: cut(y), on: cut(on) });
  }

  private doubleBins(): void {
    const merged = new Float64Array(BINS);
    for (let k = 0; k < BINS; k++) merged[k >> 1] += this.counts[k];
    this.counts = merged;
    this.binUs *= 2;
  }

  summary(): StreamSummary {
    const used = this.first === null ? 0 : Math.floor((this.last! - this.first) / this.binUs) + 1;
    return {
      events: this.events, tFirstUs: this.first, tLastUs: this.last, onShare: this.events === 0 ? null : this.on / this.events,
      digest: this.digester.digest(), rate: { binUs: this.binUs, counts: Array.from(this.counts.subarray(0, used)) },
    };
  }
}
