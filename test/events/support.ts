import fc from "fast-check";
import type { EventStream } from "../../src/events/types.js";

/** Streams of up to `maxEvents` events on that sensor, times below `endUs`. */
export const streams = (width: number, height: number, endUs: number, maxEvents = 200): fc.Arbitrary<EventStream> =>
  fc.array(fc.tuple(fc.integer({ min: 0, max: endUs - 1 }), fc.nat(width - 1), fc.nat(height - 1), fc.nat(1)), { minLength: 3, maxLength: maxEvents })
    .map((events) => {
      events.sort((a, b) => a[0] - b[0]);
      return {
        tUs: endUs > 2 ** 32 ? Float64Array.from(events, (e) => e[0]) : Uint32Array.from(events, (e) => e[0]),
        x: Uint16Array.from(events, (e) => e[1]), y: Uint16Array.from(events, (e) => e[2]), polarity: Uint8Array.from(events, (e) => e[3]), width, height,
      };
    });

/** Columns as plain arrays, for comparing. */
export const plain = (s: EventStream) => ({ t: [...s.tUs], x: [...s.x], y: [...s.y], p: [...s.polarity] });
