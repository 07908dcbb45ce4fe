import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rng } from "../../src/base/rng.js";
import type { EventStream } from "../../src/events/types.js";
import { warpEvents } from "../../src/events/warp.js";

const SIZE = 34;
const events = fc.array(fc.record({ t: fc.nat(100_000), x: fc.nat(SIZE - 1), y: fc.nat(SIZE - 1), p: fc.nat(1) }), { maxLength: 60 });
const streamOf = (list: readonly { t: number; x: number; y: number; p: number }[]): EventStream => {
  const sorted = [...list].sort((a, b) => a.t - b.t);
  return {
    tUs: Uint32Array.from(sorted, ({ t }) => t), x: Uint16Array.from(sorted, ({ x }) => x), y: Uint16Array.from(sorted, ({ y }) => y),
    polarity: Uint8Array.from(sorted, ({ p }) => p), width: SIZE, height: SIZE,
  };
};

describe("warpEvents", () => {
  it("leaves a recording as it is where the range is nothing", () => {
    fc.assert(fc.property(events, fc.nat(1000), (list, seed) => {
      const stream = streamOf(list);
      expect(warpEvents(stream, { rotateDegrees: 0, scaleShare: 0 }, new Rng(seed, 1))).toEqual(stream);
    }));
  });

  it("turns and scales all events by one angle and one size within the range, about the middle", () => {
    fc.assert(fc.property(fc.nat(10_000), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 30 }), (seed, degrees, percent) => {
      // Four pixels on the axes, far enough out for an angle to be read off, near enough to stay on the sensor.
      const places = [[26, 17], [17, 26], [7, 17], [17, 7]] as const;
      const stream = streamOf(places.map(([x, y], t) => ({ t, x, y, p: t & 1 })));
      const warped = warpEvents(stream, { rotateDegrees: degrees, scaleShare: percent / 100 }, new Rng(seed, 1));
      expect([[...warped.tUs], [...warped.polarity]]).toEqual([[0, 1, 2, 3], [0, 1, 0, 1]]);
      const middle = SIZE / 2 - 0.5;
      // Both the source and the result are known to half a pixel: the square root of a half on the diagonal, scaled for the source.
      const loose = Math.SQRT1_2 * (1 + percent / 100) + Math.SQRT1_2;
      const found = places.map(([x, y], k) => {
        const [fromX, fromY, toX, toY] = [x - middle, y - middle, warped.x[k] - middle, warped.y[k] - middle];
        const [from, to] = [Math.hypot(fromX, fromY), Math.hypot(toX, toY)];
        expect(to).toBeGreaterThanOrEqual(from * (1 - percent / 100) - loose);
        expect(to).toBeLessThanOrEqual(from * (1 + percent / 100) + loose);
        const turned = Math.atan2(fromX * toY - fromY * toX, fromX * toX + fromY * toY) * 180 / Math.PI;
        return { turned, slack: Math.asin(Math.min(1, loose / to)) * 180 / Math.PI };
      });
      for (const { turned, slack } of found) expect(Math.abs(turned)).toBeLessThanOrEqual(degrees + slack);
      for (const a of found) for (const b of found) expect(Math.abs(a.turned - b.turned)).toBeLessThanOrEqual(a.slack + b.slack);
    }));
  });

  it("turns both ways, and drops what leaves the sensor", () => {
    const corner = streamOf([{ t: 0, x: 33, y: 33, p: 1 }, { t: 1, x: 17, y: 30, p: 1 }]);
    const sides = new Set<number>();
    let dropped = 0;
    for (let seed = 0; seed < 40; seed++) {
      const warped = warpEvents(corner, { rotateDegrees: 45, scaleShare: 0 }, new Rng(seed, 1));
      dropped += 2 - warped.x.length;
      sides.add(Math.sign(warped.x[warped.x.length - 1] - 17));
      for (const at of [...warped.x, ...warped.y]) expect(at).toBeLessThan(SIZE);
    }
    expect(dropped).toBeGreaterThan(20);
    expect([sides.has(1), sides.has(-1)]).toEqual([true, true]);
  });
});
